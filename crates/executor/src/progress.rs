//! What a run tells while it goes on.

use crate::{Blocker, Outcome};
use std::time::Duration;
use underpin_connect::LockHolder;
use underpin_model::{Stage, Step};

/// How far a build has come, as `pg_stat_progress_create_index` tells it (manual, "CREATE INDEX Progress Reporting").
#[derive(Debug, Clone, PartialEq)]
pub struct BuildProgress {
    /// What the server does now, in its words (`building index: scanning table`).
    pub phase: String,
    /// The part of this phase that is done, from 0 to 1, where the server counts it.
    pub done: Option<f64>,
    /// Whose transaction the build waits for: it goes on when that has ended.
    pub waits_for: Option<Blocker>,
}

/// What a backfill does now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filling {
    /// Rows are changed.
    Rows,
    /// The table is looked through for rows that are not right.
    Checking,
    /// It waits, and for what, in words.
    Waiting(String),
}

/// How far a backfill has come.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillProgress {
    /// What it does now.
    pub doing: Filling,
    /// About how many rows are walked, those of earlier runs with them.
    pub rows: u64,
    /// About how many rows the table has; 0 where nobody knows.
    pub total: u64,
    /// The part that is done, from 0 to 1, where that can be told.
    pub part: Option<f64>,
    /// How many rows this run walks in a second.
    pub per_second: f64,
    /// How long the walk will take at that.
    pub left: Option<Duration>,
}

/// What is done to a SQLite file now, where that takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    /// Rows are copied into a table that is made anew.
    Rows,
    /// The rows of both tables are compared.
    Comparing,
    /// An index is built.
    Index,
    /// Some other statement runs.
    Statement,
    /// Foreign keys are looked at.
    References,
    /// All is written to the disk.
    Committing,
    /// The write-ahead log is brought into the file; the plan is committed already.
    Checkpoint,
}

/// How far work on a SQLite file has come.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyProgress {
    /// What it is.
    pub doing: Copying,
    /// About how many rows are done.
    pub rows: u64,
    /// About how many rows there are; 0 where nobody knows.
    pub total: u64,
    /// The part that is done, from 0 to 1, where that can be told.
    pub part: Option<f64>,
    /// How long the rest will take at that.
    pub left: Option<Duration>,
}

/// What a run waits for while others have a SQLite file locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileWait {
    /// To begin its transaction: somebody else writes.
    Begin,
    /// To commit it: others read, and no new ones can begin to.
    Commit,
    /// To run a statement that stands outside a transaction.
    Statement,
}

/// Hears how a run goes on. Every call comes from the thread that called [`crate::apply`]; each does nothing unless it is
/// written.
pub trait Progress {
    /// The run begins: so many steps will be run.
    fn plan_started(&self, steps: usize) {
        let _ = steps;
    }
    /// A stage begins.
    fn stage_started(&self, stage: &Stage) {
        let _ = stage;
    }
    /// A step begins, for the `attempt`th time (from 1).
    fn step_started(&self, step: &Step, attempt: u32) {
        let _ = (step, attempt);
    }
    /// The step waits on the server for a lock that these hold.
    fn blocked(&self, step: &Step, blockers: &[Blocker]) {
        let _ = (step, blockers);
    }
    /// The `attempt`th attempt did not get its lock; the next one comes in `next`.
    fn waiting_for_lock(&self, step: &Step, blockers: &[Blocker], attempt: u32, next: Duration) {
        let _ = (step, blockers, attempt, next);
    }
    /// A build goes on.
    fn build_progress(&self, step: &Step, progress: &BuildProgress) {
        let _ = (step, progress);
    }
    /// A backfill goes on.
    fn backfill_progress(&self, step: &Step, progress: &BackfillProgress) {
        let _ = (step, progress);
    }
    /// Others have the SQLite file locked, and the step has waited for so long.
    fn file_locked(&self, step: &Step, waits: FileWait, holders: &[LockHolder], waited: Duration) {
        let _ = (step, waits, holders, waited);
    }
    /// Work on a SQLite file goes on.
    fn copy_progress(&self, step: &Step, progress: &CopyProgress) {
        let _ = (step, progress);
    }
    /// The step is committed.
    fn step_done(&self, step: &Step) {
        let _ = step;
    }
    /// All went well.
    fn finished(&self, outcome: &Outcome) {
        let _ = outcome;
    }
}

/// Tells nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
