//! Removes what crashed runs left: their folders, and the servers that still run on them.
//!
//! A folder whose lock is held belongs to a living process and is left alone. One whose lock is free has lost its owner:
//! its server is stopped and it is removed.

use crate::folder::{self, DATA, LOCK, LOG, NEW_LOCK, PREFIX, SOCKET};
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A folder without a lock is being made just now, or its owner died between making it and locking it. After this long
/// it is the latter.
const MAKING: Duration = Duration::from_secs(600);

/// How long a server may take to end at once before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Stops the servers and removes the folders that crashed runs of this user left in the folders for temporary files.
/// [`ScratchServer::start`](crate::ScratchServer::start) calls it. What cannot be removed is left for the next time:
/// that is no reason to fail.
pub fn remove_leftovers() {
    remove_in(&folder::bases(None));
}

/// The same for the given folders for temporary files.
pub(crate) fn remove_in(bases: &[PathBuf]) {
    for entry in bases.iter().filter_map(|base| fs::read_dir(base).ok()).flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_ours(&entry.path()) {
            remove_if_left(&entry.path());
        }
    }
}

/// Whether it is a folder (no link) of this user that holds nothing but what we put there: the folders for temporary
/// files belong to everybody, and a name proves nothing.
fn is_ours(path: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return false;
    };
    let known = |name: &str| [LOCK, NEW_LOCK, LOG, DATA, SOCKET].contains(&name);
    metadata.is_dir()
        && metadata.uid() == geteuid().as_raw()
        && fs::read_dir(path).is_ok_and(|mut entries| {
            entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(known)))
        })
}

fn remove_if_left(path: &Path) {
    // Held during the removal, so that two cleaners do not meet.
    let lock = match File::open(path.join(LOCK)) {
        Ok(file) => match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => Some(lock),
            Err(_) => return,
        },
        Err(_) => {
            let changed = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            if changed.and_then(|time| time.elapsed().ok()).is_none_or(|age| age < MAKING) {
                return;
            }
            None
        }
    };
    if stop_server(&path.join(DATA)) {
        // Left for the next time if it cannot be removed now.
        let _ = folder::remove(path);
    }
    drop(lock);
}

/// Stops the server that runs on a data directory; false if it would not end.
fn stop_server(data: &Path) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return true;
    };
    let mut lines = text.lines();
    // "Interpreting" postmaster.pid: line 1 is the process, line 2 the data directory
    // (https://www.postgresql.org/docs/current/storage-file-layout.html and src/include/utils/pidfile.h).
    let pid = lines.next().and_then(|line| line.trim().parse::<i32>().ok()).filter(|pid| *pid > 1);
    let (Some(pid), Some(named)) = (pid, lines.next()) else {
        return true;
    };
    if Path::new(named) != data {
        return true;
    }
    let runs = || kill(Pid::from_raw(pid), None) != Err(Errno::ESRCH) && runs_on(pid, data);
    // SIGQUIT is the immediate shutdown (https://www.postgresql.org/docs/current/server-shutdown.html).
    for signal in [Signal::SIGQUIT, Signal::SIGKILL] {
        let start = Instant::now();
        if runs() && kill(Pid::from_raw(pid), signal).is_err() {
            return !runs();
        }
        while runs() && start.elapsed() < PATIENCE {
            thread::sleep(Duration::from_millis(2));
        }
    }
    !runs()
}

/// Whether the process is a server on this data directory, by its command line: the process may have ended long ago and
/// its number may now be another's. A zombie has no command line and counts as ended.
fn runs_on(pid: i32, data: &Path) -> bool {
    let command = if cfg!(target_os = "linux") {
        fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
    } else {
        let ps = Command::new("ps").args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output();
        ps.map(|output| output.stdout).unwrap_or_default()
    };
    let data = data.as_os_str().as_encoded_bytes();
    command.windows(data.len()).any(|part| part == data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::Folder;

    #[test]
    fn leaves_alone_what_lives_or_is_not_ours() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().canonicalize().unwrap()];
        let foreign = bases[0].join(format!("{PREFIX}notes"));
        fs::create_dir(&foreign).unwrap();
        fs::write(foreign.join("diary"), "dear").unwrap();
        let making = bases[0].join(format!("{PREFIX}making"));
        fs::create_dir(&making).unwrap();
        let live = Folder::create(&bases, None).unwrap();
        remove_in(&bases);
        assert!(foreign.exists() && making.exists() && live.path().exists());

        let path = live.path().to_path_buf();
        drop(live); // gives up the lock without removing the folder, as the end of the process does
        remove_in(&bases);
        assert!(!path.exists() && foreign.exists());
    }

    #[test]
    fn does_not_stop_a_process_that_only_has_the_number_of_the_old_server() {
        let root = tempfile::tempdir().unwrap();
        let bases = [root.path().canonicalize().unwrap()];
        let left = Folder::create(&bases, None).unwrap();
        let mut other = Command::new("sleep").arg("60").spawn().unwrap();
        let pid_file = format!("{}\n{}\n", other.id(), left.data().display());
        fs::write(left.data().join("postmaster.pid"), pid_file).unwrap();
        let path = left.path().to_path_buf();
        drop(left);
        remove_in(&bases);
        assert!(!path.exists());
        assert!(other.try_wait().unwrap().is_none(), "an unrelated process was stopped");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
