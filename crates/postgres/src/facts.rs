//! What a change of a column's type makes the server do, as rows of facts. What no row knows counts as the worst.

use crate::objects::base_type;
use underpin_model::Work;

/// A change of type that only touches the catalog, by base types; the same type counts where its modifier widens.
struct Free {
    from: &'static str,
    to: &'static str,
    /// Whether the modifiers have to widen, or the new type has none.
    widens: bool,
}

/// Read off PostgreSQL 12 to 18 by comparing `relfilenode` before and after each statement; the manual says so of types
/// that are binary coercible or wider (ALTER TABLE, notes).
const FREE: &[Free] = &[
    Free { from: "character varying", to: "character varying", widens: true },
    Free { from: "character varying", to: "text", widens: false },
    Free { from: "text", to: "character varying", widens: true },
    Free { from: "numeric", to: "numeric", widens: true },
    Free { from: "bit varying", to: "bit varying", widens: true },
    Free { from: "bit", to: "bit varying", widens: true },
    Free { from: "time without time zone", to: "time without time zone", widens: true },
    Free { from: "timestamp without time zone", to: "timestamp without time zone", widens: true },
    Free { from: "timestamp with time zone", to: "timestamp with time zone", widens: true },
    Free { from: "interval", to: "interval", widens: true },
    Free { from: "cidr", to: "inet", widens: false },
    Free { from: "integer", to: "oid", widens: false },
    Free { from: "integer", to: "regclass", widens: false },
    Free { from: "xml", to: "text", widens: false },
];

/// The numbers between the parentheses of a type's name.
fn modifiers(name: &str) -> Vec<i32> {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map_or("", |(inner, _)| inner);
    inner.split(',').filter_map(|n| n.trim().parse().ok()).collect()
}

/// Whether a modifier allows all that another allows: none, or one that is at least as wide with the same scale.
fn widens(from: &str, to: &str) -> bool {
    match (modifiers(from).as_slice(), modifiers(to).as_slice()) {
        (_, []) => true,
        ([], _) => false,
        ([a, from_scale @ ..], [b, to_scale @ ..]) => b >= a && from_scale == to_scale,
    }
}

/// The work of `ALTER COLUMN … TYPE` from one type to another, without an expression of the user's.
#[must_use]
pub(crate) fn work_of_type_change(from: &str, to: &str) -> Work {
    let array = |name: &str| name.ends_with("[]");
    let free =
        FREE.iter().any(|f| f.from == base_type(from) && f.to == base_type(to) && (!f.widens || widens(from, to)));
    if from == to || (free && !array(from) && !array(to)) { Work::Instant } else { Work::Rewrite }
}

/// Whether both types are `bit(n)`, whose values the server lengthens and cuts by explicit casts only (manual, 8.10).
#[must_use]
pub(crate) fn is_fixed_bits(from: &str, to: &str) -> bool {
    base_type(from) == "bit" && base_type(to) == "bit"
}

/// How many bits a change of `bit(n)` adds to the end of every value, where it does.
#[must_use]
pub(crate) fn bits_added(from: &str, to: &str) -> Option<i32> {
    let added = bits(&modifiers(to)) - bits(&modifiers(from));
    (is_fixed_bits(from, to) && added > 0).then_some(added)
}

/// `bit` alone is `bit(1)`.
fn bits(modifiers: &[i32]) -> i32 {
    modifiers.first().copied().unwrap_or(1)
}

/// What a change of type silently takes from values, in words; none where values stay what they are or where the server
/// refuses those that do not fit (manual, chapter 8; measured on PostgreSQL 15).
#[must_use]
pub(crate) fn loss_of_type_change(from: &str, to: &str) -> Option<String> {
    let (from, to) = (from.strip_suffix("[]").unwrap_or(from), to.strip_suffix("[]").unwrap_or(to));
    let (a, b) = (base_type(from), base_type(to));
    let (old, new) = (modifiers(from), modifiers(to));
    let integer = |name: &str| ["smallint", "integer", "bigint"].contains(&name);
    let float = |name: &str| ["real", "double precision"].contains(&name);
    let stamp = |name: &str| name.starts_with("timestamp ");
    let time = |name: &str| name.starts_with("time ");
    match (a.as_str(), b.as_str()) {
        ("bit", "bit") => {
            let lost = bits(&old) - bits(&new);
            (lost > 0).then(|| format!("the last {lost} bits are cut off"))
        }
        (a, b) if (a == "numeric" || float(a)) && integer(b) => Some("the fraction is rounded away".to_owned()),
        ("numeric", b) if float(b) => Some(format!("digits beyond the precision of {b} are lost")),
        ("double precision", "real") => Some("digits beyond the precision of real are lost".to_owned()),
        (a, "numeric") if float(a) || a == "numeric" => {
            let [_, scale @ ..] = new.as_slice() else { return None };
            let scale = scale.first().copied().unwrap_or(0);
            // numeric(p) has no digits behind the point; numeric alone has as many as a value has.
            let had = match old.as_slice() {
                [] => i32::MAX,
                [_] => 0,
                [_, scale, ..] => *scale,
            };
            (scale < had).then(|| format!("what is behind {scale} digits after the point is rounded away"))
        }
        (a, "date") if stamp(a) => Some("the time of day is lost".to_owned()),
        (a, b) if stamp(a) && time(b) => Some("the date is lost".to_owned()),
        ("time with time zone", "time without time zone") => Some("the time zone is lost".to_owned()),
        (a, b) if (stamp(a) && stamp(b)) || (time(a) && time(b)) || (a == "interval" && b == "interval") => {
            let digits = |list: &[i32]| list.first().copied().unwrap_or(6);
            (digits(&new) < digits(&old)).then(|| format!("seconds are rounded to {} digits", digits(&new)))
        }
        ("json", "jsonb") => Some("the order of keys, and all but the last of equal ones, are lost".to_owned()),
        (a, "\"char\"") if a != "\"char\"" => Some("all but the first byte is lost".to_owned()),
        (a, "name") if a != "name" => Some("what is behind 63 bytes is cut off".to_owned()),
        (a, "boolean") if integer(a) => Some("which number it was is lost".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_lost() {
        for (from, to) in [
            ("bit(8)", "bit(4)"),
            ("numeric(12,4)", "numeric(12,2)"),
            ("numeric", "numeric(12,2)"),
            ("numeric(12,4)", "numeric(12)"),
            ("numeric(12,4)[]", "bigint[]"),
            ("double precision", "real"),
            ("timestamp with time zone", "date"),
            ("timestamp without time zone", "timestamp(0) without time zone"),
            ("json", "jsonb"),
            ("text", "\"char\""),
        ] {
            assert!(loss_of_type_change(from, to).is_some(), "{from} to {to}");
        }
        for (from, to) in [
            ("bit(8)", "bit(16)"),
            ("numeric(12,2)", "numeric(10,2)"),
            ("numeric(12,2)", "numeric"),
            ("character varying(80)", "character varying(40)"),
            ("integer", "numeric(10,2)"),
            ("date", "timestamp with time zone"),
            ("bigint", "integer"),
        ] {
            assert!(loss_of_type_change(from, to).is_none(), "{from} to {to}");
        }
    }

    #[test]
    fn knows_what_is_free() {
        assert_eq!(work_of_type_change("character varying(40)", "character varying(80)"), Work::Instant);
        assert_eq!(work_of_type_change("character varying(80)", "character varying(40)"), Work::Rewrite);
        assert_eq!(work_of_type_change("character varying(80)", "text"), Work::Instant);
        assert_eq!(work_of_type_change("text", "character varying(40)"), Work::Rewrite);
        assert_eq!(work_of_type_change("numeric(10,2)", "numeric(12,2)"), Work::Instant);
        assert_eq!(work_of_type_change("numeric(10,2)", "numeric(12,3)"), Work::Rewrite);
        assert_eq!(work_of_type_change("integer", "bigint"), Work::Rewrite);
        assert_eq!(work_of_type_change("character varying(10)[]", "text[]"), Work::Rewrite);
    }
}
