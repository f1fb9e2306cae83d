//! What becomes of the values of enums that lose some or have them in another order.

use crate::objects::Enum;
use underpin_sql::quote;

/// The enum that a column of that type has values of, be they single or in arrays.
#[must_use]
pub fn element(type_name: &str) -> &str {
    type_name.strip_suffix("[]").unwrap_or(type_name)
}

/// The value of an enum's column, or of one of arrays of it, in its new type.
#[must_use]
pub fn mapped(value: &str, pairs: &[(String, String)], type_name: &str) -> String {
    if !type_name.ends_with("[]") {
        return mapped_one(value, pairs, type_name);
    }
    let mut text = format!("({value})::text[]");
    let mut replace = |old: &str, new: &str| {
        text = format!("pg_catalog.array_replace({text}, {}, {})", quote::literal(old), quote::literal(new));
    };
    // One after the other: a value that another one becomes has to be gone by then. Of values that change places one waits
    // under a name that no value can have.
    let mut left: Vec<(String, String)> = pairs.iter().filter(|(old, new)| old != new).cloned().collect();
    let mut waiting = 0;
    while let Some((old, _)) = left.first().cloned() {
        let is_free = |(_, new): &(String, String)| !left.iter().any(|(old, _)| old == new);
        if let Some(next) = left.iter().position(is_free) {
            let (old, new) = left.remove(next);
            replace(&old, &new);
        } else {
            let aside = format!("{:_<64}{waiting}", super::road::ASIDE);
            replace(&old, &aside);
            left[0].0 = aside;
            waiting += 1;
        }
    }
    text = format!("({text})::{type_name}");
    text
}

fn mapped_one(value: &str, pairs: &[(String, String)], type_name: &str) -> String {
    let whens: String =
        pairs.iter().map(|(old, new)| format!(" WHEN {} THEN {}", quote::literal(old), quote::literal(new))).collect();
    if whens.is_empty() {
        format!("({value})::text::{type_name}")
    } else {
        format!("(CASE ({value})::text{whens} ELSE ({value})::text END)::{type_name}")
    }
}

/// Whether values of an enum go, or come in another order.
pub(super) fn is_remade(old: &Enum, new: &Enum) -> bool {
    let mut wanted = new.labels.iter();
    !old.labels.iter().all(|label| wanted.any(|w| w == label))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_arrays_change_places() {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
        };
        let plain = |text: String| text.replace("pg_catalog.array_replace", "r").replace('_', "");
        assert_eq!(
            plain(mapped("v", &pairs(&[("a", "b"), ("b", "c")]), "t[]")),
            "(r(r((v)::text[], 'b', 'c'), 'a', 'b'))::t[]"
        );
        assert_eq!(
            plain(mapped("v", &pairs(&[("a", "b"), ("b", "a")]), "t[]")),
            "(r(r(r((v)::text[], 'a', 'underpin0'), 'b', 'a'), 'underpin0', 'b'))::t[]"
        );
    }
}
