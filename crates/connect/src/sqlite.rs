//! Database files of SQLite.

use rusqlite::{Connection, OpenFlags};
use std::path::PathBuf;

/// A database file.
#[derive(Debug, Clone)]
pub struct SqliteFile {
    path: PathBuf,
}

/// Why it cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SqliteError(pub String);

impl SqliteFile {
    /// Reads `sqlite:PATH`.
    pub fn parse(text: &str) -> Result<Self, SqliteError> {
        Ok(Self { path: text.trim_start_matches("sqlite:").into() })
    }
    /// For messages.
    pub fn words(&self) -> String {
        format!("sqlite:{}", self.path.display())
    }
    /// To read.
    pub fn open_to_read(&self) -> Result<Connection, SqliteError> {
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|e| SqliteError(e.to_string()))
    }
    /// To write.
    pub fn open_to_write(&self) -> Result<Connection, SqliteError> {
        Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|e| SqliteError(e.to_string()))
    }
    /// In words.
    pub fn explained(&self, e: rusqlite::Error) -> SqliteError {
        SqliteError(e.to_string())
    }
}
