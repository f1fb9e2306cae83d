//! Statements as text: splitting, spans, hints, what a statement makes and names, quoting, and the typed SQL writer.
//! The only crate that knows `sqlparser`. It reads no files and talks to no server.

pub mod quote;
mod writer;

pub use writer::Sql;
