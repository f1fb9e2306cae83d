//! Whether valid checks prove what the server would else read a table for: that a column has no NULL, that all rows are
//! within a partition's bound, or all outside of it. Less is proved here than the server can; what is not proved counts
//! as read.

use super::around::{Column, Relation};
use crate::bound::Bound;
use crate::constants::Constant;
use std::cmp::Ordering;

/// Without parentheses around the whole.
fn bare(mut text: &str) -> &str {
    loop {
        text = text.trim();
        let Some(inner) = text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) else { return text };
        let mut depth = 0i32;
        let mut quoted = false;
        for c in inner.chars() {
            match c {
                '\'' => quoted = !quoted,
                '(' if !quoted => depth += 1,
                ')' if !quoted => depth -= 1,
                _ => {}
            }
            if depth < 0 {
                return text;
            }
        }
        text = inner;
    }
}

/// The parts that `AND` or `OR` ties at the top of an expression, as the server prints it, and in those parts again.
fn parts<'a>(text: &'a str, word: &str, found: &mut Vec<&'a str>) {
    let text = bare(text);
    let (mut depth, mut quoted, mut start, mut split) = (0i32, false, 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ if depth == 0 && !quoted && text[at..].starts_with(word) => {
                parts(&text[start..at], word, found);
                start = at + word.len();
                split = true;
            }
            _ => {}
        }
    }
    if split {
        parts(&text[start..], word, found);
    } else {
        found.push(text);
    }
}

fn valid_checks<'a>(table: &'a Relation, but: &'a [String]) -> impl Iterator<Item = &'a str> {
    let holds = |c: &&super::around::Constraint| c.kind == 'c' && c.valid && c.enforced && !but.contains(&c.name);
    table.checks.iter().filter(holds).map(|c| c.expression.as_str())
}

/// Whether a valid check, other than those that the same statement drops, says that the column is not NULL.
pub(crate) fn proves_not_null(table: &Relation, column: &str, dropped: &[String]) -> bool {
    let column = underpin_sql::quote::ident(column);
    let wanted = [format!("{column} IS NOT NULL"), format!("{column} IS DISTINCT FROM NULL")];
    let mut found = Vec::new();
    for check in valid_checks(table, dropped) {
        parts(check, " AND ", &mut found);
    }
    wanted.iter().any(|text| found.contains(&text.as_str()))
}

/// A bound of one range.
struct Range<'a> {
    from: Option<Constant<'a>>,
    to: Option<Constant<'a>>,
}

/// The column and range of `RANGE (k)` and `FOR VALUES FROM (a) TO (b)`, of one plain column.
fn range<'a>(key: &'a str, bound: &'a str) -> Option<(&'a str, Range<'a>)> {
    let column = key.strip_prefix("RANGE (")?.strip_suffix(')')?;
    if column.contains([',', '(', ' ']) {
        return None;
    }
    let Some(Bound::Range { from, to }) = Bound::read(bound) else { return None };
    let end = |values: &[&'a str]| match values {
        [one] => Some(Constant::read(one)),
        _ => None,
    };
    let inner = |end: Constant<'a>| (!end.is_end()).then_some(end);
    Some((column, Range { from: inner(end(&from)?), to: inner(end(&to)?) }))
}

/// A comparison of the column with a constant, by its operator.
fn against<'a>(part: &'a str, column: &str, operator: &str) -> Option<&'a str> {
    part.strip_prefix(column)?.strip_prefix(' ')?.strip_prefix(operator)?.strip_prefix(' ')
}

/// Whether the order of a constant and an end can be told, and is one of those.
fn stands(text: &str, end: &Constant<'_>, order: fn(Ordering) -> bool) -> bool {
    Constant::read(text).compare(end).is_some_and(order)
}

/// Whether valid checks prove that every row of the table is within the bound.
pub(crate) fn proves_within(table: &Relation, key: &str, bound: &str) -> bool {
    let mut found = Vec::new();
    for check in valid_checks(table, &[]) {
        parts(check, " AND ", &mut found);
    }
    let Some((column, range)) = range(key, bound) else { return false };
    let not_null = |c: &Column| underpin_sql::quote::ident(&c.name) == column && c.not_null;
    let no_null = table.columns.iter().any(not_null) || found.iter().any(|p| *p == format!("{column} IS NOT NULL"));
    let at_least = |least: Constant<'_>| {
        found.iter().filter_map(|p| against(p, column, ">=")).any(|v| stands(v, &least, Ordering::is_ge))
    };
    let below = |most: Constant<'_>| {
        found.iter().filter_map(|p| against(p, column, "<")).any(|v| stands(v, &most, Ordering::is_le))
    };
    no_null && range.from.is_none_or(at_least) && range.to.is_none_or(below)
}

/// Whether valid checks prove that no row of the table is within the bound.
pub(crate) fn proves_outside(table: &Relation, key: &str, bound: &str) -> bool {
    let Some((column, range)) = range(key, bound) else { return false };
    let Some(from) = range.from else { return false };
    valid_checks(table, &[]).any(|check| {
        let mut conjuncts = Vec::new();
        parts(check, " AND ", &mut conjuncts);
        conjuncts.iter().any(|c| {
            let mut found = Vec::new();
            parts(c, " OR ", &mut found);
            found.iter().all(|part| {
                *part == format!("{column} IS NULL")
                    || against(part, column, "<").is_some_and(|v| stands(v, &from, Ordering::is_le))
                    || against(part, column, ">=")
                        .is_some_and(|v| range.to.is_some_and(|to| stands(v, &to, Ordering::is_ge)))
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::around::Constraint;

    fn table(check: &str) -> Relation {
        let constraint = Constraint {
            name: "c".to_owned(),
            kind: 'c',
            table: 1,
            valid: true,
            enforced: true,
            referenced: 0,
            columns: Vec::new(),
            referenced_columns: Vec::new(),
            index: 0,
            expression: check.to_owned(),
        };
        Relation { checks: vec![constraint], ..Relation::default() }
    }

    #[test]
    fn checks_prove_bounds() {
        let within = |check| proves_within(&table(check), "RANGE (k)", "FOR VALUES FROM (200) TO (300)");
        assert!(within("((k IS NOT NULL) AND (k >= 200) AND (k < 300))"));
        assert!(within("((k IS NOT NULL) AND (k >= 250) AND (k < 260))"));
        assert!(!within("((k >= 200) AND (k < 300))"));
        assert!(!within("((k IS NOT NULL) AND (k >= 100) AND (k < 300))"));
        let outside = |check| proves_outside(&table(check), "RANGE (k)", "FOR VALUES FROM (200) TO (300)");
        assert!(outside("((k IS NULL) OR (k < 200) OR (k >= 300))"));
        assert!(!outside("((k IS NULL) OR (k < 250) OR (k >= 300))"));
    }

    #[test]
    fn checks_prove_bounds_of_other_types_than_numbers() {
        let within = |check, bound| proves_within(&table(check), "RANGE (k)", bound);
        let days = "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')";
        assert!(within("((k IS NOT NULL) AND (k >= '2026-01-10'::date) AND (k < '2026-01-20'::date))", days));
        assert!(!within("((k IS NOT NULL) AND (k >= '2026-01-10'::date) AND (k < 'infinity'::date))", days));
        assert!(within(
            "((k IS NOT NULL) AND (k < '2026-01-20'::date))",
            "for values from (minvalue) to ('2026-02-01')"
        ));
        // Of texts, '5' is beyond '10'.
        let texts = "FOR VALUES FROM ('1') TO ('10')";
        assert!(!within("((k IS NOT NULL) AND (k >= '1'::text) AND (k < '5'::text))", texts));
        assert!(within("((k IS NOT NULL) AND (k >= '1'::bigint) AND (k < '5'::bigint))", texts));
        assert!(within("((k IS NOT NULL) AND (k >= 1) AND (k < 5))", texts));
        // The offset of the zone is another one in summer.
        let times = "FOR VALUES FROM ('2026-01-01 00:00:00+01') TO ('2026-07-01 01:00:00+02')";
        let check = "((k IS NOT NULL) AND (k >= '2026-01-01 00:00:00+01'::timestamp with time zone) \
                     AND (k < '2026-07-01 00:30:00+01'::timestamp with time zone))";
        assert!(!within(check, times));
        // Words of the bound stand in its values too.
        let words = "FOR VALUES FROM ('a FROM b TO c') TO ('x')";
        assert!(within("((k IS NOT NULL) AND (k >= 'a FROM b TO c'::text) AND (k < 'x'::text))", words));
    }

    #[test]
    fn checks_prove_that_there_is_no_null() {
        assert!(proves_not_null(&table("((a IS NOT NULL) AND (a > 0))"), "a", &[]));
        assert!(!proves_not_null(&table("((a IS NOT NULL) OR (a > 0))"), "a", &[]));
        assert!(!proves_not_null(&table("(a IS NOT NULL)"), "a", &["c".to_owned()]));
    }
}
