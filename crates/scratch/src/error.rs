//! What can go wrong with a private server, in words that tell what to do next.

use std::io;
use std::path::{Path, PathBuf};

/// Why a private PostgreSQL server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ScratchError {
    /// Nowhere on the machine were `postgres` and `initdb` found side by side.
    #[error(
        "no PostgreSQL server programs (postgres and initdb) were found, and a private server is needed to read the \
         desired schema\nsearched: {}\nnext: install them (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf \
         install postgresql-server; macOS: brew install postgresql), or name their folder in UNDERPIN_PG_BIN, or \
         give a development database with --dev-db",
        .searched.join(", ")
    )]
    NoBinaries {
        /// The places that were looked at, in that order.
        searched: Vec<String>,
    },

    /// There are binaries, but of versions this library does not start.
    #[error(
        "the PostgreSQL found here is too old for a private server: {found}; it needs version {oldest} or later\n\
         next: install a later version, or give a development database with --dev-db"
    )]
    TooOld {
        /// What was found: versions and folders.
        found: String,
        /// The oldest major version that is started.
        oldest: u32,
    },

    /// The process is root, which PostgreSQL refuses to run as, and no account was found to run it as instead.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither a user \"postgres\" nor a user \"nobody\" to run \
         the private server as\nnext: run this as an ordinary user, or add the user (useradd --system postgres), \
         or give a development database with --dev-db"
    )]
    NoAccount,

    /// No folder for temporary files fits.
    #[error(
        "no folder for temporary files can hold a private PostgreSQL server ({reasons})\nnext: name another one in \
         TMPDIR; its path must be short and the server's user must be able to enter it"
    )]
    NoTempFolder {
        /// Each folder tried and why it does not fit.
        reasons: String,
    },

    /// A file system is full.
    #[error(
        "the disk is full: the private PostgreSQL server could not write in {}; it needs about 40 MB and what the \
         schema takes\nnext: free some space there, or name another folder in TMPDIR", .folder.display()
    )]
    DiskFull {
        /// The folder that could not be written to.
        folder: PathBuf,
    },

    /// A file or folder could not be read, written or removed.
    #[error("the private PostgreSQL server could not {doing} {}: {source}", .path.display())]
    Io {
        /// What was attempted, as a verb: `create the folder`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },

    /// A program could not be started.
    #[error(
        "{} could not be run{}: {source}\nnext: check that this user may run it, or name another folder in \
         UNDERPIN_PG_BIN", .program.display(),
        .account.as_ref().map(|name| format!(" as the user \"{name}\" (PostgreSQL refuses to run as root)"))
            .unwrap_or_default()
    )]
    Spawn {
        /// The program.
        program: PathBuf,
        /// The user it was to run as, where that is another one than the process runs as.
        account: Option<String>,
        /// What the operating system said.
        source: io::Error,
    },

    /// `initdb` ended with an error.
    #[error("initdb could not make a private PostgreSQL cluster; it said:\n{log}")]
    Initdb {
        /// The last lines it wrote.
        log: String,
    },

    /// The server ended before it took connections.
    #[error("the private PostgreSQL server ended before it took connections; it said:\n{log}")]
    Start {
        /// The last lines of its log.
        log: String,
    },

    /// A program did not finish its start in time.
    #[error(
        "{program} was not ready after {seconds} s; its log ends with:\n{log}\nnext: try again when the machine is less busy"
    )]
    Timeout {
        /// `postgres` or `initdb`.
        program: &'static str,
        /// How long was waited, in seconds.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },

    /// [`stop_all`](crate::stop_all) was called while the server was being started.
    #[error("the start of the private PostgreSQL server was interrupted")]
    Interrupted,
}

impl ScratchError {
    /// Wraps an error of the operating system; a full disk is told apart, since another advice goes with it.
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
                Self::DiskFull { folder: folder.to_path_buf() }
            }
            _ => Self::Io { doing, path: path.to_path_buf(), source },
        }
    }

    /// A full disk when the log of a program says so, for then only its exit code reaches us.
    pub(crate) fn disk_full_in_log(log: &str, folder: &Path) -> Option<Self> {
        // The texts of ENOSPC and EDQUOT in the C locale, which the programs are run with.
        let full = log.contains("No space left on device") || log.contains("Disk quota exceeded");
        full.then(|| Self::DiskFull { folder: folder.to_path_buf() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_a_full_disk_apart_and_names_the_folder() {
        let file = Path::new("/some/folder/file");
        let full = ScratchError::io("write", file, io::ErrorKind::StorageFull.into());
        assert!(matches!(&full, ScratchError::DiskFull { folder } if folder == Path::new("/some/folder")), "{full}");
        let log = "PANIC:  could not write to file \"pg_wal/x\": No space left on device";
        let full = ScratchError::disk_full_in_log(log, Path::new("/some/folder")).unwrap();
        assert!(full.to_string().contains("/some/folder"));
        assert!(ScratchError::disk_full_in_log("FATAL:  something else", file).is_none());
        let other = ScratchError::io("write", file, io::ErrorKind::PermissionDenied.into());
        assert!(matches!(other, ScratchError::Io { .. }), "{other}");
    }
}
