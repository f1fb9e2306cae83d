//! Pieces of SQL as files hold them.

use crate::{Files, Message, Trouble};
use underpin_sql::{ProblemKind, split};

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
    let cut = split(text);
    let is_open = |p: &ProblemKind| matches!(p, ProblemKind::Unclosed(_) | ProblemKind::UnclosedCopy);
    let found: Vec<_> = cut
        .problems
        .iter()
        .filter(|p| is_open(&p.kind))
        .flat_map(|p| Trouble::at(files, file, line + p.line - 1, "bad-sql", p.kind.to_string()).0)
        .collect();
    if !found.is_empty() {
        return Err(Trouble(found));
    }
    let message = |s: underpin_sql::Statement| Message {
        sql: text[s.span].to_owned(),
        file: file.to_owned(),
        line: line + s.line - 1,
    };
    Ok(cut.statements.into_iter().map(message).collect())
}
