//! A standby that serves queries.

use crate::support::*;
use postgres::{Client, Config, NoTls};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use underpin_connect::Target;
use underpin_executor::{Cancel, ExecutorError, Options};
use underpin_model::{LockMode, Plan, Run};

/// A standby of a test's server; it ends with this.
struct Standby {
    dir: PathBuf,
    bin: PathBuf,
    owner: (u32, u32),
    user: String,
}

impl Standby {
    /// None where the server's installation lacks `pg_basebackup`.
    fn of(db: &Database) -> Option<Self> {
        let server = db.server();
        if !server.bin_dir().join("pg_basebackup").exists() {
            return None;
        }
        let owner = fs::metadata(server.socket_dir()).unwrap();
        let dir = std::env::temp_dir().join(format!("standby-{}", std::process::id()));
        let owner = (owner.uid(), owner.gid());
        fs::create_dir(&dir).unwrap();
        chown(&dir, Some(owner.0), Some(owner.1)).unwrap();
        let this = Self { dir, bin: server.bin_dir().to_owned(), owner, user: server.superuser().to_owned() };
        let (socket, port) = (server.socket_dir().display().to_string(), server.port().to_string());
        this.run(
            "pg_basebackup",
            &["-h", &socket, "-p", &port, "-U", &this.user, "-D", &this.data(), "-R", "-c", "fast"],
        );
        // A standby asks for as much room as its server has.
        let room = "-c max_connections=60 -c max_prepared_transactions=2 -c max_locks_per_transaction=1024 -c max_wal_senders=4";
        let settings = format!("-k {} -c listen_addresses= -c fsync=off {room}", this.dir.display());
        this.run("pg_ctl", &["-D", &this.data(), "-o", &settings, "-l", &this.file("log"), "-w", "start"]);
        Some(this)
    }

    fn file(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    fn data(&self) -> String {
        self.file("data")
    }

    fn run(&self, program: &str, args: &[&str]) {
        let mut command = Command::new(self.bin.join(program));
        command.args(args).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        if is_another(&self.dir) {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        assert!(command.status().unwrap().success() || thread::panicking(), "{program}");
    }

    fn connect(&self, db: &Database) -> Client {
        let mut config = Config::new();
        config.host_path(&self.dir).port(db.server().port()).user(&self.user).dbname(&db.name);
        config.connect(NoTls).unwrap()
    }

    fn target(&self, db: &Database) -> Target {
        Target::socket(&self.dir, db.server().port(), &self.user, &db.name)
    }
}

/// Whether what this process made was given to the server's account, as it has to be where this is root.
fn is_another(made: &std::path::Path) -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() != fs::metadata(made).unwrap().uid())
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "stop"]);
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn add_column(name: &str) -> Plan {
    let sql = format!("ALTER TABLE public.t ADD COLUMN {name} int");
    plan(vec![together(vec![locking("s001", "public.t", LockMode::AccessExclusive, &[&sql])])])
}

#[test]
fn a_strong_lock_waits_for_queries_on_standbys() {
    let db = Database::with(&[]);
    db.run("CREATE TABLE public.t (a int); CREATE INDEX i ON public.t (a)");
    db.run("CREATE TABLE public.p (a int) PARTITION BY LIST (a); CREATE TABLE public.one PARTITION OF public.p FOR VALUES IN (1)");
    let Some(standby) = Standby::of(&db) else { return };
    let options = Options { replicas: vec![standby.target(&db)], ..hasty() };
    let mut report = standby.connect(&db);
    let begin =
        "SET application_name = 'report'; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM public.t, public.p";
    report.batch_execute(begin).unwrap();

    let drop_index = plan(vec![alone(step("s001", Run::Build, &["DROP INDEX CONCURRENTLY public.i"]))]);
    let detach = ["ALTER TABLE public.p DETACH PARTITION public.one CONCURRENTLY"];
    let detach = plan(vec![alone(step("s001", Run::Build, &detach))]);
    for plan in [add_column("b"), drop_index.clone(), detach] {
        let error = db.apply(&plan, &options).unwrap_err();
        let ExecutorError::Locks(failure) = &error else { panic!("{error}") };
        assert_eq!(failure.attempts, 0);
        assert!(error.to_string().contains("on the standby postgresql://"), "{error}");
        assert!(error.to_string().contains("application \"report\""), "{error}");
    }
    // A weaker lock is not sent to standbys.
    let weaker =
        locking("s001", "public.t", LockMode::ShareRowExclusive, &["LOCK TABLE public.t IN SHARE ROW EXCLUSIVE MODE"]);
    db.apply(&plan(vec![together(vec![weaker])]), &options).unwrap();

    let goes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        report.batch_execute("COMMIT").unwrap();
        report
    });
    let patient = Options { lock_budget: Duration::from_secs(30), ..options.clone() };
    let told = Recorder::default();
    let start = Instant::now();
    db.apply_with(&add_column("b"), &patient, &told, &Cancel::new()).unwrap();
    assert!(start.elapsed() > Duration::from_millis(500));
    assert!(told.has("blocked s001 on the standby"), "{:?}", told.0);
    let mut report = goes.join().unwrap();
    report.batch_execute("SELECT FROM public.t").unwrap();
    db.apply(&drop_index, &patient).unwrap();
}

#[test]
fn a_replica_that_is_none_is_refused_without_its_password() {
    let db = Database::new();
    let dir = db.server().socket_dir().display().to_string();
    let url =
        |port: u16| format!("postgresql://{}:sesame@/{}?host={dir}&port={port}", db.server().superuser(), db.name);
    for (port, says) in [(db.server().port(), "not in recovery"), (1, "cannot be looked at")] {
        let options = Options { replicas: vec![Target::parse(&url(port)).unwrap()], ..hasty() };
        let error = db.apply(&add_column("b"), &options).unwrap_err();
        assert!(matches!(error, ExecutorError::Standby { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
    }
}
