//! What came of applying a plan.

use std::time::Duration;
use underpin_model::Plan;

/// The result of an `apply`, as its reports need it.
#[derive(Debug, Clone)]
pub struct ApplyReport<'a> {
    /// The plan that was run, or the part of it that was asked for.
    pub plan: &'a Plan,
    /// How many of its steps were run.
    pub steps_run: usize,
    /// How long all of it took.
    pub took: Duration,
    /// How much of that was spent waiting for locks.
    pub waited: Duration,
    /// What a person should know about the run.
    pub warnings: Vec<String>,
    /// The gate before the next stage, where the run stopped at one: what has to be true before it goes on.
    pub gate: Option<String>,
}
