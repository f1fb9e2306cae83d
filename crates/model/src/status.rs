//! What is in flight in a database: what an earlier run began and did not end.

/// What is in flight.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Status {
    /// The run that goes on now, in words.
    pub running: Option<String>,
    /// What the journal says of the latest run.
    pub last_run: Option<LastRun>,
    /// The gates at which plans wait.
    pub gates: Vec<WaitingGate>,
    /// The backfills that were begun.
    pub backfills: Vec<BackfillState>,
    /// The objects that plans made for their own use and have not taken away yet, in words.
    pub objects: Vec<String>,
}

/// The latest run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastRun {
    /// The fingerprint of its plan.
    pub plan: String,
    /// The role.
    pub by: String,
    /// When something last happened (ISO 8601, UTC).
    pub at: String,
    /// How many of its steps are done.
    pub done: usize,
    /// The step that was begun, or has failed, and is not done.
    pub stopped: Option<StoppedStep>,
}

/// A step that was begun, or has failed, and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedStep {
    /// Its id.
    pub step: String,
    /// `started` or `failed`.
    pub state: String,
    /// Its statement.
    pub statement: String,
}

/// A gate at which a plan waits.
#[derive(Debug, Clone, PartialEq)]
pub struct WaitingGate {
    /// The phase behind it, as the command line names it.
    pub phase: String,
    /// What must be true before it.
    pub gate: String,
    /// How many steps wait.
    pub steps: usize,
    /// Since when (ISO 8601, UTC).
    pub since: String,
    /// What is seen of the old application.
    pub old_sides: Vec<OldSideSeen>,
}

/// The last write through the old side.
#[derive(Debug, Clone, PartialEq)]
pub struct OldSideSeen {
    /// What is written by it, in words.
    pub what: String,
    /// How many seconds ago; none where nothing was written through it.
    pub seconds_ago: Option<f64>,
}

/// How far a backfill has come.
#[derive(Debug, Clone, PartialEq)]
pub struct BackfillState {
    /// The table, qualified and quoted.
    pub table: String,
    /// The statement.
    pub statement: String,
    /// About how many rows are walked.
    pub walked: u64,
    /// About how many rows there were when it began; 0 where nobody knew.
    pub expected: u64,
    /// About how many rows were changed.
    pub changed: u64,
    /// When it last went on (ISO 8601, UTC).
    pub at: String,
    /// How many seconds ago that was.
    pub seconds_ago: f64,
    /// Whether it is done.
    pub finished: bool,
}

impl Status {
    /// Whether nothing is in flight: no run goes on or has stopped on the way, no gate and no backfill waits, and nothing is
    /// left over.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.running.is_none()
            && self.last_run.as_ref().is_none_or(|run| run.stopped.is_none())
            && self.gates.is_empty()
            && self.backfills.iter().all(|b| b.finished)
            && self.objects.is_empty()
    }
}
