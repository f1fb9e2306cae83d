//! How large a batch is, and how long the rest after it.

use std::time::Duration;

/// How gently rows are changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How long a batch shall take where nobody else works on the server. Its rows are locked for about that time. 90 ms.
    pub target: Duration,
    /// How long it shall take where others work. 30 ms.
    pub busy_target: Duration,
    /// The rest after a batch, in percent of its time, where others work; it grows where their statements get slower.
    /// 0; what another rest does on a machine, `bench/online --rest` tells.
    pub rest: u32,
    /// The most rows of a batch. 100000.
    pub most: u64,
    /// How far a standby may be behind before the walk waits for it. 10 s.
    pub lag: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            target: Duration::from_millis(90),
            busy_target: Duration::from_millis(30),
            rest: 0,
            most: 100_000,
            lag: Duration::from_secs(10),
        }
    }
}

/// The size of batches, in rows or pages, steered by how long they take.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    now: u64,
    most: u64,
}

impl Size {
    pub(crate) fn new(first: u64, most: u64) -> Self {
        Self { now: first.clamp(1, most.max(1)), most: most.max(1) }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// A batch of so many rows or pages, or where that is not known of this size, took so long: the next one is to take `target`.
    /// At most twice as large, at least half.
    pub(crate) fn took(&mut self, size: Option<u64>, took: Duration, target: Duration) {
        let (took, target) = (took.as_micros().max(1), target.as_micros().max(1));
        let now = u128::from(size.unwrap_or(self.now));
        let wanted = (now * target / took).clamp(now.div_ceil(2), now * 2);
        self.now = u64::try_from(wanted).unwrap_or(self.most).clamp(1, self.most);
    }

    /// Whether a batch of so many would do as well.
    pub(crate) fn is_about(&self, size: u64) -> bool {
        size.abs_diff(self.now) <= self.now / 4
    }

    /// A batch was in somebody's way: the next one holds half as much.
    pub(crate) fn halve(&mut self) {
        self.now = (self.now / 2).max(1);
    }
}

/// What a trivial transaction takes, before and during the walk: how much applications suffer from it.
#[derive(Debug, Clone)]
pub(crate) struct Strain {
    /// Before the walk.
    calm: Duration,
    /// By how much the rest is multiplied.
    factor: u32,
}

/// The rest that grows, in percent of a batch's time, where the usual one is shorter.
pub(crate) const STRAINED: u32 = 25;
/// The longest rest is this many times the usual one.
const MOST_STRAIN: u32 = 16;
/// What is added to the calm value before a longer time counts as a jump.
const JITTER: Duration = Duration::from_millis(4);

impl Strain {
    pub(crate) fn new(mut before: Vec<Duration>) -> Self {
        before.sort();
        Self { calm: before.get(before.len() / 2).copied().unwrap_or_default(), factor: 1 }
    }

    /// A trivial transaction took so long.
    pub(crate) fn felt(&mut self, took: Duration) {
        self.factor =
            if took > self.calm * 3 + JITTER { (self.factor * 2).min(MOST_STRAIN) } else { (self.factor / 2).max(1) };
    }

    /// The rest in percent of a batch's time.
    pub(crate) fn rest(&self, usual: u32) -> u32 {
        if self.factor == 1 { usual } else { usual.max(STRAINED).saturating_mul(self.factor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn sizes_follow_the_time() {
        let mut size = Size::new(1000, 5000);
        size.took(None, 10 * MS, 80 * MS);
        assert_eq!(size.now(), 2000);
        size.took(None, 64 * MS, 80 * MS);
        assert_eq!(size.now(), 2500);
        size.took(None, MS, 80 * MS);
        size.took(None, MS, 80 * MS);
        assert_eq!(size.now(), 5000);
        size.took(None, 800 * MS, 80 * MS);
        assert_eq!(size.now(), 2500);
        size.halve();
        assert_eq!(size.now(), 1250);
        let mut one = Size::new(1, 10);
        one.took(None, 800 * MS, 80 * MS);
        one.halve();
        assert_eq!(one.now(), 1);
    }

    #[test]
    fn strain_lengthens_the_rest() {
        let mut strain = Strain::new(vec![3 * MS, MS, 2 * MS]);
        strain.felt(9 * MS);
        assert_eq!(strain.rest(50), 50);
        strain.felt(20 * MS);
        strain.felt(20 * MS);
        assert_eq!(strain.rest(50), 200);
        strain.felt(2 * MS);
        assert_eq!((strain.rest(50), strain.rest(5)), (100, 50));
        strain.felt(2 * MS);
        assert_eq!(strain.rest(5), 5);
    }
}
