//! Whether two bounds of partitions leave each other room, as far as their texts tell.

use std::cmp::Ordering;
use underpin_sql::{Lexer, TokenKind};

/// Whether no row fits both bounds, which are as the server prints them (`FOR VALUES …` or `DEFAULT`). False where their texts do not
/// tell.
pub(super) fn are_apart(a: &str, b: &str) -> bool {
    if a == b {
        return false;
    }
    // What fits nowhere else is in no other one, once the server has looked it through.
    if a == "DEFAULT" || b == "DEFAULT" {
        return true;
    }
    match (&lists(a)[..], &lists(b)[..]) {
        ([("IN", a)], [("IN", b)]) => a.iter().all(|value| !b.contains(value)),
        ([("FROM", a_from), ("TO", a_to)], [("FROM", b_from), ("TO", b_to)]) => {
            ends_before(a_to, b_from) || ends_before(b_to, a_from)
        }
        // The same modulus, another remainder.
        ([("WITH", a)], [("WITH", b)]) => a.first() == b.first(),
        _ => false,
    }
}

/// The lists of values of a bound, by the keyword before them.
fn lists(bound: &str) -> Vec<(&'static str, Vec<String>)> {
    let mut lists: Vec<(&'static str, Vec<String>)> = Vec::new();
    let mut depth = 0;
    for token in Lexer::new(bound).filter(|t| !t.kind.is_trivia()) {
        let text = token.text(bound);
        match token.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth -= 1,
            TokenKind::Word if depth == 0 => {
                let known = ["IN", "FROM", "TO", "WITH"].into_iter().find(|word| *word == text);
                lists.extend(known.map(|word| (word, vec![String::new()])));
                continue;
            }
            _ => {}
        }
        let Some((_, values)) = lists.last_mut() else { continue };
        match token.kind {
            TokenKind::Comma if depth == 1 => values.push(String::new()),
            TokenKind::OpenParen if depth == 1 => {}
            TokenKind::CloseParen if depth == 0 => {}
            _ => {
                if let Some(value) = values.last_mut() {
                    value.push_str(text);
                }
            }
        }
    }
    lists
}

/// Whether a range with this upper end, which is not part of it, ends where one with that lower end begins, or before.
fn ends_before(to: &[String], from: &[String]) -> bool {
    for (to, from) in to.iter().zip(from) {
        match compared(to, from) {
            Some(Ordering::Less) => return true,
            Some(Ordering::Equal) => {}
            Some(Ordering::Greater) | None => return false,
        }
    }
    to.len() == from.len()
}

/// The order of two values of one type; none where it is not the order of their texts.
fn compared(a: &str, b: &str) -> Option<Ordering> {
    let end = |value: &str| match value {
        "MINVALUE" => -1,
        "MAXVALUE" => 1,
        _ => 0,
    };
    match (end(a), end(b)) {
        (0, 0) => {}
        (a, b) => return Some(a.cmp(&b)),
    }
    if a == b {
        return Some(Ordering::Equal);
    }
    if let (Ok(a), Ok(b)) = (a.parse::<i128>(), b.parse::<i128>()) {
        return Some(a.cmp(&b));
    }
    // Days and times as the server prints them.
    let is_time =
        |value: &str| value.starts_with('\'') && value.chars().all(|c| c.is_ascii_digit() || "'-: .".contains(c));
    (a.len() == b.len() && is_time(a) && is_time(b)).then(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::are_apart;

    #[test]
    fn bounds_are_compared_as_far_as_they_tell() {
        for (a, b, apart) in [
            (
                "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
                "FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
                true,
            ),
            (
                "FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
                "FOR VALUES FROM ('2026-11-01') TO ('2026-12-01')",
                true,
            ),
            (
                "FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')",
                "FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')",
                false,
            ),
            ("FOR VALUES FROM (1, 'b') TO (9, 'c')", "FOR VALUES FROM (10, 'a') TO (MAXVALUE, MAXVALUE)", true),
            ("FOR VALUES FROM (1, 'b') TO (9, 'c')", "FOR VALUES FROM (9, 'c') TO (10, 'a')", true),
            ("FOR VALUES FROM (1, 'b') TO (9, 'c')", "FOR VALUES FROM (9, 'd') TO (10, 'a')", false),
            ("FOR VALUES FROM (MINVALUE) TO (5)", "FOR VALUES FROM (40) TO (50)", true),
            ("FOR VALUES FROM ('aa') TO ('bb')", "FOR VALUES FROM ('cc') TO ('dd')", false),
            ("FOR VALUES IN ('a', 'b, c')", "FOR VALUES IN ('b', 'd')", true),
            ("FOR VALUES IN ('a', NULL)", "FOR VALUES IN (NULL)", false),
            ("FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 4, remainder 1)", true),
            ("FOR VALUES WITH (modulus 4, remainder 0)", "FOR VALUES WITH (modulus 8, remainder 1)", false),
            ("DEFAULT", "FOR VALUES IN (1)", true),
            ("DEFAULT", "DEFAULT", false),
        ] {
            assert_eq!((are_apart(a, b), are_apart(b, a)), (apart, apart), "{a} and {b}");
        }
    }
}
