//! The lexer for PostgreSQL's SQL: text into tokens that cover every byte, in one pass, and never an error.
//!
//! It follows the server's own scanner (`src/backend/parser/scan.l`; manual, 4.1 "Lexical Structure") as far as it
//! takes to find where a token ends. What the server would refuse becomes a token all the same, for the server is who
//! refuses it, with a better message.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// Blanks, tabs, line ends, and a byte order mark at the start of the text.
    Whitespace,
    /// `-- …` up to the end of the line, without the line end.
    LineComment,
    /// `/* … */`; nested ones count (manual, 4.1.5).
    BlockComment,
    /// A keyword or an identifier without quotes.
    Word,
    /// `"…"`.
    QuotedIdent,
    /// `U&"…"`.
    UnicodeIdent,
    /// `'…'`, where only a doubled quote is special.
    String,
    /// `E'…'`, and its continuations on further lines; a plain string as well where backslashes escape.
    EscapeString,
    /// `U&'…'`.
    UnicodeString,
    /// `B'…'` and `X'…'`.
    BitString,
    /// `N'…'`.
    NationalString,
    /// `$tag$…$tag$`.
    DollarString,
    /// A number, with its fraction and exponent.
    Number,
    /// `$1`.
    Parameter,
    /// A run of operator characters, such as `->>`.
    Operator,
    /// `::`.
    TypeCast,
    /// `:` or `:=`.
    Colon,
    /// `,`.
    Comma,
    /// `.`; two of them are two tokens.
    Dot,
    /// `;`.
    Semicolon,
    /// `(`.
    OpenParen,
    /// `)`.
    CloseParen,
    /// `[`.
    OpenBracket,
    /// `]`.
    CloseBracket,
    /// `\`, where `psql` begins a command of its own.
    Backslash,
    /// A character that begins no token of the language.
    Other,
}

impl TokenKind {
    /// Whether it separates tokens only: whitespace or a comment.
    #[must_use]
    pub fn is_trivia(self) -> bool {
        matches!(self, Self::Whitespace | Self::LineComment | Self::BlockComment)
    }

    /// Whether it is a string constant of any spelling.
    #[must_use]
    pub fn is_string(self) -> bool {
        use TokenKind::{BitString, DollarString, EscapeString, NationalString, String, UnicodeString};
        matches!(self, String | EscapeString | UnicodeString | BitString | NationalString | DollarString)
    }

    /// Whether it can be a name: a word or a quoted identifier.
    #[must_use]
    pub fn is_name(self) -> bool {
        matches!(self, Self::Word | Self::QuotedIdent | Self::UnicodeIdent)
    }
}

/// One token: its kind and the bytes it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// The first byte of it.
    pub start: usize,
    /// The byte after it.
    pub end: usize,
    /// False for a quote or a comment that the text ends in the middle of.
    pub closed: bool,
}

impl Token {
    /// The bytes it covers.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.start..self.end
    }

    /// Its text, out of the text it was read from.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }
}

/// An iterator over the tokens of a text. Their spans join without a gap from the first byte to the last.
#[derive(Debug, Clone)]
pub struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Whether a backslash escapes in `'…'`: `standard_conforming_strings` is off.
    backslash_escapes: bool,
    /// After an `E'…'`: a further `'…'` on a later line continues it under the same rules (manual, 4.1.2.1).
    continues: Continues,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Continues {
    No,
    AfterNewline,
    Yes,
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_word(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit() || b == b'$'
}

fn is_operator(b: u8) -> bool {
    matches!(
        b,
        b'~' | b'!'
            | b'@'
            | b'#'
            | b'^'
            | b'&'
            | b'|'
            | b'`'
            | b'?'
            | b'+'
            | b'-'
            | b'*'
            | b'/'
            | b'%'
            | b'<'
            | b'>'
            | b'='
    )
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

impl<'a> Lexer<'a> {
    /// A lexer at the start of `text`.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, backslash_escapes: false, continues: Continues::No }
    }

    /// Sets what a backslash in `'…'` means from here on: `true` as with `standard_conforming_strings = off`.
    pub fn set_backslash_escapes(&mut self, on: bool) {
        self.backslash_escapes = on;
    }

    /// The byte where the next token begins.
    #[must_use]
    pub fn position(&self) -> usize {
        self.at
    }

    /// Goes on at byte `at`, which must be the start of a character and not before the present position.
    pub(crate) fn jump(&mut self, at: usize) {
        debug_assert!(at >= self.at && self.text.is_char_boundary(at));
        self.at = at;
        self.continues = Continues::No;
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    /// The end of the run of bytes from `from` on that `test` accepts.
    fn run(&self, from: usize, test: impl Fn(u8) -> bool) -> usize {
        self.bytes[from..].iter().position(|&b| !test(b)).map_or(self.bytes.len(), |n| from + n)
    }

    /// The end of a quoted thing whose opening quote is just before `from`, and whether it is closed.
    fn quoted(&self, from: usize, quote: u8, backslash: bool) -> (usize, bool) {
        let mut i = from;
        while let Some(&b) = self.bytes.get(i) {
            if b == quote {
                if self.bytes.get(i + 1) != Some(&quote) {
                    return (i + 1, true);
                }
                i += 2;
            } else if b == b'\\' && backslash {
                // A multi-byte character may follow; its other bytes are neither quote nor backslash.
                i += 2;
            } else {
                i += 1;
            }
        }
        (self.bytes.len(), false)
    }

    fn block_comment(&self) -> (usize, bool) {
        let mut i = self.at + 2;
        let mut depth = 1;
        while i + 1 < self.bytes.len() {
            match (self.bytes[i], self.bytes[i + 1]) {
                (b'/', b'*') => {
                    depth += 1;
                    i += 2;
                }
                (b'*', b'/') => {
                    depth -= 1;
                    i += 2;
                    if depth == 0 {
                        return (i, true);
                    }
                }
                _ => i += 1,
            }
        }
        (self.bytes.len(), false)
    }

    /// A `$` begins a dollar quote, a parameter or nothing.
    fn dollar(&self) -> (TokenKind, usize, bool) {
        let first = self.peek(1);
        if first.is_ascii_digit() {
            return (TokenKind::Parameter, self.run(self.at + 1, |b| b.is_ascii_digit()), true);
        }
        let tag_end =
            if is_word_start(first) { self.run(self.at + 1, |b| is_word(b) && b != b'$') } else { self.at + 1 };
        if self.bytes.get(tag_end) != Some(&b'$') {
            return (TokenKind::Other, self.at + 1, true);
        }
        let tag = &self.text[self.at..=tag_end];
        match self.text[tag_end + 1..].find(tag) {
            Some(n) => (TokenKind::DollarString, tag_end + 1 + n + tag.len(), true),
            None => (TokenKind::DollarString, self.bytes.len(), false),
        }
    }

    fn number(&self) -> usize {
        let digit = |b: u8| b.is_ascii_digit() || b == b'_';
        if self.peek(0) == b'0' && matches!(self.peek(1), b'x' | b'X' | b'o' | b'O' | b'b' | b'B') {
            let end = self.run(self.at + 2, |b| b.is_ascii_hexdigit() || b == b'_');
            if end > self.at + 2 {
                return end;
            }
        }
        let mut i = self.run(self.at, digit);
        let at = |i: usize| self.bytes.get(i).copied().unwrap_or(0);
        if at(i) == b'.' && at(i + 1) != b'.' {
            i = self.run(i + 1, digit);
        }
        if matches!(at(i), b'e' | b'E') {
            let sign = usize::from(matches!(at(i + 1), b'+' | b'-'));
            if at(i + 1 + sign).is_ascii_digit() {
                i = self.run(i + 1 + sign, digit);
            }
        }
        i
    }

    /// The end of a run of operator characters; a comment ends it (manual, 4.1.3).
    fn operator(&self) -> usize {
        let mut i = self.at;
        while let Some(&b) = self.bytes.get(i) {
            let next = self.bytes.get(i + 1).copied().unwrap_or(0);
            let comment = (b == b'-' && next == b'-') || (b == b'/' && next == b'*');
            if !is_operator(b) || comment {
                break;
            }
            i += 1;
        }
        i
    }

    /// A word, or a quote that a letter begins.
    fn word(&self) -> (TokenKind, usize, bool) {
        let (next, third) = (self.peek(1), self.peek(2));
        let prefixed = match (self.peek(0), next) {
            (b'e' | b'E', b'\'') => Some((TokenKind::EscapeString, 2, b'\'', true)),
            (b'b' | b'B' | b'x' | b'X', b'\'') => Some((TokenKind::BitString, 2, b'\'', false)),
            (b'n' | b'N', b'\'') => Some((TokenKind::NationalString, 2, b'\'', self.backslash_escapes)),
            (b'u' | b'U', b'&') if third == b'\'' => Some((TokenKind::UnicodeString, 3, b'\'', false)),
            (b'u' | b'U', b'&') if third == b'"' => Some((TokenKind::UnicodeIdent, 3, b'"', false)),
            _ => None,
        };
        if let Some((kind, skip, quote, backslash)) = prefixed {
            let (end, closed) = self.quoted(self.at + skip, quote, backslash);
            return (kind, end, closed);
        }
        (TokenKind::Word, self.run(self.at, is_word), true)
    }

    fn token(&self, first: u8) -> (TokenKind, usize, bool) {
        let one = |kind| (kind, self.at + 1, true);
        match first {
            _ if is_space(first) => (TokenKind::Whitespace, self.run(self.at, is_space), true),
            0xef if self.at == 0 && self.text.starts_with('\u{feff}') => (TokenKind::Whitespace, 3, true),
            _ if is_word_start(first) => self.word(),
            b'-' if self.peek(1) == b'-' => {
                (TokenKind::LineComment, self.run(self.at, |b| b != b'\n' && b != b'\r'), true)
            }
            b'/' if self.peek(1) == b'*' => {
                let (end, closed) = self.block_comment();
                (TokenKind::BlockComment, end, closed)
            }
            b'\'' => {
                let backslash = self.backslash_escapes || self.continues == Continues::Yes;
                let (end, closed) = self.quoted(self.at + 1, b'\'', backslash);
                (if backslash { TokenKind::EscapeString } else { TokenKind::String }, end, closed)
            }
            b'"' => {
                let (end, closed) = self.quoted(self.at + 1, b'"', false);
                (TokenKind::QuotedIdent, end, closed)
            }
            b'$' => self.dollar(),
            b'0'..=b'9' => (TokenKind::Number, self.number(), true),
            b'.' if self.peek(1).is_ascii_digit() => (TokenKind::Number, self.number(), true),
            b'.' => one(TokenKind::Dot),
            b',' => one(TokenKind::Comma),
            b';' => one(TokenKind::Semicolon),
            b'(' => one(TokenKind::OpenParen),
            b')' => one(TokenKind::CloseParen),
            b'[' => one(TokenKind::OpenBracket),
            b']' => one(TokenKind::CloseBracket),
            b'\\' => one(TokenKind::Backslash),
            b':' if self.peek(1) == b':' => (TokenKind::TypeCast, self.at + 2, true),
            b':' if self.peek(1) == b'=' => (TokenKind::Colon, self.at + 2, true),
            b':' => one(TokenKind::Colon),
            _ if is_operator(first) => (TokenKind::Operator, self.operator(), true),
            _ => one(TokenKind::Other),
        }
    }
}

impl Iterator for Lexer<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        let first = *self.bytes.get(self.at)?;
        let (kind, end, closed) = self.token(first);
        // `\` at the very end of a string may have stepped over the last byte.
        let end = end.min(self.bytes.len());
        let token = Token { kind, start: self.at, end, closed };
        self.continues = match kind {
            TokenKind::EscapeString => Continues::AfterNewline,
            TokenKind::Whitespace if self.continues == Continues::AfterNewline => {
                let newline = self.bytes[self.at..end].iter().any(|&b| b == b'\n' || b == b'\r');
                if newline { Continues::Yes } else { Continues::AfterNewline }
            }
            TokenKind::Whitespace | TokenKind::LineComment => self.continues,
            _ => Continues::No,
        };
        self.at = end;
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(TokenKind, &str)> {
        Lexer::new(text).filter(|t| t.kind != TokenKind::Whitespace).map(|t| (t.kind, t.text(text))).collect()
    }

    fn one(text: &str) -> TokenKind {
        let all = kinds(text);
        assert_eq!(all.len(), 1, "{all:?}");
        all[0].0
    }

    #[test]
    fn every_spelling_of_a_string_is_one_token() {
        assert_eq!(one("'it''s -- not; a /* comment'"), TokenKind::String);
        assert_eq!(one(r"'ends in \'"), TokenKind::String);
        assert_eq!(one(r"E'it\'s; '"), TokenKind::EscapeString);
        assert_eq!(one(r"U&'d\0061t;a'"), TokenKind::UnicodeString);
        assert_eq!(one("U&\"d;a\""), TokenKind::UnicodeIdent);
        assert_eq!(one("x'1FF'"), TokenKind::BitString);
        assert_eq!(one("N'x'"), TokenKind::NationalString);
        assert_eq!(one("\"a\"\"b;\""), TokenKind::QuotedIdent);
        assert_eq!(one("$$a;'$x$b$$"), TokenKind::DollarString);
        assert_eq!(one("$fün$ $$ $fün$"), TokenKind::DollarString);
    }

    #[test]
    fn an_escape_string_goes_on_over_lines_under_its_own_rules() {
        let text = "E'a'\n  -- note\n  'b\\'c' 'd\\' x";
        let got: Vec<_> = kinds(text).into_iter().map(|(k, _)| k).collect();
        let want = [
            TokenKind::EscapeString,
            TokenKind::LineComment,
            TokenKind::EscapeString,
            TokenKind::String,
            TokenKind::Word,
        ];
        assert_eq!(got, want);
    }

    #[test]
    fn old_strings_escape_when_told_so() {
        let text = r"'a\';b'";
        let mut lexer = Lexer::new(text);
        lexer.set_backslash_escapes(true);
        assert_eq!(lexer.count(), 1);
        assert!(Lexer::new(text).count() > 1);
    }

    #[test]
    fn comments_nest_and_end_operators() {
        assert_eq!(one("/* a /* b */ ; */"), TokenKind::BlockComment);
        let got: Vec<_> = kinds("a*/**/b --c").into_iter().map(|(_, t)| t).collect();
        assert_eq!(got, ["a", "*", "/**/", "b", "--c"]);
        let got: Vec<_> = kinds("1+--x\n2").into_iter().map(|(_, t)| t).collect();
        assert_eq!(got, ["1", "+", "--x", "2"]);
    }

    #[test]
    fn numbers_dots_dollars_and_casts() {
        let got: Vec<_> = kinds("1.5e-3 .5 1..2 0xFF $1 a$1$ x::y a:=b s.t").into_iter().map(|(_, t)| t).collect();
        let want =
            ["1.5e-3", ".5", "1", ".", ".2", "0xFF", "$1", "a$1$", "x", "::", "y", "a", ":=", "b", "s", ".", "t"];
        assert_eq!(got, want);
    }

    #[test]
    fn what_is_not_closed_runs_to_the_end_and_says_so() {
        for text in ["'abc;", "\"abc;", "$x$ abc; $y$", "/* abc; /* */", r"E'abc\", "U&'x", r"E'abc\'"] {
            let tokens: Vec<_> = Lexer::new(text).collect();
            assert_eq!(tokens.len(), 1, "{text}");
            assert!(!tokens[0].closed, "{text}");
            assert_eq!(tokens[0].end, text.len());
        }
    }

    #[test]
    fn a_byte_order_mark_is_blank_only_at_the_start() {
        let first = Lexer::new("\u{feff}SELECT").next().unwrap();
        assert_eq!((first.kind, first.end), (TokenKind::Whitespace, 3));
        assert_eq!(kinds("a \u{feff}b").len(), 2);
    }
}
