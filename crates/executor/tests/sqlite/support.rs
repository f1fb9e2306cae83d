//! A database file for a test, another program that uses it, and short ways to write plans.

use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;
use underpin_connect::{LockHolder, SqliteFile};
use underpin_executor::sqlite::{CheckSchema, Checks, SqliteError, apply};
use underpin_executor::{Cancel, CopyProgress, FileWait, Options, Outcome, Progress};
use underpin_model::{Batch, Fingerprint, Phase, Plan, Run, Stage, Step, Strategy, Work};

/// A folder with a database `a.db`.
pub struct Database {
    folder: tempfile::TempDir,
}

impl Database {
    /// A database in that journal mode, made by these statements.
    pub fn new(journal_mode: &str, sql: &str) -> Self {
        let database = Self { folder: tempfile::tempdir().unwrap() };
        let connection = Connection::open(database.path()).unwrap();
        connection
            .execute_batch(&format!("PRAGMA journal_mode = {journal_mode}; PRAGMA foreign_keys = OFF; {sql}"))
            .unwrap();
        database
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("a.db")
    }

    pub fn connect(&self) -> Connection {
        SqliteFile::at(self.path()).open_to_write().unwrap()
    }

    /// Another program that has it open.
    pub fn other(&self) -> Other {
        Other::start(&self.path())
    }

    /// One value as text.
    pub fn value(&self, sql: &str) -> String {
        let connection = Connection::open(self.path()).unwrap();
        connection.query_row(&format!("SELECT CAST(({sql}) AS TEXT)"), [], |row| row.get(0)).unwrap()
    }

    /// All that the database holds, as text: the schema and the rows of each table.
    pub fn content(&self) -> String {
        let connection = Connection::open(self.path()).unwrap();
        let mut out = String::new();
        let all =
            "SELECT type, name, ifnull(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1, 2";
        let mut statement = connection.prepare(all).unwrap();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let (kind, name, sql): (String, String, String) =
                (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap());
            out.push_str(&format!("{kind} {name}: {sql}\n"));
            if kind == "table" {
                let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
                let columns = statement.column_count();
                let mut rows = statement.query([]).unwrap();
                while let Some(row) = rows.next().unwrap() {
                    let values: Vec<_> = (0..columns).map(|n| format!("{:?}", row.get_ref(n).unwrap())).collect();
                    out.push_str(&format!("  {}\n", values.join(" ")));
                }
            }
        }
        out
    }

    /// Runs a plan of one transaction, with nothing to say against any state.
    pub fn apply(&self, steps: Vec<Step>) -> Result<Outcome, SqliteError> {
        self.apply_with(&plan(vec![together(steps)]), &Options::default(), &Recorder::default(), &Cancel::new())
    }

    pub fn apply_with(
        &self,
        plan: &Plan,
        options: &Options,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Outcome, SqliteError> {
        self.apply_checked(plan, options, progress, cancel, &mut |_| Ok(()), &mut |_| Ok(()))
    }

    pub fn apply_checked(
        &self,
        plan: &Plan,
        options: &Options,
        progress: &dyn Progress,
        cancel: &Cancel,
        check: &mut CheckSchema<'_>,
        verify: &mut CheckSchema<'_>,
    ) -> Result<Outcome, SqliteError> {
        apply(&mut self.connect(), plan, Checks { check, verify }, options, progress, cancel)
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
}

impl Drop for Other {
    fn drop(&mut self) {
        self.input = None;
        let _ = self.child.wait();
    }
}

/// Writes down what it is told.
#[derive(Default)]
pub struct Recorder {
    pub lines: RefCell<Vec<String>>,
    pub copies: RefCell<Vec<CopyProgress>>,
}

impl Recorder {
    fn note(&self, what: String) {
        self.lines.borrow_mut().push(what);
    }

    pub fn has(&self, what: &str) -> bool {
        self.lines.borrow().iter().any(|line| line.contains(what))
    }
}

impl Progress for Recorder {
    fn plan_started(&self, steps: usize) {
        self.note(format!("plan {steps}"));
    }
    fn step_started(&self, step: &Step, attempt: u32) {
        self.note(format!("start {} {attempt}", step.id));
    }
    fn file_locked(&self, step: &Step, waits: FileWait, holders: &[LockHolder], _waited: Duration) {
        let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
        self.note(format!("locked {} {waits:?} {}", step.id, holders.join("; ")));
    }
    fn copy_progress(&self, _step: &Step, progress: &CopyProgress) {
        self.copies.borrow_mut().push(progress.clone());
    }
    fn step_done(&self, step: &Step) {
        self.note(format!("done {}", step.id));
    }
    fn finished(&self, outcome: &Outcome) {
        self.note(format!("finished {}", outcome.steps_run));
    }
}

/// A step of these statements.
pub fn step(id: &str, sql: &[&str]) -> Step {
    Step::new(id, Run::Sql, sql.iter().map(|s| (*s).to_owned()).collect())
}

/// A step that asks something.
pub fn assert(id: &str, sql: &str) -> Step {
    Step::new(id, Run::Assert, vec![sql.to_owned()])
}

/// A step that makes a table anew: `columns` are those of the new one, as they stand in CREATE TABLE, with what follows
/// them; `into` and `values` are the lists of the INSERT.
pub fn rebuild(id: &str, table: &str, columns: &str, into: &str, values: &str) -> Step {
    let sql = [
        format!("CREATE TABLE \"_underpin_new_{table}\" {columns}"),
        format!("INSERT INTO \"_underpin_new_{table}\" ({into}) SELECT {values} FROM \"{table}\""),
        format!("DROP TABLE \"{table}\""),
        "PRAGMA legacy_alter_table = ON".to_owned(),
        format!("ALTER TABLE \"_underpin_new_{table}\" RENAME TO \"{table}\""),
        "PRAGMA legacy_alter_table = OFF".to_owned(),
    ];
    Step { work: Work::Rewrite, ..Step::new(id, Run::Sql, sql.to_vec()) }
}

pub fn together(steps: Vec<Step>) -> Batch {
    Batch { transaction: true, steps }
}

pub fn alone(step: Step) -> Batch {
    Batch { transaction: false, steps: vec![step] }
}

/// A plan of one stage.
pub fn plan(batches: Vec<Batch>) -> Plan {
    Plan {
        dialect: "sqlite".to_owned(),
        server: String::new(),
        strategy: Strategy::Direct,
        from: Fingerprint("a".to_owned()),
        to: Fingerprint("b".to_owned()),
        stages: vec![Stage {
            phase: Phase::Expand,
            gate: None,
            old_sides: Vec::new(),
            fingerprint: Fingerprint(String::new()),
            touches: BTreeSet::new(),
            batches,
        }],
        diagnostics: Vec::new(),
    }
}

/// Short waits, so that a test need not be long.
pub fn hasty() -> Options {
    Options { lock_budget: Duration::from_millis(400), ..Options::default() }
}

/// A table `t` with columns id, a and b and so many rows, as SQL.
pub fn rows(count: u32) -> String {
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
         INSERT INTO t SELECT i, 'a text of some length, number ' || i, i % 97 FROM n;"
    )
}

/// A step that makes `t` anew, with a rule that it has not.
pub fn rebuilt() -> Step {
    rebuild(
        "s001",
        "t",
        "(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER)",
        "\"id\", \"a\", \"b\"",
        "\"id\", \"a\", \"b\"",
    )
}
