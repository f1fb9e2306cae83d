//! How a batch gets its locks: attempts with a short wait each, pauses between them, a budget for all.
//!
//! Here is the place for looking before an attempt (is somebody in the way?), for taking a weak lock first, which sends
//! an autovacuum away, and for waits that grow from attempt to attempt.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// The first pause.
const FIRST: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(2);

/// The attempts at one batch.
pub(crate) struct Ladder {
    start: Instant,
    budget: Duration,
    attempt: u32,
}

impl Ladder {
    pub(crate) fn new(budget: Duration) -> Self {
        Self { start: Instant::now(), budget, attempt: 0 }
    }

    /// Begins an attempt; its number, from 1.
    pub(crate) fn next(&mut self) -> u32 {
        self.attempt += 1;
        self.attempt
    }

    /// How many attempts were begun.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempt
    }

    /// The time since the first attempt began.
    pub(crate) fn spent(&self) -> Duration {
        self.start.elapsed()
    }

    /// How long to pause after an attempt that did not get its locks; none where the budget is used up. The last pause
    /// ends with the budget, and one more attempt follows.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let rest = self.budget.saturating_sub(self.spent());
        (!rest.is_zero()).then(|| jittered(backoff(self.attempt)).min(rest))
    }
}

fn backoff(attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(10);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

/// Between half of `pause` and all of it, so that we do not keep step with what runs at fixed intervals.
fn jittered(pause: Duration) -> Duration {
    // A fresh state of the standard hasher is as random as this needs.
    let share = RandomState::new().build_hasher().finish() % 1000;
    pause / 2 + pause / 2 * u32::try_from(share).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit() {
        assert_eq!(backoff(1), FIRST);
        assert_eq!(backoff(3), FIRST * 4);
        assert_eq!(backoff(1000), LONGEST);
        for _ in 0..100 {
            let pause = jittered(LONGEST);
            assert!(pause >= LONGEST / 2 && pause <= LONGEST);
        }
    }

    #[test]
    fn a_used_up_budget_ends_it() {
        let mut ladder = Ladder::new(Duration::ZERO);
        assert_eq!(ladder.next(), 1);
        assert_eq!(ladder.pause(), None);
    }
}
