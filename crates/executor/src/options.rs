//! What a caller may set about a run.

use crate::Phases;
use std::time::Duration;

/// How a plan is run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long one attempt waits for a lock, for a transaction whose steps set no limit of their own. Others queue
    /// behind a waiting strong lock, so this is about the longest stall that an attempt can cause. 1 s.
    pub lock_timeout: Duration,
    /// For how long one batch is tried before the run gives up and names who was in the way. 5 min.
    pub lock_budget: Duration,
    /// How long to ask for the lock that keeps a second run out, where another run holds it. 0: refuse at once.
    pub second_run_wait: Duration,
    /// The `application_name` that both sessions show in `pg_stat_activity`.
    pub application_name: String,
    /// Which stages are run.
    pub phases: Phases,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(1),
            lock_budget: Duration::from_secs(300),
            second_run_wait: Duration::ZERO,
            application_name: "underpin".to_owned(),
            phases: Phases::default(),
        }
    }
}
