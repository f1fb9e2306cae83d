//! What changes of a column's type make the server do, as rows of facts. What no row knows counts as the worst. Each is asked of
//! real servers by `tests/facts.rs`.

use crate::PgObject;
use crate::objects::{ConstraintKind, base_type};
use underpin_model::Work;

/// A change of type that only touches the catalog, by base types; the same type counts where its modifier widens.
struct Free {
    from: &'static str,
    to: &'static str,
    /// What the modifiers have to do.
    modifier: Modifier,
    /// Whether indexes on the column stay as they are: the operators of both types are the same.
    keeps_indexes: bool,
}

/// What the modifiers of two types have to do for a change to be free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Modifier {
    /// Nothing.
    Any,
    /// The new one is none, or allows all that the old one does.
    Widens,
    /// The new type has none.
    Goes,
}

/// Read off PostgreSQL 12 to 18 by comparing `relfilenode` before and after each statement; the manual says so of types
/// that are binary coercible or wider (ALTER TABLE, notes).
const FREE: &[Free] = &[
    Free { from: "character varying", to: "character varying", modifier: Modifier::Widens, keeps_indexes: true },
    Free { from: "character varying", to: "text", modifier: Modifier::Any, keeps_indexes: true },
    Free { from: "text", to: "character varying", modifier: Modifier::Widens, keeps_indexes: true },
    Free { from: "numeric", to: "numeric", modifier: Modifier::Widens, keeps_indexes: true },
    Free { from: "bit varying", to: "bit varying", modifier: Modifier::Widens, keeps_indexes: true },
    Free { from: "bit", to: "bit varying", modifier: Modifier::Goes, keeps_indexes: false },
    Free {
        from: "time without time zone",
        to: "time without time zone",
        modifier: Modifier::Widens,
        keeps_indexes: true,
    },
    Free {
        from: "timestamp without time zone",
        to: "timestamp without time zone",
        modifier: Modifier::Widens,
        keeps_indexes: true,
    },
    Free {
        from: "timestamp with time zone",
        to: "timestamp with time zone",
        modifier: Modifier::Widens,
        keeps_indexes: true,
    },
    Free { from: "interval", to: "interval", modifier: Modifier::Widens, keeps_indexes: true },
    Free { from: "cidr", to: "inet", modifier: Modifier::Any, keeps_indexes: true },
    Free { from: "integer", to: "oid", modifier: Modifier::Any, keeps_indexes: false },
    Free { from: "integer", to: "regclass", modifier: Modifier::Any, keeps_indexes: false },
    Free { from: "oid", to: "integer", modifier: Modifier::Any, keeps_indexes: false },
    Free { from: "oid", to: "regclass", modifier: Modifier::Any, keeps_indexes: true },
    Free { from: "xml", to: "text", modifier: Modifier::Any, keeps_indexes: true },
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
        // Six digits of a second are what a time has anyway.
        ([], [6]) => base_type(from) == base_type(to) && (from.starts_with("time") || from == "interval"),
        ([], _) => false,
        ([a, from_scale @ ..], [b, to_scale @ ..]) => b >= a && from_scale == to_scale,
    }
}

/// What stands on a column and has to be looked at when its type changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// An index of plain columns.
    pub indexed: bool,
    /// An index with expressions or a condition, of which the server does not try to know whether it stays the same
    /// (`CheckIndexCompatible`, commands/indexcmds.c).
    pub computed_index: bool,
    /// A check, which is made anew and checked.
    pub checked: bool,
}

impl Standing {
    /// What an index or a constraint means for the columns that it is about.
    pub(crate) fn of(object: &PgObject) -> Self {
        let mut on = Self::default();
        match object {
            PgObject::Index(index) => {
                // The list of columns is in the first parentheses; in others are expressions, or a condition follows.
                let list = index.definition.split_once('(').map_or("", |(_, rest)| rest);
                let computed = list.contains('(') || list.contains(" WHERE ");
                on.computed_index = computed;
                on.indexed = !computed;
            }
            PgObject::Constraint(c) => match c.kind {
                // One that is not proved is not checked again.
                ConstraintKind::Check => on.checked = c.valid && c.enforced,
                ConstraintKind::Foreign => {}
                ConstraintKind::Exclude => on.computed_index = true,
                ConstraintKind::Unique | ConstraintKind::Primary => on.indexed = true,
            },
            _ => {}
        }
        on
    }
}

/// The work of `ALTER COLUMN … TYPE` from one type to another, without an expression of the user's. `same_collation` tells whether
/// the collation stays.
#[must_use]
pub(crate) fn work_of_type_change(from: &str, to: &str, same_collation: bool, on: Standing) -> Work {
    let array = |name: &str| name.ends_with("[]");
    let fits = |f: &&Free| match f.modifier {
        Modifier::Any => true,
        Modifier::Widens => widens(from, to),
        Modifier::Goes => modifiers(to).is_empty(),
    };
    let free = FREE.iter().filter(|f| f.from == base_type(from) && f.to == base_type(to)).find(fits);
    let keeps_indexes = match free {
        _ if from == to => same_collation,
        Some(free) if !array(from) && !array(to) => free.keeps_indexes && same_collation,
        _ => return Work::Rewrite,
    };
    if on.computed_index || (on.indexed && !keeps_indexes) {
        Work::Rewrite
    } else if on.checked {
        Work::Scan
    } else {
        Work::Instant
    }
}

/// What a change of type does on a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeChange {
    /// Whether the values are written anew.
    pub rewrites: bool,
    /// Whether indexes of plain columns keep their files.
    pub keeps_indexes: bool,
}

impl TypeChange {
    /// Nothing is known of it.
    pub const UNKNOWN: Self = Self { rewrites: true, keeps_indexes: false };
}

/// Whether a session's time zone is one that the server knows to be UTC for ever, so that times with and without zone are the
/// same (`TimestampTimestampTzRequiresRewrite`, utils/adt/timestamp.c). Zones that only happen to be the same do not count.
#[must_use]
pub fn is_utc(zone: &str) -> bool {
    ["UTC", "GMT", "Etc/UTC", "Etc/GMT", "<+00>-00", "Etc/UCT", "UCT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"]
        .iter()
        .any(|z| zone.eq_ignore_ascii_case(z))
}

/// Whether one type is a local time and the other an instant.
fn is_between_stamps(from: &str, to: &str) -> bool {
    let stamps = ["timestamp without time zone", "timestamp with time zone"];
    let (a, b) = (base_type(from), base_type(to));
    a != b && stamps.contains(&a.as_str()) && stamps.contains(&b.as_str())
}

/// Whether a change between times with and without a zone leaves every value as it is where the zone is UTC: the new
/// type cuts no digits.
#[must_use]
pub(crate) fn swaps_time_zone(from: &str, to: &str) -> bool {
    is_between_stamps(from, to) && matches!(modifiers(to).as_slice(), [] | [6])
}

/// What a change from one printed type to another does, with the conversion that goes without saying. `same_collation` tells
/// whether the collation stays, `utc` whether the session's time zone is UTC, `binary` whether the server has a cast between
/// the two that leaves the values as they are (`pg_cast.castmethod`).
pub(crate) fn type_change(from: &str, to: &str, same_collation: bool, utc: bool, binary: bool) -> TypeChange {
    if from == to {
        return TypeChange { rewrites: false, keeps_indexes: same_collation };
    }
    let (a, b) = (base_type(from), base_type(to));
    // Fields of an interval only cut what is put in.
    if a.starts_with("interval ") && b == "interval" && modifiers(to).is_empty() {
        return TypeChange { rewrites: false, keeps_indexes: same_collation };
    }
    if utc && is_between_stamps(from, to) {
        return TypeChange { rewrites: !swaps_time_zone(from, to), keeps_indexes: false };
    }
    match work_of_type_change(from, to, same_collation, Standing::default()) {
        Work::Instant => {
            let indexed = Standing { indexed: true, ..Standing::default() };
            let keeps = work_of_type_change(from, to, same_collation, indexed) == Work::Instant;
            TypeChange { rewrites: false, keeps_indexes: keeps }
        }
        Work::Scan | Work::Rewrite if binary && modifiers(to).is_empty() => {
            TypeChange { rewrites: false, keeps_indexes: false }
        }
        Work::Scan | Work::Rewrite => TypeChange::UNKNOWN,
    }
}

/// Functions of the server that are not volatile and that defaults are often made of; `now()` is stable, so that one value does for
/// all rows (manual, ALTER TABLE, notes).
const STEADY: &[&str] = &[
    "now",
    "transaction_timestamp",
    "statement_timestamp",
    "timezone",
    "date_trunc",
    "date_part",
    "make_interval",
    "make_date",
    "upper",
    "lower",
    "btrim",
    "concat",
    "md5",
    "current_setting",
    "txid_current",
    "to_char",
    "to_date",
    "jsonb_build_object",
    "jsonb_build_array",
    "json_build_object",
    "json_build_array",
    "EXTRACT",
    "COALESCE",
    "NULLIF",
];

/// Whether a default may give every row a value of its own, so that a column with it has to be written into every row. A call of a
/// function that is not known to be steady counts as one that does.
#[must_use]
pub(crate) fn may_be_volatile(expression: &str) -> bool {
    let bytes = expression.as_bytes();
    let mut quoted = false;
    for (at, &c) in bytes.iter().enumerate() {
        match c {
            b'\'' => quoted = !quoted,
            b'(' if !quoted => {
                let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'"' | b'.' | b'$');
                let start = bytes[..at].iter().rposition(|b| !is_word(b)).map_or(0, |p| p + 1);
                let word = &expression[start..at];
                // A type's modifier behind a cast is no call.
                let behind = expression[..start].rsplit_once("::").map(|(_, behind)| behind);
                let cast = behind.is_some_and(|b| b.chars().all(|c| c.is_ascii_alphabetic() || c == ' '));
                if !word.is_empty() && !cast && !STEADY.contains(&word) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
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
        let change = |from, to| work_of_type_change(from, to, true, Standing::default());
        assert_eq!(change("character varying(40)", "character varying(80)"), Work::Instant);
        assert_eq!(change("character varying(80)", "character varying(40)"), Work::Rewrite);
        assert_eq!(change("character varying(80)", "text"), Work::Instant);
        assert_eq!(change("text", "character varying(40)"), Work::Rewrite);
        assert_eq!(change("numeric(10,2)", "numeric(12,2)"), Work::Instant);
        assert_eq!(change("numeric(10,2)", "numeric(12,3)"), Work::Rewrite);
        assert_eq!(change("integer", "bigint"), Work::Rewrite);
        assert_eq!(change("character varying(10)[]", "text[]"), Work::Rewrite);
    }

    #[test]
    fn knows_what_stands_on_a_column() {
        let on = |indexed, computed_index, checked| Standing { indexed, computed_index, checked };
        let change = |to, on| work_of_type_change("character varying(4)", to, true, on);
        assert_eq!(change("text", on(true, false, false)), Work::Instant);
        assert_eq!(change("text", on(false, true, false)), Work::Rewrite);
        assert_eq!(change("text", on(false, false, true)), Work::Scan);
        assert_eq!(work_of_type_change("text", "text", false, on(true, false, false)), Work::Rewrite);
        assert_eq!(work_of_type_change("integer", "oid", true, on(true, false, false)), Work::Rewrite);
    }

    #[test]
    fn knows_what_may_differ_from_row_to_row() {
        for steady in ["7", "'f(x)'::text", "now()", "(1 + 2)", "('x'::character varying(3))", "CURRENT_DATE"] {
            assert!(!may_be_volatile(steady), "{steady}");
        }
        for volatile in ["random()", "nextval('s'::regclass)", "public.f(1)", "(1 + f(2))", "gen_random_uuid()"] {
            assert!(may_be_volatile(volatile), "{volatile}");
        }
    }
}
