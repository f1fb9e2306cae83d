//! Days of the calendar, as names of what is put aside tell them.

use time::{Date, Duration, OffsetDateTime};

/// The day so many days from now, in UTC, as `20261231`.
pub(crate) fn after(days: u32) -> String {
    named(OffsetDateTime::now_utc().date(), days)
}

fn named(today: Date, days: u32) -> String {
    // A day beyond the calendar is its last.
    let day = today.checked_add(Duration::days(i64::from(days))).unwrap_or(Date::MAX);
    format!("{:04}{:02}{:02}", day.year(), u8::from(day.month()), day.day())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_named() {
        let day = |n: i32| Date::from_julian_day(2_440_588 + n).expect("a day");
        for (days, name) in
            [(0, "19700101"), (58, "19700228"), (11_016, "20000229"), (20_778, "20261121"), (47_541, "21000301")]
        {
            assert_eq!(named(day(days), 0), name);
        }
        assert_eq!(named(day(20_778), 30), "20261221");
        assert_eq!(named(day(0), u32::MAX), "99991231");
    }
}
