//! Hints: comments by which the author says what a server cannot know, such as what a column was called before.
//!
//! A hint stands on the line of what it is about, or above it. Inside the parentheses of a table or type that is the
//! column, constraint or value; elsewhere it is the statement.

use std::ops::Range;

use crate::cursor::{Cursor, ident, string};
use crate::lex::{Lexer, Token, TokenKind};
use crate::names::{Element, ElementKind};
use crate::statement::ProblemKind;

/// A hint that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What it says.
    pub kind: HintKind,
    /// The line (from 1) of the comment.
    pub line: usize,
    /// The bytes of the comment.
    pub span: Range<usize>,
    /// What it is about.
    pub target: HintTarget,
}

/// What a hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintKind {
    /// `underpin: renamed-from old`, `@renamed from=old`, `atlas:renamed_from old`: the name it had before, in its
    /// parts (with the schema before it, where one was written), folded as the server folds names.
    RenamedFrom(Vec<String>),
    /// `underpin: using EXPR`: the new value out of the old row, for a change of type.
    Using(String),
    /// `underpin: down EXPR`: the old value out of the new row, for the way back and for old writers.
    Down(String),
    /// `underpin: backfill EXPR`: the value for rows that are there already.
    Backfill(String),
    /// `underpin: map 'a' => 'b'`, more with commas between: what becomes of values that go, as (old, new).
    Map(Vec<(String, String)>),
}

/// What a hint is about, inside the statement that carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HintTarget {
    /// The whole statement.
    Statement,
    /// A column of the table, or an attribute of the composite type.
    Column(String),
    /// A constraint of the table that has a name.
    Constraint(String),
    /// A value of the enum.
    EnumValue(String),
}

/// The text of a comment, where it is a hint or addressed to us: without its marks and the space around it.
pub(crate) fn hint_text(comment: &str) -> Option<&str> {
    let inner = match comment.strip_prefix("/*") {
        Some(block) => block.strip_suffix("*/").unwrap_or(block),
        None => comment.trim_start_matches('-'),
    };
    let inner = inner.trim();
    let head = |prefix: &str| inner.get(..prefix.len()).is_some_and(|h| h.eq_ignore_ascii_case(prefix));
    let ours = head("underpin:");
    let peers = ["@renamed ", "@rename ", "atlas:renamed_from "].iter().any(|p| head(p));
    (ours || peers).then_some(inner)
}

fn tokens(text: &str) -> Vec<Token> {
    Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect()
}

/// A name as its parts; a string is one part, taken as it is. Nothing may follow it.
fn old_name(text: &str, target: &HintTarget) -> Option<Vec<String>> {
    // A value of an enum is no identifier: it keeps its case, and may be of any characters.
    let is_value = matches!(target, HintTarget::EnumValue(_));
    let toks = tokens(text);
    let mut parts = Vec::new();
    let mut cur = Cursor::new(text, &toks);
    loop {
        let token = cur.token(0)?;
        cur.at += 1;
        let whole = toks.len() == 1;
        parts.push(match token.kind {
            kind if kind.is_string() && whole => string(text, token),
            TokenKind::Word if is_value && whole => token.text(text).to_owned(),
            kind if kind.is_name() => ident(text, token),
            _ => return None,
        });
        if cur.done() {
            return token.closed.then_some(parts);
        }
        if !cur.eat_kind(TokenKind::Dot) {
            return None;
        }
    }
}

fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let toks = tokens(text);
    let mut cur = Cursor::new(text, &toks);
    let mut pairs = Vec::new();
    loop {
        let old = cur.token(0).filter(|t| t.kind.is_string() && t.closed)?;
        let arrow = cur.token(1).filter(|t| t.kind == TokenKind::Operator && t.text(text) == "=>")?;
        let new = cur.token(2).filter(|t| t.kind.is_string() && t.closed && t.start > arrow.start)?;
        pairs.push((string(text, old), string(text, new)));
        cur.at += 3;
        if cur.done() {
            return Some(pairs);
        }
        if !cur.eat_kind(TokenKind::Comma) {
            return None;
        }
    }
}

/// Whether the expression is something that the lexer can read to its end.
fn expression(text: &str) -> Option<String> {
    (!text.is_empty() && Lexer::new(text).all(|t| t.closed)).then(|| text.to_owned())
}

/// `column = EXPR`, more with commas between: the columns with their expressions. None where the text is no such list.
#[must_use]
pub fn assignments(text: &str) -> Option<Vec<(String, String)>> {
    let toks = tokens(text);
    let (mut list, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for n in 0..=toks.len() {
        match toks.get(n).map(|t| t.kind) {
            Some(TokenKind::OpenParen | TokenKind::OpenBracket) => depth += 1,
            Some(TokenKind::CloseParen | TokenKind::CloseBracket) => depth = depth.saturating_sub(1),
            Some(TokenKind::Comma) if depth == 0 => {
                list.push(assignment(text, toks.get(start..n)?)?);
                start = n + 1;
            }
            Some(_) => {}
            None => list.push(assignment(text, toks.get(start..n)?)?),
        }
    }
    Some(list)
}

fn assignment(text: &str, toks: &[Token]) -> Option<(String, String)> {
    let [name, sign, value, ..] = toks else { return None };
    let is_one = name.kind.is_name() && sign.kind == TokenKind::Operator && sign.text(text) == "=";
    let end = toks.last()?.end;
    is_one.then(|| (ident(text, *name), text[value.start..end].to_owned()))
}

/// Reads the text of a hint that is about `target`.
pub(crate) fn parse(hint: &str, target: &HintTarget) -> Result<HintKind, ProblemKind> {
    let malformed = |form| ProblemKind::MalformedHint { text: hint.to_owned(), form };
    if let Some(rest) = hint.strip_prefix('@') {
        let rest = rest.split_once(char::is_whitespace).map_or("", |(_, rest)| rest.trim());
        let name = rest.strip_prefix("from").map(str::trim_start).and_then(|r| r.strip_prefix('='));
        let parts = name.and_then(|n| old_name(n.trim(), target));
        return parts.map(HintKind::RenamedFrom).ok_or(malformed("@renamed from=old_name"));
    }
    let (head, rest) = hint.split_once(':').unwrap_or((hint, ""));
    let rest = rest.trim();
    let (word, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let value = value.trim();
    let word = word.to_ascii_lowercase();
    match word.trim_end_matches(':') {
        "renamed_from" | "renamed-from" if head.eq_ignore_ascii_case("atlas") => {
            old_name(value, target).map(HintKind::RenamedFrom).ok_or(malformed("atlas:renamed_from old_name"))
        }
        "renamed-from" | "renamed_from" => {
            old_name(value, target).map(HintKind::RenamedFrom).ok_or(malformed("underpin: renamed-from old_name"))
        }
        "using" => expression(value).map(HintKind::Using).ok_or(malformed("underpin: using EXPRESSION")),
        "down" => expression(value).map(HintKind::Down).ok_or(malformed("underpin: down EXPRESSION")),
        "backfill" => expression(value).map(HintKind::Backfill).ok_or(malformed("underpin: backfill EXPRESSION")),
        "map" => pairs(value).map(HintKind::Map).ok_or(malformed("underpin: map 'old' => 'new'")),
        _ => Err(ProblemKind::UnknownHint(hint.to_owned())),
    }
}

/// What a comment inside a statement is about; nothing where it stands above nothing. `toks` are the statement's,
/// `start` and `end` the bytes of the comment.
pub(crate) fn target(text: &str, toks: &[Token], elements: &[Element], start: usize, end: usize) -> Option<HintTarget> {
    let next = toks.partition_point(|t| t.start < start);
    let of = |token: &Token| {
        let i = elements.partition_point(|e| e.end <= token.start);
        elements.get(i).filter(|e| e.start <= token.start)
    };
    let name = |element: &Element| match &element.what {
        ElementKind::Column(name) => Some(HintTarget::Column(name.clone())),
        ElementKind::Constraint(name) => Some(HintTarget::Constraint(name.clone())),
        ElementKind::EnumValue(value) => Some(HintTarget::EnumValue(value.clone())),
        ElementKind::Unnamed => None,
    };
    // On the line of something: that, whether a comma stands between or not.
    let before = toks[..next].iter().rev().find(|t| t.kind != TokenKind::Comma);
    if let Some(token) = before.filter(|t| !text[t.end..start].contains('\n')) {
        return of(token).map_or(Some(HintTarget::Statement), name);
    }
    // On a line of its own: what follows.
    let Some(after) = toks[next..].iter().find(|t| t.kind != TokenKind::Comma) else {
        return Some(HintTarget::Statement);
    };
    debug_assert!(after.start >= end);
    if let Some(element) = of(after) {
        return name(element);
    }
    // Behind the last part and before the parenthesis that closes the list there is nothing below.
    let last = after.kind == TokenKind::CloseParen && before.and_then(of) == elements.last() && !elements.is_empty();
    if last { None } else { Some(HintTarget::Statement) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split;

    fn read(comment: &str) -> Result<HintKind, ProblemKind> {
        parse(hint_text(comment).unwrap(), &HintTarget::Statement)
    }

    #[test]
    fn every_spelling_is_read() {
        let old = || Ok(HintKind::RenamedFrom(vec!["old".into()]));
        for comment in [
            "-- underpin: renamed-from old",
            "--underpin:renamed-from OLD",
            "/* underpin: renamed-from old */",
            "-- @renamed from=old",
            "-- @renamed from = \"old\"",
            "-- atlas:renamed_from old",
        ] {
            assert_eq!(read(comment), old(), "{comment}");
        }
        assert_eq!(
            read("-- underpin: renamed-from s.\"Old\""),
            Ok(HintKind::RenamedFrom(vec!["s".into(), "Old".into()]))
        );
        assert_eq!(read("-- underpin: using old::int + 1 "), Ok(HintKind::Using("old::int + 1".into())));
        assert_eq!(read("-- underpin: down 'x'"), Ok(HintKind::Down("'x'".into())));
        assert_eq!(read("-- underpin: backfill now()"), Ok(HintKind::Backfill("now()".into())));
        let map = vec![("a".to_owned(), "b".to_owned()), ("it's".to_owned(), "c".to_owned())];
        assert_eq!(read("-- underpin: map 'a' => 'b', 'it''s'=>'c'"), Ok(HintKind::Map(map)));
    }

    #[test]
    fn assignments_are_told_from_other_expressions() {
        let of = |text: &str| assignments(text);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(of("a = 1"), Some(vec![pair("a", "1")]));
        let both = "A = f(x, 'y,z') || t[1, 2] , \"B c\" = CASE WHEN x = 1 THEN 2 END";
        assert_eq!(
            of(both),
            Some(vec![pair("a", "f(x, 'y,z') || t[1, 2]"), pair("B c", "CASE WHEN x = 1 THEN 2 END")])
        );
        for text in ["", "a", "a =", "a || b", "f(a = 1)", "a = 1,", "a = 1, b", "a.b = 1"] {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_hint_is_left_alone_and_a_bad_one_is_named() {
        for comment in ["-- renamed from old", "-- about underpin: x", "-- @todo", "/* x */", "--"] {
            assert_eq!(hint_text(comment), None, "{comment}");
        }
        assert!(matches!(read("-- underpin: renamed old"), Err(ProblemKind::UnknownHint(_))));
        assert!(matches!(read("-- underpin:"), Err(ProblemKind::UnknownHint(_))));
        for bad in [
            "-- underpin: renamed-from",
            "-- underpin: renamed-from a b",
            "-- underpin: renamed-from a.",
            "-- underpin: using",
            "-- underpin: using 'a",
            "-- underpin: map a => b",
            "-- underpin: map 'a' = 'b'",
            "-- @renamed old",
        ] {
            assert!(matches!(read(bad), Err(ProblemKind::MalformedHint { .. })), "{bad}");
        }
    }

    #[test]
    fn a_hint_belongs_to_what_it_stands_on_or_above() {
        let text = "\
-- underpin: renamed-from t0
CREATE TABLE t ( -- underpin: backfill 0
  -- underpin: renamed-from a0
  a int, -- underpin: using a1
  b text -- underpin: using b1
    NOT NULL
  -- underpin: renamed-from c0
  , c int,
  -- a plain comment
  CONSTRAINT k UNIQUE (a, b), -- underpin: renamed-from k0
  CHECK (a > 0) -- underpin: renamed-from k1
  -- underpin: renamed-from d0
); -- underpin: down 1
-- underpin: renamed-from e0

CREATE TYPE e AS ENUM ('x', -- underpin: renamed-from X0
  'y', 'z' -- underpin: renamed-from 'Z 0'
);
-- underpin: map 'q' => 'x'
";
        let split = split(text);
        let table: Vec<_> = split.statements[0].hints.iter().map(|h| (h.line, h.target.clone())).collect();
        let column = |n: &str| HintTarget::Column(n.into());
        assert_eq!(
            table,
            [
                (1, HintTarget::Statement),
                (2, HintTarget::Statement),
                (3, column("a")),
                (4, column("a")),
                (5, column("b")),
                (7, column("c")),
                (10, HintTarget::Constraint("k".into())),
                (13, HintTarget::Statement),
            ]
        );
        let hints: Vec<_> = split.statements[1].hints.iter().map(|h| (h.kind.clone(), h.target.clone())).collect();
        let from = |n: &str| HintKind::RenamedFrom(vec![n.into()]);
        let value = |n: &str| HintTarget::EnumValue(n.into());
        assert_eq!(hints, [(from("e0"), HintTarget::Statement), (from("X0"), value("x")), (from("Z 0"), value("z"))]);
        let problems: Vec<_> = split.problems.iter().map(|p| p.line).collect();
        assert_eq!(problems, [11, 12, 19]);
    }

    #[test]
    fn a_map_for_a_value_that_is_gone_may_stand_last() {
        let text = "CREATE TYPE e AS ENUM (\n'a'\n-- underpin: map 'b' => 'a'\n);";
        let split = split(text);
        assert_eq!(split.problems, []);
        assert_eq!(split.statements[0].hints[0].target, HintTarget::Statement);
    }
}
