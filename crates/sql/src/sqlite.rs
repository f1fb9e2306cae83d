//! SQLite's SQL as text: its tokens, and the statements of a script.
//!
//! The rules are those of SQLite's own tokenizer (`src/tokenize.c`) and of `sqlite3_complete` (`src/complete.c`): a `;` ends a
//! statement, and that of `CREATE TRIGGER` at `; END ;` alone. Names stand between `"`, backticks or brackets, strings between
//! `'`; a backslash means nothing, comments do not nest, and there are no dollar quotes.

use std::ops::Range;

use crate::lex::{Token, TokenKind};
use crate::position::LineIndex;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its bytes: from its first token to its last, without the `;`.
    pub span: Range<usize>,
    /// The line, from 1, of its first token.
    pub line: usize,
}

/// A script taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    /// The statements in the order of the text.
    pub statements: Vec<Statement>,
    /// What the text ends in the middle of: what it is in words, and the line, from 1, on which it begins.
    pub open: Option<(String, usize)>,
}

/// An iterator over the tokens of a text. Their spans join without a gap from the first byte to the last.
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    text: &'a str,
    at: usize,
}

/// The tokens of a text. It never fails: what SQLite would refuse is a token all the same.
#[must_use]
pub fn tokens(text: &str) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$') || b >= 0x80
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

impl Tokens<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The end of the run of bytes, from `ahead` on, that `test` accepts.
    fn run(&self, ahead: usize, test: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        let from = (self.at + ahead).min(bytes.len());
        bytes[from..].iter().position(|b| !test(*b)).map_or(bytes.len(), |n| from + n)
    }

    /// Behind the next `mark`, which stands from `ahead` on, and whether there is one.
    fn to(&self, ahead: usize, mark: &str) -> (usize, bool) {
        let from = (self.at + ahead).min(self.text.len());
        self.text[from..].find(mark).map_or((self.text.len(), false), |n| (from + n + mark.len(), true))
    }

    /// The end of what begins with `quote`, where a doubled one stands for itself.
    fn quoted(&self, ahead: usize, quote: u8) -> (usize, bool) {
        let bytes = self.text.as_bytes();
        let mut at = self.at + ahead;
        while let Some(b) = bytes.get(at) {
            if *b == quote {
                if bytes.get(at + 1) != Some(&quote) {
                    return (at + 1, true);
                }
                at += 1;
            }
            at += 1;
        }
        (bytes.len(), false)
    }

    fn number(&self) -> usize {
        if self.byte(0) == b'0' && matches!(self.byte(1), b'x' | b'X') {
            return self.run(2, |b| b.is_ascii_hexdigit() || b == b'_');
        }
        let bytes = self.text.as_bytes();
        let digits =
            |from: usize| from + bytes[from..].iter().take_while(|b| b.is_ascii_digit() || **b == b'_').count();
        let mut at = digits(self.at);
        if bytes.get(at) == Some(&b'.') {
            at = digits(at + 1);
        }
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let has_exponent = bytes.get(at + 1 + sign).is_some_and(u8::is_ascii_digit);
        if matches!(bytes.get(at), Some(b'e' | b'E')) && has_exponent { digits(at + 1 + sign) } else { at }
    }

    fn token(&self) -> (TokenKind, usize, bool) {
        let one = |kind| (kind, self.at + 1, true);
        let whole = |kind, end| (kind, end, true);
        let ended = |kind, (end, closed)| (kind, end, closed);
        match self.byte(0) {
            b if is_space(b) => whole(TokenKind::Whitespace, self.run(0, is_space)),
            // A byte order mark is blank wherever it stands.
            0xef if self.byte(1) == 0xbb && self.byte(2) == 0xbf => whole(TokenKind::Whitespace, self.at + 3),
            b'-' if self.byte(1) == b'-' => whole(TokenKind::LineComment, self.run(0, |b| b != b'\n')),
            b'/' if self.byte(1) == b'*' => ended(TokenKind::BlockComment, self.to(2, "*/")),
            b'\'' => ended(TokenKind::String, self.quoted(1, b'\'')),
            b'x' | b'X' if self.byte(1) == b'\'' => ended(TokenKind::BitString, self.quoted(2, b'\'')),
            quote @ (b'"' | b'`') => ended(TokenKind::QuotedIdent, self.quoted(1, quote)),
            b'[' => ended(TokenKind::QuotedIdent, self.to(1, "]")),
            b'?' => whole(TokenKind::Parameter, self.run(1, |b| b.is_ascii_digit())),
            b':' | b'@' | b'#' | b'$' if is_word(self.byte(1)) => whole(TokenKind::Parameter, self.run(1, is_word)),
            b if b.is_ascii_digit() => whole(TokenKind::Number, self.number()),
            b'.' if self.byte(1).is_ascii_digit() => whole(TokenKind::Number, self.number()),
            b if is_word(b) && b != b'$' => whole(TokenKind::Word, self.run(0, is_word)),
            b',' => one(TokenKind::Comma),
            b'.' => one(TokenKind::Dot),
            b';' => one(TokenKind::Semicolon),
            b'(' => one(TokenKind::OpenParen),
            b')' => one(TokenKind::CloseParen),
            b if b.is_ascii_punctuation() => one(TokenKind::Operator),
            _ => one(TokenKind::Other),
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        if self.at >= self.text.len() {
            return None;
        }
        let (kind, end, closed) = self.token();
        let token = Token { kind, start: self.at, end, closed };
        self.at = end;
        Some(token)
    }
}

/// Where in the end of a trigger a script stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Inside,
    /// Behind a `;` of the body.
    Semicolon,
    /// Behind `; END`: the next `;` ends the statement.
    End,
}

/// Takes a script apart. What is not closed is a statement all the same, and [`Script::open`] tells of it.
#[must_use]
pub fn split(text: &str) -> Script {
    let lines = LineIndex::new(text);
    let mut script = Script::default();
    // The first and the last token of the statement, and its first words.
    let mut span: Option<Range<usize>> = None;
    let mut words: Vec<String> = Vec::new();
    let mut body: Option<Body> = None;
    for token in tokens(text) {
        let word = token.text(text);
        if !token.closed {
            let start: String = word.lines().next().unwrap_or_default().chars().take(20).collect();
            script.open = Some((format!("`{start}` is not closed"), lines.line(token.start)));
        }
        if token.kind.is_trivia() {
            continue;
        }
        let ends = token.kind == TokenKind::Semicolon && body.is_none_or(|body| body == Body::End);
        if ends {
            if let Some(span) = span.take() {
                script.statements.push(Statement { line: lines.line(span.start), span });
            }
            words.clear();
            body = None;
            continue;
        }
        span = Some(span.map_or(token.span(), |span| span.start..token.end));
        body = match (body, token.kind) {
            (Some(_), TokenKind::Semicolon) => Some(Body::Semicolon),
            (Some(Body::Semicolon), TokenKind::Word) if word.eq_ignore_ascii_case("end") => Some(Body::End),
            (Some(_), _) => Some(Body::Inside),
            (None, _) => {
                if words.len() < 6 {
                    words.push(word.to_ascii_uppercase());
                }
                is_trigger(&words).then_some(Body::Inside)
            }
        };
    }
    if let Some(span) = span {
        let line = lines.line(span.start);
        if matches!(body, Some(Body::Inside | Body::Semicolon)) && script.open.is_none() {
            script.open = Some(("the body of a trigger has no END".to_owned(), line));
        }
        script.statements.push(Statement { span, line });
    }
    script
}

/// Whether first words are those of a statement that makes a trigger.
fn is_trigger(words: &[String]) -> bool {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let words = match words.as_slice() {
        ["EXPLAIN", "QUERY", "PLAN", rest @ ..] | ["EXPLAIN", rest @ ..] => rest,
        words => words,
    };
    matches!(words, ["CREATE", "TRIGGER"] | ["CREATE", "TEMP" | "TEMPORARY", "TRIGGER"])
}

/// The first `count` words and marks of a statement, words in capital letters.
#[must_use]
pub fn first_words(sql: &str, count: usize) -> Vec<String> {
    tokens(sql).filter(|t| !t.kind.is_trivia()).take(count).map(|t| t.text(sql).to_ascii_uppercase()).collect()
}

/// A name between quotes.
#[must_use]
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string constant.
#[must_use]
pub fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        split(text).statements.into_iter().map(|s| &text[s.span]).collect()
    }

    #[test]
    fn tokens_join_from_end_to_end() {
        let text = "\u{feff}SELECT [a]]b], `c``;`, \"d\"\"\", 'it''s', x'00', .5e-3, 0x1F, 1_0, ?1, :a, @b, $c, #d, é -- x\r\n/* /* */ $ \\ ~";
        let mut at = 0;
        for token in tokens(text) {
            assert_eq!(token.start, at);
            assert!(token.end > at && text.is_char_boundary(token.end), "{token:?}");
            at = token.end;
        }
        assert_eq!(at, text.len());
        let of = |kind| tokens(text).filter(|t| t.kind == kind).map(|t| t.text(text)).collect::<Vec<_>>();
        // A bracket cannot be doubled.
        assert_eq!(of(TokenKind::QuotedIdent), ["[a]", "`c``;`", "\"d\"\"\""]);
        assert_eq!(of(TokenKind::Number), [".5e-3", "0x1F", "1_0"]);
        assert_eq!(of(TokenKind::Parameter), ["?1", ":a", "@b", "$c", "#d"]);
        assert_eq!(of(TokenKind::BlockComment), ["/* /* */"]);
    }

    #[test]
    fn statements_end_at_semicolons_outside_of_quotes() {
        let text = "-- a;\nSELECT ';', \";\", `;`, [;], '\\'; ; /* ; */\n SELECT 2";
        assert_eq!(texts(text), ["SELECT ';', \";\", `;`, [;], '\\'", "SELECT 2"]);
        assert_eq!(split(text).statements[1].line, 3);
        assert_eq!(texts(" ;; -- nothing\n"), [""; 0]);
    }

    #[test]
    fn a_trigger_ends_behind_the_end_of_its_body() {
        let trigger = "create /* x */ temp trigger t AFTER UPDATE ON a BEGIN\n  SELECT CASE WHEN 1 THEN 2 END;\n  \
                       UPDATE a SET b = 'x; END;'; -- END;\nend";
        let text = format!("{trigger} ;\nSELECT 1; CREATE TRIGGER u DELETE ON a BEGIN SELECT 1; END");
        assert_eq!(texts(&text), [trigger, "SELECT 1", "CREATE TRIGGER u DELETE ON a BEGIN SELECT 1; END"]);
        assert_eq!(split(&text).open, None);
        assert_eq!(texts("EXPLAIN QUERY PLAN CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END; SELECT 2").len(), 2);
        // A table of that name is none.
        assert_eq!(texts("CREATE TABLE trigger (a); CREATE INDEX trigger ON t (a); SELECT 1").len(), 3);
    }

    #[test]
    fn what_is_not_closed_is_told_with_its_line() {
        let open = |text: &str| split(text).open.unwrap_or_default();
        assert_eq!(open("SELECT 1;\nSELECT 'a;\nb"), ("`'a;` is not closed".to_owned(), 2));
        assert_eq!(open("SELECT [a;"), ("`[a;` is not closed".to_owned(), 1));
        assert_eq!(open("\n/* a").1, 2);
        assert_eq!(open("\nCREATE TRIGGER t INSERT ON a BEGIN SELECT 1;").1, 2);
        assert_eq!(split("SELECT 1").open, None);
    }

    #[test]
    fn first_words_leave_out_comments() {
        assert_eq!(first_words("-- x\nbegin /* y */ Immediate", 3), ["BEGIN", "IMMEDIATE"]);
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's \\"), "'it''s \\'");
    }
}
