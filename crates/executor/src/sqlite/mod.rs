//! Runs a plan on a SQLite file.
//!
//! A plan is one transaction as a rule: nothing is ever half done, and no journal is kept in the user's database. It is
//! begun with `BEGIN IMMEDIATE`, so that nobody else writes from then on; in WAL mode others read all the time, in
//! rollback-journal mode until the commit, which has to wait until they have ended.
//!
//! Foreign keys are off for the run, as dropping a table would delete what refers to it; they are looked at before and
//! afterwards. A table that is made anew is compared with the old one before that is dropped. Whatever goes wrong,
//! everything is taken back.

mod compare;
mod error;
mod locks;
mod rebuild;
mod references;
mod room;
mod run;
mod settings;
mod statement;
mod statistics;
mod tables;
mod touch;
mod watch;

pub use error::{FileLocked, SqliteError, SqliteStepFailure, StepProblem};
pub use room::NoRoom;
pub use run::{CheckSchema, Checks, apply};
