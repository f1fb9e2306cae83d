//! What has to hold for any text at all, as functions that say what does not. The property tests in `tests/any_text.rs`
//! and the fuzz targets in `fuzz/` run the same ones, so that every run of the tests checks what the fuzzer hunts for.

use crate::cursor::{ident, string};
use crate::lex::{Lexer, Token, TokenKind};
use crate::position::LineIndex;
use crate::statement::{Class, Split, Statement};
use crate::{order, quote, split};
use std::ops::Range;

/// A law that is broken by a text, in words.
type Broken = String;

fn hold(holds: bool, what: impl FnOnce() -> Broken) -> Result<(), Broken> {
    if holds { Ok(()) } else { Err(what()) }
}

/// The laws of the lexer and of the splitter: tokens cover the text without a gap; statements and what is left out stand
/// in order, apart from each other, at the lines they say; nothing but blanks, comments and semicolons lies between
/// them; a statement split again is that statement; every statement has its place in the order.
///
/// # Errors
///
/// The law that `text` breaks.
pub fn splitter(text: &str) -> Result<(), String> {
    tokens(text)?;
    let parts = split(text);
    let lines = LineIndex::new(text);
    let line_of = |span: &Range<usize>| lines.line(span.start);
    for statement in &parts.statements {
        within(text, &statement.span, "a statement")?;
        hold(statement.line == 1 + text[..statement.span.start].matches('\n').count(), || {
            format!("the statement {:?} says line {}", &text[statement.span.clone()], statement.line)
        })?;
        for hint in &statement.hints {
            within(text, &hint.span, "a hint")?;
            hold(hint.line == line_of(&hint.span), || format!("a wrong line: {hint:?}"))?;
        }
        let last = lines.line(statement.span.end);
        for (column, line) in &statement.columns {
            hold((statement.line..=last).contains(line), || format!("the column {column:?} says line {line}"))?;
        }
    }
    for problem in &parts.problems {
        within(text, &problem.span, "a problem")?;
        hold(problem.line == line_of(&problem.span), || format!("a wrong line: {problem:?}"))?;
    }
    cover(text, &parts)?;
    again(text, &parts)?;
    let all: Vec<(usize, &Statement)> = parts.statements.iter().map(|s| (0, s)).collect();
    let mut places = order(&all);
    places.sort_unstable();
    hold(places.into_iter().eq(0..all.len()), || "a statement has no place in the order, or two".to_owned())
}

fn tokens(text: &str) -> Result<(), Broken> {
    let mut at = 0;
    for token in Lexer::new(text) {
        hold(token.start == at && token.end > at, || format!("{token:?} does not begin at {at}"))?;
        within(text, &token.span(), "a token")?;
        at = token.end;
    }
    hold(at == text.len(), || format!("the tokens end at {at} of {}", text.len()))
}

/// A stretch that is not empty, lies in the text, and cuts no character.
fn within(text: &str, span: &Range<usize>, what: &str) -> Result<(), Broken> {
    hold(text.get(span.clone()).is_some_and(|t| !t.is_empty()), || format!("{what} at {span:?} of {}", text.len()))
}

fn cover(text: &str, parts: &Split) -> Result<(), Broken> {
    let mut spans: Vec<&Range<usize>> =
        parts.statements.iter().map(|s| &s.span).chain(parts.skipped.iter().map(|s| &s.span)).collect();
    spans.sort_by_key(|s| s.start);
    let end = text.len()..text.len();
    let mut at = 0;
    for span in spans.into_iter().chain([&end]) {
        hold(span.start >= at, || format!("{span:?} begins before {at}, where what is before it ends"))?;
        let gap = &text[at..span.start];
        let blank = |t: Token| t.kind.is_trivia() || t.kind == TokenKind::Semicolon;
        // `\;` is a semicolon that psql does not send yet; only at the start of the text is a byte order mark blank.
        let gap = gap.replace("\\;", ";");
        hold(Lexer::new(&gap).all(blank) && !(at > 0 && gap.starts_with('\u{feff}')), || {
            format!("{gap:?} is in no statement and was not said to be left out")
        })?;
        at = span.end;
    }
    Ok(())
}

/// Splits each statement by itself. Behind `SET standard_conforming_strings` a text reads otherwise by itself, and so does
/// a byte order mark that is not at the start.
fn again(text: &str, parts: &Split) -> Result<(), Broken> {
    for statement in &parts.statements {
        let piece = &text[statement.span.clone()];
        if piece.starts_with('\u{feff}') {
            continue;
        }
        let own = split(piece);
        hold(own.skipped.is_empty(), || format!("of {piece:?} by itself, {:?} is left out", own.skipped))?;
        let [only] = own.statements.as_slice() else {
            return Err(format!("{piece:?} by itself is {} statements", own.statements.len()));
        };
        let same = only.span == (0..piece.len())
            && only.class == statement.class
            && only.creates == statement.creates
            && only.extends == statement.extends
            && only.alters == statement.alters
            && only.drops == statement.drops;
        hold(same, || format!("{piece:?} by itself is {only:?}, and was {statement:?}"))?;
        if matches!(&statement.class, Class::Set { name } if name == "standard_conforming_strings") {
            break;
        }
    }
    Ok(())
}

/// The laws of quoting, for any text without a zero byte, which no name and no value of PostgreSQL can hold: what is
/// quoted is one token of its kind, alone and among others, and read back it is the text (a name up to 63 bytes).
///
/// # Errors
///
/// The law that `text` breaks.
pub fn quoting(text: &str) -> Result<(), String> {
    // The server cuts names; so does the scan.
    let end = (0..=text.len().min(63)).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    let name = &text[..end];
    let quoted = quote::ident(name);
    let read = |sql: &str, token: Token| token.kind.is_name().then(|| ident(sql, token));
    for old_strings in [false, true] {
        one(&quoted, name, old_strings, read)?;
    }
    let parts = [name, "s", name];
    let qualified = quote::qualified(&parts);
    let found: Vec<String> =
        Lexer::new(&qualified).filter(|t| t.kind.is_name()).map(|t| ident(&qualified, t)).collect();
    hold(found == parts && Lexer::new(&qualified).count() == 5, || format!("{qualified:?} is not three names"))?;

    let quoted = quote::literal(text);
    let read = |sql: &str, token: Token| token.kind.is_string().then(|| string(sql, token));
    for old_strings in [false, true] {
        one(&quoted, text, old_strings, read)?;
    }
    let quoted = quote::dollar(text);
    one(&quoted, text, false, |sql, token| (token.kind == TokenKind::DollarString).then(|| string(sql, token)))
}

/// Whether `quoted` is one token which reads as `text`, with other tokens around it too.
fn one(
    quoted: &str,
    text: &str,
    old_strings: bool,
    read: impl Fn(&str, Token) -> Option<String>,
) -> Result<(), Broken> {
    for (before, after) in [("", ""), ("SELECT ", ";"), ("(", ")::x"), ("f(1,", ",'')")] {
        let sql = format!("{before}{quoted}{after}");
        let mut lexer = Lexer::new(&sql);
        lexer.set_backslash_escapes(old_strings);
        let token = lexer.find(|t| t.start == before.len());
        let token = token.filter(|t| t.closed && t.end == before.len() + quoted.len());
        let Some(token) = token else { return Err(format!("in {sql:?} the quoted text is not one token")) };
        let got = read(&sql, token);
        hold(got.as_deref() == Some(text), || format!("{quoted:?} reads as {got:?}"))?;
    }
    Ok(())
}
