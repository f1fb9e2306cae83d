//! # Indexes are built and dropped beside the traffic
//!
//! `CREATE INDEX` takes a SHARE lock: every write waits until the index is built. `CREATE INDEX CONCURRENTLY` takes SHARE UPDATE
//! EXCLUSIVE, which stops no statement of an application, and waits for the transactions that were there before it.
//!
//! Steps:
//!
//! 1. `CREATE INDEX CONCURRENTLY` outside a transaction, without a limit on how long it may wait: cut short, it leaves an index that is
//!    there, is not used, and slows writes down.
//! 2. `ANALYZE` of the table, where the index has expressions: until then the planner knows nothing of their values.
//!
//! An index that goes is dropped by `DROP INDEX CONCURRENTLY`, which takes SHARE UPDATE EXCLUSIVE and waits for readers of the table
//! too; a plain `DROP INDEX` takes ACCESS EXCLUSIVE. Of a partitioned table, each partition's index is built so, then the parent's is made
//! by `CREATE INDEX … ON ONLY`, and each part is attached to it, which only locks the part (`ALTER INDEX … ATTACH PARTITION`).
//!
//! It does not apply to materialized views, which no application writes, and to a table that the same plan makes.
//!
//! After a crash: an index that is invalid and wanted is dropped concurrently and built again by the next plan. `IF NOT EXISTS` is never
//! used, for it takes an invalid index for the one that is wanted.
//!
//! Sources: manual, CREATE INDEX ("Building Indexes Concurrently"), DROP INDEX; locks read off PostgreSQL 12 to 18.

use crate::PgId;
use underpin_model::{Run, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "index-concurrently";

/// A step that builds an index by this statement beside the traffic.
pub(crate) fn built(create: Sql) -> Draft {
    let mut draft = outside(create);
    draft.work = Work::Rewrite;
    draft
}

/// A step that drops an index beside the traffic.
pub(crate) fn dropped(id: &PgId) -> Draft {
    outside(Sql::new("DROP INDEX CONCURRENTLY").name(&id.parts()))
}

fn outside(sql: Sql) -> Draft {
    let mut draft = Draft::sql(vec![sql.build()]);
    draft.run = Run::Build;
    draft.isolation = Isolation::Outside;
    draft.recipe = Some(NAME.to_owned());
    draft
}

/// `ANALYZE` of a whole table: with a list of columns it leaves out the expressions of indexes (`do_analyze_rel`,
/// commands/analyze.c).
pub(crate) fn analyzed(table: &PgId) -> Draft {
    let mut draft = Draft::sql(vec![Sql::new("ANALYZE").name(&table.parts()).build()]);
    draft.run = Run::Build;
    draft.isolation = Isolation::Afterwards;
    draft.work = Work::Scan;
    draft.recipe = Some(NAME.to_owned());
    draft.reason = Some("until then nothing is known of the values of the index's expressions".to_owned());
    draft
}
