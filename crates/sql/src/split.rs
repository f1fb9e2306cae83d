//! A text into its statements, as `psql` would send them.
//!
//! The rules are those of `psql`'s own scanner (`src/fe_utils/psqlscan.l`, PostgreSQL 14 and later): a `;` ends a
//! statement outside quotes, comments, parentheses and `BEGIN ATOMIC … END`; a backslash outside of quotes begins a
//! command of `psql`; rows follow a `COPY … FROM stdin;`.

use std::ops::Range;
use std::sync::Arc;

use crate::classify::classify;
use crate::cursor::{Cursor, ident, string};
use crate::hints::{self, Hint, HintKind, HintTarget};
use crate::lex::{Lexer, Token, TokenKind};
use crate::names::{self, Element, ElementKind};
use crate::position::LineIndex;
use crate::statement::{Class, ObjectWord, Problem, ProblemKind, Skipped, SkippedKind, Split, Statement};

/// The most characters of a skipped stretch that are kept to show it.
const SHOWN: usize = 60;

/// Takes a text apart. It never fails: what cannot be read is a statement all the same, which the server will refuse,
/// and [`Split::problems`] tells of it.
#[must_use]
pub fn split(text: &str) -> Split {
    let mut splitter = Splitter {
        text,
        lines: LineIndex::new(text),
        lexer: Lexer::new(text),
        toks: Vec::new(),
        parens: 0,
        blocks: 0,
        comments: Vec::new(),
        line_end: None,
        search_path: None,
        role: None,
        check_bodies: true,
        out: Split::default(),
    };
    splitter.run();
    splitter.out.problems.sort_by_key(|p| p.span.start);
    splitter.out
}

struct Splitter<'a> {
    text: &'a str,
    lines: LineIndex<'a>,
    lexer: Lexer<'a>,
    /// The tokens of the statement so far, without whitespace and comments.
    toks: Vec<Token>,
    parens: usize,
    /// How deep in `BEGIN ATOMIC` and the `CASE` inside it.
    blocks: usize,
    /// Comments that are hints and belong to the statement being read or to the next.
    comments: Vec<Token>,
    /// The byte behind the last statement: a comment on that line belongs to it.
    line_end: Option<usize>,
    search_path: Option<Arc<[String]>>,
    role: Option<Arc<str>>,
    check_bodies: bool,
    out: Split,
}

impl Splitter<'_> {
    fn run(&mut self) {
        while let Some(token) = self.lexer.next() {
            if !token.closed {
                let start: String = token.text(self.text).chars().take(20).collect();
                let start = start.lines().next().unwrap_or("").to_owned();
                self.problem(ProblemKind::Unclosed(start), token);
            }
            match token.kind {
                TokenKind::Whitespace => {}
                TokenKind::LineComment | TokenKind::BlockComment => self.comment(token),
                TokenKind::Semicolon if self.parens == 0 && self.blocks == 0 => {
                    self.line_end = Some(token.end);
                    if self.finish() {
                        self.copy_data(token.end);
                    }
                }
                TokenKind::Backslash if self.parens == 0 && self.blocks == 0 => self.meta_command(token),
                kind => {
                    match kind {
                        TokenKind::OpenParen => self.parens += 1,
                        TokenKind::CloseParen => self.parens = self.parens.saturating_sub(1),
                        TokenKind::Word if self.parens == 0 => self.block_word(token),
                        _ => {}
                    }
                    self.toks.push(token);
                }
            }
        }
        self.finish();
        for comment in std::mem::take(&mut self.comments) {
            let hint = hints::hint_text(comment.text(self.text)).unwrap_or_default().to_owned();
            self.problem(ProblemKind::HintWithoutTarget(hint), comment);
        }
    }

    fn problem(&mut self, kind: ProblemKind, token: Token) {
        self.out.problems.push(Problem { kind, line: self.lines.line(token.start), span: token.span() });
    }

    /// Counts `BEGIN ATOMIC`, and `CASE` and `END` inside of it.
    fn block_word(&mut self, token: Token) {
        let cur = Cursor { text: self.text, toks: &[token], at: 0 };
        if self.blocks > 0 {
            if cur.is("case") {
                self.blocks += 1;
            } else if cur.is("end") {
                self.blocks -= 1;
            }
        } else if cur.is("atomic") {
            let head = Cursor::new(self.text, &self.toks);
            let routine = (1..4).any(|i| head.is_at(i, "function") || head.is_at(i, "procedure"));
            if head.is("create") && routine && head.is_at(self.toks.len() - 1, "begin") {
                self.blocks = 1;
            }
        }
    }

    fn comment(&mut self, token: Token) {
        let Some(hint) = hints::hint_text(token.text(self.text)) else { return };
        let same_line =
            self.toks.is_empty() && self.line_end.is_some_and(|end| !self.text[end..token.start].contains('\n'));
        if !same_line {
            self.comments.push(token);
            return;
        }
        let line = self.lines.line(token.start);
        match (hints::parse(hint, &HintTarget::Statement), self.out.statements.last_mut()) {
            (Ok(kind), Some(statement)) => {
                statement.hints.push(Hint { kind, line, span: token.span(), target: HintTarget::Statement });
            }
            (Ok(_), None) => self.problem(ProblemKind::HintWithoutTarget(hint.to_owned()), token),
            (Err(kind), _) => self.problem(kind, token),
        }
    }

    /// A command of `psql` runs to the end of its line, or to `\\`. It ends the statement before it, as `\g` does.
    fn meta_command(&mut self, token: Token) {
        if self.finish() || !self.text[token.end..].starts_with(';') {
            self.line_end = None;
        }
        let rest = &self.text[token.start..];
        let line = &rest[..rest.find(['\n', '\r']).unwrap_or(rest.len())];
        if line.starts_with("\\;") {
            // It stands for a semicolon that does not send yet.
            self.lexer.jump(token.start + 2);
            return;
        }
        let command = &line[..line.get(2..).and_then(|l| l.find("\\\\")).map_or(line.len(), |n| n + 2)];
        let end = token.start + if command.len() < line.len() { command.len() + 2 } else { line.len() };
        self.skip(SkippedKind::MetaCommand, token.start, token.start..end, command);
        self.lexer.jump(end);
        if command.starts_with("\\copy ") {
            let lower = command.to_ascii_lowercase();
            let mut words = lower.split_whitespace();
            if words.any(|w| w == "from") && words.next().is_some_and(|w| w.starts_with("stdin") || w == "pstdin") {
                self.rows(end);
            }
        }
    }

    /// Notes a stretch that is left out; `start` is the byte whose line is said.
    fn skip(&mut self, what: SkippedKind, start: usize, span: Range<usize>, text: &str) {
        let text = text.lines().next().unwrap_or("").trim_end().chars().take(SHOWN).collect();
        self.out.skipped.push(Skipped { what, line: self.lines.line(start), span, text });
    }

    /// Skips the rows where the statement that `end` ends was a `COPY … FROM stdin`.
    fn copy_data(&mut self, end: usize) {
        let Some(statement) = self.out.statements.last().filter(|s| s.class == Class::Dml) else { return };
        let inner = &self.text[statement.span.clone()];
        if !inner.get(..4).is_some_and(|w| w.eq_ignore_ascii_case("copy")) {
            return;
        }
        let toks: Vec<Token> = Lexer::new(inner).filter(|t| !t.kind.is_trivia()).collect();
        let mut cur = Cursor::new(inner, &toks);
        while cur.seek(&["from"]) {
            cur.at += 1;
            if cur.is("stdin") {
                self.rows(end);
                return;
            }
        }
    }

    /// Skips rows from the line after byte `from` on, up to a line `\.`.
    fn rows(&mut self, from: usize) {
        let Some(newline) = self.text[from..].find('\n').map(|n| from + n) else { return };
        let mut at = newline;
        let end = loop {
            let Some(mark) = self.text[at..].find("\n\\.").map(|n| at + n) else {
                let token = Token { kind: TokenKind::Other, start: newline + 1, end: self.text.len(), closed: true };
                if token.start < token.end {
                    self.problem(ProblemKind::UnclosedCopy, token);
                }
                break self.text.len();
            };
            at = mark + 3;
            let after = self.text[at..].strip_prefix('\r').unwrap_or(&self.text[at..]);
            if after.is_empty() || after.starts_with('\n') {
                break at;
            }
        };
        // Words behind the `;` on its line are lost to the rows; they are shown rather than the rows then.
        let rest = self.text[from..newline].trim();
        let shown = if rest.is_empty() { &self.text[newline + 1..end] } else { rest };
        self.skip(SkippedKind::CopyData, newline + 1, from..end, shown);
        self.lexer.jump(end);
        self.line_end = None;
    }

    /// Closes the statement that was read; false where there was none.
    fn finish(&mut self) -> bool {
        (self.parens, self.blocks) = (0, 0);
        let toks = std::mem::take(&mut self.toks);
        let (Some(first), Some(last)) = (toks.first(), toks.last()) else { return false };
        let mut cur = Cursor::new(self.text, &toks);
        let class = classify(&mut cur);
        let facts = names::facts(&class, cur, self.check_bodies);
        let hints = self.hints(&toks, &facts.elements);
        let columns = facts.elements.iter().filter_map(|e| match &e.what {
            ElementKind::Column(name) if class != Class::Create(ObjectWord::Other) => {
                Some((name.clone(), self.lines.line(e.start)))
            }
            _ => None,
        });
        let statement = Statement {
            span: first.start..last.end,
            line: self.lines.line(first.start),
            columns: columns.collect(),
            creates: facts.creates,
            extends: facts.extends,
            alters: facts.alters,
            drops: facts.drops,
            refers: facts.refers,
            body_refers: facts.body_refers,
            search_path: self.search_path.clone(),
            role: self.role.clone(),
            hints,
            class,
        };
        self.session(&statement.class, cur);
        self.out.statements.push(statement);
        self.toks = toks;
        self.toks.clear();
        true
    }

    /// The hints that came before and inside of the statement.
    fn hints(&mut self, toks: &[Token], elements: &[Element]) -> Vec<Hint> {
        let mut hints = Vec::new();
        for comment in std::mem::take(&mut self.comments) {
            let Some(text) = hints::hint_text(comment.text(self.text)) else { continue };
            let inside = toks.first().is_some_and(|t| t.start < comment.start);
            let found = if inside {
                hints::target(self.text, toks, elements, comment.start, comment.end)
            } else {
                Some(HintTarget::Statement)
            };
            let kind = hints::parse(text, found.as_ref().unwrap_or(&HintTarget::Statement));
            match (kind, found) {
                (Ok(kind), Some(target)) => {
                    hints.push(Hint { kind, line: self.lines.line(comment.start), span: comment.span(), target });
                }
                // A value that is gone has no line; what becomes of it is said about the type.
                (Ok(kind @ HintKind::Map(_)), None) => {
                    let target = HintTarget::Statement;
                    hints.push(Hint { kind, line: self.lines.line(comment.start), span: comment.span(), target });
                }
                (Ok(_), None) => self.problem(ProblemKind::HintWithoutTarget(text.to_owned()), comment),
                (Err(kind), _) => self.problem(kind, comment),
            }
        }
        hints
    }

    /// Follows the settings that change how the rest of the file is read.
    fn session(&mut self, class: &Class, mut cur: Cursor<'_>) {
        match class {
            Class::SelectSetConfigSearchPath { value } => {
                let toks: Vec<Token> = Lexer::new(value).filter(|t| !t.kind.is_trivia()).collect();
                self.search_path = Some(path(Cursor::new(value, &toks)));
            }
            Class::Set { name } => {
                // Behind the name stands `=` or `TO`; after RESET nothing does.
                if !cur.eat(&["to"]) {
                    cur.eat_kind(TokenKind::Operator);
                }
                let unset = cur.done() || cur.is("default");
                let off = cur.token(0).is_some_and(|t| {
                    let word = t.text(cur.text).trim_matches('\'').to_ascii_lowercase();
                    matches!(word.as_str(), "off" | "false" | "no" | "0" | "f" | "n")
                });
                match name.as_str() {
                    "role" | "session authorization" if unset => self.role = None,
                    "role" | "session authorization" => {
                        self.role = cur.token(0).and_then(|token| {
                            let none = token.kind == TokenKind::Word && cur.is("none");
                            let name =
                                if token.kind.is_string() { string(cur.text, token) } else { ident(cur.text, token) };
                            (!none && !name.is_empty()).then(|| Arc::from(name))
                        });
                    }
                    "search_path" | "all" if unset => self.search_path = None,
                    "search_path" => self.search_path = Some(path(cur.rest())),
                    "schema" => self.search_path = Some(path(cur.rest())),
                    "check_function_bodies" => self.check_bodies = unset || !off,
                    "standard_conforming_strings" => self.lexer.set_backslash_escapes(!unset && off),
                    _ => {}
                }
            }
            _ => {}
        }
    }
}

/// The schemas of a search path as it was written; an empty name is none.
fn path(list: Cursor<'_>) -> Arc<[String]> {
    let name = |item: Cursor<'_>| {
        let token = item.token(0)?;
        let name = if token.kind.is_string() { string(item.text, token) } else { ident(item.text, token) };
        (!name.is_empty()).then_some(name)
    };
    list.items().filter_map(name).collect()
}

#[cfg(test)]
mod tests;
