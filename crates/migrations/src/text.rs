//! Pieces of files: SQL, heads, refusals, places.

use crate::{Dialect, Down, Files, Message, New, Trouble};
use std::fmt::Write as _;
use underpin_sql::{quote, sqlite};

/// The lines of a header as comments, each with `mark` and a space before it, and a line end behind it. What a line holds
/// stays in it.
#[must_use]
pub fn header(lines: &[String], mark: &str) -> String {
    let mut out = String::new();
    for line in lines.iter().flat_map(|l| l.split(['\n', '\r'])) {
        out.push_str(format!("{mark} {line}").trim_end());
        out.push('\n');
    }
    out
}

/// The head of a file that takes nothing back: a reason why nothing could stands there too.
pub(crate) fn head(new: &New) -> String {
    let mut lines = new.summary.clone();
    if let Down::Cannot(why) = &new.down {
        lines.push(format!("This cannot be taken back: {why}"));
    }
    header(&lines, "--")
}

/// What whoever takes back what cannot be is told.
pub(crate) fn cannot(why: &str) -> String {
    format!("this migration cannot be taken back: {why}")
}

/// A statement that stops whoever runs it, with the reason. SQLite has none that raises an error of one's own outside of
/// triggers: there it asks for a table whose name is the reason.
pub(crate) fn refusal(dialect: Dialect, why: &str) -> String {
    let why = why.replace(['\n', '\r'], " ");
    let statement = match dialect {
        Dialect::Postgres => {
            let words = quote::literal(&cannot(&why));
            format!("DO $cannot$ BEGIN RAISE EXCEPTION USING MESSAGE = {words}; END $cannot$")
        }
        Dialect::Sqlite => format!("SELECT * FROM {}", sqlite::ident(&cannot(&why))),
    };
    format!("-- This cannot be taken back: {why}\n{statement};\n")
}

/// The text of a file that must not begin with a byte order mark; `then` tells what becomes of one, behind a comma or a
/// semicolon of its own.
///
/// # Errors
/// When it is not UTF-8, or begins with the mark.
pub(crate) fn plain_text<'a>(files: &'a Files, path: &str, then: &str) -> Result<&'a str, Trouble> {
    let text = files.text(path)?;
    if text.starts_with('\u{feff}') {
        let words = format!("{path} begins with a byte order mark{then}");
        return Err(Trouble::at(files, path, 1, "byte-order-mark", words).help("save it as UTF-8 without the mark"));
    }
    Ok(text)
}

/// The line, from 1, on which byte `at` stands.
pub(crate) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1
}

/// Bytes as digits of base 16, in small letters.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A statement with its semicolon; on a line of its own where the statement ends in a line comment.
#[must_use]
pub fn terminated(sql: &str) -> String {
    let sql = sql.trim_end();
    let last = sql.rsplit('\n').next().unwrap_or_default();
    if last.contains("--") { format!("{sql}\n;") } else { format!("{sql};") }
}

/// Statements with their semicolons, a line each.
#[must_use]
pub fn joined(sql: &[String]) -> String {
    sql.iter().map(|s| terminated(s) + "\n").collect()
}

/// The text with `\` before each of `characters`.
#[must_use]
pub fn escaped(text: &str, characters: &[char]) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if characters.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The statements of a text as messages of their own, for tools that cut files at statements; `line` is that of the file on
/// which the text begins, from 1. What is not closed is an error at its place.
///
/// # Errors
/// When a quote or a comment in the text does not end.
pub fn statements(files: &Files, file: &str, text: &str, line: usize) -> Result<Vec<Message>, Trouble> {
    let cut = files.dialect().cut(text);
    let found: Vec<_> = cut
        .open
        .into_iter()
        .flat_map(|(words, at)| Trouble::at(files, file, line + at - 1, "bad-sql", words).0)
        .collect();
    if !found.is_empty() {
        return Err(Trouble(found));
    }
    let message = |(span, at): (std::ops::Range<usize>, usize)| Message {
        sql: text[span].to_owned(),
        file: file.to_owned(),
        line: line + at - 1,
    };
    Ok(cut.statements.into_iter().map(message).collect())
}

/// The statements of a script without the `BEGIN` and the `COMMIT` that stand around all of them, and whether they do.
pub(crate) fn unwrapped(mut all: Vec<Message>) -> (Vec<Message>, bool) {
    let word = |m: &Message| {
        let word: String = m.sql.chars().take_while(char::is_ascii_alphabetic).collect();
        word.to_lowercase()
    };
    let begins = |m: &Message| matches!(word(m).as_str(), "begin" | "start");
    let ends = |m: &Message| matches!(word(m).as_str(), "commit" | "end");
    let steers = |m: &&Message| begins(m) || ends(m) || matches!(word(m).as_str(), "rollback" | "abort");
    let whole =
        all.iter().filter(steers).count() == 2 && all.first().is_some_and(begins) && all.last().is_some_and(ends);
    if whole {
        all.pop();
        all.remove(0);
    }
    (all, whole)
}
