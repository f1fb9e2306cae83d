//! A server for the tests of this program, a database for each of them, and short ways to write plans.

use postgres::{Client, Config, NoTls};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};
use underpin_executor::{Blocker, BoxError, BuildProgress, Cancel, ExecutorError, Options, Outcome, Progress};
use underpin_model::{Batch, Fingerprint, LockMode, Phase, Plan, RelationLock, Run, Stage, Step, Strategy};
use underpin_scratch::ScratchServer;

/// The server lives as long as some test uses it; a static one would never be dropped, and so never stopped.
static SERVER: Mutex<Weak<ScratchServer>> = Mutex::new(Weak::new());
static NEXT: AtomicUsize = AtomicUsize::new(1);

/// A server like those that serve applications; a private one shows nobody what its sessions do.
fn start(settings: &[(&str, &str)]) -> Arc<ScratchServer> {
    let usual = [("track_activities", "on"), ("max_connections", "60"), ("max_prepared_transactions", "2")];
    let settings = usual.iter().chain(settings).map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Arc::new(ScratchServer::start(&underpin_scratch::Options { settings, ..Default::default() }).unwrap())
}

/// A fresh database.
pub struct Database {
    server: Arc<ScratchServer>,
    pub name: String,
}

impl Database {
    pub fn new() -> Self {
        let server = {
            let mut shared = SERVER.lock().unwrap();
            shared.upgrade().unwrap_or_else(|| {
                let server = start(&[]);
                *shared = Arc::downgrade(&server);
                server
            })
        };
        Self::on(server)
    }

    /// One on a server of its own.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(start(settings))
    }

    fn on(server: Arc<ScratchServer>) -> Self {
        let name = format!("db{}", NEXT.fetch_add(1, Ordering::SeqCst));
        let database = Self { server, name };
        let create = format!("CREATE DATABASE {}", database.name);
        database.open("postgres", database.server.superuser()).batch_execute(&create).unwrap();
        database
    }

    fn open(&self, database: &str, user: &str) -> Client {
        Config::new()
            .host_path(self.server.socket_dir())
            .port(self.server.port())
            .user(user)
            .dbname(database)
            .application_name("test")
            .connect(NoTls)
            .unwrap()
    }

    pub fn server(&self) -> &ScratchServer {
        &self.server
    }

    pub fn connect(&self) -> Client {
        self.open(&self.name, self.server.superuser())
    }

    pub fn connect_as(&self, user: &str) -> Client {
        self.open(&self.name, user)
    }

    pub fn run(&self, sql: &str) {
        self.connect().batch_execute(sql).unwrap();
    }

    /// One value as text.
    pub fn value(&self, sql: &str) -> String {
        let row = self.connect().query_one(&format!("SELECT ({sql})::text"), &[]).unwrap();
        row.get::<_, Option<String>>(0).unwrap_or_else(|| "NULL".to_owned())
    }

    pub fn table_exists(&self, name: &str) -> bool {
        self.value(&format!("to_regclass('public.{name}') IS NOT NULL")) == "true"
    }

    /// `step state` of every row of the journal, in order.
    pub fn journal(&self) -> Vec<String> {
        let rows = self.connect().query("SELECT step || ' ' || state FROM underpin.journal ORDER BY id", &[]);
        rows.unwrap().iter().map(|r| r.get(0)).collect()
    }

    /// Runs a file with `psql`, as people and tools run migrations; what it says on stderr where it fails.
    pub fn psql(&self, sql: &str) -> Result<(), String> {
        let own = self.server.bin_dir().join("psql");
        let mut command = Command::new(if own.exists() { own.as_os_str() } else { OsStr::new("psql") });
        let port = self.server.port().to_string();
        command.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-U",
            self.server.superuser(),
            "-d",
            &self.name,
            "-p",
            &port,
        ]);
        command.arg("-h").arg(self.server.socket_dir()).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }

    /// Waits until `condition` holds.
    pub fn wait_for(&self, condition: &str) {
        let start = Instant::now();
        while self.value(condition) != "true" {
            assert!(start.elapsed() < Duration::from_secs(20), "never came true: {condition}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Applies `plan` as the superuser, with nothing to say against any state.
    pub fn apply(&self, plan: &Plan, options: &Options) -> Result<Outcome, ExecutorError> {
        self.apply_with(plan, options, &Recorder::default(), &Cancel::new())
    }

    pub fn apply_with(
        &self,
        plan: &Plan,
        options: &Options,
        progress: &dyn Progress,
        cancel: &Cancel,
    ) -> Result<Outcome, ExecutorError> {
        let again = || Ok::<_, BoxError>(self.connect());
        underpin_executor::apply(&mut self.connect(), &again, plan, &mut |_, _| Ok(None), options, progress, cancel)
    }
}

/// Writes down what it is told.
#[derive(Default)]
pub struct Recorder(pub RefCell<Vec<String>>);

impl Recorder {
    fn note(&self, what: String) {
        self.0.borrow_mut().push(what);
    }

    pub fn has(&self, what: &str) -> bool {
        self.0.borrow().iter().any(|line| line.contains(what))
    }
}

impl Progress for Recorder {
    fn plan_started(&self, steps: usize) {
        self.note(format!("plan {steps}"));
    }
    fn step_started(&self, step: &Step, attempt: u32) {
        self.note(format!("start {} {attempt}", step.id));
    }
    fn blocked(&self, step: &Step, blockers: &[Blocker]) {
        self.note(format!("blocked {} {}", step.id, blockers[0]));
    }
    fn waiting_for_lock(&self, step: &Step, blockers: &[Blocker], attempt: u32, _next: Duration) {
        self.note(format!("waiting {} {attempt} {}", step.id, blockers.len()));
    }
    fn build_progress(&self, step: &Step, progress: &BuildProgress) {
        let waits_for = progress.waits_for.as_ref().map_or(String::new(), |b| format!(" for {b}"));
        self.note(format!("building {} {}{waits_for}", step.id, progress.phase));
    }
    fn step_done(&self, step: &Step) {
        self.note(format!("done {}", step.id));
    }
    fn finished(&self, outcome: &Outcome) {
        self.note(format!("finished {}", outcome.steps_run));
    }
}

/// A step that takes `mode` on a table that is there.
pub fn locking(id: &str, relation: &str, mode: LockMode, sql: &[&str]) -> Step {
    let locks = vec![RelationLock { relation: relation.to_owned(), mode }];
    Step { locks, ..step(id, Run::Locked, sql) }
}

/// A step; its limits are none.
pub fn step(id: &str, run: Run, sql: &[&str]) -> Step {
    Step::new(id, run, sql.iter().map(|s| (*s).to_owned()).collect())
}

pub fn together(steps: Vec<Step>) -> Batch {
    Batch { transaction: true, steps }
}

pub fn alone(step: Step) -> Batch {
    Batch { transaction: false, steps: vec![step] }
}

pub fn stage(phase: Phase, gate: Option<&str>, batches: Vec<Batch>) -> Stage {
    Stage {
        phase,
        gate: gate.map(str::to_owned),
        old_sides: Vec::new(),
        fingerprint: Fingerprint(String::new()),
        touches: BTreeSet::new(),
        batches,
    }
}

pub fn plan_of(stages: Vec<Stage>) -> Plan {
    Plan {
        dialect: "postgres".to_owned(),
        server: String::new(),
        strategy: Strategy::Online,
        from: Fingerprint("a".to_owned()),
        to: Fingerprint("b".to_owned()),
        stages,
        diagnostics: Vec::new(),
    }
}

/// A plan of one stage.
pub fn plan(batches: Vec<Batch>) -> Plan {
    plan_of(vec![stage(Phase::Expand, None, batches)])
}

/// Short waits, so that a test need not be long.
pub fn hasty() -> Options {
    Options { lock_timeout: Duration::from_millis(100), lock_budget: Duration::from_millis(700), ..Options::default() }
}
