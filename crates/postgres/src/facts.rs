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

#[cfg(test)]
mod tests {
    use super::*;

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
