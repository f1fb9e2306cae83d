//! A script cut into statements, as `sqlite3_complete` cuts it: at semicolons, but in a trigger at `END;` only.

use super::lex::{Tok, TokKind, comments, keyword, toks};
use crate::hints::{self, HintKind};
use crate::statement::{Problem, ProblemKind};
use std::ops::Range;

/// A statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Its bytes, without the semicolon, and without what stands before its first token.
    pub span: Range<usize>,
    /// Its first line, from 1.
    pub line: usize,
    /// The hints that stand on it, within it, or above it: what each says, and the bytes of its comment.
    pub hints: Vec<(HintKind, Range<usize>)>,
}

/// A script cut into statements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// The statements in order.
    pub pieces: Vec<Piece>,
    /// Hints that were not understood.
    pub problems: Vec<Problem>,
}

/// Cuts a script. Hints stand with the statement below them, or that on whose line they begin.
#[must_use]
pub fn split(text: &str) -> Script {
    let list = toks(text);
    let mut script = Script::default();
    let mut begin = 0;
    // Lines are counted from the statement before, so that a long script takes no quadratic time.
    let (mut line, mut counted) = (1, 0);
    for n in 0..=list.len() {
        let ends = match list.get(n) {
            None => true,
            Some(tok) => tok.kind == TokKind::Semicolon && !is_in_trigger(text, &list[begin..n]),
        };
        if !ends {
            continue;
        }
        if let (Some(first), Some(last)) = (list.get(begin), n.checked_sub(1).and_then(|m| list.get(m)))
            && begin < n
        {
            line += text[counted..first.start].matches('\n').count();
            counted = first.start;
            script.pieces.push(Piece { span: first.start..last.end, line, hints: Vec::new() });
        }
        begin = n + 1;
    }
    let line_of = |at: usize| text[..at].matches('\n').count() + 1;
    for comment in comments(text) {
        let Some(said) = hints::hint_text(&text[comment.start..comment.end]) else { continue };
        let span = comment.start..comment.end;
        match hints::parse(said, &hints::HintTarget::Statement) {
            Ok(kind) => match home(text, &mut script.pieces, comment.start) {
                Some(piece) => piece.hints.push((kind, span)),
                None => {
                    script.problems.push(Problem {
                        kind: ProblemKind::HintWithoutTarget(said.to_owned()),
                        line: line_of(span.start),
                        span,
                    });
                }
            },
            Err(kind) => script.problems.push(Problem { kind, line: line_of(span.start), span }),
        }
    }
    script
}

/// The statement that a comment belongs to: the one that it stands in, or that ends on its line, or the next one.
fn home<'p>(text: &str, pieces: &'p mut [Piece], at: usize) -> Option<&'p mut Piece> {
    let next = pieces.partition_point(|p| p.span.end <= at);
    let on_line = |p: &Piece| !text[p.span.end..at].contains('\n');
    let index = match next.checked_sub(1).filter(|n| on_line(&pieces[*n])) {
        Some(before) if pieces.get(next).is_none_or(|p| p.span.start > at) => before,
        _ => next,
    };
    pieces.get_mut(index)
}

/// Whether a semicolon behind these tokens stands within a trigger's body.
fn is_in_trigger(text: &str, list: &[Tok]) -> bool {
    let word = |n: usize| keyword(list.get(n), text);
    let mut n = 0;
    // EXPLAIN [QUERY PLAN]
    if word(n) == "explain" {
        n += if word(n + 1) == "query" { 3 } else { 1 };
    }
    if word(n) != "create" {
        return false;
    }
    n += 1;
    if matches!(word(n).as_str(), "temp" | "temporary") {
        n += 1;
    }
    if word(n) != "trigger" {
        return false;
    }
    // Ended by `; END`.
    let ended =
        list.len() >= 2 && list[list.len() - 1].is(text, "END") && list[list.len() - 2].kind == TokKind::Semicolon;
    !ended
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        split(text).pieces.into_iter().map(|p| &text[p.span]).collect()
    }

    #[test]
    fn triggers_are_one_statement() {
        let text = "create table t(a); CREATE TEMP TRIGGER x AFTER INSERT ON t BEGIN\n\
                    SELECT CASE WHEN 1 THEN 2 END; UPDATE t SET a = ';'; END; select 1;;\n-- end\nselect [;]";
        let list = cut(text);
        assert_eq!(list.len(), 4, "{list:?}");
        assert!(list[1].ends_with("END"));
        assert_eq!(list[3], "select [;]");
    }

    #[test]
    fn a_trigger_that_has_no_end_takes_the_rest() {
        assert_eq!(cut("create trigger x after insert on t begin select 1; select 2;").len(), 1);
        assert_eq!(cut("create table trigger_x(a);select 2;").len(), 2);
    }

    #[test]
    fn hints_stand_with_their_statement() {
        let text = "-- underpin: renamed-from a\ncreate table b(\n  x int -- underpin: using y\n);\n\
                    create table c(d); -- @renamed from=e\n-- underpin: nonsense\nselect 1;";
        let script = split(text);
        let kinds: Vec<usize> = script.pieces.iter().map(|p| p.hints.len()).collect();
        assert_eq!((kinds, script.problems.len()), (vec![2, 1, 0], 1));
    }

    #[test]
    fn empty_texts_hold_nothing() {
        for text in ["", ";", " ;; ", "-- x", "/* y */;"] {
            assert!(split(text).pieces.is_empty(), "{text}");
        }
    }
}
