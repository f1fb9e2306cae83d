//! What a caller may set about a run.

use crate::{Gates, Pace, Phases};
use std::time::Duration;
use underpin_connect::Target;

/// How a plan is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The longest that one attempt waits for a strong lock; a step may say less, and it is always less than the server's
    /// `deadlock_timeout`. The first attempts wait for less. Others queue behind a waiting strong lock, so this is about
    /// the longest stall that an attempt can cause. 1 s.
    pub lock_timeout: Duration,
    /// For how long one batch waits for its locks before the run gives up and names who was in the way. 5 min.
    pub lock_budget: Duration,
    /// How long to ask for the lock that keeps a second run out, where another run holds it. 0: refuse at once.
    pub second_run_wait: Duration,
    /// The `application_name` that both sessions show in `pg_stat_activity`.
    pub application_name: String,
    /// Which stages are run.
    pub phases: Phases,
    /// How many stages of the plan earlier runs have done: they are left out. 0.
    pub stages_done: usize,
    /// The standbys of the server that serve queries: a lock that stops all reads stops them there too, with no limit
    /// but the standby's own, so it is taken when they are quiet.
    pub replicas: Vec<Target>,
    /// When a stage behind a gate may begin. With [`Phases::All`] nothing is asked.
    pub gates: Gates,
    /// How gently rows are changed.
    pub pace: Pace,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(1),
            lock_budget: Duration::from_secs(300),
            second_run_wait: Duration::ZERO,
            application_name: "underpin".to_owned(),
            phases: Phases::default(),
            stages_done: 0,
            replicas: Vec::new(),
            gates: Gates::default(),
            pace: Pace::default(),
        }
    }
}
