//! # NOT NULL without a scan under the strong lock
//!
//! `SET NOT NULL` reads the whole table under ACCESS EXCLUSIVE, unless a validated check proves it already (12 and later). On 18 the
//! NOT NULL constraint itself can be added NOT VALID and validated (see `constraint-in-two-steps`).
//!
//! Steps:
//!
//! 1. `ADD CONSTRAINT _underpin_COLUMN_not_null CHECK (COLUMN IS NOT NULL) NOT VALID`: ACCESS EXCLUSIVE, only the catalog changes.
//! 2. `VALIDATE CONSTRAINT`: SHARE UPDATE EXCLUSIVE, reads the table.
//! 3. `SET NOT NULL`, then `DROP CONSTRAINT`, as two statements of one transaction: in one `ALTER TABLE` the drop would come first, and the
//!    table would be read again. ACCESS EXCLUSIVE, only the catalog changes.
//!
//! It does not apply from 18 on, nor where a check that stays proves it already: then `SET NOT NULL` reads nothing.
//!
//! Of a column whose values are rows the check says `IS DISTINCT FROM NULL`: a row with a NULL in it is not NULL itself.
//!
//! A primary key's columns go this way before the key is added, so that adding it reads nothing.
//!
//! After a crash: the check is there, and the next plan uses it as far as it has come.
//!
//! Sources: manual, ALTER TABLE, SET NOT NULL (12); locks read off PostgreSQL 12 to 17.

use super::two_steps::validate;
use crate::objects::Context;
use crate::{PgCatalog, PgId, PgKind, PgObject, parts_of};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "not-null-by-check";

/// The check that stands in for a column's NOT NULL on the way.
pub(crate) fn check_id(column: &PgId) -> PgId {
    let mut name = format!("_underpin_{}_not_null", column.last());
    while name.len() > 63 {
        name.pop();
    }
    PgId::new(PgKind::Constraint, [column.part(0), column.part(1), &name])
}

/// Whether the column's values are rows: IS NOT NULL would ask that of each of their parts, SET NOT NULL does not.
fn has_rows(column: &PgId, catalog: &PgCatalog) -> bool {
    let of_rows = |id: &PgId| match catalog.objects.get(id) {
        Some(PgObject::Column(c)) => !c.type_name.ends_with("[]"),
        Some(PgObject::Domain(d)) => !d.base.ends_with("[]"),
        _ => false,
    };
    let (mut open, mut next) = (vec![column], 0);
    while let Some(id) = open.get(next).copied() {
        let types: Vec<&PgId> = catalog.needs(id).filter(|_| of_rows(id)).collect();
        let own = |n: &&PgId| n.kind == PgKind::Table && (id.kind != PgKind::Column || n.parts() != id.parts()[..2]);
        if types.iter().any(|n| n.kind == PgKind::Composite || own(n)) {
            return true;
        }
        open.extend(types.into_iter().filter(|n| n.kind == PgKind::Domain));
        next += 1;
    }
    false
}

fn not_null(column: &PgId, catalog: &PgCatalog) -> &'static str {
    if has_rows(column, catalog) { "IS DISTINCT FROM NULL" } else { "IS NOT NULL" }
}

/// The check as the server prints it.
pub(crate) fn demand(column: &PgId, catalog: &PgCatalog) -> String {
    format!("CHECK (({} {}))", underpin_sql::quote::ident(column.last()), not_null(column, catalog))
}

/// Whether a check that was there and stays says the same already (manual, ALTER TABLE, SET NOT NULL; 12).
pub(crate) fn is_proved_by_check(id: &PgId, from: &PgCatalog, to: &PgCatalog) -> bool {
    let says = demand(id, from);
    parts_of(from, PgKind::Constraint, &id.parts()[..2]).into_iter().any(|(check, object)| {
        matches!(object, PgObject::Constraint(c) if c.valid && c.definition == says)
            && to.objects.get(check) == Some(object)
    })
}

/// `SET NOT NULL` without reading the table under its strong lock: a validated check proves it (manual, ALTER TABLE, SET
/// NOT NULL; 12).
pub(crate) fn drafts(id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let table = || Sql::new("ALTER TABLE").name(&id.parts()[..2]);
    let check = check_id(id);
    let add = table()
        .kw("ADD CONSTRAINT")
        .ident(check.last())
        .kw("CHECK")
        .paren(|w| w.ident(id.last()).kw(not_null(id, cx.to)))
        .kw("NOT VALID");
    let mut first = Draft::sql(vec![add.build()]);
    first.reason =
        Some("a check that holds for every row proves NOT NULL, so that no scan runs under the strong lock".to_owned());
    let mut third = Draft::sql(vec![
        table().kw("ALTER COLUMN").ident(id.last()).kw("SET NOT NULL").build(),
        table().kw("DROP CONSTRAINT").ident(check.last()).build(),
    ]);
    third.isolation = Isolation::OwnTransaction;
    let left = match cx.left_for(id).and_then(|left| cx.from.objects.get(left)) {
        Some(PgObject::Constraint(left)) => Some(left.valid),
        _ => None,
    };
    let mut drafts = Vec::new();
    if left.is_none() {
        drafts.push(first);
    }
    if left != Some(true) {
        drafts.push(validate(&check));
    }
    drafts.push(third);
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}
