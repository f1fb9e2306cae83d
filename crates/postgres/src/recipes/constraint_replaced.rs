//! # A check or a foreign key is replaced without a moment without one
//!
//! No statement changes what a check or a foreign key demands, not even the action ON DELETE. Dropped and added again, the table would be read
//! under a strong lock; dropped and added NOT VALID, the old rule would be gone before it is known whether the rows keep the new one.
//!
//! Steps:
//!
//! 1. `ADD CONSTRAINT _underpin_new_NAME … NOT VALID`: only the catalog changes. Both rules hold from here on: while a foreign key with
//!    NO ACTION or RESTRICT is there, a delete is refused although the new one would cascade.
//! 2. `VALIDATE CONSTRAINT _underpin_new_NAME` in a transaction of its own: SHARE UPDATE EXCLUSIVE.
//! 3. `DROP CONSTRAINT NAME`, and `RENAME CONSTRAINT _underpin_new_NAME TO NAME`, in one transaction: ACCESS EXCLUSIVE, for a foreign key on
//!    both tables; only the catalog changes.
//!
//! It does not apply to what heirs or partitions have with their parent, to foreign keys of or to partitioned tables, whose copies on partitions
//! keep the first name, and where a column gets another type in the same plan: there, the old one is dropped and the new one added NOT VALID
//! in one transaction and validated after.
//!
//! After a crash: `_underpin_new_NAME` is used as far as it has come.
//!
//! Sources: manual, ALTER TABLE, notes; locks read off PostgreSQL 12 to 18.

use super::two_steps::{unproved, validate};
use super::{comment_again, leftovers, retypes};
use crate::objects::{Constraint, ConstraintKind, Context, Table};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use underpin_model::Strategy;
use underpin_planner::{Draft, Isolation};

/// The recipe's name.
pub(crate) const NAME: &str = "constraint-replaced";

/// Whether the constraint can be replaced so.
pub(crate) fn applies(from: &Constraint, to: &Constraint, id: &PgId, cx: &Context<'_>) -> bool {
    let keys = |catalog: &PgCatalog| -> Vec<PgId> {
        catalog.needs(id).filter(|n| matches!(n.kind, PgKind::Constraint | PgKind::Index)).cloned().collect()
    };
    let fits = match from.kind {
        ConstraintKind::Check => true,
        ConstraintKind::Foreign => keys(cx.from) == keys(cx.to) && !is_about_partitioned(id, cx.from),
        ConstraintKind::Unique | ConstraintKind::Primary | ConstraintKind::Exclude => false,
    };
    let table = Constraint::table(id);
    let stored = matches!(cx.from.objects.get(&table), Some(PgObject::Table(t)) if t.foreign.is_none());
    cx.strategy == Strategy::Online
        && fits
        && stored
        && from.kind == to.kind
        && (to.valid, from.enforced, to.enforced) == (true, true, true)
        && !from.inherited
        && !to.inherited
        && !Table::is_partition(cx.to, &table)
        && !cx.leaned_on.contains_key(id)
        && !retypes(id, cx)
}

/// Whether one of the tables that the constraint is about is partitioned or a partition.
fn is_about_partitioned(id: &PgId, catalog: &PgCatalog) -> bool {
    let tables = catalog.needs(id).filter(|n| n.kind == PgKind::Column).map(|n| n.prefix(PgKind::Table, 2));
    tables.chain([Constraint::table(id)]).any(|table| {
        matches!(catalog.objects.get(&table), Some(PgObject::Table(t)) if t.partition_by.is_some())
            || Table::is_partition(catalog, &table)
    })
}

/// The steps.
pub(crate) fn drafts(to: &Constraint, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let new = leftovers::aside(id);
    let left = cx.left_for(id).and_then(|left| match cx.from.objects.get(left) {
        Some(PgObject::Constraint(constraint)) => Some(constraint),
        _ => None,
    });
    let mut drafts = Vec::new();
    if left.is_none() {
        let mut first = unproved(Constraint::alter_table(id, false).kw("ADD").then(to.clause_without_validity(&new)));
        first.reason = Some("the old rule holds until every row is known to keep the new one".to_owned());
        drafts.push(first);
    }
    if !left.is_some_and(|l| l.valid) {
        drafts.push(validate(&new));
    }
    let table = || Constraint::alter_table(id, false);
    let mut sql = vec![
        table().kw("DROP CONSTRAINT").ident(id.last()).build(),
        table().kw("RENAME CONSTRAINT").ident(new.last()).kw("TO").ident(id.last()).build(),
    ];
    sql.extend(comment_again(id, cx));
    let mut last = Draft::sql(sql);
    last.isolation = Isolation::OwnTransaction;
    drafts.push(last);
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}
