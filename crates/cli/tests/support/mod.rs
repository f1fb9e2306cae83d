//! What the tests of the program share: a private server as the live one, a database and a folder for each test, and the
//! real program.

// Each test binary uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

pub mod folder;

use postgres::{Client, Config, NoTls, SimpleQueryMessage};
use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use underpin_scratch::{Options, ScratchServer};

/// The server of this test binary. It ends with the last test that uses it, so that nothing stays behind.
static SERVER: Mutex<Weak<ScratchServer>> = Mutex::new(Weak::new());
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// The superuser that the tests connect as.
pub const BOSS: &str = "boss";

/// The folder for what the program keeps between runs: one for all tests, so that `initdb` runs once.
pub fn cache() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn server() -> Arc<ScratchServer> {
    let mut known = SERVER.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = known.upgrade() {
        return server;
    }
    let server = start(None);
    *known = Arc::downgrade(&server);
    server
}

/// A live server from the programs in a folder; from those that the machine has where none is named.
fn start(bin_dir: Option<PathBuf>) -> Arc<ScratchServer> {
    let options = Options {
        bin_dir,
        cache_dir: Some(cache()),
        // The tests look at what others do.
        settings: vec![
            ("track_activities".to_owned(), "on".to_owned()),
            ("max_connections".to_owned(), "100".to_owned()),
        ],
        ..Options::default()
    };
    let server = Arc::new(ScratchServer::start(&options).expect("these tests need PostgreSQL's server programs"));
    // The live side's user is not the one of private servers, as in real life.
    connect(&server, "postgres", server.superuser())
        .batch_execute(&format!("CREATE ROLE {BOSS} LOGIN SUPERUSER"))
        .unwrap();
    server
}

/// A live database of one test, and a folder for its files.
pub struct Lab {
    pub server: Arc<ScratchServer>,
    pub database: String,
    pub folder: TempDir,
    /// The folder of the programs that the program may take for private servers; those of the machine where none is named.
    pub dev_bin: Option<PathBuf>,
}

impl Lab {
    /// An empty live database, on a server of the programs that `UNDERPIN_PG_BIN` names; so are private servers then.
    pub fn new() -> Self {
        Self::on(server(), std::env::var_os("UNDERPIN_PG_BIN").map(PathBuf::from))
    }

    /// An empty database on a live server of its own, and private servers of another kind.
    pub fn between(live_bin: &Path, dev_bin: &Path) -> Self {
        Self::on(start(Some(live_bin.to_owned())), Some(dev_bin.to_owned()))
    }

    fn on(server: Arc<ScratchServer>, dev_bin: Option<PathBuf>) -> Self {
        // A name that is not easily taken for another one in messages and counts.
        let database = format!("lab{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        connect(&server, "postgres", BOSS)
            .batch_execute(&format!("CREATE DATABASE {database} TEMPLATE template0"))
            .unwrap();
        Self { server, database, folder: tempfile::tempdir().unwrap(), dev_bin }
    }

    /// A live database with these statements run in it.
    pub fn with(sql: &str) -> Self {
        let lab = Self::new();
        lab.sql(sql);
        lab
    }

    /// A session of the superuser.
    pub fn client(&self) -> Client {
        connect(&self.server, &self.database, BOSS)
    }

    /// A session of another role.
    pub fn client_of(&self, user: &str) -> Client {
        connect(&self.server, &self.database, user)
    }

    /// Runs statements in the live database.
    pub fn sql(&self, sql: &str) {
        if let Err(error) = self.client().batch_execute(sql) {
            panic!("{error:?}\nin {sql}");
        }
    }

    /// The first column of every row, as text.
    pub fn column(&self, sql: &str) -> Vec<String> {
        let rows = self.client().simple_query(sql).unwrap();
        rows.iter()
            .filter_map(|m| match m {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
                _ => None,
            })
            .collect()
    }

    /// The first value, as text.
    pub fn value(&self, sql: &str) -> String {
        self.column(sql).into_iter().next().unwrap_or_default()
    }

    /// The URL of the live database.
    pub fn url(&self) -> String {
        self.url_as(BOSS, &self.database)
    }

    /// The URL of a database for a role.
    pub fn url_as(&self, user: &str, database: &str) -> String {
        format!(
            "postgresql://{user}@/{database}?host={}&port={}",
            self.server.socket_dir().display(),
            self.server.port()
        )
    }

    /// Writes a file and gives its path.
    pub fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, with nothing of this machine's environment that would change what it does.
    pub fn command<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Command {
        let mut command = program(args);
        command.current_dir(self.folder.path());
        if let Some(dev_bin) = &self.dev_bin {
            command.env("UNDERPIN_PG_BIN", dev_bin);
        }
        command
    }

    /// Runs the program in the folder.
    pub fn run<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        finish(self.command(args))
    }

    /// Plans from the live database to `schema.sql` with this text.
    pub fn plan(&self, schema: &str, further: &[&str]) -> Ran {
        self.file("schema.sql", schema);
        let url = self.url();
        let mut args = vec!["plan", "--db", &url, "--schema", "schema.sql"];
        args.extend(further);
        self.run(args)
    }

    /// Applies `schema.sql` with this text to the live database.
    pub fn apply(&self, schema: &str, further: &[&str]) -> Ran {
        self.file("schema.sql", schema);
        let url = self.url();
        let mut args = vec!["apply", "--db", &url, "--schema", "schema.sql", "--yes"];
        args.extend(further);
        self.run(args)
    }

    /// Applies the schema, with all allowed, and makes sure that nothing is left to do.
    pub fn converge(&self, schema: &str, further: &[&str]) -> Ran {
        let mut all = vec!["--allow", "all", "--phase", "all"];
        all.extend(further);
        let applied = self.apply(schema, &all).code(0);
        self.settled(schema, further);
        applied
    }

    /// Makes sure that there is nothing to do.
    pub fn settled(&self, schema: &str, further: &[&str]) -> Ran {
        let mut args = vec!["--exit-code"];
        args.extend(further);
        self.plan(schema, &args).code(0)
    }

    /// The schema as `inspect` writes it, to see that nothing was changed.
    pub fn inspect(&self) -> String {
        self.run(["inspect", "--db", &self.url()]).code(0).out
    }

    /// Databases on the server whose names begin like that.
    pub fn databases(&self, prefix: &str) -> Vec<String> {
        self.column(&format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{prefix}') ORDER BY 1"))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.database);
        let _ = connect(&self.server, "postgres", BOSS).batch_execute(&drop);
    }
}

/// The program, with nothing of this machine's environment that would change what it does.
pub fn program<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_underpin"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("PG") || name.starts_with("UNDERPIN_") || name == "NO_COLOR" {
            command.env_remove(name);
        }
    }
    command
        .env("UNDERPIN_CACHE", cache())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Runs a command to its end.
pub fn finish(mut command: Command) -> Ran {
    let words = format!("{command:?}");
    Ran::new(words, command.output().unwrap())
}

/// Waits for a program that was started.
pub fn wait(child: Child) -> Ran {
    Ran::new("the program that was started".to_owned(), child.wait_with_output().unwrap())
}

/// Waits until something holds; the caller says how it is called.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(30), "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn connect(server: &ScratchServer, database: &str, user: &str) -> Client {
    Config::new()
        .host_path(server.socket_dir())
        .port(server.port())
        .user(user)
        .dbname(database)
        .connect(NoTls)
        .expect("the live server takes connections")
}

/// The text without line breaks and the marks in front of broken lines.
fn flat(text: &str) -> String {
    text.split_whitespace().filter(|w| *w != "│").collect::<Vec<_>>().join(" ")
}

/// What came of a run.
pub struct Ran {
    words: String,
    /// The exit code; -1 for a run that was killed.
    pub status: i32,
    /// What it wrote to stdout.
    pub out: String,
    /// What it wrote to stderr.
    pub err: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nexit code {}\n--- stdout\n{}--- stderr\n{}", self.words, self.status, self.out, self.err)
    }
}

impl Ran {
    fn new(words: String, output: Output) -> Self {
        Self {
            words,
            status: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Makes sure of the exit code.
    #[track_caller]
    pub fn code(self, wanted: i32) -> Self {
        assert_eq!(self.status, wanted, "{self}");
        self
    }

    /// Makes sure that stderr says all of this.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        let err = flat(&self.err);
        for text in texts {
            assert!(err.contains(&flat(text)), "stderr does not say: {text}\n{self}");
        }
        self
    }

    /// Makes sure that stdout says all of this.
    #[track_caller]
    pub fn shows(self, texts: &[&str]) -> Self {
        let out = flat(&self.out);
        for text in texts {
            assert!(out.contains(&flat(text)), "stdout does not say: {text}\n{self}");
        }
        self
    }

    /// Makes sure that neither output says this.
    #[track_caller]
    pub fn never(self, text: &str) -> Self {
        assert!(!self.out.contains(text) && !self.err.contains(text), "says {text}\n{self}");
        self
    }
}
