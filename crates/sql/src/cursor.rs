//! A reader over the tokens of one statement, whitespace and comments left out: words, names and parentheses.

use crate::lex::{Token, TokenKind};
use crate::statement::{Name, Space};

/// Up to this many bytes of an identifier count; the server cuts the rest off (`NAMEDATALEN` - 1; manual, 4.1.1).
const NAME_BYTES: usize = 63;

/// Tokens of one statement and a place among them.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    /// The text that the tokens were read from.
    pub text: &'a str,
    /// The tokens, without whitespace and comments.
    pub toks: &'a [Token],
    /// The place: the index of the next token.
    pub at: usize,
}

/// A name as written: up to four parts with dots between, further ones dropped.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a> {
    text: &'a str,
    parts: [Option<Token>; 4],
    len: usize,
}

/// `word` in lower case in `buffer`; empty where it is longer than any keyword of interest, or not ASCII.
pub(crate) fn lower<'b>(word: &str, buffer: &'b mut [u8; 20]) -> &'b str {
    let Some(space) = buffer.get_mut(..word.len()) else { return "" };
    space.copy_from_slice(word.as_bytes());
    space.make_ascii_lowercase();
    std::str::from_utf8(space).unwrap_or("")
}

fn cut(mut name: String) -> String {
    if name.len() > NAME_BYTES {
        let end = (0..=NAME_BYTES).rev().find(|&i| name.is_char_boundary(i)).unwrap_or(0);
        name.truncate(end);
    }
    name
}

/// The text of `U&"…"` or `U&'…'` between its quotes with `\0061` and `\+000061` put in place; the escape character
/// is the default one, a `UESCAPE` is not looked at (manual, 4.1.1).
fn unicode(inner: &str) -> String {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let (skip, digits) = if after.starts_with('+') { (1, 6) } else { (0, 4) };
        let code = after.get(skip..skip + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
        if let Some(c) = code.and_then(char::from_u32) {
            out.push(c);
            rest = &after[skip + digits..];
        } else {
            out.push('\\');
            rest = after.strip_prefix('\\').unwrap_or(after);
        }
    }
    out.push_str(rest);
    out
}

/// The identifier that a token spells, folded and cut as the server does (manual, 4.1.1).
pub fn ident(text: &str, token: Token) -> String {
    let raw = token.text(text);
    let close = usize::from(token.closed);
    match token.kind {
        TokenKind::QuotedIdent => cut(raw[1..raw.len() - close].replace("\"\"", "\"")),
        TokenKind::UnicodeIdent => cut(unicode(&raw[3..raw.len() - close].replace("\"\"", "\""))),
        _ => cut(raw.to_ascii_lowercase()),
    }
}

/// The text that a string token stands for. Escapes of `E''` beyond quotes and backslashes are left as they are.
pub(crate) fn string(text: &str, token: Token) -> String {
    let raw = token.text(text);
    let close = usize::from(token.closed);
    match token.kind {
        TokenKind::DollarString => dollar_inner(text, token).to_owned(),
        TokenKind::String => raw[1..raw.len() - close].replace("''", "'"),
        TokenKind::EscapeString => {
            let inner = &raw[raw.find('\'').map_or(0, |i| i + 1)..raw.len() - close];
            let mut out = String::with_capacity(inner.len());
            let mut chars = inner.chars().peekable();
            while let Some(c) = chars.next() {
                match (c, chars.peek()) {
                    ('\'', Some('\'')) | ('\\', Some('\\' | '\'')) => out.extend(chars.next()),
                    ('\\', Some('n')) => {
                        chars.next();
                        out.push('\n');
                    }
                    _ => out.push(c),
                }
            }
            out
        }
        TokenKind::UnicodeString => unicode(&raw[3..raw.len() - close].replace("''", "'")),
        _ => raw.get(2..raw.len() - close).unwrap_or("").replace("''", "'"),
    }
}

/// What stands between the dollar quotes of a token.
pub(crate) fn dollar_inner(text: &str, token: Token) -> &str {
    let raw = token.text(text);
    let tag = raw[1..].find('$').map_or(raw.len(), |i| i + 2);
    let end = if token.closed { raw.len() - tag } else { raw.len() };
    raw.get(tag..end).unwrap_or("")
}

impl<'a> Cursor<'a> {
    /// A reader at the first token.
    pub fn new(text: &'a str, toks: &'a [Token]) -> Self {
        Self { text, toks, at: 0 }
    }

    /// The token `ahead` of the place.
    pub fn token(&self, ahead: usize) -> Option<Token> {
        self.toks.get(self.at + ahead).copied()
    }

    /// The kind of the token `ahead` of the place.
    pub fn kind(&self, ahead: usize) -> Option<TokenKind> {
        self.token(ahead).map(|t| t.kind)
    }

    /// Whether nothing is left.
    pub fn done(&self) -> bool {
        self.at >= self.toks.len()
    }

    /// Whether the token `ahead` is this word, unquoted.
    pub fn is_at(&self, ahead: usize, word: &str) -> bool {
        self.token(ahead).is_some_and(|t| {
            t.kind == TokenKind::Word && t.end - t.start == word.len() && t.text(self.text).eq_ignore_ascii_case(word)
        })
    }

    /// Whether this word is next, unquoted.
    pub fn is(&self, word: &str) -> bool {
        self.is_at(0, word)
    }

    /// Whether one of the words is next, unquoted.
    pub fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|w| self.is(w))
    }

    /// Steps over the words where all of them stand here in this order.
    pub fn eat(&mut self, words: &[&str]) -> bool {
        let here = words.iter().enumerate().all(|(i, w)| self.is_at(i, w));
        if here {
            self.at += words.len();
        }
        here
    }

    /// Steps over any of the words for as long as one stands here.
    pub fn eat_all(&mut self, words: &[&str]) {
        while self.is_any(words) {
            self.at += 1;
        }
    }

    /// Steps over a token of that kind where one is next.
    pub fn eat_kind(&mut self, kind: TokenKind) -> bool {
        let here = self.kind(0) == Some(kind);
        if here {
            self.at += 1;
        }
        here
    }

    /// Goes to the first of `words` outside parentheses, from here on.
    pub fn seek(&mut self, words: &[&str]) -> bool {
        while !self.done() {
            if self.is_any(words) {
                return true;
            }
            self.step();
        }
        false
    }

    /// Steps over one token, or over a whole pair of parentheses.
    pub fn step(&mut self) {
        if self.parens().is_none() {
            self.at += 1;
        }
    }

    /// The name that stands here, if one does.
    pub fn chain(&mut self) -> Option<Chain<'a>> {
        let first = self.token(0).filter(|t| t.kind.is_name())?;
        self.at += 1;
        let mut chain = Chain { text: self.text, parts: [Some(first), None, None, None], len: 1 };
        while self.kind(0) == Some(TokenKind::Dot) {
            let Some(part) = self.token(1).filter(|t| t.kind.is_name()) else { break };
            if chain.len < 4 {
                chain.parts[chain.len] = Some(part);
                chain.len += 1;
            }
            self.at += 2;
        }
        Some(chain)
    }

    /// The tokens between the parentheses that open here, and steps over them.
    pub fn parens(&mut self) -> Option<Cursor<'a>> {
        if self.kind(0) != Some(TokenKind::OpenParen) {
            return None;
        }
        let start = self.at + 1;
        let mut depth = 0usize;
        while let Some(kind) = self.kind(0) {
            match kind {
                TokenKind::OpenParen => depth += 1,
                TokenKind::CloseParen => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(Cursor::new(self.text, &self.toks[start..self.at - 1]));
            }
        }
        Some(Cursor::new(self.text, &self.toks[start..]))
    }

    /// The pieces between commas outside parentheses and brackets, from here to the end. None is empty.
    pub fn items(self) -> impl Iterator<Item = Cursor<'a>> {
        let (text, toks) = (self.text, self.toks);
        let mut at = self.at;
        std::iter::from_fn(move || {
            loop {
                if at >= toks.len() {
                    return None;
                }
                let start = at;
                let mut depth = 0i32;
                while let Some(token) = toks.get(at) {
                    match token.kind {
                        TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
                        TokenKind::CloseParen | TokenKind::CloseBracket => depth -= 1,
                        TokenKind::Comma if depth <= 0 => break,
                        _ => {}
                    }
                    at += 1;
                }
                let item = &toks[start..at];
                at += 1;
                if !item.is_empty() {
                    return Some(Cursor::new(text, item));
                }
            }
        })
    }

    /// What is left, as a reader of its own.
    pub fn rest(&self) -> Cursor<'a> {
        Cursor::new(self.text, self.toks.get(self.at..).unwrap_or(&[]))
    }
}

impl<'a> Chain<'a> {
    /// How many parts it has, at least one.
    #[allow(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Its only part where it is one word without quotes.
    pub fn bare(&self) -> Option<&'a str> {
        self.parts[0].filter(|t| self.len == 1 && t.kind == TokenKind::Word).map(|t| t.text(self.text))
    }

    fn part(&self, index: usize) -> Option<String> {
        self.parts.get(index).copied().flatten().map(|t| ident(self.text, t))
    }

    /// Without its last part: the relation of a column.
    pub fn parent(mut self) -> Option<Self> {
        self.len = self.len.checked_sub(1).filter(|&n| n > 0)?;
        self.parts[self.len] = None;
        Some(self)
    }

    /// Its last part.
    pub fn last(&self) -> String {
        self.part(self.len - 1).unwrap_or_default()
    }

    /// The name it gives in `space`; the part before the last one is the schema.
    pub fn name(&self, space: Space) -> Name {
        let schema = self.len.checked_sub(2).and_then(|i| self.part(i));
        Name { schema, name: self.last(), space }
    }

    /// Whether its schema is one that the server itself brings along.
    pub fn is_system(&self) -> bool {
        let schema = self.len.checked_sub(2).and_then(|i| self.parts[i]);
        schema.is_some_and(|t| {
            let raw = t.text(self.text).trim_matches('"');
            raw.eq_ignore_ascii_case("pg_catalog") || raw.eq_ignore_ascii_case("information_schema")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::Lexer;

    fn tokens(text: &str) -> Vec<Token> {
        Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect()
    }

    #[test]
    fn names_fold_unless_quoted_and_are_cut() {
        let text = "Shop . \"My\"\"T\" . c";
        let toks = tokens(text);
        let chain = Cursor::new(text, &toks).chain().unwrap();
        assert_eq!(chain.len(), 3);
        let table = chain.parent().unwrap().name(Space::Relation);
        assert_eq!((table.schema.as_deref(), table.name.as_str()), (Some("shop"), "My\"T"));
        let long = "é".repeat(40);
        assert_eq!(ident(&long, tokens(&long)[0]).len(), 62);
        let escaped = "U&\"d\\0061t\\+000061\"";
        assert_eq!(ident(escaped, tokens(escaped)[0]), "data");
    }

    #[test]
    fn strings_give_their_text() {
        for (text, want) in [
            ("'it''s'", "it's"),
            (r"E'a\'b\\''c'", "a'b\\'c"),
            ("$x$a'b$x$", "a'b"),
            ("$$$$", ""),
            ("$$open", "open"),
            (r"U&'\0061'", "a"),
            ("N'x'", "x"),
        ] {
            assert_eq!(string(text, tokens(text)[0]), want, "{text}");
        }
    }

    #[test]
    fn items_and_parens() {
        let text = "(a, f(b, c), ARRAY[1, 2],) d";
        let toks = tokens(text);
        let mut cur = Cursor::new(text, &toks);
        let items: Vec<usize> = cur.parens().unwrap().items().map(|i| i.toks.len()).collect();
        assert_eq!(items, [1, 6, 6]);
        assert!(cur.is("D"));
    }
}
