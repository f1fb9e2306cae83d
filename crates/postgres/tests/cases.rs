//! Every case under `testdata/cases/postgres`, both ways: a database built from the one side is brought to the other, and
//! a second look finds nothing left to do; and the script that builds a schema from nothing builds the same one.
//!
//! `CASE=text` runs only the cases whose path holds the text. `CASES_DIR=folder` runs the cases of another folder.
//! `pg_dump` judges too, where one is here that knows the server: it has to say the same lines of what came out as of what was
//! wanted. A file whose first line is `-- needs PostgreSQL N` is for that major version and newer ones, with `N to M` for those;
//! on another server its case is left out, and the output (`--nocapture`) names it. A line `-- pg_dump differs: WHY` excuses a case
//! from `pg_dump`, which says the order of columns too.

use postgres::{Client, Config, NoTls};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use underpin_model::{Change, Strategy};
use underpin_postgres::{PgCatalog, PgObject, Postgres, Server, create_script, introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

fn connect(server: &ScratchServer, database: &str) -> Client {
    Config::new()
        .host_path(server.socket_dir())
        .port(server.port())
        .user(server.superuser())
        .dbname(database)
        .connect(NoTls)
        .expect("the scratch server takes connections")
}

struct Databases<'a> {
    server: &'a ScratchServer,
    admin: Client,
    observer: Option<Observer>,
    /// Whether `pg_dump` has a say in the case at hand.
    judged: bool,
    made: usize,
}

impl<'a> Databases<'a> {
    fn of(server: &'a ScratchServer) -> Self {
        Self { server, admin: connect(server, "postgres"), observer: Observer::find(server), judged: true, made: 0 }
    }

    fn dump(&self, client: &mut Client) -> Result<Vec<String>, String> {
        self.observer
            .as_ref()
            .filter(|_| self.judged)
            .map_or_else(|| Ok(Vec::new()), |observer| observer.dump(self.server, client))
    }

    /// A new database with these statements run in it.
    fn build(&mut self, sql: &str) -> Result<Client, String> {
        self.made += 1;
        let name = format!("case_{}", self.made);
        self.admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE template0")).map_err(|e| words(&e))?;
        let mut client = connect(self.server, &name);
        client.batch_execute(sql).map_err(|e| words(&e))?;
        Ok(client)
    }
}

fn words(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |e| format!("{e} {}", e.detail().unwrap_or_default()))
}

fn read(client: &mut Client, server: &Server) -> Result<PgCatalog, String> {
    introspect(client, server, &HashMap::new()).map_err(|e| e.to_string())
}

fn differences(from: &PgCatalog, to: &PgCatalog) -> Vec<String> {
    underpin_diff::diff(from, to).iter().map(Change::<PgObject>::to_string).collect()
}

/// Runs the plan from one schema to another, batch by batch.
fn migrate(client: &mut Client, server: &Server, strategy: Strategy, to: &PgCatalog) -> Result<Vec<String>, String> {
    let from = read(client, server)?;
    let usings = BTreeMap::new();
    let dialect = Postgres::new(server, strategy, "_underpin", &from, to, &usings);
    let changes = underpin_diff::diff(&from, to);
    let planned = underpin_planner::plan(&dialect, &from, to, &changes).map_err(|e| e.to_string())?;
    let mut ran = Vec::new();
    client.batch_execute("SET search_path = ''; SET check_function_bodies = off").map_err(|e| words(&e))?;
    for batch in planned.batches {
        if batch.transaction {
            client.batch_execute("BEGIN").map_err(|e| words(&e))?;
        }
        for sql in batch.steps.iter().flat_map(|s| &s.draft.sql) {
            ran.push(sql.clone());
            client
                .batch_execute(sql)
                .map_err(|e| format!("{}\n  in: {sql}\n  after:\n{}", words(&e), ran.join(";\n")))?;
        }
        if batch.transaction {
            client.batch_execute("COMMIT").map_err(|e| words(&e))?;
        }
    }
    Ok(ran)
}

/// The `pg_dump` that judges what came out: the server's own, else one on the path that is not older than the server.
struct Observer {
    program: PathBuf,
}

impl Observer {
    fn find(server: &ScratchServer) -> Option<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let on_path = std::env::split_paths(&path).map(|folder| folder.join("pg_dump"));
        std::iter::once(server.bin_dir().join("pg_dump"))
            .chain(on_path)
            .find(|program| major_of(program).is_some_and(|major| major >= server.version().major))
            .map(|program| Self { program })
    }

    /// The lines that `pg_dump` says of a database, without the order: columns that were added stand at the end.
    fn dump(&self, server: &ScratchServer, client: &mut Client) -> Result<Vec<String>, String> {
        let database: String = client.query_one("SELECT current_database()::text", &[]).map_err(|e| words(&e))?.get(0);
        let output = Command::new(&self.program)
            .args(["--schema-only", "--dbname", &database, "--username", server.superuser()])
            .args(["--port", &server.port().to_string(), "--host"])
            .arg(server.socket_dir())
            .output()
            .map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let told = |line: &&str| !line.is_empty() && !line.starts_with("--") && !line.contains("restrict ");
        let mut lines: Vec<String> =
            text.lines().filter(told).map(|l| with_sorted_options(l.trim_end_matches(','))).collect();
        lines.sort();
        Ok(lines)
    }
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

/// The major version of a `pg_dump`; none where it does not run.
fn major_of(program: &Path) -> Option<u32> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (_, version) = text.split_once("(PostgreSQL) ")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

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

fn check(databases: &mut Databases<'_>, from: &str, to: &str) -> Result<(), String> {
    let mut wanted = databases.build(to)?;
    let server = server_of(&mut wanted).map_err(|e| e.to_string())?;
    let to_catalog = read(&mut wanted, &server)?;
    let dumped = databases.dump(&mut wanted)?;
    for strategy in [Strategy::Direct, Strategy::Online] {
        let mut live = databases.build(from)?;
        let ran = migrate(&mut live, &server, strategy, &to_catalog)?;
        let left = differences(&read(&mut live, &server)?, &to_catalog);
        if !left.is_empty() {
            return Err(format!("{strategy:?}: left to do: {left:#?}\nafter:\n{}", ran.join(";\n")));
        }
        same_dump(&dumped, &databases.dump(&mut live)?)
            .map_err(|e| format!("{strategy:?}: {e}\nafter:\n{}", ran.join(";\n")))?;
    }
    let script = create_script(&server, "_underpin", &to_catalog).map_err(|e| e.to_string())?;
    let text = format!("SET check_function_bodies = off;\n{};\n", script.join(";\n"));
    let mut rebuilt = databases.build(&text).map_err(|e| format!("rebuild: {e}\n{text}"))?;
    let left = differences(&read(&mut rebuilt, &server)?, &to_catalog);
    if !left.is_empty() {
        return Err(format!("rebuilt otherwise: {left:#?}\nby:\n{text}"));
    }
    same_dump(&dumped, &databases.dump(&mut rebuilt)?).map_err(|e| format!("rebuilt: {e}\nby:\n{text}"))
}

fn cases(dir: &Path, found: &mut Vec<PathBuf>) {
    if dir.join("from.sql").exists() {
        found.push(dir.to_owned());
        return;
    }
    let mut entries: Vec<_> =
        fs::read_dir(dir).expect("the cases are there").map(|e| e.expect("readable").path()).collect();
    entries.sort();
    entries.iter().filter(|p| p.is_dir()).for_each(|p| cases(p, found));
}

/// The major versions that a file of a case is for, by its first line: `-- needs PostgreSQL 15`, `-- needs PostgreSQL 12 to 14`.
fn versions(sql: &str) -> RangeInclusive<u32> {
    let Some(said) = sql.lines().next().and_then(|line| line.strip_prefix("-- needs PostgreSQL ")) else {
        return 0..=u32::MAX;
    };
    let number = |text: &str| text.trim().parse::<u32>().expect("a major version after `-- needs PostgreSQL`");
    said.split_once(" to ").map_or_else(|| number(said)..=u32::MAX, |(first, last)| number(first)..=number(last))
}

#[test]
fn every_case_converges_both_ways() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/postgres");
    let root = std::env::var_os("CASES_DIR").map_or(own, PathBuf::from);
    let mut found = Vec::new();
    cases(&root, &mut found);
    let only = std::env::var("CASE").unwrap_or_default();
    let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut databases = Databases::of(&server);
    let major = server.version().major;
    if databases.observer.is_none() {
        println!("NOT CHECKED by pg_dump: none beside the server of PostgreSQL {major} or on the path knows it");
    }
    let (mut failed, mut ran) = (Vec::new(), 0);
    for case in found.iter().filter(|c| c.to_string_lossy().contains(&only)) {
        let text = |name: &str| fs::read_to_string(case.join(name)).expect("a case has two files");
        let (from, to) = (text("from.sql"), text("to.sql"));
        // Where it says something that is no part of the schema, such as the order of columns.
        let differs =
            format!("{from}\n{to}").lines().find_map(|l| l.strip_prefix("-- pg_dump differs: ").map(str::to_owned));
        let name = case.strip_prefix(&root).unwrap_or(case).display();
        if !(versions(&from).contains(&major) && versions(&to).contains(&major)) {
            println!("left out on PostgreSQL {major}: {name}");
            continue;
        }
        ran += 1;
        if let Some(why) = &differs {
            println!("not judged by pg_dump: {name}: {why}");
        }
        databases.judged = differs.is_none();
        for (way, a, b) in [("forwards", &from, &to), ("backwards", &to, &from)] {
            if let Err(why) = check(&mut databases, a, b) {
                failed.push(format!("{name} {way}: {why}"));
            }
        }
    }
    println!("{ran} cases ran on PostgreSQL {major}");
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n\n"));
}

/// Rows stay, and their values mean the same, where the type under them is made anew.
#[test]
fn values_survive_the_rebuild_of_their_type() {
    let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut databases = Databases::of(&server);
    let from = "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TYPE inner_row AS (x integer, m mood); \
                CREATE TYPE outer_row AS (n inner_row, gone text, label text); CREATE DOMAIN code AS varchar(5); \
                CREATE TABLE t (id integer, m mood, ms mood[], o outer_row, c code); \
                INSERT INTO t VALUES (1, 'b', '{c,NULL,a}', '(\"(7,c)\",x,\"a, b\")', 'abc'), (2, NULL, NULL, NULL, NULL), \
                (3, NULL, '{}', '(,,)', '')";
    let to = "CREATE TYPE mood AS ENUM ('c', 'b', 'a', 'd'); CREATE TYPE inner_row AS (new integer, m mood, x bigint); \
              CREATE TYPE outer_row AS (label text, n inner_row); CREATE DOMAIN code AS text; \
              CREATE TABLE t (id integer, m mood, ms mood[], o outer_row, c code)";
    let mut wanted = databases.build(to).expect("the wanted side loads");
    let known = server_of(&mut wanted).expect("the version is known");
    let catalog = read(&mut wanted, &known).expect("the wanted side is read");
    for strategy in [Strategy::Direct, Strategy::Online] {
        let mut live = databases.build(from).expect("the live side loads");
        let ran = migrate(&mut live, &known, strategy, &catalog).expect("the plan runs");
        let rows = live.query("SELECT t::text FROM public.t ORDER BY id", &[]).expect("the rows are there");
        let rows: Vec<String> = rows.iter().map(|r| r.get(0)).collect();
        let expected = [r#"(1,b,"{c,NULL,a}","(""a, b"",""(,c,7)"")",abc)"#, "(2,,,,)", r#"(3,,{},"(,)","")"#];
        assert_eq!(rows, expected, "after:\n{}", ran.join(";\n"));
    }
}
