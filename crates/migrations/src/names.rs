//! Names and versions: of new migrations, and as they are read.

use time::format_description::StaticFormatDescription;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// How a version of 14 digits says a time.
const STAMP: StaticFormatDescription = format_description!("[year][month][day][hour][minute][second]");

/// A name that every tool takes: lower case letters of ASCII, digits and single `_`, at most 60.
#[must_use]
pub fn slug(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    out.truncate(60);
    out.trim_end_matches('_').to_owned()
}

/// Versions of 14 digits (`20261122103000`, UTC), one for each of `count` new migrations: `now`, or a second after the greatest
/// that is there, and a second apart. Greatest is by the time that it says, of those that are 14 digits.
#[must_use]
pub fn next_stamp<'a>(there: impl Iterator<Item = &'a str>, count: usize, now: OffsetDateTime) -> Vec<String> {
    let last = there.filter(|v| v.len() == 14).filter_map(time_of).max().map(|last| last + Duration::SECOND);
    let first = last.map_or(now, |last| last.max(now));
    let at = |n: usize| first + Duration::seconds(i64::try_from(n).unwrap_or(0));
    (0..count).map(|n| at(n).format(STAMP).unwrap_or_default()).collect()
}

/// The time that 14 digits say.
pub(crate) fn time_of(stamp: &str) -> Option<OffsetDateTime> {
    Some(PrimitiveDateTime::parse(stamp, STAMP).ok()?.assume_utc())
}

/// Whether a text is so many digits, and nothing else.
pub(crate) fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

/// Version and name of `0003_name`; what has no digits before its first `_` is a version without a name.
pub(crate) fn numbered(stem: &str) -> (&str, &str) {
    match stem.split_once('_') {
        Some((version, name)) if !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit()) => (version, name),
        _ => (stem, ""),
    }
}

/// Numbers, one for each of `count` new migrations, behind the greatest that is there, with as many digits as the last one has
/// and `digits` where there is none. Versions that are no numbers do not count.
#[must_use]
pub fn next_number<'a>(there: impl Iterator<Item = &'a str>, count: usize, digits: usize) -> Vec<String> {
    let (mut greatest, mut width) = (0, digits);
    for version in there {
        if let Ok(n) = version.parse::<u64>()
            && n >= greatest
        {
            (greatest, width) = (n, version.len());
        }
    }
    (1..=count as u64).map(|n| format!("{:0width$}", greatest + n)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn names_become_what_every_tool_takes() {
        assert_eq!(slug("Add e-mail (norm.)"), "add_e_mail_norm");
        assert_eq!(slug("ÄÖ__x"), "x");
        assert_eq!(slug(&"a".repeat(99)).len(), 60);
    }

    #[test]
    fn versions_are_greater_than_all_that_are_there() {
        let now = datetime!(2026-11-22 10:30:00 UTC);
        assert_eq!(next_stamp(std::iter::empty(), 2, now), ["20261122103000", "20261122103001"]);
        let there = ["20270101000059", "20260101000000", "99", "20261399000000"];
        assert_eq!(next_stamp(there.into_iter(), 2, now), ["20270101000100", "20270101000101"]);
        assert_eq!(next_number(["0009", "x", "0003"].into_iter(), 2, 6), ["0010", "0011"]);
        assert_eq!(next_number(std::iter::empty(), 1, 6), ["000001"]);
        assert_eq!(next_number(["9"].into_iter(), 1, 6), ["10"]);
    }
}
