//! What the tests share: folders, connections, and a look at what is left.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a helper of tests may panic as they do")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use underpin_scratch::{Options, ScratchServer};

/// A folder for a test, which the server's account may enter too, and options that keep all files in it.
pub struct Place {
    pub folder: TempDir,
    pub options: Options,
}

impl Place {
    /// With a cache of its own, empty at first.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("t-").tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let (temp, cache) = (folder.path().join("t"), folder.path().join("c"));
        fs::create_dir(&temp).unwrap();
        let options = Options { temp_dir: Some(temp), cache_dir: Some(cache), ..Options::default() };
        Self { folder, options }
    }

    /// With the cache that all tests share who are not about the cache: `initdb` takes its time.
    pub fn with_shared_cache() -> Self {
        let mut place = Self::new();
        place.options.cache_dir = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("scratch-cache"));
        place
    }

    pub fn temp(&self) -> PathBuf {
        self.folder.path().join("t")
    }

    pub fn cache(&self) -> PathBuf {
        self.folder.path().join("c")
    }

    /// The names in the folder of the servers' folders.
    pub fn servers(&self) -> Vec<PathBuf> {
        names(&self.temp())
    }

    /// That no server's folder and no process is left.
    pub fn assert_empty(&self) {
        assert_eq!(self.servers(), [] as [PathBuf; 0]);
        assert_eq!(self.processes(), [] as [u32; 0]);
    }

    /// The servers with a data directory in this place. A child of theirs that was just forked shows the same command
    /// line, and is told apart by its parent.
    pub fn processes(&self) -> Vec<u32> {
        let ps = Command::new("ps").args(["-A", "-ww", "-o", "pid=,ppid=,command="]).output().unwrap();
        let lines = String::from_utf8_lossy(&ps.stdout).into_owned();
        let temp = self.temp().canonicalize().unwrap().display().to_string();
        let ours = lines.lines().filter(|line| line.contains(&temp) && line.contains("postgres"));
        let number = |word: Option<&str>| word.unwrap().parse::<u32>().unwrap();
        let ours: Vec<_> = ours
            .map(|line| {
                let mut words = line.split_whitespace();
                (number(words.next()), number(words.next()))
            })
            .collect();
        let child = |parent: u32| ours.iter().any(|(other, _)| *other == parent);
        ours.iter().filter(|(_, parent)| !child(*parent)).map(|(process, _)| *process).collect()
    }
}

pub fn names(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

pub fn connect(server: &ScratchServer, database: &str) -> postgres::Client {
    postgres::Config::new()
        .host_path(server.socket_dir())
        .port(server.port())
        .user(server.superuser())
        .dbname(database)
        .connect(postgres::NoTls)
        .unwrap()
}

/// This test program again, with nothing but the test `name`, in the role of another process.
pub fn again(name: &str, place: &Place) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(ROLE, place.folder.path())
        .spawn()
        .unwrap()
}

/// Names the place of the test that started this process, in a process started by [`again`].
pub const ROLE: &str = "UNDERPIN_SCRATCH_TEST";

/// Waits until `done`, for 30 s at most.
pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
