//! Whether bounds of partitions leave each other room, as far as their texts tell.

use crate::bound::Bound;
use crate::constants::Constant;
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

/// The bounds of partitions of one table, read once, to ask whether another leaves them room.
#[derive(Debug, Default)]
pub(super) struct Bounds<'a> {
    /// Whether one of them takes what fits no other.
    has_default: bool,
    /// How many they are without that one.
    count: usize,
    /// How many are lists, and all values of these.
    lists: usize,
    values: HashSet<&'a str>,
    /// The remainders, by modulus.
    remainders: HashMap<&'a str, HashSet<&'a str>>,
    ranges: Ranges<'a>,
    /// The types of the partition key's columns, as far as they are known.
    types: Vec<Option<&'a str>>,
}

impl<'a> Bounds<'a> {
    /// Reads bounds as the server prints them (`FOR VALUES …` or `DEFAULT`), of a key of columns of these types, as far as they are
    /// known.
    pub(super) fn read(bounds: impl IntoIterator<Item = &'a str>, types: Vec<Option<&'a str>>) -> Self {
        let (mut all, mut ranges) = (Self { types, ..Self::default() }, Vec::new());
        for bound in bounds {
            let read = Bound::read(bound);
            if read == Some(Bound::Default) {
                all.has_default = true;
                continue;
            }
            all.count += 1;
            match read {
                Some(Bound::List(values)) => {
                    all.lists += 1;
                    all.values.extend(values);
                }
                Some(Bound::Hash { modulus, remainder }) => {
                    all.remainders.entry(modulus).or_default().insert(remainder);
                }
                Some(Bound::Range { from, to }) => ranges.extend(Range::read(&from, &to, &all.types)),
                Some(Bound::Default) | None => {}
            }
        }
        all.ranges = Ranges::sort(ranges);
        all
    }

    /// Whether a row may fit both this bound and one of them; true where their texts do not tell.
    pub(super) fn may_meet(&self, bound: &str) -> bool {
        match Bound::read(bound) {
            // What fits nowhere else is in no other one, once the server has looked it through.
            Some(Bound::Default) => self.has_default,
            Some(Bound::List(values)) => {
                self.count > self.lists || values.iter().any(|value| self.values.contains(value))
            }
            // The same modulus, another remainder.
            Some(Bound::Hash { modulus, remainder }) => match self.remainders.get(modulus) {
                Some(same) => self.count > same.len() || same.contains(remainder),
                None => self.count > 0,
            },
            Some(Bound::Range { from, to }) => match Range::read(&from, &to, &self.types) {
                Some(range) => self.count > self.ranges.sorted.len() || self.ranges.may_meet(&range),
                None => self.count > 0,
            },
            None => self.count > 0,
        }
    }
}

/// The two ends of a range, the second of which is not part of it.
#[derive(Debug)]
struct Range<'a> {
    from: Vec<Constant<'a>>,
    to: Vec<Constant<'a>>,
}

impl<'a> Range<'a> {
    /// Reads the ends; none where they are in an order that is not ours: the key has an operator class of its own.
    fn read(from: &[&'a str], to: &[&'a str], types: &[Option<&str>]) -> Option<Self> {
        let read = |(at, value): (usize, &&'a str)| Constant::read_as(value, types.get(at).copied().flatten());
        let [from, to] = [from, to].map(|values| values.iter().enumerate().map(read).collect());
        let range = Self { from, to };
        (range.from.len() == range.to.len() && !ends_before(&range, &range)).then_some(range)
    }
}

/// Whether a range ends where the other begins, or before.
fn ends_before(a: &Range<'_>, b: &Range<'_>) -> bool {
    for (to, from) in a.to.iter().zip(&b.from) {
        match to.compare(from) {
            Some(Ordering::Less) => return true,
            Some(Ordering::Equal) => {}
            Some(Ordering::Greater) | None => return false,
        }
    }
    a.to.len() == b.from.len()
}

/// The order of two ends by their first values, as many as are counted, which are alike.
fn order(a: &[Constant<'_>], b: &[Constant<'_>], counted: usize) -> Ordering {
    let pairs = a.iter().zip(b).take(counted);
    pairs.map(|(a, b)| a.compare(b).unwrap_or(Ordering::Equal)).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
}

/// Ranges in order, as far as they have one.
#[derive(Debug, Default)]
struct Ranges<'a> {
    /// By where they begin.
    sorted: Vec<Range<'a>>,
    /// For each, the place of the one that ends last among it and those before.
    last: Vec<usize>,
    /// For the first columns of the key, as many as have values that all compare, one of these; none where all are
    /// `MINVALUE` or `MAXVALUE`.
    alike: Vec<Option<Constant<'a>>>,
}

impl<'a> Ranges<'a> {
    fn sort(mut sorted: Vec<Range<'a>>) -> Self {
        let mut alike = Vec::new();
        'columns: for column in 0..sorted.iter().map(|range| range.from.len()).min().unwrap_or_default() {
            let mut one: Option<Constant<'a>> = None;
            for value in sorted.iter().flat_map(|range| [range.from[column], range.to[column]]) {
                if !value.is_end() && !one.get_or_insert(value).is_alike(&value) {
                    break 'columns;
                }
            }
            alike.push(one);
        }
        sorted.sort_by(|a, b| order(&a.from, &b.from, alike.len()));
        let mut last: Vec<usize> = Vec::with_capacity(sorted.len());
        for (at, range) in sorted.iter().enumerate() {
            let before = last.last().copied().unwrap_or(at);
            last.push(if order(&range.to, &sorted[before].to, alike.len()).is_ge() { at } else { before });
        }
        Self { sorted, last, alike }
    }

    /// Whether a row may be both in the range and in one of these.
    fn may_meet(&self, range: &Range<'_>) -> bool {
        let fits = |(column, one): (usize, &Option<Constant<'_>>)| {
            let own = [range.from.get(column), range.to.get(column)];
            own.iter().all(|v| v.is_some_and(|v| v.is_end() || one.is_none_or(|one| one.is_alike(v))))
        };
        let counted = self.alike.iter().enumerate().take_while(|column| fits(*column)).count();
        // All those further on begin behind its end, and all those before the first end before it begins.
        let end = self.sorted.partition_point(|one| order(&one.from, &range.to, counted).is_le());
        let start = self.last.partition_point(|at| order(&self.sorted[*at].to, &range.from, counted).is_lt());
        let near = self.sorted.get(start..end).unwrap_or_default();
        near.iter().any(|one| !ends_before(one, range) && !ends_before(range, one))
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    fn are_apart(a: &str, b: &str) -> bool {
        !Bounds::read([b], Vec::new()).may_meet(a)
    }

    #[test]
    fn types_of_the_key_tell_more() {
        for (a, b, type_name, apart) in [
            ("FROM ('1') TO ('900')", "FROM ('1000') TO ('2000000')", "bigint", true),
            ("FROM ('900') TO ('1000')", "FROM ('950') TO ('2000000')", "bigint", false),
            ("FROM ('1') TO ('900')", "FROM ('1000') TO ('2000000')", "text", false),
            (
                "FROM ('2026-03-01 00:00:00+01') TO ('2026-04-01 00:00:00+02')",
                "FROM ('2026-04-01 00:00:00+02') TO ('2026-05-01 00:00:00+02')",
                "timestamp with time zone",
                true,
            ),
        ] {
            let [a, b] = [a, b].map(|ends| format!("FOR VALUES {ends}"));
            assert_eq!(!Bounds::read([a.as_str()], vec![Some(type_name)]).may_meet(&b), apart, "{a} and {b}");
        }
    }

    #[test]
    fn bounds_are_compared_as_far_as_they_tell() {
        for (a, b, apart) in [
            (
                "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
                "FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
                true,
            ),
            (
                "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
                "FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')",
                true,
            ),
            (
                "FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')",
                "FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
                false,
            ),
            ("FOR VALUES FROM (1, 'b') TO (9, 'c')", "FOR VALUES FROM (10, 'a') TO (MAXVALUE, MAXVALUE)", true),
            ("FOR VALUES FROM (1, 'b') TO (9, 'c')", "FOR VALUES FROM (9, 'c') TO (10, 'a')", true),
            ("FOR VALUES FROM (1, 'b') TO (9, 'c')", "FOR VALUES FROM (9, 'd') TO (10, 'a')", false),
            ("FOR VALUES FROM (MINVALUE) TO (5)", "FOR VALUES FROM (40) TO (50)", true),
            ("FOR VALUES FROM ('aa') TO ('bb')", "FOR VALUES FROM ('cc') TO ('dd')", false),
            ("FOR VALUES IN ('a', 'b, c')", "FOR VALUES IN ('b', 'd')", true),
            ("FOR VALUES IN ('a', NULL)", "FOR VALUES IN (NULL)", false),
            ("FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 4, remainder 1)", true),
            ("FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 8, remainder 1)", false),
            ("DEFAULT", "FOR VALUES IN (1)", true),
            ("DEFAULT", "DEFAULT", false),
            // A list of one parent and a range of one that is partitioned otherwise meanwhile.
            ("FOR VALUES IN (1)", "FOR VALUES FROM (5) TO (6)", false),
            ("FOR VALUES FROM (-50) TO (-20)", "FOR VALUES FROM (-40) TO (-30)", false),
            ("FOR VALUES FROM ('-50') TO ('-20')", "FOR VALUES FROM ('-40') TO ('-30')", false),
            ("FOR VALUES FROM ('-50') TO (0)", "FOR VALUES FROM (0) TO (10)", true),
            ("FOR VALUES FROM ('9.5') TO ('9.7')", "FOR VALUES FROM ('10.5') TO ('10.7')", false),
            // In the order of an operator class of its own, from the greatest down.
            ("FOR VALUES FROM (10) TO (5)", "FOR VALUES FROM (7) TO (3)", false),
            ("FOR VALUES FROM (10) TO (5)", "FOR VALUES FROM (10) TO (5)", false),
            (
                "FOR VALUES FROM ('2026-01-01') TO ('infinity')",
                "FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')",
                true,
            ),
            (
                "FOR VALUES FROM ('2026-01-01') TO ('infinity')",
                "FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')",
                false,
            ),
            (
                "FOR VALUES FROM ('2026-01-01 00:00:00+01') TO ('2026-02-01 00:00:00+01')",
                "FOR VALUES FROM ('2026-02-01 00:00:00+02') TO ('2026-03-01 00:00:00+02')",
                false,
            ),
            ("WHATEVER (1)", "FOR VALUES IN (1)", false),
            ("WHATEVER (1)", "DEFAULT", true),
        ] {
            assert_eq!((are_apart(a, b), are_apart(b, a)), (apart, apart), "{a} and {b}");
        }
    }

    /// Every value that a range of one column may have here; few, so that many ranges meet.
    const VALUES: [&str; 14] = [
        "MINVALUE",
        "'-7'",
        "-7",
        "1",
        "2.5",
        "9",
        "10",
        "'10'",
        "'9'",
        "'a'",
        "'2026-01-01'",
        "'2026-02-01'",
        "'infinity'",
        "MAXVALUE",
    ];

    #[test]
    fn many_bounds_are_met_as_each_of_them_is() {
        // The same numbers every time, by a generator that is no more than that.
        let mut seed = 7u64;
        let mut next = |below: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(seed >> 33).unwrap() % below
        };
        for (columns, first, values) in [(1, 0, 14), (2, 0, 14), (1, 2, 5), (2, 2, 5), (3, 3, 3), (1, 10, 2)] {
            for _ in 0..300 {
                let mut bound = || {
                    let [from, to] = [(), ()].map(|()| {
                        let list: Vec<&str> = (0..columns).map(|_| VALUES[first + next(values)]).collect();
                        list.join(", ")
                    });
                    format!("FOR VALUES FROM ({from}) TO ({to})")
                };
                let those: Vec<String> = (0..6).map(|_| bound()).collect();
                let all = Bounds::read(those.iter().map(String::as_str), Vec::new());
                let one = bound();
                let each = those.iter().any(|other| !are_apart(&one, other));
                assert_eq!(all.may_meet(&one), each, "{one} and {those:?}");
            }
        }
    }
}
