//! What has to hold for any text at all as SQLite's SQL, as functions that say what does not; `tests/any_sqlite_text.rs` checks them.

use super::lex::{TokKind, comments, toks};
use super::quote::{ident, literal};
use super::split::{Script, split};
use super::{open, words, words_among};
use std::ops::Range;

/// A law that is broken by a text, in words.
type Broken = String;

fn hold(holds: bool, what: impl FnOnce() -> Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(what()) }
}

/// The laws of the tokens and of the splitter: tokens and comments stand in order and apart from each other, with nothing but space between
/// them; pieces hold all tokens but the semicolons between them, at the lines that they say; a piece that is cut again is
/// that piece; every hint stands in a comment.
///
/// # Errors
///
/// The law that `text` breaks.
pub fn splitter(text: &str) -> Result<(), String> {
    cover(text)?;
    let script = split(text);
    pieces(text, &script)?;
    again(text, &script)?;
    let all = comments(text);
    let spans = script.pieces.iter().flat_map(|p| p.hints.iter().map(|(_, span)| span));
    for span in spans.chain(script.problems.iter().map(|p| &p.span)) {
        hold(all.iter().any(|c| c.start == span.start && c.end == span.end), || format!("{span:?} is no comment"))?;
    }
    hold(words(text).len() == toks(text).len(), || "a token is no word".to_owned())?;
    hold(words_among(text, &|_| false).len() == toks(text).len(), || "a token is no word, or two".to_owned())?;
    // Whether something is open is told for any text.
    let _told = open(text);
    Ok(())
}

fn cover(text: &str) -> Result<(), Broken> {
    let mut spans: Vec<(Range<usize>, bool)> = toks(text).iter().map(|t| (t.start..t.end, t.closed)).collect();
    spans.extend(comments(text).iter().map(|c| (c.start..c.end, true)));
    spans.sort_by_key(|(span, _)| span.start);
    let end = (text.len()..text.len(), true);
    let mut at = 0;
    for (span, closed) in spans.iter().chain([&end]) {
        let gap = text.get(at..span.start);
        let space = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{c}' | '\u{feff}');
        hold(gap.is_some_and(|gap| gap.chars().all(space)), || format!("{gap:?} stands before {span:?}"))?;
        hold(span.start == text.len() || text.get(span.clone()).is_some_and(|t| !t.is_empty()), || {
            format!("{span:?} is no stretch of the text")
        })?;
        hold(*closed || span.end == text.len(), || format!("{span:?} is not closed, and the text goes on"))?;
        at = span.end;
    }
    Ok(())
}

fn pieces(text: &str, script: &Script) -> Result<(), Broken> {
    let list = toks(text);
    let mut held = vec![false; list.len()];
    let mut at = 0;
    for piece in &script.pieces {
        let span = &piece.span;
        hold(span.start >= at && span.end > span.start, || format!("{span:?} begins before {at}, or is empty"))?;
        let begin = list.iter().position(|t| t.start == span.start);
        let last = list.iter().position(|t| t.end == span.end);
        let (Some(begin), Some(last)) = (begin, last) else {
            return Err(format!("{span:?} does not begin and end with a token"));
        };
        held[begin..=last].fill(true);
        hold(piece.line == 1 + text[..span.start].matches('\n').count(), || {
            format!("the piece {:?} says line {}", &text[span.clone()], piece.line)
        })?;
        at = span.end;
    }
    let left = list.iter().zip(&held).find(|(t, held)| !**held && t.kind != TokKind::Semicolon);
    hold(left.is_none(), || format!("{left:?} is in no piece"))
}

fn again(text: &str, script: &Script) -> Result<(), Broken> {
    for piece in &script.pieces {
        let own = &text[piece.span.clone()];
        let parts = split(own).pieces;
        hold(parts.len() == 1 && parts[0].span == (0..own.len()), || format!("{own:?} by itself is {parts:?}"))?;
    }
    Ok(())
}

/// Statements with semicolons between them come apart again: what stands between each and the next is given, and holds a semicolon.
///
/// # Errors
///
/// What came out instead.
pub fn joined(statements: &[&str], between: &[&str]) -> Result<(), String> {
    let ends = between.iter().map(|b| format!(";{b}")).chain(std::iter::repeat(";".to_owned()));
    let text: String = statements.iter().zip(ends).map(|(statement, end)| format!("{statement}{end}")).collect();
    let script = split(&text);
    let parts: Vec<&str> = script.pieces.iter().map(|p| &text[p.span.clone()]).collect();
    hold(parts == statements, || format!("{text:?} comes apart as {parts:?}"))
}

/// The laws of quoting, for any text without a zero byte: what is quoted is one token of its kind, alone and among others, and read back it
/// is the text.
///
/// # Errors
///
/// The law that `text` breaks.
pub fn quoting(text: &str) -> Result<(), String> {
    for (quoted, kind) in [(ident(text), TokKind::Quoted), (literal(text), TokKind::Text)] {
        for (before, after) in [("", ""), ("SELECT ", ";"), ("(", ")"), ("f(1,", ",'')"), ("-", "--'")] {
            let sql = format!("{before}{quoted}{after}");
            let list = toks(&sql);
            let tok = list.iter().find(|t| t.start == before.len() && t.end == before.len() + quoted.len());
            let Some(tok) = tok.filter(|t| t.closed && t.kind == kind) else {
                return Err(format!("in {sql:?} the quoted text is not one token"));
            };
            let name = tok.name(&sql);
            hold(name.as_deref() == Some(text), || format!("{quoted:?} reads as {name:?}"))?;
        }
    }
    Ok(())
}
