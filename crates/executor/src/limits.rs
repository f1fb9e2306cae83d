//! The time limits under which a batch runs.

use crate::Options;
use std::time::Duration;
use underpin_model::{Run, Step};

/// `lock_timeout` and `statement_timeout` in milliseconds; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) lock_ms: u64,
    pub(crate) statement_ms: u64,
}

impl Limits {
    /// The limits of one transaction: the shortest wait for a lock that any of its steps asks for, and the longest time
    /// for a statement.
    ///
    /// A transaction never waits for locks without a limit. Where it only builds (a validation), its lock stops no
    /// application that waits behind it, so that it may use the whole budget in one attempt; and it is given no
    /// `statement_timeout`, since a scan takes as long as the table is large.
    pub(crate) fn of_transaction(steps: &[Step], options: &Options) -> Self {
        let build = steps.iter().all(|s| s.run == Run::Build);
        let fallback = if build { options.lock_budget } else { options.lock_timeout };
        let lock_ms = shortest(steps.iter().map(|s| s.timeouts.lock_ms)).unwrap_or_else(|| millis(fallback));
        let unlimited = steps.iter().any(|s| s.run == Run::Build || s.timeouts.statement_ms == 0);
        let longest = steps.iter().map(|s| s.timeouts.statement_ms).max().unwrap_or(0);
        Self::new(lock_ms, if unlimited { 0 } else { longest })
    }

    /// The limits of a step that stands outside a transaction. A concurrent build has none: it waits for transactions
    /// on their virtual ids, and such a wait is cut short by `lock_timeout` too, which would leave an invalid index.
    pub(crate) fn of_alone(step: &Step, options: &Options) -> Self {
        match step.run {
            Run::Build => Self { lock_ms: 0, statement_ms: 0 },
            Run::Locked if step.timeouts.lock_ms == 0 => {
                Self::new(millis(options.lock_timeout), step.timeouts.statement_ms)
            }
            _ => Self::new(step.timeouts.lock_ms, step.timeouts.statement_ms),
        }
    }

    /// A statement's time includes its wait for locks (manual, "Statement Behavior"), so the wait is added to its limit: or a wait
    /// would end as a statement that took too long, and not be tried again.
    fn new(lock_ms: u64, statement_ms: u64) -> Self {
        let max = u64::from(i32::MAX.unsigned_abs());
        let lock_ms = lock_ms.min(max);
        let statement_ms = if statement_ms == 0 { 0 } else { statement_ms.saturating_add(lock_ms).min(max) };
        Self { lock_ms, statement_ms }
    }

    /// The statements that set them, for the session or with `SET LOCAL` for the transaction.
    pub(crate) fn sql(self, local: bool) -> String {
        let set = if local { "SET LOCAL" } else { "SET" };
        format!("{set} lock_timeout = {}; {set} statement_timeout = {}", self.lock_ms, self.statement_ms)
    }
}

fn shortest(all: impl Iterator<Item = u64>) -> Option<u64> {
    all.filter(|ms| *ms > 0).min()
}

/// At least 1, as 0 would be no limit at all.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::{Timeouts, Work};

    fn step(run: Run, lock_ms: u64, statement_ms: u64) -> Step {
        Step {
            id: "s001".to_owned(),
            run,
            sql: Vec::new(),
            backfill: None,
            changes: Vec::new(),
            reason: None,
            recipe: None,
            source: None,
            locks: Vec::new(),
            work: Work::Instant,
            hazards: Vec::new(),
            undo: None,
            timeouts: Timeouts { lock_ms, statement_ms },
        }
    }

    fn limits(lock_ms: u64, statement_ms: u64) -> Limits {
        Limits { lock_ms, statement_ms }
    }

    #[test]
    fn a_transaction_takes_the_strongest_need() {
        let o = Options::default();
        let two = [step(Run::Locked, 500, 2000), step(Run::Locked, 100, 3000)];
        assert_eq!(Limits::of_transaction(&two, &o), limits(100, 3100));
        assert_eq!(Limits::of_transaction(&[step(Run::Sql, 0, 0)], &o), limits(1000, 0));
        assert_eq!(Limits::of_transaction(&[step(Run::Sql, 0, 0), step(Run::Sql, 20, 50)], &o), limits(20, 0));
        assert_eq!(Limits::of_transaction(&[step(Run::Build, 0, 9)], &o), limits(300_000, 0));
    }

    #[test]
    fn a_concurrent_build_has_no_limit() {
        let o = Options::default();
        assert_eq!(Limits::of_alone(&step(Run::Build, 5, 5), &o), limits(0, 0));
        assert_eq!(Limits::of_alone(&step(Run::Locked, 0, 5), &o), limits(1000, 1005));
        assert_eq!(Limits::of_alone(&step(Run::Sql, 0, 0), &o), limits(0, 0));
    }
}
