//! Names and strings as SQLite reads them.

/// A name in double quotes. Always quoted: the list of words that need it grows with SQLite's versions.
#[must_use]
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string in single quotes.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
