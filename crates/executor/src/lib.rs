//! Runs a plan on a live PostgreSQL server: one run at a time, short locks tried again, a journal in the database. How one
//! is run on a SQLite file is in [`sqlite`].
//!
//! [`apply`] runs the stages that [`Phases`] selects, batch by batch. A batch is one transaction together with its rows
//! in the journal, so that a step is done exactly where the journal says so; what must stand outside a transaction, such
//! as `CREATE INDEX CONCURRENTLY`, is noted before and after. Whatever happens on the way, what was committed is a state
//! that planning understands: planning and applying again goes on from there, and every error says what it left.
//!
//! Two sessions are used. The caller's runs the plan. A second one holds the advisory lock that keeps a second run out;
//! it also looks who is in the way while the first one waits, and cancels its statement when a person asks for it.

mod apply;
mod backfill;
mod batch;
mod blockers;
mod cancel;
mod concurrent;
mod error;
mod fence;
mod gates;
mod guard;
mod journal;
mod ladder;
mod limits;
mod options;
mod phases;
mod probe;
mod progress;
mod secrets;
mod session;
pub mod sqlite;
mod standby;
mod state;
mod status;
mod targets;
mod waiting;
mod watch;

pub use apply::{Outcome, apply};
pub use backfill::{BACKFILL_FORMAT, Pace, Unfilled, backfill_done, block, procedure};
pub use blockers::Blocker;
pub use cancel::Cancel;
pub use concurrent::BuildProblem;
pub use error::{
    AssertFailure, BoxError, ChangedState, CheckState, ExecutorError, FailureKind, LockFailure, StepFailure,
};
pub use gates::{GateClosed, Gates};
pub use guard::{ADVISORY_CLASS, Connect, Holder};
pub use journal::{JOURNAL_FORMAT, contract_since, journal_is_kept, own_schema, plan_fingerprint, stages_done};
pub use options::Options;
pub use phases::{Phases, StageLeft};
pub use progress::{BackfillProgress, BuildProgress, CopyProgress, Copying, FileWait, Filling, Progress, Silent};
pub use state::{Left, Partly};
pub use status::status;
pub use waiting::GATE_FORMAT;
