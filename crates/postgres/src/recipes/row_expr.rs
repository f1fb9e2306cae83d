//! Expressions over one row, which can be said of a row by any name.

use std::collections::BTreeSet;
use underpin_sql::{Lexer, quote};

/// What stands in an expression for the name of the row that it is about, and the dot behind that. No SQL text holds it.
const ROW: char = '\u{1}';

/// An expression over one row, all its columns named with the row before them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowExpr(String);

impl RowExpr {
    /// Takes an expression as the server prints it, in which columns have the relation's name or alias before them. None where
    /// it is about whole rows.
    #[must_use]
    pub fn of(text: &str, relation: &str) -> Option<Self> {
        let tokens: Vec<_> = Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect();
        let (mut out, mut at) = (String::new(), 0);
        for (n, token) in tokens.iter().enumerate() {
            let behind = |k: usize| tokens.get(n + k).map_or("", |t| t.text(text));
            let before = n.checked_sub(1).and_then(|n| tokens.get(n)).map_or("", |t| t.text(text));
            let is_row = token.kind.is_name() && underpin_sql::ident(text, *token) == relation && behind(1) == ".";
            // Else the schema of a function, a type or an operator.
            let is_schema = behind(3) == "("
                || matches!(before, "." | "::" | "COLLATE")
                || (before == "(" && n.checked_sub(2).is_some_and(|n| tokens[n].text(text) == "OPERATOR"));
            if !is_row || is_schema {
                continue;
            }
            if behind(2) == "*" {
                return None;
            }
            out.push_str(&text[at..token.start]);
            out.push(ROW);
            at = tokens.get(n + 1).map_or(token.end, |dot| dot.end);
        }
        out.push_str(&text[at..]);
        Some(Self(out))
    }

    /// A column of the row.
    #[must_use]
    pub fn column(name: &str) -> Self {
        Self(format!("{ROW}{}", quote::ident(name)))
    }

    /// The expression over a row of that name.
    #[must_use]
    pub fn over(&self, row: &str) -> String {
        self.0.replace(ROW, &format!("{row}."))
    }

    /// The columns that it reads.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        let names = self.0.split(ROW).skip(1);
        names.filter_map(|rest| Lexer::new(rest).next().map(|token| underpin_sql::ident(rest, token))).collect()
    }

    /// The column that it is.
    #[must_use]
    pub fn plain(&self) -> Option<String> {
        let name = self.0.strip_prefix(ROW)?;
        let mut tokens = Lexer::new(name);
        let token = tokens.next()?;
        tokens.next().is_none().then(|| underpin_sql::ident(name, token))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over_new(text: &str) -> Option<String> {
        RowExpr::of(text, "u").map(|value| value.over("NEW"))
    }

    #[test]
    fn columns_are_told_from_all_else_that_has_their_name() {
        assert_eq!(over_new("upper(u.a) || u.\"B c\"").as_deref(), Some("upper(NEW.a) || NEW.\"B c\""));
        assert_eq!(over_new("u.f(u.a) + 'u.a'::u.t").as_deref(), Some("u.f(NEW.a) + 'u.a'::u.t"));
        assert_eq!(over_new("u.a OPERATOR(u.+) u.b").as_deref(), Some("NEW.a OPERATOR(u.+) NEW.b"));
        assert_eq!(over_new("count(u.*)"), None);
    }

    #[test]
    fn what_it_reads_is_known() {
        let value = RowExpr::of("COALESCE(u.a, u.\"B\", 'x'::text)", "u").expect("it is about columns");
        assert_eq!(value.reads(), BTreeSet::from(["a".to_owned(), "B".to_owned()]));
        assert_eq!(value.plain(), None);
        let plain = RowExpr::of("u.\"B\"", "u").expect("it is about a column");
        assert_eq!(plain.plain().as_deref(), Some("B"));
        assert!(RowExpr::of("'u.a'::text", "u").expect("a constant").reads().is_empty());
    }
}
