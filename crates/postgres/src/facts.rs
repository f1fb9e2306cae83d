//! What changes of a column make the server do, as rows of facts. What no row knows counts as the worst. Each is asked of real
//! servers by `tests/facts.rs`.

use crate::objects::base_type;
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
        ([], [6]) => base_type(from) == base_type(to) && from.starts_with("time"),
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

#[cfg(test)]
mod tests {
    use super::*;

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
