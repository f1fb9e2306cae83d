//! A folder for the files of a test, and another program that uses them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use underpin_connect::{SqliteFile, SqliteFileError};

/// A folder that goes with the test.
pub struct Folder(tempfile::TempDir);

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file with these bytes.
    pub fn file(&self, name: &str, bytes: &[u8]) -> SqliteFile {
        std::fs::write(self.path(name), bytes).unwrap();
        SqliteFile::at(self.path(name))
    }

    /// The database `a.db` with a table `t` of one row, written by another program.
    pub fn database(&self, journal_mode: &str) -> SqliteFile {
        let mut other = self.other();
        other.run(&format!("PRAGMA journal_mode = {journal_mode}"));
        other.run("CREATE TABLE t (a)");
        other.run("INSERT INTO t VALUES (1)");
        other.end();
        SqliteFile::at(self.path("a.db"))
    }

    /// Another program that has `a.db` open.
    pub fn other(&self) -> Other {
        Other::start(&self.path("a.db"))
    }

    /// The files that are there, in order.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> =
            std::fs::read_dir(self.0.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.path("a.db")).unwrap()
    }
}

const PROGRAM: &str = r#"
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
print(os.getpid(), flush=True)
for line in sys.stdin:
    try:
        print("ok", c.execute(line).fetchall(), flush=True)
    except Exception as e:
        print("error", e, flush=True)
"#;

/// A process of Python that has the file open, and waits for no lock.
pub struct Other {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub pid: u32,
}

impl Other {
    fn start(path: &std::path::Path) -> Self {
        let mut child = Command::new("python3")
            .args(["-c", PROGRAM])
            .arg(path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut pid = String::new();
        output.read_line(&mut pid).unwrap();
        Self { child, input, output, pid: pid.trim().parse().unwrap() }
    }

    /// What it says to a statement.
    pub fn tries(&mut self, sql: &str) -> String {
        writeln!(self.input.as_mut().unwrap(), "{sql}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    /// Runs a statement, which must succeed.
    pub fn run(&mut self, sql: &str) -> String {
        let answer = self.tries(sql);
        answer.strip_prefix("ok ").unwrap_or_else(|| panic!("{sql}: {answer}")).to_owned()
    }

    /// The name of its program, as the system tells it.
    pub fn command(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap().trim().to_owned()
    }

    /// Lets it end by itself.
    pub fn end(mut self) {
        self.input = None;
        assert!(self.child.wait().unwrap().success());
    }

    /// Kills it, as a machine does that loses its power.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// The number that a query gives.
pub fn number(connection: &rusqlite::Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The message of an error that has to come.
pub fn refusal(result: Result<rusqlite::Connection, SqliteFileError>) -> String {
    match result {
        Ok(_) => panic!("it was opened"),
        Err(error) => error.to_string(),
    }
}
