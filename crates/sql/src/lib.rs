//! Statements as text: splitting, spans, hints, what a statement makes and names, the order of statements, quoting, and
//! the typed SQL writer. SQL is read by its tokens alone, so there is no text it cannot take: the server is the one that
//! refuses. It reads no files and talks to no server.

mod classify;
mod cursor;
pub mod hints;
pub mod laws;
pub mod lex;
mod names;
mod order;
mod position;
pub mod quote;
mod split;
pub mod sqlite;
mod statement;
mod writer;

pub use cursor::{Chain, Cursor, ident};
pub use hints::{Hint, HintKind, HintTarget};
pub use lex::{Lexer, Token, TokenKind};
pub use order::order;
pub use position::{LineIndex, byte_of_position};
pub use split::split;
pub use statement::{Class, Name, ObjectWord, Problem, ProblemKind, Skipped, SkippedKind, Space, Split, Statement};
pub use writer::Sql;
