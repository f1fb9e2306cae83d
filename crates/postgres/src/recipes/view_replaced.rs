//! # A materialized view is replaced while it can be read
//!
//! No statement changes the query of a materialized view. Dropped and made again, it cannot be read for as long as its query runs and
//! its indexes are built.
//!
//! Steps:
//!
//! 1. In one transaction: `CREATE MATERIALIZED VIEW _underpin_new_NAME`, with the indexes of the old one, and `ANALYZE`: ACCESS SHARE on what
//!    the query reads. Nobody uses the new one yet.
//! 2. In one transaction: `DROP MATERIALIZED VIEW NAME`, `ALTER MATERIALIZED VIEW … RENAME TO NAME`, `ALTER INDEX … RENAME`, owner, privileges and
//!    comments: ACCESS EXCLUSIVE on both, only the catalog changes.
//!
//! What changes in the tables below between the two steps is not in the new one, as with every materialized view; refresh it after.
//!
//! It does not apply where something rests on the view, where one of its indexes or privileges changes in the same plan, where a column below
//! gets another type, and where it holds no rows: it is then dropped and made again in one transaction.
//!
//! After a crash: `_underpin_new_NAME` is dropped by the next plan and made anew.
//!
//! Sources: manual, CREATE MATERIALIZED VIEW, ALTER MATERIALIZED VIEW; locks read off PostgreSQL 12 to 18.

use super::{comment_again, leftovers, retypes};
use crate::objects::{Context, MaterializedView, taken_back};
use crate::{PgId, PgKind, PgObject};
use underpin_model::{Object, Run, Strategy, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "materialized-view-replaced";

/// What the view has on both sides, such as indexes and privileges.
fn belongings<'a>(id: &PgId, cx: &Context<'a>) -> Vec<(&'a PgId, &'a PgObject, &'a PgObject)> {
    let own = cx.from.objects.iter().filter(|(part, object)| object.parent(part).as_ref() == Some(id));
    own.filter_map(|(part, old)| Some((part, old, cx.to.objects.get(part)?))).collect()
}

/// Whether the view can be replaced so.
pub(crate) fn applies(from: &MaterializedView, id: &PgId, cx: &Context<'_>) -> bool {
    cx.strategy == Strategy::Online
        && from.populated
        && !cx.leaned_on.contains_key(id)
        && !retypes(id, cx)
        && belongings(id, cx).into_iter().all(|(_, old, new)| old == new)
}

/// The steps; `cx.made` holds the view.
pub(crate) fn drafts(to: &MaterializedView, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let new = leftovers::aside(id);
    let mut build = to.create(&new, true);
    let mut swap = vec![
        Sql::new("DROP MATERIALIZED VIEW").name(&id.parts()).build(),
        Sql::new("ALTER MATERIALIZED VIEW").name(&new.parts()).kw("RENAME TO").ident(id.last()).build(),
    ];
    let mut parts = belongings(id, cx);
    // Who owns it is said before what others may do with it.
    parts.sort_by_key(|(part, ..)| (part.kind != PgKind::Owner, *part));
    let mut given = taken_back(id, cx);
    for (part, _, object) in parts {
        if let PgObject::Index(index) = object {
            let waits = leftovers::aside(part);
            let mut index = index.clone();
            index.on = new.clone();
            build.push(index.create(&waits, false).build());
            build.extend(index.marks(&waits, None));
            swap.push(Sql::new("ALTER INDEX").name(&waits.parts()).kw("RENAME TO").ident(part.last()).build());
            given.extend(comment_again(part, cx));
        } else {
            given.extend(object.make(part, cx).into_iter().flat_map(|d| d.sql));
        }
    }
    swap.extend(given);
    build.push(Sql::new("ANALYZE").name(&new.parts()).build());
    let mut first = Draft::sql(build);
    first.run = Run::Build;
    first.work = Work::Scan;
    first.reason = Some("the old one can be read until the new one is ready".to_owned());
    let mut drafts = vec![first, Draft::sql(swap)];
    for draft in &mut drafts {
        draft.isolation = Isolation::OwnTransaction;
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}
