//! Why a SQLite file could not be opened.

use super::LockHolder;
use std::path::PathBuf;
use std::time::Duration;

/// Why a SQLite file could not be opened. Each message has three parts: what happened, why, and (after `hint:`) what to do
/// next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SqliteFileError {
    /// There is no such file.
    #[error("there is no file {}{reason}\nhint: {hint}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// What else is missing; empty where nothing is.
        reason: String,
        /// How one is made, or what was meant.
        hint: String,
    },
    /// It is a folder, or something else that holds no bytes of its own.
    #[error("{} is {what}, not a database file\nhint: name the file itself", path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
        /// What it is, in words.
        what: &'static str,
    },
    /// This user may not read it.
    #[error("{} cannot be read: {reason}\nhint: {hint}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// It is no database.
    #[error("{} is no SQLite database: {what}\nhint: {hint}", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// What it is, as far as its first bytes tell.
        what: String,
        /// What to do next.
        hint: String,
    },
    /// It is probably encrypted.
    #[error(
        "{} is no SQLite database, or an encrypted one: its bytes show no pattern, as those of SQLCipher and the like\nhint: it can only be read with its key, which is not supported; decrypt a copy (SQLCipher: sqlcipher_export), and use that",
        path.display()
    )]
    Encrypted {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of SQLite has made it in a way that this one does not know.
    #[error(
        "{} was made by a newer version of SQLite: {what}\nhint: use a newer release of underpin; this one has SQLite {}",
        path.display(), rusqlite::version()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Which number is too high.
        what: String,
    },
    /// It shall be changed, and cannot be.
    #[error("{} cannot be changed: {reason}\nhint: {hint}", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// A program was interrupted while it wrote, and what it left has to be taken back before anybody can read.
    #[error(
        "{} was left by a program that was interrupted while it wrote, and has to be put right before it is read: {reason}\nhint: {hint}",
        path.display()
    )]
    Interrupted {
        /// The file.
        path: PathBuf,
        /// Why that was not done.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// It is in WAL mode, and what that needs beside it is not there and cannot be made.
    #[error(
        "{} cannot be read: it is in WAL mode, for which SQLite needs two more files beside it, and {reason}\nhint: where nobody changes it meanwhile, add immutable=1 (sqlite:PATH?mode=ro&immutable=1); else give this user the right to write to the folder, or read a copy",
        path.display()
    )]
    NoSharedMemory {
        /// The file.
        path: PathBuf,
        /// Why they cannot be made.
        reason: String,
    },
    /// Somebody has it locked for longer than was waited.
    #[error("{} is locked by another program{}\nIt was waited for {} s.\nhint: wait until that has ended, or end it, then try again", path.display(), names(.holders), .waited.as_secs_f64().round())]
    Locked {
        /// The file.
        path: PathBuf,
        /// For how long it was waited.
        waited: Duration,
        /// Who, as far as that can be seen.
        holders: Vec<LockHolder>,
    },
    /// Its content is damaged.
    #[error(
        "{} is damaged: {reason}\nhint: look at it with sqlite3 FILE 'PRAGMA integrity_check'; take it from a backup, or save what can be read with sqlite3 FILE .recover",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// Anything else.
    #[error("{} cannot be opened: {reason}\nhint: {hint}", path.display())]
    Other {
        /// The file.
        path: PathBuf,
        /// What SQLite or the system says.
        reason: String,
        /// What to check.
        hint: String,
    },
}

impl SqliteFileError {
    /// Whether trying the same again later may succeed: somebody had it locked.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Locked { .. } => true,
            Self::Missing { .. }
            | Self::NotAFile { .. }
            | Self::Unreadable { .. }
            | Self::NotADatabase { .. }
            | Self::Encrypted { .. }
            | Self::Newer { .. }
            | Self::ReadOnly { .. }
            | Self::Interrupted { .. }
            | Self::NoSharedMemory { .. }
            | Self::Damaged { .. }
            | Self::Other { .. } => false,
        }
    }
}

/// `: pid 4711 (python3), which writes to it; …`
fn names(holders: &[LockHolder]) -> String {
    if holders.is_empty() {
        return "; who it is could not be seen".to_owned();
    }
    format!(": {}", holders.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}
