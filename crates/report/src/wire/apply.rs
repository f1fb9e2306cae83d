//! The format of an `apply`'s result: `underpin-apply-v1`.

use super::{Document, PlanV1};
use crate::ApplyReport;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of applying a plan; `underpin apply --output json` writes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ApplyV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-apply-v1"))]
    pub format: String,
    /// How many steps were run.
    pub steps_run: usize,
    /// How long all of it took.
    pub seconds: f64,
    /// How much of that was spent waiting for locks.
    pub waited_seconds: f64,
    /// What a person should know about the run.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// What has to be true before the next stage, where the run stopped at a gate.
    pub gate: Option<String>,
    /// The plan that was run.
    pub plan: PlanV1,
}

impl Document for ApplyV1 {
    const FORMAT: &'static str = "underpin-apply-v1";
    const WHAT: &'static str = "report of an apply";
}

impl From<&ApplyReport<'_>> for ApplyV1 {
    fn from(report: &ApplyReport<'_>) -> Self {
        let ApplyReport { plan, steps_run, took, waited, warnings, gate } = report;
        Self {
            format: Self::FORMAT.to_owned(),
            steps_run: *steps_run,
            seconds: took.as_secs_f64(),
            waited_seconds: waited.as_secs_f64(),
            warnings: warnings.clone(),
            gate: gate.clone(),
            plan: PlanV1::from(*plan),
        }
    }
}
