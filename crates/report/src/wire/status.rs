//! The format of what is in flight: `underpin-status-v1`.

use super::Document;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use underpin_model::{BackfillState, LastRun, OldSideSeen, Status, StoppedStep, WaitingGate};

/// What is in flight in a database; `underpin status --output json` writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatusV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-status-v1"))]
    pub format: String,
    /// Whether nothing is in flight.
    pub quiet: bool,
    /// The run that goes on now, in words.
    pub running: Option<String>,
    /// What the journal says of the latest run.
    pub last_run: Option<LastRunV1>,
    /// The gates at which plans wait.
    pub gates: Vec<WaitingGateV1>,
    /// The backfills that were begun.
    pub backfills: Vec<BackfillStateV1>,
    /// The objects that plans made for their own use and have not taken away yet, in words.
    pub objects: Vec<String>,
}

/// The latest run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastRunV1 {
    /// The fingerprint of its plan.
    pub plan: String,
    /// The role.
    pub by: String,
    /// When something last happened (ISO 8601, UTC).
    pub at: String,
    /// How many of its steps are done.
    pub steps_done: usize,
    /// The step that was begun, or has failed, and is not done.
    pub stopped: Option<StoppedStepV1>,
}

/// A step that was begun, or has failed, and is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StoppedStepV1 {
    /// Its id.
    pub step: String,
    /// `started` or `failed`.
    pub state: String,
    /// The beginning of its statement.
    pub statement: String,
}

/// A gate at which a plan waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingGateV1 {
    /// The phase behind it, as `--phase` takes it.
    pub phase: String,
    /// What must be true before it.
    pub gate: String,
    /// How many steps wait.
    pub steps: usize,
    /// Since when (ISO 8601, UTC).
    pub since: String,
    /// What is seen of the old application.
    pub old_sides: Vec<OldSideSeenV1>,
}

/// The last write through the old side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OldSideSeenV1 {
    /// What is written by it, in words.
    pub what: String,
    /// How many seconds ago; null where nothing was written through it.
    pub seconds_ago: Option<f64>,
}

/// How far a backfill has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BackfillStateV1 {
    /// The table, qualified and quoted.
    pub table: String,
    /// The beginning of the statement.
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

impl Document for StatusV1 {
    const FORMAT: &'static str = "underpin-status-v1";
    const WHAT: &'static str = "status";
}

impl From<&Status> for StatusV1 {
    fn from(status: &Status) -> Self {
        let Status { running, last_run, gates, backfills, objects } = status.clone();
        Self {
            format: Self::FORMAT.to_owned(),
            quiet: status.is_quiet(),
            running,
            last_run: last_run.map(LastRunV1::from),
            gates: gates.into_iter().map(WaitingGateV1::from).collect(),
            backfills: backfills.into_iter().map(BackfillStateV1::from).collect(),
            objects,
        }
    }
}

impl From<LastRun> for LastRunV1 {
    fn from(LastRun { plan, by, at, done, stopped }: LastRun) -> Self {
        let stopped = stopped.map(|StoppedStep { step, state, statement }| StoppedStepV1 { step, state, statement });
        Self { plan, by, at, steps_done: done, stopped }
    }
}

impl From<WaitingGate> for WaitingGateV1 {
    fn from(WaitingGate { phase, gate, steps, since, old_sides }: WaitingGate) -> Self {
        let seen = |OldSideSeen { what, seconds_ago }| OldSideSeenV1 { what, seconds_ago };
        Self { phase, gate, steps, since, old_sides: old_sides.into_iter().map(seen).collect() }
    }
}

impl From<BackfillState> for BackfillStateV1 {
    fn from(state: BackfillState) -> Self {
        let BackfillState { table, statement, walked, expected, changed, at, seconds_ago, finished } = state;
        Self { table, statement, walked, expected, changed, at, seconds_ago, finished }
    }
}
