//! What a script ends in the middle of. SQLite itself takes a comment that is not closed for one, and waits for the rest of a body.

use super::lex::{TokKind, comments, keyword, toks};
use super::split::split;
use crate::position::LineIndex;

/// What is not closed at the end of a script, in words, and the line, from 1, on which it begins.
#[must_use]
pub fn open(text: &str) -> Option<(String, usize)> {
    let lines = LineIndex::new(text);
    let told = |from: usize| {
        let start: String = text[from..].lines().next().unwrap_or_default().chars().take(20).collect();
        Some((format!("`{start}` is not closed"), lines.line(from)))
    };
    let list = toks(text);
    if let Some(tok) = list.iter().find(|tok| !tok.closed) {
        return told(tok.start);
    }
    let is_open = |at: &str| at.starts_with("/*") && (at.len() < 4 || !at.ends_with("*/"));
    if let Some(comment) = comments(text).into_iter().find(|c| is_open(&text[c.start..c.end])) {
        return told(comment.start);
    }
    let last = split(text).pieces.pop()?;
    let body = toks(&text[last.span.clone()]);
    let word = |n: usize| keyword(body.get(n), &text[last.span.clone()]);
    let is_trigger = word(0) == "create" && (1..3).any(|n| word(n) == "trigger") && word(1) != "table";
    let ends = body.len() > 1
        && word(body.len() - 1) == "end"
        && body.get(body.len() - 2).is_some_and(|tok| tok.kind == TokKind::Semicolon);
    let in_body = body.iter().any(|tok| tok.kind == TokKind::Semicolon);
    (is_trigger && in_body && !ends)
        .then(|| ("the body of a trigger has no END behind a semicolon".to_owned(), last.line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_closed_is_told_with_its_line() {
        let line = |text: &str| open(text).map(|(_, line)| line);
        assert_eq!(open("SELECT 1;\nSELECT 'a;\nb"), Some(("`'a;` is not closed".to_owned(), 2)));
        assert_eq!(line("\nSELECT [a;"), Some(2));
        assert_eq!(line("\n/* a"), Some(2));
        assert_eq!(line("/*/"), Some(1));
        assert_eq!(line("\nCREATE TRIGGER t INSERT ON a BEGIN SELECT 1;"), Some(2));
        for text in [
            "SELECT 1 /* a */",
            "CREATE TEMP TRIGGER t INSERT ON a BEGIN SELECT 1; END",
            "",
            "CREATE TABLE trigger (a)",
        ] {
            assert_eq!(open(text), None, "{text}");
        }
    }
}
