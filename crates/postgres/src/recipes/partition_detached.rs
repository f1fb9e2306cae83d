//! # A partition is detached beside the traffic
//!
//! `DETACH PARTITION`, and `DROP TABLE` of a partition, take ACCESS EXCLUSIVE on the partitioned table: all of its reads and writes wait, behind
//! the longest query that is under way.
//!
//! Steps:
//!
//! 1. `DETACH PARTITION … CONCURRENTLY` (14 and later): SHARE UPDATE EXCLUSIVE on the partitioned table, outside a transaction, without a limit on how
//!    long it may wait: cut short, it leaves the partition half detached.
//! 2. Where the table stays: the server leaves it a check that says what its bound said, and the foreign keys of the partitioned table. What of
//!    these is not wanted is dropped. Where it goes: `DROP TABLE`.
//!
//! It does not apply before 14, where the partitioned table has a default partition (the server refuses it), and where the partition is attached
//! again with another bound: then it is a plain `DETACH PARTITION`.
//!
//! After a crash: where the partition is half detached, the next plan ends that with `FINALIZE`.
//!
//! Sources: manual, ALTER TABLE, DETACH PARTITION; `DetachAddConstraintIfNeeded` in commands/tablecmds.c; locks read off PostgreSQL 12 to 18.

use super::partitioned_foreign_key::{drop_kept, stays_in_place};
use crate::objects::{ConstraintKind, Context, Partition, parts_of};
use crate::{PgId, PgKind, PgObject, Postgres};
use std::collections::BTreeSet;
use underpin_model::{Run, Strategy};
use underpin_planner::{Draft, Isolation};
use underpin_sql::{Sql, quote};

/// The recipe's name.
pub(crate) const NAME: &str = "partition-detached";

/// Whether the partition can be detached beside the traffic.
fn applies(tie: &Partition, id: &PgId, cx: &Context<'_>) -> bool {
    cx.strategy == Strategy::Online
        && cx.server.has_detach_concurrently()
        && !tie.detaching
        && !cx.to.objects.contains_key(id)
        && !cx.with_default.contains_key(&tie.parent)
        && cx.to.objects.contains_key(&tie.parent)
}

impl Postgres<'_> {
    /// Whether a partition that goes is detached before it is dropped.
    pub(crate) fn detaches_first(&self, id: &PgId) -> bool {
        match self.from.objects.get(id) {
            Some(PgObject::Partition(tie)) => applies(tie, id, &self.context(self.from, self.to)),
            _ => false,
        }
    }
}

/// The steps.
pub(crate) fn drafts(tie: &Partition, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let Some(table) = id.target(0) else { return Vec::new() };
    let kept = drop_kept(&table, cx);
    if tie.detaching {
        let mut sql = vec![finalized(tie, &table)];
        sql.extend(checks_dropped(&table, cx));
        sql.extend(kept);
        return vec![Draft::sql(sql)];
    }
    if !applies(tie, id, cx) || !stays_in_place(&tie.parent, cx) {
        let mut sql = vec![tie.detach(id).build()];
        sql.extend(kept);
        return vec![Draft::sql(sql)];
    }
    let mut first = Draft::sql(vec![tie.detach(id).kw("CONCURRENTLY").build()]);
    first.run = Run::Build;
    first.isolation = Isolation::Outside;
    let mut sql: Vec<String> = checks_dropped(&table, cx).into_iter().collect();
    sql.extend(kept);
    let mut second = Draft::sql(sql);
    second.isolation = Isolation::OwnTransaction;
    second.reason = Some("the server leaves a check in place of the bound".to_owned());
    let mut drafts = vec![first, second];
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}

/// The end of a detachment that stopped in the middle. Where it never began, as in a database that was built after the live one, it is
/// detached as usual.
fn finalized(tie: &Partition, table: &PgId) -> String {
    let (parent, child) = (quote::qualified(&tie.parent.parts()), quote::qualified(&table.parts()));
    format!(
        "DO $underpin$\nBEGIN\n    IF EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhrelid = {}::pg_catalog.regclass AND inhdetachpending) THEN\n        \
         ALTER TABLE {parent} DETACH PARTITION {child} FINALIZE;\n    ELSE\n        ALTER TABLE {parent} DETACH PARTITION {child};\n    \
         END IF;\nEND $underpin$",
        quote::literal(&child)
    )
}

/// The statement that drops the check which the server left; only it knows the name. Checks of either schema stay.
fn checks_dropped(table: &PgId, cx: &Context<'_>) -> Option<String> {
    cx.to.objects.get(table)?;
    let sides = [cx.from, cx.to].into_iter().flat_map(|c| parts_of(c, PgKind::Constraint, &table.parts()));
    let checks = sides.filter(|(_, o)| matches!(o, PgObject::Constraint(c) if c.kind == ConstraintKind::Check));
    let names: BTreeSet<&str> = checks.map(|(id, _)| id.last()).collect();
    let known = Sql::empty().list(names, |w, name| w.literal(name)).build();
    let name = quote::qualified(&table.parts());
    let relation = quote::literal(&name);
    Some(format!(
        "DO $underpin$\nDECLARE left_over name;\nBEGIN\n    FOR left_over IN SELECT conname FROM pg_catalog.pg_constraint WHERE conrelid = \
         {relation}::pg_catalog.regclass AND contype = 'c' AND conname <> ALL (ARRAY[{known}]::name[]) LOOP\n        EXECUTE \
         pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', {relation}, left_over);\n    END LOOP;\nEND $underpin$"
    ))
}
