//! The time limits under which a batch runs.

use crate::ladder::{Ladder, patience};
use crate::targets::Targets;
use crate::{Options, targets};
use std::time::Duration;
use underpin_model::{Hazard, HazardKind, Run, Step, Work};

/// How long a statement may take, in milliseconds, that was planned as a change of the catalog alone and holds a strong
/// lock. It is a belt: such a statement takes a millisecond, and one that does not was planned wrongly, or the machine stood still.
const BELT_MS: u64 = 2000;

/// `lock_timeout` and `statement_timeout` in milliseconds; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) lock_ms: u64,
    /// The `lock_timeout` once a transaction holds its first strong lock: what others wait for us then, they wait for
    /// somebody else too.
    pub(crate) further_ms: u64,
    pub(crate) statement_ms: u64,
    /// The `statement_timeout` from the first strong lock on, where it is another: the belt.
    pub(crate) belt_ms: u64,
}

/// The longest that an attempt at `steps` may wait for a strong lock: what the options say, or less where a step says so.
pub(crate) fn longest_wait(steps: &[Step], options: &Options) -> Duration {
    let steps = steps.iter().map(|s| s.timeouts.lock_ms).filter(|ms| *ms > 0).map(Duration::from_millis).min();
    steps.map_or(options.lock_timeout, |limit| limit.min(options.lock_timeout))
}

impl Limits {
    /// The limits of the next attempt at a transaction, once it has taken the locks that stop nobody.
    ///
    /// A transaction never waits for locks without a limit. Where it only builds (a validation), its lock stops no
    /// application that waits behind it, so that it may use the whole budget in one attempt; and it is given no
    /// `statement_timeout`, since a scan takes as long as the table is large. Where all its locks are known and none is
    /// strong, it waits for as long as it takes to send an autovacuum away.
    ///
    /// `belt` says whether a change of the catalog alone is held to an instant.
    pub(crate) fn of_transaction(
        steps: &[Step],
        targets: &Targets,
        ladder: &Ladder,
        deadlock_timeout: Duration,
        belt: bool,
    ) -> Self {
        let strong = targets.strong().next().is_some();
        let unknown = steps.iter().any(|s| s.run == Run::Locked && s.locks.is_empty());
        let wait = if steps.iter().all(|s| s.run == Run::Build) {
            ladder.rest()
        } else if strong || unknown || targets.is_empty() {
            ladder.wait()
        } else {
            patience(deadlock_timeout)
        };
        let unlimited = steps.iter().any(|s| s.run == Run::Build || s.timeouts.statement_ms == 0);
        let longest = steps.iter().map(|s| s.timeouts.statement_ms).max().unwrap_or(0);
        let belt = unlimited && belt && strong && is_catalog_only(steps);
        let limits = Self::new(millis(wait), if unlimited { 0 } else { longest });
        let further_ms = if strong { millis(ladder.further()).min(limits.lock_ms) } else { limits.lock_ms };
        Self { belt_ms: if belt { with_wait(longest.max(BELT_MS), limits.lock_ms) } else { 0 }, further_ms, ..limits }
    }

    /// The limits of a step that stands outside a transaction. A concurrent build has none: it waits for transactions
    /// on their virtual ids, and such a wait is cut short by `lock_timeout` too, which would leave an invalid index.
    pub(crate) fn of_alone(step: &Step, ladder: &Ladder) -> Self {
        match step.run {
            Run::Build => Self { lock_ms: 0, further_ms: 0, statement_ms: 0, belt_ms: 0 },
            Run::Locked => Self::new(millis(ladder.wait()), step.timeouts.statement_ms),
            Run::Sql | Run::Backfill | Run::Assert | Run::External => {
                Self::new(step.timeouts.lock_ms, step.timeouts.statement_ms)
            }
        }
    }

    fn new(lock_ms: u64, statement_ms: u64) -> Self {
        let lock_ms = lock_ms.min(MOST_MS);
        let statement_ms = if statement_ms == 0 { 0 } else { with_wait(statement_ms, lock_ms) };
        Self { lock_ms, further_ms: lock_ms, statement_ms, belt_ms: 0 }
    }

    /// The statements that set them, for the session or with `SET LOCAL` for the transaction.
    pub(crate) fn sql(self, local: bool) -> String {
        let set = if local { "SET LOCAL" } else { "SET" };
        format!("{set} lock_timeout = {}; {set} statement_timeout = {}", self.lock_ms, self.statement_ms)
    }

    /// The statement that makes the waits shorter once the first strong lock is held, where they become shorter.
    pub(crate) fn further_sql(self) -> Option<String> {
        (self.further_ms < self.lock_ms).then(|| format!("SET LOCAL lock_timeout = {}", self.further_ms))
    }

    /// The statement that sets the belt, before the first strong lock of a transaction.
    pub(crate) fn belt_sql(self) -> Option<String> {
        (self.belt_ms > 0).then(|| format!("SET LOCAL statement_timeout = {}", self.belt_ms))
    }
}

/// The longest that the server takes.
const MOST_MS: u64 = i32::MAX.unsigned_abs() as u64;

/// A statement's time includes its wait for locks (manual, "Statement Behavior"), so the wait is added to its limit: or a wait
/// would end as a statement that took too long.
fn with_wait(statement_ms: u64, lock_ms: u64) -> u64 {
    statement_ms.saturating_add(lock_ms).min(MOST_MS)
}

/// Whether all that `steps` do under strong locks is an instant's work on the catalog.
pub(crate) fn is_catalog_only(steps: &[Step]) -> bool {
    steps.iter().skip(targets::first_strong(steps)).all(|s| s.work == Work::Instant && s.run != Run::Assert)
}

/// Whether somebody has let it through that `steps` block others for longer than an instant.
pub(crate) fn may_block(steps: &[Step]) -> bool {
    let blocks = |h: &Hazard| matches!(h.kind, HazardKind::BlocksReads | HazardKind::BlocksWrites);
    steps.iter().any(|s| s.hazards.iter().any(blocks))
}

/// At least 1, as 0 would be no limit at all.
pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::{LockMode, RelationLock, Timeouts};

    const SECOND: Duration = Duration::from_secs(1);

    fn step(run: Run, lock_ms: u64, statement_ms: u64) -> Step {
        Step { timeouts: Timeouts { lock_ms, statement_ms }, ..Step::new("s001", run, Vec::new()) }
    }

    fn limits(lock_ms: u64, statement_ms: u64) -> Limits {
        Limits { lock_ms, further_ms: lock_ms, statement_ms, belt_ms: 0 }
    }

    fn transaction(steps: &[Step], targets: &Targets) -> Limits {
        let ladder = Ladder::new(SECOND * 300, longest_wait(steps, &Options::default()), SECOND);
        Limits::of_transaction(steps, targets, &ladder, SECOND, !may_block(steps))
    }

    #[test]
    fn a_transaction_takes_the_strongest_need() {
        let none = Targets::default();
        let two = [step(Run::Locked, 500, 2000), step(Run::Locked, 10, 3000)];
        assert_eq!(transaction(&two, &none), limits(10, 3010));
        assert_eq!(transaction(&[step(Run::Sql, 0, 0)], &none), limits(20, 0));
        assert_eq!(transaction(&[step(Run::Sql, 0, 0), step(Run::Sql, 20, 50)], &none), limits(20, 0));
        let validation = transaction(&[step(Run::Build, 0, 9)], &none);
        assert!(validation.lock_ms > 299_000 && validation.statement_ms == 0, "{validation:?}");
    }

    #[test]
    fn a_strong_lock_has_a_belt_where_only_the_catalog_changes() {
        let strong = Targets::of_one(1, "i".to_owned());
        let lock = RelationLock { relation: "i".to_owned(), mode: LockMode::AccessExclusive };
        let instant = Step { locks: vec![lock], ..step(Run::Locked, 0, 0) };
        let scan = Step { work: Work::Scan, ..instant.clone() };
        let belt = transaction(std::slice::from_ref(&instant), &strong);
        assert_eq!(belt, Limits { belt_ms: 2020, ..limits(20, 0) });
        assert_eq!(belt.belt_sql().as_deref(), Some("SET LOCAL statement_timeout = 2020"));
        let hazard = Hazard { kind: HazardKind::BlocksReads, message: String::new() };
        assert_eq!(transaction(&[Step { hazards: vec![hazard], ..instant }], &strong), limits(20, 0));
        assert_eq!(transaction(&[scan], &strong), limits(20, 0));
    }

    #[test]
    fn a_concurrent_build_has_no_limit() {
        let ladder = Ladder::new(SECOND, SECOND, SECOND);
        assert_eq!(Limits::of_alone(&step(Run::Build, 5, 5), &ladder), limits(0, 0));
        assert_eq!(Limits::of_alone(&step(Run::Locked, 0, 5), &ladder), limits(20, 25));
        assert_eq!(Limits::of_alone(&step(Run::Sql, 0, 0), &ladder), limits(0, 0));
    }
}
