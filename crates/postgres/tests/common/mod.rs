//! Databases on a private server, and the road from one schema to another as the dialect and the planner make it.

#![allow(dead_code, reason = "each test uses a part of it")]

use postgres::{Client, Config, NoTls};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use underpin_model::{Change, Strategy};
use underpin_planner::PlannedBatch;
use underpin_postgres::{PgCatalog, PgId, PgObject, Postgres, Server, create_script, introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

/// A private server and the databases that were made on it.
pub struct Databases {
    server: ScratchServer,
    admin: Client,
    made: usize,
    /// How many of them are gone again.
    dropped: usize,
    /// The `pg_dump` that judges what came out: the server's own, else one on the path that is not older than the server.
    observer: Option<PathBuf>,
    /// Whether it is asked for its opinion.
    judged: bool,
}

/// A connection as the superuser.
pub fn connect(server: &ScratchServer, database: &str) -> Client {
    Config::new()
        .host_path(server.socket_dir())
        .port(server.port())
        .user(server.superuser())
        .dbname(database)
        .connect(NoTls)
        .expect("the scratch server takes connections")
}

/// What the server said.
pub fn words(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |e| format!("{e} {}", e.detail().unwrap_or_default()))
}

/// Why a road could not be gone.
#[derive(Debug)]
pub struct Stopped {
    /// In words, with what was run.
    pub words: String,
    /// The server's code, where a statement failed.
    pub code: Option<String>,
}

impl From<String> for Stopped {
    fn from(words: String) -> Self {
        Self { words, code: None }
    }
}

impl From<postgres::Error> for Stopped {
    fn from(error: postgres::Error) -> Self {
        Self { words: words(&error), code: error.code().map(|c| c.code().to_owned()) }
    }
}

impl Databases {
    /// Starts a server; `judged` asks `pg_dump` too, where one is here that knows the server.
    pub fn start(judged: bool) -> Self {
        let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
        let admin = connect(&server, "postgres");
        let observer = observer(&server);
        Self { server, admin, made: 0, dropped: 0, observer, judged }
    }

    /// Whether there is a `pg_dump` that knows the server.
    pub fn has_observer(&self) -> bool {
        self.observer.is_some()
    }

    /// Asks `pg_dump` from now on, or asks it no more.
    pub fn judge(&mut self, judged: bool) {
        self.judged = judged;
    }

    /// Runs statements that are for the whole server.
    pub fn admin(&mut self, sql: &str) {
        self.admin.batch_execute(sql).expect("the server takes it");
    }

    /// A new database with these statements run in it.
    pub fn build(&mut self, sql: &str) -> Result<Client, String> {
        self.made += 1;
        let name = format!("case_{}", self.made);
        self.admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).map_err(|e| words(&e))?;
        let mut client = connect(&self.server, &name);
        client.batch_execute(sql).map_err(|e| words(&e))?;
        Ok(client)
    }

    /// Another connection to a database.
    pub fn connect(&self, database: &str) -> Client {
        connect(&self.server, database)
    }

    /// The major version of the server.
    pub fn major(&self) -> u32 {
        self.server.version().major
    }

    /// Removes the databases, whose clients have to be gone. One that a subscription keeps stays as long as the server.
    pub fn drop_all(&mut self) {
        let force = if self.major() >= 13 { " WITH (FORCE)" } else { "" };
        for n in self.dropped + 1..=self.made {
            let dropped = self.admin.batch_execute(&format!("DROP DATABASE IF EXISTS case_{n}{force}"));
            let is_kept = |e: &postgres::Error| e.code() == Some(&postgres::error::SqlState::OBJECT_IN_USE);
            assert!(dropped.as_ref().map_or_else(is_kept, |()| true), "case_{n} cannot be dropped: {dropped:?}");
        }
        self.dropped = self.made;
    }

    /// The lines that `pg_dump` says of a database, without the order: columns that were added stand at the end.
    pub fn dump(&self, client: &mut Client) -> Result<Vec<String>, String> {
        let Some(program) = self.observer.as_ref().filter(|_| self.judged) else { return Ok(Vec::new()) };
        let database: String = client.query_one("SELECT current_database()::text", &[]).map_err(|e| words(&e))?.get(0);
        let output = Command::new(program)
            .args(["--schema-only", "--dbname", &database])
            .args(["--port", &self.server.port().to_string(), "--username", self.server.superuser()])
            .arg("--host")
            .arg(self.server.socket_dir())
            .output()
            .map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = |line: &&str| !line.is_empty() && !line.starts_with("--") && !line.contains("restrict ");
        let mut lines: Vec<String> = text.lines().filter(told).map(line).collect();
        lines.sort();
        Ok(lines)
    }
}

fn observer(server: &ScratchServer) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("pg_dump"));
    std::iter::once(server.bin_dir().join("pg_dump"))
        .chain(on_path)
        .find(|program| major_of(program).is_some_and(|major| major >= server.version().major))
}

/// The major version of a `pg_dump`; none where it does not run.
fn major_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A line with its storage parameters in one order: they are said in the order in which they were set.
fn with_sorted_options(line: &str) -> String {
    let options = line.split_once("WITH (").and_then(|(head, rest)| {
        let (options, tail) = rest.rsplit_once(')')?;
        Some((head, options, tail))
    });
    let Some((head, options, tail)) = options else { return line.to_owned() };
    let mut options: Vec<&str> = options.split(", ").collect();
    options.sort_unstable();
    format!("{head}WITH ({}){tail}", options.join(", "))
}

/// A line of `pg_dump` without what depends on the places of columns: the comma behind it, and the order in statistics.
fn line(text: &str) -> String {
    let text = text.trim_end_matches(',');
    if !text.starts_with("CREATE STATISTICS") {
        return with_sorted_options(text);
    }
    let mut words: Vec<&str> = text.split([' ', ',']).filter(|w| !w.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

/// The whole catalog of a database.
pub fn read(client: &mut Client, server: &Server) -> Result<PgCatalog, String> {
    introspect(client, server, &HashMap::new()).map_err(|e| e.to_string())
}

/// Which server it is.
pub fn server(client: &mut Client) -> Result<Server, String> {
    server_of(client).map_err(|e| e.to_string())
}

/// What is to do to come from one schema to the other.
pub fn differences(from: &PgCatalog, to: &PgCatalog) -> Vec<String> {
    underpin_diff::diff(from, to).iter().map(Change::<PgObject>::to_string).collect()
}

/// The plan's batches from the schema that a database has to another.
pub fn batches(
    client: &mut Client,
    server: &Server,
    strategy: Strategy,
    to: &PgCatalog,
) -> Result<Vec<PlannedBatch<PgId>>, Stopped> {
    let from = read(client, server)?;
    let usings = BTreeMap::new();
    let dialect = Postgres::new(server, strategy, "_underpin", &from, to, &usings);
    let changes = underpin_diff::diff(&from, to);
    let planned = underpin_planner::plan(&dialect, &from, to, &changes).map_err(|e| e.to_string())?;
    Ok(planned.batches)
}

/// Runs batches in order; what was run.
pub fn run(client: &mut Client, batches: &[PlannedBatch<PgId>]) -> Result<Vec<String>, Stopped> {
    let mut ran = Vec::new();
    client.batch_execute("SET search_path = ''; SET check_function_bodies = off")?;
    for batch in batches {
        if batch.transaction {
            client.batch_execute("BEGIN")?;
        }
        for (step, sql) in batch.steps.iter().flat_map(|s| s.draft.sql.iter().map(move |sql| (s, sql))) {
            ran.push(format!("{sql} -- {}", step.changes.join("; ")));
            client.batch_execute(sql).map_err(|e| {
                let mut stopped = Stopped::from(e);
                write!(stopped.words, "\n  in: {sql}\n  after:\n{}", ran.join(";\n")).expect("a string takes all");
                stopped
            })?;
        }
        if batch.transaction {
            client.batch_execute("COMMIT")?;
        }
    }
    Ok(ran)
}

/// Runs the plan from the schema of a database to another, batch by batch; what was run.
pub fn migrate(
    client: &mut Client,
    server: &Server,
    strategy: Strategy,
    to: &PgCatalog,
) -> Result<Vec<String>, Stopped> {
    let batches = batches(client, server, strategy, to)?;
    run(client, &batches)
}

/// What came of the cases of a folder.
pub struct Ran {
    /// How many are for this server.
    pub cases: usize,
    /// The sum of what `check` gave.
    pub sum: usize,
    /// The server's major version.
    pub major: u32,
    /// Which way of which case failed, and why.
    pub failed: Vec<String>,
}

/// Runs `check` for each case under a folder, forwards and backwards, on as many servers as there are cores. `CASE=text` takes only
/// those whose path holds the text; what a case's files say of versions and of `pg_dump` holds.
pub fn each_case(root: &Path, check: impl Fn(&mut Databases, &str, &str) -> Result<usize, String> + Sync) -> Ran {
    let mut found = Vec::new();
    cases(root, &mut found);
    let only = std::env::var("CASE").unwrap_or_default();
    found.retain(|case| case.to_string_lossy().contains(&only));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (next, working) = (AtomicUsize::new(0), AtomicUsize::new(cores));
    let work = || {
        let mut databases = Databases::start(true);
        let major = databases.major();
        let mut ran = Ran { cases: 0, sum: 0, major, failed: Vec::new() };
        while let Some(case) = found.get(next.fetch_add(1, Ordering::Relaxed)) {
            let text = |name: &str| std::fs::read_to_string(case.join(name)).expect("a case has two files");
            let (from, to) = (text("from.sql"), text("to.sql"));
            let name = case.strip_prefix(root).unwrap_or(case).display();
            if !(versions(&from).contains(&major) && versions(&to).contains(&major)) {
                println!("left out on PostgreSQL {major}: {name}");
                continue;
            }
            // Where it says something that is no part of the schema, such as the order of columns.
            let both = format!("{from}\n{to}");
            let differs = both.lines().find_map(|l| l.strip_prefix("-- pg_dump differs: "));
            if let Some(why) = differs {
                println!("not judged by pg_dump: {name}: {why}");
            }
            databases.judge(differs.is_none());
            ran.cases += 1;
            for (way, a, b) in [("forwards", &from, &to), ("backwards", &to, &from)] {
                match check(&mut databases, a, b) {
                    Ok(n) => ran.sum += n,
                    Err(why) => ran.failed.push(format!("{name} {way}: {why}")),
                }
            }
            // They take the memory that a server's files may be in.
            databases.drop_all();
        }
        // Once, whoever comes last.
        if !databases.has_observer() && working.fetch_sub(1, Ordering::Relaxed) == 1 {
            println!("NOT CHECKED by pg_dump: none beside the server of PostgreSQL {major} or on the path knows it");
        }
        ran
    };
    std::thread::scope(|threads| {
        let workers: Vec<_> = (0..cores).map(|_| threads.spawn(work)).collect();
        let parts = workers.into_iter().map(|w| w.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        let mut all = parts
            .reduce(|a, b| Ran {
                cases: a.cases + b.cases,
                sum: a.sum + b.sum,
                major: a.major,
                failed: a.failed.into_iter().chain(b.failed).collect(),
            })
            .expect("there is a core");
        all.failed.sort();
        all
    })
}

/// The folders of cases under a folder.
pub fn cases(dir: &Path, found: &mut Vec<PathBuf>) {
    if dir.join("from.sql").exists() {
        found.push(dir.to_owned());
        return;
    }
    let mut entries: Vec<_> =
        std::fs::read_dir(dir).expect("the cases are there").map(|e| e.expect("readable").path()).collect();
    entries.sort();
    entries.iter().filter(|p| p.is_dir()).for_each(|p| cases(p, found));
}

/// The major versions that a file of a case is for, by its first line: `-- needs PostgreSQL 15`, `-- needs PostgreSQL 12 to 14`.
pub fn versions(sql: &str) -> RangeInclusive<u32> {
    let Some(said) = sql.lines().next().and_then(|line| line.strip_prefix("-- needs PostgreSQL ")) else {
        return 0..=u32::MAX;
    };
    let number = |text: &str| text.trim().parse::<u32>().expect("a major version after `-- needs PostgreSQL`");
    said.split_once(" to ").map_or_else(|| number(said)..=u32::MAX, |(first, last)| number(first)..=number(last))
}

/// What `pg_dump` says of the one and not of the other.
fn same_dump(wanted: &[String], got: &[String]) -> Result<(), String> {
    let count = |list: &[String], line: &String| list.iter().filter(|l| *l == line).count();
    let lacks = |a: &[String], b: &[String]| {
        a.iter().filter(|l| count(a, l) > count(b, l)).cloned().collect::<Vec<_>>().join("\n  ")
    };
    if wanted == got {
        return Ok(());
    }
    Err(format!("pg_dump lacks:\n  {}\npg_dump has too much:\n  {}", lacks(wanted, got), lacks(got, wanted)))
}

/// A schema that a plan has to reach: as it is read, and as `pg_dump` says it.
pub struct Wanted {
    /// What is read of it.
    pub catalog: PgCatalog,
    dumped: Vec<String>,
}

impl Wanted {
    /// The schema that a database has now.
    pub fn of(databases: &Databases, client: &mut Client, server: &Server) -> Result<Self, String> {
        Ok(Self { catalog: read(client, server)?, dumped: databases.dump(client)? })
    }

    /// Brings a database here, and looks whether anything is left to do.
    pub fn reach(
        &self,
        databases: &Databases,
        client: &mut Client,
        server: &Server,
        strategy: Strategy,
    ) -> Result<(), String> {
        let ran = migrate(client, server, strategy, &self.catalog).map_err(|e| format!("{strategy:?}: {}", e.words))?;
        self.same(databases, client, server).map_err(|e| format!("{strategy:?}: {e}\nafter:\n{}", ran.join(";\n")))
    }

    fn same(&self, databases: &Databases, client: &mut Client, server: &Server) -> Result<(), String> {
        let left = differences(&read(client, server)?, &self.catalog);
        if !left.is_empty() {
            return Err(format!("left to do: {left:#?}"));
        }
        same_dump(&self.dumped, &databases.dump(client)?)
    }

    /// Builds the schema from nothing by the script for it, and looks whether it is the same.
    pub fn rebuild(&self, databases: &mut Databases, server: &Server) -> Result<(), String> {
        let script = create_script(server, "_underpin", &self.catalog).map_err(|e| e.to_string())?;
        let text = format!("SET check_function_bodies = off;\n{};\n", script.join(";\n"));
        let mut rebuilt = databases.build(&text).map_err(|e| format!("rebuild: {e}\n{text}"))?;
        self.same(databases, &mut rebuilt, server).map_err(|e| format!("rebuilt: {e}\nby:\n{text}"))
    }
}
