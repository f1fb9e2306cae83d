//! SQLite's SQL as text: its tokens, statements, and the form in which two texts are held against each other. Its tokens are not
//! PostgreSQL's: names stand in double quotes, backticks or brackets, a trigger's body holds semicolons, and there are no dollar
//! quotes (manual, "SQL Language Expressions", "CREATE TRIGGER", and `sqlite3_complete`).

pub mod laws;
mod lex;
mod open;
mod quote;
mod split;
mod words;

pub use lex::{Comment, Tok, TokKind, comments, keyword, toks};
pub use open::open;
pub use quote::{ident, literal};
pub use split::{Piece, Script, split};
pub use words::{word_among, words, words_among};
