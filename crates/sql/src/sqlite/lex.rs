//! SQLite's tokens (its own tokenizer, `tokenize.c`, as the manual's diagrams tell it).

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokKind {
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes, backticks or brackets.
    Quoted,
    /// A string in single quotes.
    Text,
    /// A blob: `x'…'`.
    Blob,
    /// A number.
    Number,
    /// A parameter: `?1`, `:a`, `@a`, `$a`.
    Parameter,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// `.`
    Dot,
    /// Any other sign; of two characters where they are one operator.
    Sign,
}

/// A token: its kind and its bytes in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tok {
    /// What it is.
    pub kind: TokKind,
    /// The first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
    /// Whether its closing quote is there.
    pub closed: bool,
}

/// A comment: its bytes in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comment {
    /// The first byte.
    pub start: usize,
    /// The byte behind it.
    pub end: usize,
}

impl Tok {
    /// The token as it is written.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> &'a str {
        &text[self.start..self.end]
    }

    /// Whether it is that keyword, which is given in upper case.
    #[must_use]
    pub fn is(&self, text: &str, keyword: &str) -> bool {
        self.kind == TokKind::Word && self.text(text).eq_ignore_ascii_case(keyword)
    }

    /// The name that it is, without quotes; none where it is none. SQLite takes a string for a name where no string can stand.
    #[must_use]
    pub fn name(&self, text: &str) -> Option<String> {
        let raw = self.text(text);
        let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
        match self.kind {
            TokKind::Word => Some(raw.to_owned()),
            TokKind::Quoted => Some(match raw.as_bytes().first() {
                Some(b'"') => inner.replace("\"\"", "\""),
                Some(b'`') => inner.replace("``", "`"),
                _ => inner.to_owned(),
            }),
            TokKind::Text => Some(inner.replace("''", "'")),
            TokKind::Blob
            | TokKind::Number
            | TokKind::Parameter
            | TokKind::Open
            | TokKind::Close
            | TokKind::Comma
            | TokKind::Semicolon
            | TokKind::Dot
            | TokKind::Sign => None,
        }
    }

    /// The token as it is compared.
    #[must_use]
    pub fn word(&self, text: &str) -> String {
        match self.kind {
            TokKind::Word => self.text(text).to_ascii_lowercase(),
            TokKind::Quoted => {
                let name = self.name(text).unwrap_or_default().to_ascii_lowercase();
                let plain = name.bytes().enumerate().all(|(n, b)| is_word(b) && (n > 0 || !b.is_ascii_digit()));
                if plain && !name.is_empty() { name } else { format!("\"{name}\"") }
            }
            TokKind::Blob | TokKind::Number => self.text(text).to_ascii_lowercase(),
            TokKind::Text
            | TokKind::Parameter
            | TokKind::Open
            | TokKind::Close
            | TokKind::Comma
            | TokKind::Semicolon
            | TokKind::Dot
            | TokKind::Sign => self.text(text).to_owned(),
        }
    }
}

/// The lower-case form of a token where it is a bare word, else an empty text.
#[must_use]
pub fn keyword(tok: Option<&Tok>, text: &str) -> String {
    tok.filter(|t| t.kind == TokKind::Word).map(|t| t.text(text).to_ascii_lowercase()).unwrap_or_default()
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80
}

/// The tokens of a text, without space and comments.
#[must_use]
pub fn toks(text: &str) -> Vec<Tok> {
    scan(text).0
}

/// The comments of a text.
#[must_use]
pub fn comments(text: &str) -> Vec<Comment> {
    scan(text).1
}

fn scan(text: &str) -> (Vec<Tok>, Vec<Comment>) {
    let bytes = text.as_bytes();
    let at = |n: usize| bytes.get(n).copied().unwrap_or(0);
    let (mut toks, mut comments) = (Vec::new(), Vec::new());
    let mut n = 0;
    while n < bytes.len() {
        let start = n;
        let mut closed = true;
        let kind = match bytes[n] {
            // A byte order mark is passed over, as SQLite does.
            0xef if bytes[n..].starts_with(b"\xef\xbb\xbf") => {
                n += 3;
                continue;
            }
            b' ' | b'\t' | b'\n' | b'\r' | 0x0c => {
                n += 1;
                continue;
            }
            b'-' if at(n + 1) == b'-' => {
                while n < bytes.len() && bytes[n] != b'\n' {
                    n += 1;
                }
                comments.push(Comment { start, end: n });
                continue;
            }
            b'/' if at(n + 1) == b'*' => {
                n = text[n + 2..].find("*/").map_or(bytes.len(), |p| n + 2 + p + 2);
                comments.push(Comment { start, end: n });
                continue;
            }
            quote @ (b'\'' | b'"' | b'`') => {
                (n, closed) = quoted(bytes, n, quote);
                if quote == b'\'' { TokKind::Text } else { TokKind::Quoted }
            }
            b'[' => {
                let end = bytes[n..].iter().position(|b| *b == b']');
                closed = end.is_some();
                n = end.map_or(bytes.len(), |p| n + p + 1);
                TokKind::Quoted
            }
            b'x' | b'X' if at(n + 1) == b'\'' => {
                (n, closed) = quoted(bytes, n + 1, b'\'');
                TokKind::Blob
            }
            b if b.is_ascii_digit() || (b == b'.' && at(n + 1).is_ascii_digit()) => {
                n = number(bytes, n);
                TokKind::Number
            }
            b'?' | b':' | b'@' | b'#' => {
                n += 1;
                while is_word(at(n)) && n < bytes.len() {
                    n += 1;
                }
                TokKind::Parameter
            }
            b'$' => {
                n += 1;
                while is_word(at(n)) && n < bytes.len() {
                    n += 1;
                }
                TokKind::Parameter
            }
            b if is_word(b) => {
                while n < bytes.len() && is_word(bytes[n]) {
                    n += 1;
                }
                TokKind::Word
            }
            other => {
                n += 1;
                match other {
                    b'(' => TokKind::Open,
                    b')' => TokKind::Close,
                    b',' => TokKind::Comma,
                    b';' => TokKind::Semicolon,
                    b'.' => TokKind::Dot,
                    _ => {
                        let two = [other, at(n)];
                        let pairs: [&[u8; 2]; 10] =
                            [b"||", b"<<", b">>", b"<=", b">=", b"==", b"!=", b"<>", b"->", b"&&"];
                        if pairs.contains(&&two) {
                            n += 1;
                            if &two == b"->" && at(n) == b'>' {
                                n += 1;
                            }
                        }
                        TokKind::Sign
                    }
                }
            }
        };
        toks.push(Tok { kind, start, end: n, closed });
    }
    (toks, comments)
}

/// The end of what is quoted from `start` on, and whether it is closed; a doubled quote stands for one.
fn quoted(bytes: &[u8], start: usize, quote: u8) -> (usize, bool) {
    let mut n = start + 1;
    while n < bytes.len() {
        if bytes[n] == quote {
            if bytes.get(n + 1) == Some(&quote) {
                n += 1;
            } else {
                return (n + 1, true);
            }
        }
        n += 1;
    }
    (bytes.len(), false)
}

fn number(bytes: &[u8], start: usize) -> usize {
    let at = |n: usize| bytes.get(n).copied().unwrap_or(0);
    let mut n = start;
    if at(n) == b'0' && matches!(at(n + 1), b'x' | b'X') {
        n += 2;
        while at(n).is_ascii_hexdigit() {
            n += 1;
        }
        return n;
    }
    while at(n).is_ascii_digit() || at(n) == b'.' || at(n) == b'_' {
        n += 1;
    }
    if matches!(at(n), b'e' | b'E') {
        let sign = usize::from(matches!(at(n + 1), b'+' | b'-'));
        if at(n + 1 + sign).is_ascii_digit() {
            n += 1 + sign;
            while at(n).is_ascii_digit() {
                n += 1;
            }
        }
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<TokKind> {
        toks(text).iter().map(|t| t.kind).collect()
    }

    #[test]
    fn each_sort_of_quote_is_one_token() {
        use TokKind::*;
        assert_eq!(kinds("'it''s' \"a\"\"b\" `c` [d e] x'ab' X'00'"), [Text, Quoted, Quoted, Quoted, Blob, Blob]);
        assert_eq!(
            kinds("a.b 1.5e-3 .5 0x1F ?1 :a $b"),
            [Word, Dot, Word, Number, Number, Number, Parameter, Parameter, Parameter]
        );
        assert_eq!(kinds("a->>'$.b' || c<>d"), [Word, Sign, Text, Sign, Word, Sign, Word]);
        assert_eq!(kinds("-- x ' y\n/* \" */ é"), [Word]);
    }

    #[test]
    fn what_is_not_closed_ends_with_the_text() {
        for text in ["'a", "\"a", "[a", "`a", "x'a"] {
            let list = toks(text);
            assert_eq!((list.len(), list[0].closed, list[0].end), (1, false, text.len()), "{text}");
        }
        assert_eq!(comments("a /* b"), [Comment { start: 2, end: 6 }]);
    }

    #[test]
    fn names_lose_their_quotes() {
        let name = |text: &str| toks(text)[0].name(text);
        assert_eq!(name("\"a\"\"b\""), Some("a\"b".to_owned()));
        assert_eq!(name("[a b]"), Some("a b".to_owned()));
        assert_eq!(name("`a``b`"), Some("a`b".to_owned()));
        assert_eq!(name("'x'"), Some("x".to_owned()));
        assert_eq!(name("12"), None);
    }
}
