//! The temporary folder of one private server: where it may lie, its layout and its lock.
//!
//! ```text
//! underpin-pg-XXXXXXXX/   ours
//!   lock                  locked as long as the process that owns the folder lives
//!   log                   what initdb and the server wrote
//!   data/                 the cluster; belongs to the account the server runs as
//!   s/                    the socket; likewise, mode 0700
//! ```

use crate::ScratchError;
use crate::account::Account;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, thread};

/// How the names of our folders begin.
pub(crate) const PREFIX: &str = "underpin-pg-";
/// The names that may lie in one of our folders.
pub(crate) const LOCK: &str = "lock";
pub(crate) const NEW_LOCK: &str = "lock.new";
pub(crate) const LOG: &str = "log";
pub(crate) const DATA: &str = "data";
pub(crate) const SOCKET: &str = "s";

/// The port: no more than a part of the socket's name, since the server listens on nothing else.
pub(crate) const PORT: u16 = 5432;

/// The longest path of a socket in bytes: `sun_path` holds 108 on Linux (unix(7)) and 104 on macOS and the BSDs, one of
/// them the final NUL.
const LONGEST_SOCKET: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

const RANDOM: usize = 8;

/// The folders for temporary files in which our folders may lie, best first.
pub(crate) fn bases(given: Option<&Path>) -> Vec<PathBuf> {
    let mut bases: Vec<PathBuf> = Vec::new();
    let environment = env::var_os("TMPDIR").filter(|value| !value.is_empty()).map(PathBuf::from);
    for base in given.map(Path::to_path_buf).into_iter().chain(environment).chain(["/tmp".into(), "/var/tmp".into()]) {
        // The server changes its working directory; and a real path is what the process list shows.
        if let Ok(base) = base.canonicalize()
            && !bases.contains(&base)
        {
            bases.push(base);
        }
    }
    bases
}

/// One of our folders, locked.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Held until the process ends, however it ends.
    _lock: Flock<File>,
}

impl Folder {
    /// Makes a folder in the first of `bases` that fits.
    pub fn create(bases: &[PathBuf], account: Option<&Account>) -> Result<Self, ScratchError> {
        let mut reasons = Vec::new();
        for base in bases {
            let made = match unfit(base, account) {
                Some(reason) => Err(reason),
                None => Self::create_in(base, account).map_err(|error| error.to_string()),
            };
            match made {
                Ok(folder) => return Ok(folder),
                Err(reason) => reasons.push(format!("{}: {reason}", base.display())),
            }
        }
        Err(ScratchError::NoTempFolder { reasons: reasons.join("; ") })
    }

    fn create_in(base: &Path, account: Option<&Account>) -> io::Result<Self> {
        // Another account must be able to pass through, but not to look around.
        let mode = if account.is_some() { 0o711 } else { 0o700 };
        let temporary = tempfile::Builder::new().prefix(PREFIX).rand_bytes(RANDOM).tempdir_in(base)?;
        let path = temporary.path();
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        // Locked before it has its name, so that nobody ever sees a free lock in a folder that is in use.
        let file = File::options().write(true).create_new(true).open(path.join(NEW_LOCK))?;
        let lock = Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| io::Error::from(errno))?;
        (&*lock).write_all(format!("{}\n", std::process::id()).as_bytes())?;
        fs::rename(path.join(NEW_LOCK), path.join(LOCK))?;
        for name in [DATA, SOCKET] {
            DirBuilder::new().mode(0o700).create(path.join(name))?;
        }
        if let Some(account) = account {
            chown(path.join(SOCKET), Some(account.uid), Some(account.gid))?;
        }
        Ok(Self { path: temporary.keep(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    pub fn socket_dir(&self) -> PathBuf {
        self.path.join(SOCKET)
    }

    /// The log, opened to be appended to.
    pub fn log(&self) -> Result<File, ScratchError> {
        let path = self.path.join(LOG);
        File::options().append(true).create(true).open(&path).map_err(|e| ScratchError::io("open the log", &path, e))
    }

    /// The last lines of the log; nothing if there is none.
    pub fn log_tail(&self) -> String {
        const BYTES: u64 = 8 * 1024;
        const LINES: usize = 25;
        let read = || -> io::Result<String> {
            let mut file = File::open(self.path.join(LOG))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
            let mut bytes = Vec::new();
            file.take(BYTES).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read().unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }

    /// Removes the folder and all in it; it is no error if it is gone.
    pub fn remove(&self) -> Result<(), ScratchError> {
        remove(&self.path)
    }
}

/// Removes a folder and all in it; it is no error if it is gone.
pub(crate) fn remove(path: &Path) -> Result<(), ScratchError> {
    let mut tries = 0;
    loop {
        match fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::NotFound && !path.exists() => {
                return Ok(());
            }
            // A process that is just ending may have written a file behind our back.
            Err(_) if tries < 20 => {
                tries += 1;
                thread::sleep(Duration::from_millis(10));
            }
            Err(error) => {
                return Err(ScratchError::Io { doing: "remove", path: path.to_path_buf(), source: error });
            }
        }
    }
}

/// Why our folder cannot lie in `base`.
fn unfit(base: &Path, account: Option<&Account>) -> Option<String> {
    let name = PREFIX.len() + RANDOM;
    let socket = base.as_os_str().len() + 1 + name + format!("/{SOCKET}/.s.PGSQL.{PORT}").len();
    if socket > LONGEST_SOCKET {
        return Some(format!("the path of a socket in it would be {socket} bytes, {LONGEST_SOCKET} are allowed"));
    }
    // The socket and the data directory must be reachable for an account that is neither root nor owner.
    let account = account?;
    let closed = |folder: &Path| fs::metadata(folder).map_or(true, |meta| meta.permissions().mode() & 0o001 == 0);
    let closed = base.ancestors().find(|folder| closed(folder))?;
    Some(format!("the user \"{}\" cannot enter {}", account.name, closed.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_a_folder_whose_sockets_would_have_too_long_a_path() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o755)).unwrap();
        let long = root.path().join("x".repeat(90));
        fs::create_dir(&long).unwrap();
        let error = Folder::create(std::slice::from_ref(&long), None).unwrap_err().to_string();
        assert!(error.contains("107 are allowed") || error.contains("103 are allowed"), "{error}");
        let folder = Folder::create(&[long, root.path().to_path_buf()], None).unwrap();
        assert!(folder.path().starts_with(root.path().canonicalize().unwrap()));
        let socket = folder.socket_dir().join(format!(".s.PGSQL.{PORT}"));
        assert!(socket.as_os_str().len() <= LONGEST_SOCKET);
        folder.remove().unwrap();
        folder.remove().unwrap();
        assert!(!folder.path().exists());
    }

    #[test]
    fn refuses_a_folder_the_server_cannot_enter() {
        let root = tempfile::tempdir().unwrap();
        fs::set_permissions(root.path(), Permissions::from_mode(0o700)).unwrap();
        let account = Account { name: "somebody".to_owned(), uid: 1, gid: 1 };
        let error = Folder::create(&[root.path().to_path_buf()], Some(&account)).unwrap_err().to_string();
        assert!(error.contains("the user \"somebody\" cannot enter"), "{error}");
    }
}
