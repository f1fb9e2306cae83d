//! The published JSON formats, apart from the model's types.
//!
//! A format is only ever added to: a reader ignores fields that it does not know, and a field that a later writer adds
//! is optional. What would break a reader is a new format name (`underpin-plan-v2`).

mod apply;
mod diagnostic;
mod drift;
mod error;
mod migrations;
mod plan;
mod plan_read;
mod snapshot;
mod status;
mod words;

pub use apply::ApplyV1;
pub use diagnostic::{DiagnosticV1, SpanV1};
pub use drift::{DriftDifferenceV1, DriftV1};
pub use error::WireError;
pub use migrations::{GeneratedV1, VerifiedV1};
pub use plan::{BatchV1, HazardV1, LockV1, PlanV1, SourceV1, StageV1, StepV1, SummaryV1, TimeoutsV1};
pub use snapshot::{SnapshotObjectV1, SnapshotV1};
pub use status::{BackfillStateV1, LastRunV1, OldSideSeenV1, StatusV1, StoppedStepV1, WaitingGateV1};
pub use words::{DriftChangeV1, HazardKindV1, LockModeV1, PhaseV1, RunV1, SeverityV1, StrategyV1, WorkV1};

use schemars::{JsonSchema, schema_for};
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use underpin_model::Plan;

/// One published format.
pub trait Document: Serialize + DeserializeOwned + JsonSchema {
    /// What its field `format` says.
    const FORMAT: &'static str;
    /// What it is, for messages (`plan`).
    const WHAT: &'static str;
}

/// Writes a document, indented and with a line end after it.
///
/// # Errors
/// What the writer reports.
pub fn write<T: Document>(out: &mut dyn io::Write, document: &T) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// Reads a document. Fields that it does not know are ignored.
///
/// # Errors
/// Where the text is no JSON, is of another format, or lacks something. No message quotes a value that may hold a
/// statement's text.
pub fn read<T: Document>(text: &str) -> Result<T, WireError> {
    error::check_format::<T>(text)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    serde_path_to_error::deserialize(&mut reader).map_err(|e| WireError::shape::<T>(&e))
}

/// Reads a plan that [`PlanV1`] wrote, ready to be run.
///
/// # Errors
/// As [`read`], and where the plan contradicts itself.
pub fn read_plan(text: &str) -> Result<Plan, WireError> {
    Plan::try_from(read::<PlanV1>(text)?)
}

/// The JSON Schema of every published format, by the name of its file in `schemas/`.
#[must_use]
pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("plan.v1.json", schema_for!(PlanV1).to_value()),
        ("drift.v1.json", schema_for!(DriftV1).to_value()),
        ("snapshot.v1.json", schema_for!(SnapshotV1).to_value()),
        ("apply.v1.json", schema_for!(ApplyV1).to_value()),
        ("status.v1.json", schema_for!(StatusV1).to_value()),
        ("generated.v1.json", schema_for!(GeneratedV1).to_value()),
        ("verified.v1.json", schema_for!(VerifiedV1).to_value()),
    ]
}
