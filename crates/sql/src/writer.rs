//! The typed SQL writer: names and values arrive as names and values, so that quoting is not a thing to remember.
//!
//! Keywords are `&'static str`, so text that came from outside cannot pass as one. Text that the server itself printed
//! (a type, an expression, a definition) goes in through [`Sql::server_text`] and through nothing else.

use crate::quote;

/// One statement on its way to text. Words are set apart by one space.
#[derive(Debug, Default, Clone)]
pub struct Sql {
    text: String,
}

impl Sql {
    /// A statement that begins with `keywords`.
    #[must_use]
    pub fn new(keywords: &'static str) -> Self {
        Self { text: keywords.to_owned() }
    }

    /// An empty piece of a statement.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    fn space(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with([' ', '(', '\n', '.']) {
            self.text.push(' ');
        }
    }

    /// Keywords of the language.
    #[must_use]
    pub fn kw(mut self, keywords: &'static str) -> Self {
        if !keywords.is_empty() {
            self.space();
            self.text.push_str(keywords);
        }
        self
    }

    /// Keywords, where `condition` holds.
    #[must_use]
    pub fn kw_if(self, condition: bool, keywords: &'static str) -> Self {
        if condition { self.kw(keywords) } else { self }
    }

    /// One identifier.
    #[must_use]
    pub fn ident(mut self, name: &str) -> Self {
        self.space();
        self.text.push_str(&quote::ident(name));
        self
    }

    /// A qualified name, such as schema and table.
    #[must_use]
    pub fn name(mut self, parts: &[&str]) -> Self {
        self.space();
        self.text.push_str(&quote::qualified(parts));
        self
    }

    /// A string literal.
    #[must_use]
    pub fn literal(mut self, value: &str) -> Self {
        self.space();
        self.text.push_str(&quote::literal(value));
        self
    }

    /// A number.
    #[must_use]
    pub fn number(mut self, value: impl Into<i128>) -> Self {
        self.space();
        self.text.push_str(&value.into().to_string());
        self
    }

    /// Text that the server printed and that needs no quoting any more: a type, an expression, a definition.
    #[must_use]
    pub fn server_text(mut self, text: &str) -> Self {
        if !text.is_empty() {
            self.space();
            self.text.push_str(text);
        }
        self
    }

    /// Another piece of SQL made by this writer.
    #[must_use]
    pub fn then(self, piece: Sql) -> Self {
        self.server_text(&piece.text)
    }

    /// `items`, each written by `write`, between commas.
    #[must_use]
    pub fn list<T>(self, items: impl IntoIterator<Item = T>, mut write: impl FnMut(Sql, T) -> Sql) -> Self {
        let pieces: Vec<String> = items.into_iter().map(|item| write(Sql::empty(), item).text).collect();
        self.server_text(&pieces.join(", "))
    }

    /// `inner` in parentheses.
    #[must_use]
    pub fn paren(mut self, inner: impl FnOnce(Sql) -> Sql) -> Self {
        self.space();
        self.text.push('(');
        self.text.push_str(&inner(Sql::empty()).text);
        self.text.push(')');
        self
    }

    /// `lines` in parentheses, one a line: the body of a table or of a composite type.
    #[must_use]
    pub fn block(mut self, lines: impl IntoIterator<Item = Sql>) -> Self {
        let lines: Vec<String> = lines.into_iter().map(|l| format!("    {}", l.text)).collect();
        self.space();
        if lines.is_empty() {
            self.text.push_str("()");
        } else {
            self.text.push_str("(\n");
            self.text.push_str(&lines.join(",\n"));
            self.text.push_str("\n)");
        }
        self
    }

    /// The piece of text so far, without a semicolon.
    #[must_use]
    pub fn build(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_statement() {
        let sql = Sql::new("ALTER TABLE").name(&["Shop", "order"]).kw("ADD COLUMN").ident("n").server_text("integer");
        assert_eq!(sql.kw_if(true, "NOT NULL").build(), "ALTER TABLE \"Shop\".\"order\" ADD COLUMN n integer NOT NULL");
        let list = Sql::new("VALUES").paren(|w| w.list(["a", "it's"], |w, v| w.literal(v)));
        assert_eq!(list.build(), "VALUES ('a', 'it''s')");
    }
}
