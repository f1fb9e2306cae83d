//! How a batch gets its locks: when to try, how long each attempt waits, how long to pause after it, a budget for all.
//!
//! Others queue behind a strong lock that waits, so an attempt waits for milliseconds, and is made when nobody is in the
//! way who will stay for longer than that. The waits grow where short ones do not do and longer ones may, up to a limit; under
//! a strong lock that is held already they are shorter, for others queue behind that one all the while. The pauses grow with
//! them, so that an application is never held up for more than a tenth of the time. The limit lies under the server's
//! `deadlock_timeout`: where our locks and an application's wait for each other, it is we who give way.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

/// How long the attempts wait, in milliseconds, from the first; the last is repeated.
const WAITS: [u64; 7] = [20, 50, 100, 200, 400, 800, 1600];
/// The least pause after an attempt.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// A pause is at least so many times as long as the wait before it.
const PAUSES: u32 = 10;
/// The wait for a further lock under a strong one is so many times shorter than that for the first.
const FURTHER: u32 = 8;
/// But not shorter than this.
const LEAST_FURTHER: Duration = Duration::from_millis(20);
/// How long an attempt waits for a lock that holds up nobody's statements, beyond `deadlock_timeout`: only after that does
/// the server send away an autovacuum that holds the table.
const PATIENCE: Duration = Duration::from_secs(1);
/// The least of such waits.
const LEAST_PATIENCE: Duration = Duration::from_secs(3);
/// How long a table may be busy with transactions that are short, but not short enough, before longer waits are tried.
const BUSY: Duration = Duration::from_secs(1);

/// The attempts at one batch.
pub(crate) struct Ladder {
    start: Instant,
    budget: Duration,
    /// The longest that an attempt may wait.
    most: Duration,
    attempt: u32,
    /// Which of [`WAITS`] is next.
    rung: usize,
    /// Whether the last attempt failed and it is not known yet whether a longer wait is worth trying.
    failed: bool,
    /// When the last attempt began.
    begun: Instant,
    /// Since when all that is in the way is younger than `most`.
    busy_since: Option<Instant>,
}

impl Ladder {
    /// `limit` is the longest that an attempt may wait; `deadlock_timeout` is the server's.
    pub(crate) fn new(budget: Duration, limit: Duration, deadlock_timeout: Duration) -> Self {
        let most = limit.min(deadlock_timeout * 4 / 5).max(Duration::from_millis(1));
        let now = Instant::now();
        Self { start: now, budget, most, attempt: 0, rung: 0, failed: false, begun: now, busy_since: None }
    }

    /// Begins an attempt; its number, from 1.
    pub(crate) fn next(&mut self) -> u32 {
        self.attempt += 1;
        self.busy_since = None;
        self.begun = Instant::now();
        self.attempt
    }

    /// How many attempts were begun.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempt
    }

    /// The time since the first look or attempt.
    pub(crate) fn spent(&self) -> Duration {
        self.start.elapsed()
    }

    /// What is left of the budget.
    pub(crate) fn rest(&self) -> Duration {
        self.budget.saturating_sub(self.spent())
    }

    /// How long the next attempt waits for a strong lock.
    pub(crate) fn wait(&self) -> Duration {
        let rung = WAITS.get(self.rung).or(WAITS.last()).copied().unwrap_or_default();
        Duration::from_millis(rung).min(self.most)
    }

    /// How long the next attempt waits for each further lock once it holds a strong one: those that queue behind that one
    /// wait for this too.
    pub(crate) fn further(&self) -> Duration {
        (self.wait() / FURTHER).max(LEAST_FURTHER).min(self.wait())
    }

    /// Whether to try now, where those that hold the targets have done so, or have been in their transactions, for
    /// `ages`. Who has stayed for longer than the attempt would wait is taken to stay for longer still.
    pub(crate) fn may_try(&mut self, ages: impl Iterator<Item = Duration>) -> bool {
        let oldest = ages.max();
        if std::mem::take(&mut self.failed) && oldest.is_none_or(|age| age < self.begun.elapsed()) {
            // Who was in the way of the last attempt has gone: a longer wait may have seen it go.
            self.rung += 1;
        }
        let Some(oldest) = oldest else { return true };
        if oldest <= self.wait() {
            return true;
        }
        if oldest > self.most {
            // It is worth waiting for this one to go, and of no use to wait for its lock.
            self.busy_since = None;
            return false;
        }
        // Transactions that follow each other without a gap are short enough for a longer wait.
        let since = *self.busy_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= BUSY {
            self.rung += 1;
            self.busy_since = None;
        }
        false
    }

    /// How long to pause after an attempt that did not get its locks, before the next gap is looked for; none where the
    /// budget is used up. The next attempt waits for longer, unless who was in the way is there still: no wait would have
    /// seen it go.
    pub(crate) fn pause(&mut self) -> Option<Duration> {
        let rest = self.rest();
        if rest.is_zero() {
            return None;
        }
        let pause = jittered((self.wait() * PAUSES).max(SHORTEST_PAUSE));
        self.failed = true;
        Some(pause.min(rest))
    }
}

/// How long to wait for a lock behind which no application's statement waits (`SHARE UPDATE EXCLUSIVE`).
pub(crate) fn patience(deadlock_timeout: Duration) -> Duration {
    (deadlock_timeout + PATIENCE).max(LEAST_PATIENCE)
}

/// Between `pause` and one and a half of it, so that we do not keep step with what runs at fixed intervals.
fn jittered(pause: Duration) -> Duration {
    // A fresh state of the standard hasher is as random as this needs.
    let share = RandomState::new().build_hasher().finish() % 1000;
    pause + pause / 2 * u32::try_from(share).unwrap_or(0) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn waits_grow_to_the_limit_and_pauses_with_them() {
        let mut ladder = Ladder::new(SECOND * 100, ms(300), SECOND);
        let mut waits = Vec::new();
        for _ in 0..7 {
            ladder.next();
            let wait = ladder.wait();
            let pause = ladder.pause().unwrap();
            assert!(ladder.may_try(std::iter::empty()));
            assert!(pause >= wait * PAUSES && pause <= wait * PAUSES * 3 / 2, "{wait:?} {pause:?}");
            waits.push(wait);
        }
        assert_eq!(waits, [ms(20), ms(50), ms(100), ms(200), ms(300), ms(300), ms(300)]);
    }

    #[test]
    fn no_wait_is_as_long_as_the_servers_deadlock_timeout() {
        let mut ladder = Ladder::new(SECOND * 1000, SECOND * 60, SECOND);
        for _ in 0..20 {
            ladder.pause().unwrap();
            assert!(ladder.may_try(std::iter::empty()));
        }
        assert_eq!(ladder.wait(), ms(800));
        assert_eq!(Ladder::new(SECOND, ms(1), SECOND).wait(), ms(1));
        assert_eq!((patience(SECOND), patience(SECOND * 5)), (SECOND * 3, SECOND * 6));
    }

    #[test]
    fn who_stays_for_long_is_waited_for_without_a_place_in_the_queue() {
        let mut ladder = Ladder::new(SECOND * 100, SECOND, SECOND);
        assert!(ladder.may_try(std::iter::empty()));
        assert!(ladder.may_try([ms(3), ms(20)].into_iter()));
        assert!(!ladder.may_try([ms(3), SECOND * 9].into_iter()));
        assert!(ladder.busy_since.is_none());
        assert!(!ladder.may_try([ms(100)].into_iter()));
        ladder.busy_since = Instant::now().checked_sub(BUSY);
        assert!(!ladder.may_try([ms(100)].into_iter()));
        assert_eq!(ladder.wait(), ms(50));
    }

    #[test]
    fn waits_do_not_grow_for_who_outlives_them() {
        let mut ladder = Ladder::new(SECOND * 100, SECOND, SECOND);
        ladder.next();
        ladder.pause().unwrap();
        assert!(!ladder.may_try([SECOND].into_iter()));
        assert!(ladder.may_try(std::iter::empty()));
        assert_eq!(ladder.wait(), ms(20));
        ladder.next();
        ladder.pause().unwrap();
        std::thread::sleep(ms(2));
        assert!(ladder.may_try([ms(1)].into_iter()));
        assert_eq!(ladder.wait(), ms(50));
    }

    #[test]
    fn a_further_lock_is_waited_for_less() {
        let mut ladder = Ladder::new(SECOND * 100, SECOND, SECOND);
        let mut further = Vec::new();
        for rung in 0..6 {
            ladder.rung = rung;
            further.push(ladder.further());
        }
        assert_eq!(further, [ms(20), ms(20), ms(20), ms(25), ms(50), ms(100)]);
        assert_eq!(Ladder::new(SECOND, ms(5), SECOND).further(), ms(5));
    }

    #[test]
    fn a_used_up_budget_ends_it() {
        let mut ladder = Ladder::new(Duration::ZERO, SECOND, SECOND);
        assert_eq!(ladder.next(), 1);
        assert_eq!(ladder.pause(), None);
    }
}
