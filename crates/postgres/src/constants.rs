//! The order of two constants of one type, as far as their texts tell: those of bounds, as they are written or as the
//! server prints them, and those that it prints in checks.

use std::cmp::Ordering;
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};
use underpin_sql::{Lexer, Token, TokenKind};

/// Types whose values are numbers, by the first word of their names.
const NUMBERS: [&str; 13] = [
    "smallint", "integer", "bigint", "int", "int2", "int4", "int8", "numeric", "decimal", "real", "double", "float4",
    "float8",
];
/// Numbers of up to so many digits before the point and behind it are exact, and fit an `i128`.
const WHOLE: usize = 20;
const FRACTION: usize = 18;

/// A constant that was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Constant<'a> {
    kind: Kind,
    /// Without its quotes and its type.
    text: &'a str,
    /// What the text says as a number, in units of its [`FRACTION`]th digit behind the point.
    number: Option<i128>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `MINVALUE`.
    Least,
    /// `MAXVALUE`.
    Most,
    /// Without quotes, or said to be of a type of numbers.
    Number,
    /// Of a type that the text does not tell, or of no numbers: the text `'10'` comes before `'9'`.
    Quoted,
    /// No plain constant, or one that a collation of its own is said of.
    Opaque,
}

impl<'a> Constant<'a> {
    /// Reads a constant, with its type behind it or without, in parentheses or not.
    pub(crate) fn read(text: &'a str) -> Self {
        let is_paren = |t: &Token| matches!(t.kind, TokenKind::OpenParen | TokenKind::CloseParen);
        let tokens: Vec<Token> = Lexer::new(text).filter(|t| !t.kind.is_trivia() && !is_paren(t)).collect();
        let cast = tokens.iter().position(|t| t.kind == TokenKind::TypeCast).unwrap_or(tokens.len());
        let of_type = tokens.get(cast + 1..).unwrap_or_default();
        let (mut kind, text_of) = match &tokens[..cast] {
            [one] => plain(one, one.text(text)),
            [sign, one] if sign.text(text) == "-" && one.kind == TokenKind::Number => {
                (Kind::Number, &text[sign.start..one.end])
            }
            _ => (Kind::Opaque, text),
        };
        // `5.7::integer` is another number.
        let is_rounded = kind == Kind::Number
            && text_of.contains('.')
            && !matches!(of_type.iter().map(|t| t.text(text)).collect::<Vec<_>>()[..], [] | ["numeric"]);
        let is_number = of_type.first().is_some_and(|t| NUMBERS.iter().any(|n| t.text(text).eq_ignore_ascii_case(n)));
        if is_rounded || !of_type.iter().all(|t| is_of_type(t, t.text(text))) {
            kind = Kind::Opaque;
        } else if kind == Kind::Quoted && is_number {
            kind = Kind::Number;
        }
        Self { kind, text: text_of, number: number(text_of) }
    }

    /// Reads a constant of a column of this type, as the server prints that: of numbers and of times with their offsets it prints texts in
    /// quotes, without a type.
    pub(crate) fn read_as(text: &'a str, type_name: Option<&str>) -> Self {
        let (read, type_name) = (Self::read(text), type_name.unwrap_or_default());
        if read.kind != Kind::Quoted {
            return read;
        }
        let is_number = type_name.split(['(', ' ']).next().is_some_and(|first| NUMBERS.contains(&first));
        let is_instant = type_name.starts_with("timestamp") && type_name.ends_with(" with time zone");
        match instant(read.text).filter(|_| is_instant) {
            Some(instant) => Self { kind: Kind::Number, number: Some(instant), ..read },
            None if is_number => Self { kind: Kind::Number, ..read },
            None => read,
        }
    }

    /// Whether it is `MINVALUE` or `MAXVALUE`.
    pub(crate) fn is_end(&self) -> bool {
        matches!(self.kind, Kind::Least | Kind::Most)
    }

    /// How two constants of one type stand to each other, where that can be told: the ends, numbers, and what is
    /// written alike.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        let end = |c: &Self| match c.kind {
            Kind::Least => -1,
            Kind::Most => 1,
            _ => 0,
        };
        match (end(self), end(other)) {
            (0, 0) => {}
            (a, b) => return Some(a.cmp(&b)),
        }
        if self.kind == Kind::Opaque || other.kind == Kind::Opaque {
            return None;
        }
        if self.text == other.text {
            return Some(Ordering::Equal);
        }
        if self.kind == Kind::Number || other.kind == Kind::Number {
            if let (Some(a), Some(b)) = (self.number, other.number) {
                return Some(a.cmp(&b));
            }
            // Rounding can make two of them equal, it cannot turn them round.
            let (a, b) = (self.text.parse::<f64>().ok()?, other.text.parse::<f64>().ok()?);
            return a.partial_cmp(&b).filter(|order| order.is_ne());
        }
        is_written_alike(self.text, other.text).then(|| self.text.cmp(other.text))
    }

    /// Whether both are of one set in which [`Self::compare`] orders every two.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (Kind::Number, Kind::Number) => self.number.is_some() && other.number.is_some(),
            (Kind::Quoted, Kind::Quoted) => is_written_alike(self.text, other.text),
            _ => false,
        }
    }
}

/// What a constant of one token is, and its text without quotes.
fn plain<'a>(token: &Token, text: &'a str) -> (Kind, &'a str) {
    match token.kind {
        TokenKind::Number => (Kind::Number, text),
        TokenKind::String if token.closed => (Kind::Quoted, &text[1..text.len() - 1]),
        TokenKind::EscapeString | TokenKind::BitString => (Kind::Quoted, text),
        TokenKind::Word if text.eq_ignore_ascii_case("MINVALUE") => (Kind::Least, text),
        TokenKind::Word if text.eq_ignore_ascii_case("MAXVALUE") => (Kind::Most, text),
        TokenKind::Word if matches!(text, "true" | "false") => (Kind::Quoted, text),
        _ => (Kind::Opaque, text),
    }
}

/// Whether a token behind `::` belongs to the name of a type.
fn is_of_type(token: &Token, text: &str) -> bool {
    use TokenKind::{CloseBracket, Comma, Dot, Number, OpenBracket, QuotedIdent, Word};
    match token.kind {
        // `COLLATE "C"`, `AT LOCAL`.
        Word => !["COLLATE", "AT"].iter().any(|word| text.eq_ignore_ascii_case(word)),
        QuotedIdent | Dot | Comma | Number | OpenBracket | CloseBracket => true,
        _ => false,
    }
}

/// The number that a text says without an exponent.
fn number(text: &str) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let are_digits = |text: &str, most: usize| text.len() <= most && text.bytes().all(|c| c.is_ascii_digit());
    if digits.is_empty() || !are_digits(digits, WHOLE) || !are_digits(fraction, FRACTION) {
        return None;
    }
    format!("{whole}{fraction:0<FRACTION$}").parse().ok()
}

/// The nanoseconds since 1970 of a time as `2026-01-31 09:00:00.5+05:30`; none of a year of other than four digits.
fn instant(text: &str) -> Option<i128> {
    let (day, rest) = text.split_once(' ')?;
    let at = rest.find(['+', '-'])?;
    let (clock, offset) = rest.split_at(at);
    let [year, month, day] = day.split('-').collect::<Vec<_>>()[..] else { return None };
    let (seconds, part) = clock.split_once('.').unwrap_or((clock, "0"));
    let [hour, minute, second] = seconds.split(':').collect::<Vec<_>>()[..] else { return None };
    let day = Date::from_calendar_date(
        year.parse().ok()?,
        Month::try_from(month.parse::<u8>().ok()?).ok()?,
        day.parse().ok()?,
    );
    let nanos = format!("{part:0<9}").parse().ok()?;
    let clock = Time::from_hms_nano(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?, nanos);
    let (sign, offset) = (if offset.starts_with('-') { -1 } else { 1 }, offset.get(1..)?);
    let mut parts = offset.split(':').map(|n| n.parse::<i8>().ok().map(|n| n * sign));
    let mut next = || parts.next().unwrap_or(Some(0));
    let offset = UtcOffset::from_hms(next()?, next()?, next()?).ok()?;
    let time = PrimitiveDateTime::new(day.ok()?, clock.ok()?);
    (year.len() == 4).then(|| time.assume_offset(offset).unix_timestamp_nanos())
}

/// Whether two texts have digits at the same places, and between them what days and times have: then their order is
/// that of their characters, be they days, times, texts or numbers. A time with an offset of its zone has none that its
/// text tells.
fn is_written_alike(a: &str, b: &str) -> bool {
    let same = |(a, b): (u8, u8)| (a.is_ascii_digit() && b.is_ascii_digit()) || (a == b && b"-: .".contains(&a));
    let has_offset = |text: &str| text.find(':').is_some_and(|at| text[at..].contains('-'));
    a.len() == b.len()
        && a.starts_with(|c: char| c.is_ascii_digit())
        && a.bytes().zip(b.bytes()).all(same)
        && !has_offset(a)
}

#[cfg(test)]
mod tests {
    use super::Constant;
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    fn compared(a: &str, b: &str) -> Option<Ordering> {
        let (a, b) = (Constant::read(a), Constant::read(b));
        let order = a.compare(&b);
        assert_eq!(b.compare(&a), order.map(Ordering::reverse), "{a:?} and {b:?}");
        assert!(!a.is_alike(&b) || order.is_some(), "{a:?} and {b:?}");
        order
    }

    #[test]
    fn constants_are_compared_as_far_as_their_texts_tell() {
        for (a, b, order) in [
            ("9", "10", Some(Less)),
            ("-9", "'-10'", Some(Greater)),
            ("(9)::numeric", "'9.00'", Some(Equal)),
            ("(9.5)::numeric", "9.50", Some(Equal)),
            ("(9.5)::integer", "9.5", None),
            ("9.55::numeric(3,1)", "9.55", None),
            ("'9'::bigint", "'10'", Some(Less)),
            ("('9'::bigint)", "'-10'::integer", Some(Greater)),
            // More digits than a float has.
            ("9007199254740993", "9007199254740992", Some(Greater)),
            ("0.1", "0.100000000000000001", Some(Less)),
            ("170141183460469231731687303715884105728", "170141183460469231731687303715884105729", None),
            ("170141183460469231731687303715884105728", "1", Some(Greater)),
            ("'1e+20'::double precision", "'1.5'", Some(Greater)),
            ("'Infinity'::double precision", "1", Some(Greater)),
            ("'NaN'::double precision", "1", None),
            // Of texts or of numbers, nobody knows.
            ("'9'", "'10'", None),
            ("'9'::text", "'10'", None),
            ("'10'", "'11'", Some(Less)),
            ("'10.5'", "'9.25'", None),
            ("'-10'", "'-11'", None),
            ("'a'", "'b'", None),
            ("'a::b'::text", "'a::c'", None),
            ("'a::b'::text", "'a::b'", Some(Equal)),
            ("'a'::text COLLATE \"C\"", "'a'", None),
            ("true", "true", Some(Equal)),
            ("'it''s'", "'it''s'", Some(Equal)),
            ("now()", "now()", None),
            ("5 + 1", "5 + 1", None),
            ("CURRENT_DATE", "CURRENT_DATE", None),
        ] {
            assert_eq!(compared(a, b), order, "{a} and {b}");
        }
    }

    #[test]
    fn types_tell_of_texts_in_quotes() {
        const ZONED: &str = "timestamp(3) with time zone";
        for (a, b, type_name, order) in [
            ("'9'", "'10'", "bigint", Some(Less)),
            ("'9.5'", "'10'", "numeric(10,2)", Some(Less)),
            ("'9'", "'10'", "text", None),
            ("'NaN'", "'10'", "numeric", None),
            ("'2026-03-29 00:00:00+01'", "'2026-03-30 00:00:00+02'", ZONED, Some(Less)),
            ("'2026-01-31 10:00:00+00'", "'2026-01-31 11:00:00+02'", ZONED, Some(Greater)),
            ("'2026-01-31 10:00:00+00'", "'2026-01-31 12:00:00+02'", ZONED, Some(Equal)),
            ("'2026-01-31 10:00:00.5-05:30'", "'2026-01-31 15:30:00.25+00'", ZONED, Some(Greater)),
            ("'infinity'", "'2026-01-31 10:00:00+00'", ZONED, None),
            ("'0044-03-15 00:00:00+00 BC'", "'2026-01-31 10:00:00+00'", ZONED, None),
            ("MINVALUE", "'2026-01-31 10:00:00+00'", ZONED, Some(Less)),
        ] {
            let [one, other] = [a, b].map(|text| Constant::read_as(text, Some(type_name)));
            assert_eq!(one.compare(&other), order, "{a} and {b} as {type_name}");
        }
    }

    #[test]
    fn ends_are_beyond_all_others() {
        for (a, b, order) in [
            ("MINVALUE", "-5", Some(Less)),
            ("MAXVALUE", "'zz'", Some(Greater)),
            ("minvalue", "MAXVALUE", Some(Less)),
            ("MINVALUE", "MINVALUE", Some(Equal)),
            ("'MINVALUE'", "'a'", None),
            ("MINVALUE", "'MINVALUE'", Some(Less)),
            ("MAXVALUE", "now()", Some(Greater)),
        ] {
            assert_eq!(compared(a, b), order, "{a} and {b}");
        }
    }

    #[test]
    fn days_and_times_are_compared_where_they_are_written_alike() {
        for (a, b, order) in [
            ("'2026-01-31'", "'2026-02-01'::date", Some(Less)),
            ("'2026-01-31'::date", "'2026-02-01 00:00:00'", None),
            ("'2026-01-31 00:00:00'", "'2026-01-31 00:00:00.5'", None),
            ("'2026-01-31 10:00:00'::timestamp without time zone", "'2026-01-31 09:59:59'", Some(Greater)),
            ("'10:00:00'", "'09:00:00'", Some(Greater)),
            ("'10:00:00-05'", "'09:00:00-08'", None),
            ("'2026-01-31 10:00:00+00'", "'2026-01-31 11:00:00+02'", None),
            ("'2026-01-31 10:00:00-05'", "'2026-01-31 09:00:00-08'", None),
            ("'2026-01-31 10:00:00+00'::timestamp with time zone", "'2026-01-31 10:00:00+00'", Some(Equal)),
            ("'0044-03-15 BC'", "'0043-03-15 BC'", None),
            ("'infinity'", "'-infinity'", None),
            ("'infinity'::date", "'2026-01-31'", None),
            ("'infinity'", "infinity", None),
            ("'10000-01-31'", "'2026-01-31'", None),
            ("'1 day'", "'2 day'", None),
            ("'2026-01-31'::date AT LOCAL", "'2026-01-31'", None),
        ] {
            assert_eq!(compared(a, b), order, "{a} and {b}");
        }
    }
}
