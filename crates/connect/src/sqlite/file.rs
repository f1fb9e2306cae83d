//! A database file, and the two ways to open it.

use super::SqliteFileError as Error;
use super::header::{self, Content};
use super::holders::{beside, lock_holders};
use super::name::{self, Mode, Name};
use crate::ConnectError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// For how long somebody else's lock is waited for, unless something else is asked for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Extended result codes by which SQLite refuses to read, as it would have to write first (manual, "Result and Error
/// Codes": SQLITE_READONLY_RECOVERY, SQLITE_READONLY_ROLLBACK, SQLITE_READONLY_CANTINIT).
const RECOVERY: i32 = 264;
const ROLLBACK: i32 = 776;
const CANTINIT: i32 = 1288;
/// And those by which it says that it cannot make a file (SQLITE_CANTOPEN, SQLITE_READONLY_DIRECTORY).
const NO_FILES: [i32; 2] = [14, 1544];

/// A SQLite database file as the user names it. It need not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteFile {
    path: PathBuf,
    mode: Mode,
    immutable: bool,
    patience: Duration,
}

/// What was found under the name.
enum Found {
    Missing,
    Content(Content),
}

impl SqliteFile {
    /// Whether a text is meant to name a SQLite file: whether it begins with `sqlite:`.
    #[must_use]
    pub fn is_meant(text: &str) -> bool {
        name::strip_scheme(text).is_some()
    }

    /// Reads `sqlite:PATH` or `sqlite://PATH`, with `?mode=ro`, `rw` (the default) or `rwc`, and `immutable=1`.
    ///
    /// # Errors
    /// When it names no file, or a parameter is unknown or malformed.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        let Name { path, mode, immutable } = name::parse(text)?;
        Ok(Self { path, mode, immutable, patience: PATIENCE })
    }

    /// The file at a path, which has to be there to be opened.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), mode: Mode::ReadWrite, immutable: false, patience: PATIENCE }
    }

    /// The same file with another limit for waits on other programs' locks. The connections keep it as their
    /// `busy_timeout`. 5 s.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file in words, for messages.
    #[must_use]
    pub fn words(&self) -> String {
        format!("the SQLite database {}", self.path.display())
    }

    /// Opens it to be read. The connection changes nothing: it is read-only, or `query_only` is on.
    ///
    /// Where the file is missing and `mode=rwc` would make it, the connection is to an empty database in memory, and no
    /// file is made. What a program left that was interrupted while it wrote is taken back first, as every reader does
    /// that may write to the file; with `mode=ro` that is an error.
    ///
    /// In WAL mode with nobody else there, SQLite makes a `-wal` and a `-shm` file to read. Only a connection that may
    /// write takes them away again, so that one is opened where this user has the rights.
    ///
    /// # Errors
    /// [`SqliteFileError`](Error), for anything that is wrong with the file.
    pub fn open_to_read(&self) -> Result<Connection, Error> {
        let content = match self.find()? {
            Found::Content(content) => content,
            Found::Missing if self.mode == Mode::Create => {
                self.folder_is_there()?;
                let memory = Connection::open_in_memory().map_err(|e| self.error(&e, Duration::ZERO))?;
                self.only_reads(&memory)?;
                return Ok(memory);
            }
            Found::Missing => return Err(self.missing()),
        };
        if self.immutable {
            return self.try_to_read(OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(|(error, _)| error);
        }
        let wal = content == Content::Database { wal: true };
        let log_is_there = beside(&self.real(), "-wal").exists();
        if wal && !log_is_there && self.unwritable().is_none() {
            return self.try_to_read(OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|(error, _)| error);
        }
        match self.try_to_read(OpenFlags::SQLITE_OPEN_READ_ONLY) {
            Ok(connection) => Ok(connection),
            Err((_, RECOVERY | ROLLBACK | CANTINIT)) => match self.unwritable() {
                _ if self.mode == Mode::ReadOnly => Err(self.interrupted(
                    "mode=ro allows no writing to it".to_owned(),
                    "leave mode=ro out, or open it once with another program, such as sqlite3 FILE 'SELECT 1'",
                )),
                Some((_, reason)) => Err(self.interrupted(reason, "run this as a user who may write to it")),
                None => self.try_to_read(OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|(error, _)| error),
            },
            Err((error, code)) => match self.unwritable().filter(|_| wal && NO_FILES.contains(&code)) {
                Some((_, reason)) => Err(Error::NoSharedMemory { path: self.path.clone(), reason }),
                None => Err(error),
            },
        }
    }

    /// What an error means that came up while it was read or changed.
    #[must_use]
    pub fn explained(&self, error: &rusqlite::Error) -> Error {
        self.error(error, self.patience)
    }

    /// Opens it to be changed; with `mode=rwc` it is made where it is missing.
    ///
    /// # Errors
    /// [`SqliteFileError`](Error), for anything that is wrong with the file, or stands against changing it.
    pub fn open_to_write(&self) -> Result<Connection, Error> {
        if self.mode == Mode::ReadOnly || self.immutable {
            let said = if self.immutable { "immutable=1" } else { "mode=ro" };
            return Err(self.read_only(format!("its name says {said}"), format!("leave {said} out")));
        }
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        match self.find()? {
            Found::Content(_) => {}
            Found::Missing if self.mode == Mode::Create => {
                self.folder_is_there()?;
                flags |= OpenFlags::SQLITE_OPEN_CREATE;
            }
            Found::Missing => return Err(self.missing()),
        }
        if let Some((what, reason)) = self.unwritable() {
            return Err(self.read_only(reason, format!("run this as a user who may write to the {what}")));
        }
        let start = Instant::now();
        let connection = self.open(flags).map_err(|e| self.error(&e, start.elapsed()))?;
        probe(&connection).map_err(|e| self.error(&e, start.elapsed()))?;
        match connection.is_readonly(rusqlite::MAIN_DB) {
            Ok(false) => Ok(connection),
            Ok(true) => Err(self.read_only(
                "SQLite could open it for reading only".to_owned(),
                "check the rights of the file, and whether its file system is mounted read-only".to_owned(),
            )),
            Err(e) => Err(self.error(&e, start.elapsed())),
        }
    }

    /// One way to read; where it fails, with the extended result code.
    fn try_to_read(&self, flags: OpenFlags) -> Result<Connection, (Error, i32)> {
        let start = Instant::now();
        let failed = |e: rusqlite::Error| {
            let code = e.sqlite_error().map_or(0, |e| e.extended_code);
            (self.error(&e, start.elapsed()), code)
        };
        let connection = self.open(flags).map_err(failed)?;
        probe(&connection).map_err(failed)?;
        self.only_reads(&connection).map_err(|e| (e, 0))?;
        Ok(connection)
    }

    fn open(&self, flags: OpenFlags) -> Result<Connection, rusqlite::Error> {
        // SQLite takes names that begin with `file:` or are `:memory:` for something else; none does that begins with `/`.
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let connection = if self.immutable {
            Connection::open_with_flags(uri(&path), flags | OpenFlags::SQLITE_OPEN_URI)?
        } else {
            Connection::open_with_flags(&path, flags)?
        };
        connection.busy_timeout(self.patience)?;
        Ok(connection)
    }

    fn only_reads(&self, connection: &Connection) -> Result<(), Error> {
        connection.pragma_update(None, "query_only", true).map_err(|e| self.error(&e, Duration::ZERO))
    }

    /// What is there, as far as it can be a database.
    fn find(&self) -> Result<Found, Error> {
        let unreadable = |e: &io::Error| Error::Unreadable {
            path: self.path.clone(),
            reason: e.to_string(),
            hint: "check the rights of the file and of the folders above it".to_owned(),
        };
        let meta = match fs::metadata(&self.path) {
            Ok(meta) => meta,
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Found::Missing);
            }
            Err(e) => return Err(unreadable(&e)),
        };
        if !meta.is_file() {
            return Err(Error::NotAFile { path: self.path.clone(), what: kind(meta.file_type()) });
        }
        let path = self.path.clone();
        match header::look(&self.path, &meta).map_err(|e| unreadable(&e))? {
            Content::Newer(what) => Err(Error::Newer { path, what }),
            Content::Encrypted => Err(Error::Encrypted { path }),
            Content::Other(what, hint) => Err(Error::NotADatabase { path, what, hint: hint.to_owned() }),
            content @ (Content::Empty | Content::Database { .. }) => Ok(Found::Content(content)),
        }
    }

    /// The file that links lead to: SQLite keeps its other files beside that.
    fn real(&self) -> PathBuf {
        fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone())
    }

    fn folder(&self) -> PathBuf {
        let real = self.real();
        match real.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// What this user may not write to, and why; none where nothing stands against it. A folder counts too: the journal
    /// is made in it.
    fn unwritable(&self) -> Option<(&'static str, String)> {
        let folder = self.folder();
        let file = if self.path.exists() { may_write(&self.path) } else { Ok(()) };
        let in_words = |what: &'static str, path: &Path, e: &io::Error| {
            (what, format!("the {what} {} is not writable ({e})", path.display()))
        };
        match (file, may_write(&folder)) {
            (Err(e), _) => Some(in_words("file", &self.path, &e)),
            (_, Err(e)) => Some(in_words("folder", &folder, &e)),
            (Ok(()), Ok(())) => None,
        }
    }

    fn folder_is_there(&self) -> Result<(), Error> {
        if self.folder().is_dir() { Ok(()) } else { Err(self.missing()) }
    }

    fn missing(&self) -> Error {
        let path = self.path.clone();
        let relative = path.strip_prefix("/").ok().filter(|p| p.is_file());
        let (reason, hint) = if !self.folder().is_dir() {
            (format!(", nor the folder {}", self.folder().display()), "check the path, or make the folder".to_owned())
        } else if let Some(relative) = relative {
            let reason = "; behind three slashes a path begins at the root".to_owned();
            (reason, format!("for the file of that name in this folder, write sqlite:{}", relative.display()))
        } else if fs::symlink_metadata(&path).is_ok() {
            ("; it is a link to nothing".to_owned(), "check where the link leads".to_owned())
        } else {
            (String::new(), format!("check the path, or write sqlite:{}?mode=rwc to have it made", path.display()))
        };
        Error::Missing { path, reason, hint }
    }

    fn read_only(&self, reason: String, hint: String) -> Error {
        Error::ReadOnly { path: self.path.clone(), reason, hint }
    }

    fn interrupted(&self, reason: String, hint: &str) -> Error {
        Error::Interrupted { path: self.path.clone(), reason, hint: hint.to_owned() }
    }

    /// An error of SQLite's in the words of this crate.
    fn error(&self, error: &rusqlite::Error, waited: Duration) -> Error {
        let path = self.path.clone();
        let reason = in_words(error);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                Error::Locked { path, waited, holders: lock_holders(&self.path) }
            }
            Some(ErrorCode::DatabaseCorrupt) => Error::Damaged { path, reason },
            Some(ErrorCode::NotADatabase) => Error::NotADatabase {
                path,
                what: "it begins as one, and goes on as none; its pages may be encrypted".to_owned(),
                hint: "take it from a backup, or decrypt a copy of it".to_owned(),
            },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                self.read_only(reason, "check the rights of the file and of its folder".to_owned())
            }
            // Its schema format may stand in the write-ahead log alone.
            _ if reason.contains("unsupported file format") => Error::Newer { path, what: reason },
            _ => Error::Other {
                path,
                reason,
                hint: "check the rights of the file and of its folder, and whether the disk is sound".to_owned(),
            },
        }
    }
}

/// SQLite's own words with its extended result code.
fn in_words(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(code, message) => {
            let message = message.clone().unwrap_or_else(|| code.to_string());
            format!("{message} (code {})", code.extended_code)
        }
        other => other.to_string(),
    }
}

/// Reads the schema: only then does SQLite look at the file.
fn probe(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
}

fn kind(kind: FileType) -> &'static str {
    if kind.is_dir() {
        return "a folder";
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        if kind.is_fifo() {
            return "a pipe";
        }
        if kind.is_socket() {
            return "a socket";
        }
    }
    "a device"
}

#[cfg(unix)]
fn may_write(path: &Path) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, AtFlags};
    use nix::unistd::{AccessFlags, faccessat};
    // With the rights that SQLite will have, not those of whoever began the program.
    faccessat(AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS).map_err(io::Error::from)
}

#[cfg(not(unix))]
fn may_write(path: &Path) -> io::Result<()> {
    let meta = fs::metadata(path)?;
    if meta.is_file() && meta.permissions().readonly() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// What stands for itself in a path of SQLite's URIs.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// The URI that asks SQLite to take a file for one that nobody changes.
fn uri(path: &Path) -> String {
    format!("file:{}?immutable=1", percent_encode(path.as_os_str().as_encoded_bytes(), PLAIN))
}
