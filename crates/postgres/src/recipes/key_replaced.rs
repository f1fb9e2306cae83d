//! # A key is replaced without a moment without one
//!
//! No statement changes the columns of a primary key or a unique constraint, what it includes, whether it takes NULLs for distinct, or
//! whether it is deferrable. Dropped and added again, its index is built under ACCESS EXCLUSIVE.
//!
//! Steps:
//!
//! 1. `CREATE UNIQUE INDEX CONCURRENTLY _underpin_new_NAME`: SHARE UPDATE EXCLUSIVE, outside a transaction.
//! 2. One `ALTER TABLE … DROP CONSTRAINT NAME, ADD CONSTRAINT NAME … USING INDEX _underpin_new_NAME`: ACCESS EXCLUSIVE, only the catalog
//!    changes. The index gets the constraint's name. Foreign keys that rest on the key are dropped before it and added NOT VALID after it, in
//!    the same transaction: ACCESS EXCLUSIVE on their tables too.
//! 3. `VALIDATE CONSTRAINT` of each such foreign key, in a transaction of its own: SHARE UPDATE EXCLUSIVE.
//!
//! The same road moves a key's index to another tablespace, which `SET TABLESPACE` would copy under ACCESS EXCLUSIVE.
//!
//! It does not apply where a view, a part of a partition, or a foreign key that changes or is a partitioned table's rests on the old key, where
//! a column of it gets another type in the same plan, and to keys WITHOUT OVERLAPS: the key is then dropped and added in one transaction, and the plan says what that costs.
//!
//! After a crash: a valid `_underpin_new_NAME` is used; an invalid one is dropped concurrently.
//!
//! Sources: manual, ALTER TABLE, ADD table_constraint_using_index; locks read off PostgreSQL 12 to 18.

use super::index_concurrently::built;
use super::key_from_index::taken_over;
use super::referring::{around_swap, referring};
use super::{comment_again, leftovers, retypes};
use crate::objects::{Constraint, Context, Table};
use crate::{PgId, PgKind, PgObject};
use underpin_model::Strategy;
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "key-replaced";

/// Whether the key can be replaced so.
pub(crate) fn applies(from: &Constraint, to: &Constraint, id: &PgId, cx: &Context<'_>) -> bool {
    let table = Constraint::table(id);
    let plain = matches!(cx.from.objects.get(&table), Some(PgObject::Table(t)) if t.partition_by.is_none());
    cx.strategy == Strategy::Online
        && plain
        && from.is_key()
        && from.kind == to.kind
        && from.part_of.is_none()
        && to.part_of.is_none()
        && !Table::is_partition(cx.to, &table)
        && !to.definition.contains("WITHOUT OVERLAPS")
        && referring(id, cx).is_some()
        && !retypes(id, cx)
}

/// The steps.
pub(crate) fn drafts(to: &Constraint, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let own = PgId::new(PgKind::Index, [id.part(0), id.last()]);
    let new = cx.left_for(id).cloned();
    let mut drafts = Vec::new();
    if new.is_none() {
        let mut build = built(to.create_index(id, leftovers::aside(&own).last()));
        build.reason = Some("the old key holds until the new one's index is ready".to_owned());
        drafts.push(build);
    }
    let new = new.unwrap_or_else(|| leftovers::aside(&own));
    let both = [Sql::new("DROP CONSTRAINT").ident(id.last()), taken_over(to, id, &new)];
    let (mut sql, after, proofs) = around_swap(id, cx);
    sql.push(Constraint::alter_table(id, false).list(both, Sql::then).build());
    sql.extend(to.marks(id, None));
    sql.extend(comment_again(id, cx));
    sql.extend(comment_again(&own, cx));
    sql.extend(after);
    let mut last = Draft::sql(sql);
    last.isolation = Isolation::OwnTransaction;
    drafts.push(last);
    drafts.extend(proofs);
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}
