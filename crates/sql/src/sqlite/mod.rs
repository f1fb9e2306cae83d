//! SQLite's SQL as text: its tokens, statements, and the form in which two texts are held against each other. Its tokens are not
//! PostgreSQL's: names stand in double quotes, backticks or brackets, a trigger's body holds semicolons, and there are no dollar
//! quotes (manual, "SQL Language Expressions", "CREATE TRIGGER", and `sqlite3_complete`).

mod lex;
mod open;
mod quote;
mod split;

pub use lex::{Comment, Tok, TokKind, comments, keyword, toks};
pub use open::open;
pub use quote::{ident, literal};
pub use split::{Piece, Script, split};

/// The words of a text as they are compared: names without quotes and in lower case, so that case, quoting, space and comments are no
/// difference; strings and numbers as they are.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    toks(text).iter().map(|t| t.word(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_tell_how_a_text_is_written() {
        let same = |a: &str, b: &str| assert_eq!(words(a), words(b), "{a} | {b}");
        same("CREATE TABLE \"t\" ( A int /* x */ )", "create table [T](a INT) -- y");
        same("a||b", "a || b");
        same("`weird name`", "\"Weird Name\"");
        assert_ne!(words("'A'"), words("'a'"));
        assert_ne!(words("\"a b\""), words("a b"));
        assert_ne!(words("'a'"), words("a"));
    }
}
