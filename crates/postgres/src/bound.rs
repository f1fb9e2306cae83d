//! Bounds of partitions, taken apart.

use underpin_sql::{Cursor, Lexer, Token};

/// A bound, with the texts of its values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bound<'a> {
    /// What fits no other partition.
    Default,
    /// `FOR VALUES IN (…)`.
    List(Vec<&'a str>),
    /// `FOR VALUES FROM (…) TO (…)`.
    Range { from: Vec<&'a str>, to: Vec<&'a str> },
    /// `FOR VALUES WITH (modulus …, remainder …)`.
    Hash { modulus: &'a str, remainder: &'a str },
}

impl<'a> Bound<'a> {
    /// Reads a bound, as it is written or as the server prints it.
    pub(crate) fn read(text: &'a str) -> Option<Self> {
        let tokens: Vec<Token> = Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect();
        let mut cur = Cursor::new(text, &tokens);
        let bound = if cur.eat(&["DEFAULT"]) {
            Self::Default
        } else if cur.eat(&["FOR", "VALUES", "IN"]) {
            Self::List(values(text, &mut cur)?)
        } else if cur.eat(&["FOR", "VALUES", "FROM"]) {
            let from = values(text, &mut cur)?;
            let to = if cur.eat(&["TO"]) { values(text, &mut cur)? } else { return None };
            Self::Range { from, to }
        } else if cur.eat(&["FOR", "VALUES", "WITH"]) {
            let mut items = cur.parens()?.items();
            let (mut modulus, mut remainder) = (items.next()?, items.next()?);
            if !modulus.eat(&["MODULUS"]) || !remainder.eat(&["REMAINDER"]) {
                return None;
            }
            Self::Hash { modulus: spelt(text, &modulus)?, remainder: spelt(text, &remainder)? }
        } else {
            return None;
        };
        cur.done().then_some(bound)
    }
}

/// The values in the parentheses that open here.
fn values<'a>(text: &'a str, cur: &mut Cursor<'_>) -> Option<Vec<&'a str>> {
    cur.parens()?.items().map(|item| spelt(text, &item)).collect()
}

/// The text of what a reader has left.
fn spelt<'a>(text: &'a str, cur: &Cursor<'_>) -> Option<&'a str> {
    let left = &cur.toks[cur.at..];
    Some(&text[left.first()?.start..left.last()?.end])
}

#[cfg(test)]
mod tests {
    use super::Bound;

    #[test]
    fn bounds_are_taken_apart() {
        for (text, bound) in [
            ("DEFAULT", Some(Bound::Default)),
            (
                "FOR VALUES IN ('a, b', NULL, 'it''s', E'\\\\) TO (')",
                Some(Bound::List(vec!["'a, b'", "NULL", "'it''s'", "E'\\\\) TO ('"])),
            ),
            (
                "FOR VALUES FROM ('a TO b', MINVALUE) TO ('x FROM y', '-5')",
                Some(Bound::Range { from: vec!["'a TO b'", "MINVALUE"], to: vec!["'x FROM y'", "'-5'"] }),
            ),
            (
                "for values from (f(1, 2))\n to ('2026-01-31'::date)",
                Some(Bound::Range { from: vec!["f(1, 2)"], to: vec!["'2026-01-31'::date"] }),
            ),
            ("FOR VALUES WITH (modulus 4, remainder 1)", Some(Bound::Hash { modulus: "4", remainder: "1" })),
            ("FOR VALUES FROM (1)", None),
            ("FOR VALUES IN (1) TO (2)", None),
            ("FOR VALUES WITH (remainder 1, modulus 4)", None),
            ("", None),
        ] {
            assert_eq!(Bound::read(text), bound, "{text}");
        }
    }
}
