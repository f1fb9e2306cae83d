//! Who holds a SQLite file, read from the system's list of locks.
//!
//! SQLite locks bytes that no page ever uses: in the file from 2^30 on (manual, "File Locking And Concurrency In SQLite
//! Version 3"; `PENDING_BYTE`, `RESERVED_BYTE` and `SHARED_FIRST` in its `os.h`), and for the write-ahead log from 120 on
//! in the `-shm` file (manual, "WAL-mode File Format", 2.3). The list is `/proc/locks`, so that elsewhere than on Linux
//! nobody is found. The file itself is never opened: closing it would take away every lock that this process holds on it
//! (fcntl(2)).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// What a process does with a database file, as its locks tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// It reads, in rollback-journal mode: a commit has to wait for it.
    Reads,
    /// It copies the write-ahead log into the file, or recovers it: nobody who writes has to wait for it for long.
    Checkpoints,
    /// It has a transaction that writes: nobody else can begin one.
    Writes,
    /// It has written, and waits for readers to end so that it can commit: nobody else can begin to read.
    Commits,
    /// It has the file for itself: nobody else can read or write.
    Alone,
}

/// A process that holds a lock on a database file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockHolder {
    /// Its number; 0 where it runs in another container, so that its number is not seen from here.
    pub pid: u32,
    /// The name of its program, where it can be seen.
    pub command: String,
    /// What it does.
    pub held: Held,
}

impl LockHolder {
    /// Whether a transaction that writes has to wait for it before it begins.
    #[must_use]
    pub fn stops_writers(&self) -> bool {
        match self.held {
            Held::Writes | Held::Commits | Held::Alone => true,
            Held::Reads | Held::Checkpoints => false,
        }
    }
}

impl fmt::Display for LockHolder {
    /// For people: `pid 4711 (python3), which writes to it`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.pid, self.command.as_str()) {
            (0, _) => f.write_str("a process of another container")?,
            (pid, "") => write!(f, "pid {pid}")?,
            (pid, command) => write!(f, "pid {pid} ({command})")?,
        }
        f.write_str(match self.held {
            Held::Reads => ", which reads it",
            Held::Checkpoints => ", which brings its write-ahead log into it",
            Held::Writes => ", which writes to it",
            Held::Commits => ", which commits to it",
            Held::Alone => ", which has it for itself",
        })
    }
}

/// The file's name with something behind it, as SQLite names what stands beside a database.
pub(super) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Who holds locks on a database file, other than this process; each process once, with the most that it does. Empty where
/// nobody does, and where it cannot be seen.
#[must_use]
pub fn lock_holders(file: &Path) -> Vec<LockHolder> {
    let real = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    let Some(database) = Inode::of(&real) else { return Vec::new() };
    let Ok(locks) = fs::read_to_string("/proc/locks") else { return Vec::new() };
    let shm = Inode::of(&beside(&real, "-shm"));
    let own = std::process::id();
    holders(&locks, &database, shm.as_ref(), has_open)
        .into_iter()
        .filter(|(pid, _)| *pid != own)
        .map(|(pid, held)| {
            let command = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            LockHolder { pid, command: command.trim_end().to_owned(), held }
        })
        .collect()
}

/// A file as the system's list of locks names it.
struct Inode {
    /// `MAJOR:MINOR` in hexadecimal digits, as the list writes it.
    device: String,
    number: u64,
    /// Both as they are told of an open file.
    told: (u64, u64),
}

impl Inode {
    #[cfg(target_os = "linux")]
    fn of(path: &Path) -> Option<Self> {
        use nix::sys::stat::{major, minor};
        use std::os::unix::fs::MetadataExt as _;
        let meta = fs::metadata(path).ok()?;
        let device = format!("{:02x}:{:02x}", major(meta.dev()), minor(meta.dev()));
        Some(Self { device, number: meta.ino(), told: (meta.dev(), meta.ino()) })
    }

    #[cfg(not(target_os = "linux"))]
    fn of(_path: &Path) -> Option<Self> {
        None
    }
}

/// Whether a process has the file open: some file systems name another device in the list of locks than elsewhere.
#[cfg(unix)]
fn has_open(pid: u32, inode: &Inode) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(open) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten().filter_map(|e| fs::metadata(e.path()).ok()).any(|m| (m.dev(), m.ino()) == inode.told)
}

#[cfg(not(unix))]
fn has_open(_pid: u32, _inode: &Inode) -> bool {
    false
}

/// A line of the list: `1: POSIX  ADVISORY  WRITE 4711 fe:00:5923018 1073741825 1073741825`.
struct Lock<'a> {
    writes: bool,
    pid: u32,
    device: &'a str,
    inode: u64,
    first: u64,
    last: u64,
}

impl<'a> Lock<'a> {
    /// None for what is no lock that is held: `->` is one that is waited for, `FLOCK` and `LEASE` are of other kinds.
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split_whitespace().skip(1);
        if words.next()? != "POSIX" {
            return None;
        }
        let writes = words.nth(1)? == "WRITE";
        let pid = words.next()?.parse().ok()?;
        let (device, inode) = words.next()?.rsplit_once(':')?;
        let first = words.next()?.parse().ok()?;
        let last = words.next()?;
        let last = if last == "EOF" { u64::MAX } else { last.parse().ok()? };
        Some(Self { writes, pid, device, inode: inode.parse().ok()?, first, last })
    }

    fn covers(&self, first: u64, last: u64) -> bool {
        self.first <= last && first <= self.last
    }
}

const PENDING: u64 = 1 << 30;
const RESERVED: u64 = PENDING + 1;
const SHARED: (u64, u64) = (PENDING + 2, PENDING + 2 + 509);
/// In the `-shm` file: for writing, for checkpoints, and for recovery.
const SHM_WRITE: u64 = 120;
const SHM_CHECKPOINT: u64 = 121;
const SHM_RECOVER: u64 = 122;

/// The processes that hold locks on the file or its `-shm` file, with the most that each does.
fn holders(
    locks: &str,
    database: &Inode,
    shm: Option<&Inode>,
    has_open: impl Fn(u32, &Inode) -> bool,
) -> Vec<(u32, Held)> {
    let mut found: Vec<(u32, Held)> = Vec::new();
    let is = |lock: &Lock<'_>, inode: &Inode| {
        lock.inode == inode.number && (lock.device == inode.device || has_open(lock.pid, inode))
    };
    let all: Vec<Lock<'_>> = locks.lines().filter_map(Lock::read).collect();
    for lock in &all {
        let held = if is(lock, database) {
            of_file(lock, all.iter().any(|l| l.pid == lock.pid && shm.is_some_and(|shm| is(l, shm))))
        } else if shm.is_some_and(|shm| is(lock, shm)) {
            of_shm(lock)
        } else {
            None
        };
        let Some(held) = held else { continue };
        match found.iter_mut().find(|(pid, _)| *pid == lock.pid) {
            Some((_, most)) => *most = held.max(*most),
            None => found.push((lock.pid, held)),
        }
    }
    found.sort_unstable();
    found
}

/// In WAL mode everybody who has the file open holds it shared for all the time, which stops nobody.
fn of_file(lock: &Lock<'_>, has_shm: bool) -> Option<Held> {
    if lock.covers(SHARED.0, SHARED.1) {
        return if lock.writes { Some(Held::Alone) } else { (!has_shm).then_some(Held::Reads) };
    }
    match lock.writes {
        true if lock.covers(PENDING, PENDING) => Some(Held::Commits),
        true if lock.covers(RESERVED, RESERVED) => Some(Held::Writes),
        // Whoever begins to read holds the pending byte for an instant.
        true | false => None,
    }
}

fn of_shm(lock: &Lock<'_>) -> Option<Held> {
    let covers = |byte| lock.writes && lock.covers(byte, byte);
    if covers(SHM_WRITE) {
        Some(Held::Writes)
    } else if covers(SHM_CHECKPOINT) || covers(SHM_RECOVER) {
        Some(Held::Checkpoints)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: u64) -> Inode {
        Inode { device: "fe:00".to_owned(), number, told: (1, number) }
    }

    fn found(locks: &str) -> Vec<(u32, Held)> {
        holders(locks, &file(7), Some(&file(8)), |_, _| false)
    }

    #[test]
    fn the_bytes_tell_what_is_held() {
        let line = |rest: &str| found(&format!("1: POSIX  ADVISORY  {rest}\n"));
        assert_eq!(line("READ 5 fe:00:7 1073741826 1073742335"), [(5, Held::Reads)]);
        assert_eq!(line("WRITE 5 fe:00:7 1073741825 1073741825"), [(5, Held::Writes)]);
        assert_eq!(line("WRITE 5 fe:00:7 1073741824 1073741825"), [(5, Held::Commits)]);
        assert_eq!(line("WRITE 5 fe:00:7 1073741824 1073742335"), [(5, Held::Alone)]);
        assert_eq!(line("WRITE 5 fe:00:7 0 EOF"), [(5, Held::Alone)]);
        assert_eq!(line("WRITE 5 fe:00:8 120 120"), [(5, Held::Writes)]);
        assert_eq!(line("WRITE 5 fe:00:8 121 121"), [(5, Held::Checkpoints)]);
        for rest in ["READ 5 fe:00:8 123 123", "READ 5 fe:00:8 128 128", "WRITE 5 fe:00:9 120 120", "WRITE 5 x"] {
            assert_eq!(line(rest), [], "{rest}");
        }
    }

    #[test]
    fn each_process_is_told_once_and_only_what_is_held() {
        let locks = "1: POSIX  ADVISORY  READ 5 fe:00:7 1073741826 1073742335\n\
                     1: -> POSIX  ADVISORY  WRITE 6 fe:00:7 1073741825 1073741825\n\
                     2: FLOCK  ADVISORY  WRITE 9 fe:00:7 0 EOF\n\
                     3: POSIX  ADVISORY  WRITE 5 fe:00:7 1073741825 1073741825\n";
        assert_eq!(found(locks), [(5, Held::Writes)]);
    }

    #[test]
    fn who_has_a_log_open_does_not_read_for_that() {
        let open =
            "1: POSIX  ADVISORY  READ 5 fe:00:8 128 128\n2: POSIX  ADVISORY  READ 5 fe:00:7 1073741826 1073742335\n";
        assert_eq!(found(open), []);
    }

    #[test]
    fn a_file_of_another_device_counts_where_the_process_has_it_open() {
        let locks = "1: POSIX  ADVISORY  WRITE 5 00:1f:7 1073741825 1073741825\n\
                     2: POSIX  ADVISORY  WRITE 6 00:1f:7 1073741825 1073741825\n";
        assert_eq!(holders(locks, &file(7), None, |pid, _| pid == 6), [(6, Held::Writes)]);
    }
}
