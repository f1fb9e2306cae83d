//! # A constraint in two steps
//!
//! A check or a foreign key that is added reads every row under a strong lock. Added NOT VALID, it takes the lock for a moment only, and
//! holds for all that is written from then on; the rows that are there are read by `VALIDATE CONSTRAINT` in a transaction of its own.
//!
//! Steps:
//!
//! 1. `ALTER TABLE … ADD CONSTRAINT … NOT VALID`: ACCESS EXCLUSIVE for a check; for a foreign key SHARE ROW EXCLUSIVE on both tables. Only
//!    the catalog changes.
//! 2. `ALTER TABLE … VALIDATE CONSTRAINT`: SHARE UPDATE EXCLUSIVE on the table, ROW SHARE on the one that is referred to. It stops no
//!    application.
//!
//! A new column with a check or a foreign key is added plain, and its constraint so. On 18 a NOT NULL constraint goes the same way.
//!
//! It does not apply to exclusion constraints, which the server does not add NOT VALID, and to foreign keys of partitioned tables before
//! 18, which have a recipe of their own.
//!
//! Until the second step, an old row that breaks a check cannot be changed at all, not even in another column: rows are to be set right
//! before.
//!
//! After a crash: the constraint is there as NOT VALID, and the next plan validates it.
//!
//! Sources: manual, ALTER TABLE, notes and ADD table_constraint; locks read off PostgreSQL 12 to 18.

use crate::PgId;
use crate::objects::{Constraint, NotNull};
use underpin_model::{Run, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "constraint-in-two-steps";

/// Both steps, from the statement that adds the constraint but for its `NOT VALID`.
pub(crate) fn drafts(id: &PgId, add: Sql) -> Vec<Draft> {
    vec![unproved(add), validate(id)]
}

/// The first step.
pub(crate) fn unproved(add: Sql) -> Draft {
    let mut first = Draft::sql(vec![add.kw("NOT VALID").build()]);
    first.recipe = Some(NAME.to_owned());
    first.reason = Some(
        "new rows are checked from here on; the rows that are there are checked in a step of their own".to_owned(),
    );
    first
}

/// `VALIDATE CONSTRAINT` in a transaction of its own: it reads the whole table, and neither reads nor writes wait for it.
pub(crate) fn validate(id: &PgId) -> Draft {
    let sql = Constraint::alter_table(id, false).kw("VALIDATE CONSTRAINT").ident(id.last()).build();
    let mut draft = Draft::sql(vec![sql]);
    draft.run = Run::Build;
    draft.isolation = Isolation::OwnTransaction;
    draft.work = Work::Scan;
    draft.recipe = Some(NAME.to_owned());
    draft
}

/// The same for NOT NULL where it is a constraint of its own (manual, ALTER TABLE; 18).
pub(crate) fn not_null(id: &PgId, rule: Option<&NotNull>) -> Vec<Draft> {
    drafts(&NotNull::constraint_id(rule, id), NotNull::add(rule, id))
}
