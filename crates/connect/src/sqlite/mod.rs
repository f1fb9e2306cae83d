//! Opening SQLite database files: how they are named, what can be wrong with them, and who is in the way.
//!
//! A file is opened to be read or to be changed. The one that only reads changes nothing, and leaves nothing beside the
//! file that was not there, as far as SQLite can do without.

mod error;
mod file;
mod header;
mod holders;
mod name;
#[cfg(test)]
mod tests;

pub use error::SqliteFileError;
pub use file::SqliteFile;
pub use holders::{Held, LockHolder, lock_holders};
