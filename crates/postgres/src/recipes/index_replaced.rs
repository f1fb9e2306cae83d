//! # An index is replaced while it serves
//!
//! No statement changes what an index is about. To drop it and to build it again leaves queries without it for as long as the
//! build takes, and a plain `CREATE INDEX` stops writes for that time.
//!
//! Steps:
//!
//! 1. `CREATE INDEX CONCURRENTLY _underpin_new_NAME …`: SHARE UPDATE EXCLUSIVE on the table, outside a transaction. Nothing of an
//!    application waits for it; it waits for the transactions that wrote the table.
//! 2. `ANALYZE` of the table, where the index has expressions: their statistics are the index's own, and a new one has none.
//! 3. What the table is told about the index (`REPLICA IDENTITY`, `CLUSTER ON`), where there is such a thing.
//! 4. `DROP INDEX CONCURRENTLY NAME`: SHARE UPDATE EXCLUSIVE; it waits for the readers of the table too.
//! 5. `ALTER INDEX _underpin_new_NAME RENAME TO NAME`: SHARE UPDATE EXCLUSIVE on the index only.
//!
//! It is the road for another definition, for `UNIQUE`, and for another tablespace, since `SET TABLESPACE` copies the index under
//! ACCESS EXCLUSIVE.
//!
//! Where foreign keys rest on the index, the last two are one transaction: the foreign keys are dropped, the old index is dropped, the new one gets
//! its name, and the foreign keys are added NOT VALID; ACCESS EXCLUSIVE on all these tables, only the catalog changes. They are validated after.
//!
//! It does not apply to an index of a partitioned table or of a partition's part in one, and to one over a column whose type changes in the
//! same plan. Those are dropped and made again.
//!
//! After a crash: a valid `_underpin_new_NAME` with the wanted definition is used; an invalid one, or one that is no longer wanted, is
//! dropped concurrently by the next plan.
//!
//! Sources: manual, CREATE INDEX ("Building Indexes Concurrently"), DROP INDEX, ALTER INDEX, ANALYZE; locks read off PostgreSQL 12 to 18.

use super::index_concurrently::{analyzed, built, dropped};
use super::referring::{around_swap, referring};
use super::{comment_again, leftovers, retypes};
use crate::objects::{Context, Index};
use crate::{PgId, PgKind, PgObject};
use underpin_model::Strategy;
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "index-replaced";

/// Whether the index can be replaced so.
pub(crate) fn applies(from: &Index, to: &Index, id: &PgId, cx: &Context<'_>) -> bool {
    cx.strategy == Strategy::Online
        && from.valid
        && from.on == to.on
        && from.on.kind == PgKind::Table
        && !from.partitioned
        && !to.partitioned
        && from.part_of.is_none()
        && to.part_of.is_none()
        && referring(id, cx).is_some()
        && !retypes(id, cx)
}

/// The steps.
pub(crate) fn drafts(to: &Index, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let new = leftovers::aside(id);
    let mut drafts = Vec::new();
    let left = cx.left_for(id).and_then(|left| match cx.from.objects.get(left) {
        Some(PgObject::Index(index)) => Some(index),
        _ => None,
    });
    if left.is_none() {
        let mut build = built(to.create(&new, true));
        build.reason = Some("the old index serves until the new one is ready".to_owned());
        drafts.push(build);
    }
    if to.has_expressions() {
        drafts.push(analyzed(&to.on));
    }
    let alone = |sql: Vec<String>| {
        let mut draft = Draft::sql(sql);
        draft.isolation = Isolation::OwnTransaction;
        draft
    };
    let marks = to.marks(&new, left);
    if !marks.is_empty() {
        drafts.push(alone(marks));
    }
    let (mut last, after, proofs) = around_swap(id, cx);
    if last.is_empty() {
        drafts.push(dropped(id));
    } else {
        last.push(Sql::new("DROP INDEX").name(&id.parts()).build());
    }
    last.push(Sql::new("ALTER INDEX").name(&new.parts()).kw("RENAME TO").ident(id.last()).build());
    last.extend(comment_again(id, cx));
    last.extend(after);
    drafts.push(alone(last));
    drafts.extend(proofs);
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}

/// The steps that finish it where the old index is gone already and the new one waits under its own name.
pub(crate) fn finished(to: &Index, id: &PgId, left: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let Some(PgObject::Index(index)) = cx.from.objects.get(left) else { return Vec::new() };
    let mut sql = vec![Sql::new("ALTER INDEX").name(&left.parts()).kw("RENAME TO").ident(id.last()).build()];
    sql.extend(to.marks(id, Some(index)));
    let mut draft = Draft::sql(sql);
    draft.recipe = Some(NAME.to_owned());
    draft.reason = Some("a run that stopped has built it under a name of its own".to_owned());
    vec![draft]
}
