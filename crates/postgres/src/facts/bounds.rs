//! Whether valid checks prove what the server would else read a table for: that a column has no NULL, that all rows are within a
//! partition's bound, or all outside of it. Less is proved here than the server can; what is not proved counts as read.

use super::around::{Column, Relation};
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

/// A constant without its quotes and its type.
fn constant(text: &str) -> &str {
    let text = bare(text);
    let text = text.split("::").next().unwrap_or(text);
    bare(text).trim_matches('\'')
}

/// How two constants stand to each other, where that can be told: numbers, and dates that are written alike.
fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (constant(a), constant(b));
    if a == b {
        return Some(Ordering::Equal);
    }
    if let (Ok(a), Ok(b)) = (a.parse::<f64>(), b.parse::<f64>()) {
        return a.partial_cmp(&b);
    }
    let date = |t: &str| t.len() >= 10 && t.as_bytes()[4] == b'-' && t.bytes().take(4).all(|c| c.is_ascii_digit());
    (date(a) && date(b) && a.len() == b.len()).then(|| a.cmp(b))
}

/// A bound of one range.
struct Range<'a> {
    from: Option<&'a str>,
    to: Option<&'a str>,
}

/// The column and range of `RANGE (k)` and `FOR VALUES FROM (a) TO (b)`, of one plain column.
fn range<'a>(key: &'a str, bound: &'a str) -> Option<(&'a str, Range<'a>)> {
    let column = key.strip_prefix("RANGE (")?.strip_suffix(')')?;
    if column.contains([',', '(', ' ']) {
        return None;
    }
    let upper = bound.to_ascii_uppercase();
    let (from, to) = (upper.find("FROM")? + 4, upper.find(" TO")?);
    let end = |text: &'a str, open: &str| (!bare(text).eq_ignore_ascii_case(open)).then(|| bare(text));
    Some((column, Range { from: end(&bound[from..to], "MINVALUE"), to: end(&bound[to + 3..], "MAXVALUE") }))
}

/// A comparison of the column with a constant, by its operator.
fn against<'a>(part: &'a str, column: &str, operator: &str) -> Option<&'a str> {
    part.strip_prefix(column)?.strip_prefix(' ')?.strip_prefix(operator)?.strip_prefix(' ')
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
    let at_least = |least: &str| {
        found.iter().filter_map(|p| against(p, column, ">=")).any(|v| compare(v, least).is_some_and(Ordering::is_ge))
    };
    let below = |most: &str| {
        found.iter().filter_map(|p| against(p, column, "<")).any(|v| compare(v, most).is_some_and(Ordering::is_le))
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
                    || against(part, column, "<").is_some_and(|v| compare(v, from).is_some_and(Ordering::is_le))
                    || against(part, column, ">=")
                        .is_some_and(|v| range.to.is_some_and(|to| compare(v, to).is_some_and(Ordering::is_ge)))
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
    fn checks_prove_that_there_is_no_null() {
        assert!(proves_not_null(&table("((a IS NOT NULL) AND (a > 0))"), "a", &[]));
        assert!(!proves_not_null(&table("((a IS NOT NULL) OR (a > 0))"), "a", &[]));
        assert!(!proves_not_null(&table("(a IS NOT NULL)"), "a", &["c".to_owned()]));
    }
}
