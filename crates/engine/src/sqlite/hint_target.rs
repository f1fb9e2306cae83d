//! What a hint is about: as in the files for a server, a comment stands on the line of something or above it.

use std::ops::Range;
use underpin_sql::sqlite::{Tok, TokKind, keyword, toks};
use underpin_sqlite::read_table;

/// What a comment of a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The statement as a whole.
    Statement,
    /// A column of the table or virtual table.
    Column(String),
    /// A constraint of the table, or an argument of the module that is no column.
    Part,
    /// It stands behind the last part, above nothing.
    Nothing,
}

/// What a comment is about; `start` and `end` are its bytes in the statement, which may begin behind them.
pub(crate) fn target(text: &str, start: usize, end: usize) -> Target {
    let list = toks(text);
    let parts = parts(text, &list);
    let part_of = |tok: &Tok| parts.iter().find(|(span, _)| span.start <= tok.start && tok.start < span.end);
    let what = |(_, target): &(Range<usize>, Target)| target.clone();
    let next = list.partition_point(|t| t.start < start);
    // On the line of something: that, whether a comma stands between or not.
    let before = list[..next].iter().rev().find(|t| t.kind != TokKind::Comma);
    if let Some(tok) = before.filter(|t| text.get(t.end..start).is_some_and(|between| !between.contains('\n'))) {
        return part_of(tok).map_or(Target::Statement, what);
    }
    // On a line of its own: what follows.
    let Some(after) = list[next..].iter().find(|t| t.kind != TokKind::Comma && t.start >= end) else {
        return Target::Statement;
    };
    if let Some(part) = part_of(after) {
        return what(part);
    }
    let is_behind_last = after.kind == TokKind::Close && !parts.is_empty() && before.and_then(part_of) == parts.last();
    if is_behind_last { Target::Nothing } else { Target::Statement }
}

/// The parts of a table or a virtual table in order, with their bytes.
fn parts(text: &str, list: &[Tok]) -> Vec<(Range<usize>, Target)> {
    if let Some(table) = read_table(text) {
        let columns = table.columns.into_iter().map(|c| (c.span, Target::Column(c.name)));
        let rules = table.rules.into_iter().map(|(_, span)| (span, Target::Part));
        return columns.chain(rules).collect();
    }
    if keyword(list.get(1), text) == "virtual" { arguments(text, list) } else { Vec::new() }
}

/// The arguments of a virtual table. Which of those that may be columns are some, its module knows.
fn arguments(text: &str, list: &[Tok]) -> Vec<(Range<usize>, Target)> {
    let Some(open) = list.iter().position(|t| t.kind == TokKind::Open) else { return Vec::new() };
    let (mut found, mut depth, mut begin) = (Vec::new(), 0_usize, open + 1);
    for (n, tok) in list.iter().enumerate().skip(open + 1) {
        match tok.kind {
            TokKind::Open => depth += 1,
            TokKind::Close if depth > 0 => depth -= 1,
            TokKind::Comma | TokKind::Close if depth == 0 => {
                found.extend(argument(text, &list[begin..n]));
                begin = n + 1;
                if tok.kind == TokKind::Close {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

fn argument(text: &str, list: &[Tok]) -> Option<(Range<usize>, Target)> {
    let (first, last) = (list.first()?, list.last()?);
    // `+` stands before a column of an R-tree that is kept and not searched.
    let name = if first.kind == TokKind::Sign { list.get(1)? } else { first };
    let is_option = list.iter().any(|t| t.kind == TokKind::Sign && t.text(text) == "=");
    let target = name.name(text).filter(|_| !is_option).map_or(Target::Part, Target::Column);
    Some((first.start..last.end, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What each comment of a text is about.
    fn targets(text: &str) -> Vec<Target> {
        underpin_sql::sqlite::comments(text).iter().map(|c| target(text, c.start, c.end)).collect()
    }

    fn column(name: &str) -> Target {
        Target::Column(name.to_owned())
    }

    #[test]
    fn a_comment_is_about_what_it_stands_on_or_above() {
        let text = "CREATE TABLE t ( -- 1\n -- 2\n a INT, -- 3\n b TEXT -- 4\n NOT NULL\n -- 5\n , c,\n -- 6\n CHECK (a > 0), -- 7\n \
                    CONSTRAINT k UNIQUE (a, -- 8\n b)\n -- 9\n) -- 10\n STRICT";
        let wanted = [
            Target::Statement,
            column("a"),
            column("a"),
            column("b"),
            column("c"),
            Target::Part,
            Target::Part,
            Target::Part,
            Target::Nothing,
            Target::Statement,
        ];
        assert_eq!(targets(text), wanted);
    }

    #[test]
    fn arguments_of_a_module_may_be_columns() {
        let text = "CREATE VIRTUAL TABLE f USING fts5( -- 1\n -- 2\n a,\n \"c d\" UNINDEXED, -- 3\n tokenize = 'porter' -- 4\n -- 5\n)";
        assert_eq!(targets(text), [Target::Statement, column("a"), column("c d"), Target::Part, Target::Nothing]);
        assert_eq!(targets("CREATE VIRTUAL TABLE r USING rtree(id, a, b, +c /* 1 */)"), [column("c")]);
        assert_eq!(targets("CREATE VIEW v AS SELECT 1, -- 1\n 2"), [Target::Statement]);
        assert_eq!(target("CREATE TABLE t (a)", 18, 20), Target::Statement);
    }
}
