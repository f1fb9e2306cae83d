//! # A key takes over an index that was built beside the traffic
//!
//! `ADD PRIMARY KEY` and `ADD UNIQUE` build their index under ACCESS EXCLUSIVE: neither reads nor writes go on until it is built.
//!
//! Steps:
//!
//! 1. For a primary key, its columns become NOT NULL first (see `not-null-by-check` and `constraint-in-two-steps`), so that adding the key
//!    reads nothing.
//! 2. `CREATE UNIQUE INDEX CONCURRENTLY`: SHARE UPDATE EXCLUSIVE, outside a transaction. From its second reading of the table on it refuses
//!    duplicates, before it is valid.
//! 3. `ALTER TABLE … ADD CONSTRAINT … USING INDEX`, deferrable or not: ACCESS EXCLUSIVE, only the catalog changes.
//!
//! A partitioned table's key takes the keys of its partitions, each made so, for its parts (see `key-of-partitioned`).
//!
//! It does not apply to a key WITHOUT OVERLAPS and to an exclusion constraint, which take no index that is there.
//!
//! After a crash: a valid unique index of the key's name, columns and parameters is taken over; an invalid one is dropped concurrently and
//! built again.
//!
//! Sources: manual, ALTER TABLE, ADD table_constraint_using_index; locks read off PostgreSQL 12 to 18.

use super::index_concurrently::built;
use crate::objects::{Constraint, Context};
use crate::{PgId, PgKind};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "key-from-index";

/// The steps for a key on a table that is in use.
pub(crate) fn drafts(key: &Constraint, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let index = cx.left_for(id).cloned();
    let mut drafts = Vec::new();
    if index.is_none() {
        drafts.push(built(key.create_index(id, id.last())));
    }
    let index = index.unwrap_or_else(|| PgId::new(PgKind::Index, [id.part(0), id.last()]));
    let mut second = Draft::sql(vec![Constraint::alter_table(id, false).then(taken_over(key, id, &index)).build()]);
    second.isolation = Isolation::OwnTransaction;
    drafts.push(second);
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}

/// `ADD CONSTRAINT … USING INDEX`; the index gets the constraint's name.
pub(crate) fn taken_over(key: &Constraint, id: &PgId, index: &PgId) -> Sql {
    let add = Sql::new("ADD CONSTRAINT").ident(id.last());
    let add = add.kw(if key.is_primary() { "PRIMARY KEY" } else { "UNIQUE" });
    key.timing(add.kw("USING INDEX").ident(index.last()))
}
