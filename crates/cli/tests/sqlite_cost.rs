//! What a plan for a SQLite file says of rows, time and those who wait, and that it is let through only when that is allowed.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use support::{Ran, finish, program};
use tempfile::TempDir;

struct Lab {
    folder: TempDir,
}

impl Lab {
    fn with(sql: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        lab.connection().execute_batch(sql).unwrap();
        lab
    }

    fn connection(&self) -> Connection {
        Connection::open(self.folder.path().join("app.db")).unwrap()
    }

    fn run(&self, command: &str, schema: &str, further: &[&str]) -> Ran {
        std::fs::write(self.folder.path().join("schema.sql"), schema).unwrap();
        let mut program = program([&[command, "--db", "sqlite:app.db", "--schema", "schema.sql"], further].concat());
        program.current_dir(self.folder.path());
        finish(program)
    }

    fn plan(&self, schema: &str) -> Ran {
        // In the text lines are broken.
        self.run("plan", schema, &["--output", "json"]).code(0)
    }
}

/// A table that takes more than a second to write, and more than 200 MB to read.
const LARGE: &str = "WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 70)
    INSERT INTO t (id, a, b) SELECT n, n, zeroblob(1000000) FROM g;";

#[test]
fn a_rename_takes_no_size_away() {
    let lab =
        Lab::with(&format!("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT); CREATE TABLE s (x INT); {LARGE}"));
    let hazard = "message\": \"t is written anew in one go: 70 rows, 6";
    let beside = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);
        -- underpin: renamed-from s
        CREATE TABLE s2 (x TEXT);";
    lab.plan(beside).shows(&[hazard, "0 rows, 4 kB: less than a second"]).never("size-unknown");
    lab.run("apply", beside, &["--yes", "--allow", "breaks-application"]).code(3).says(&["--allow blocks-writes"]);
    let itself = "-- underpin: renamed-from t
        CREATE TABLE u (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE TABLE s (x INT);";
    lab.plan(itself).shows(&["message\": \"u is written anew in one go: 70 rows, 6"]);
    let swapped = "-- underpin: renamed-from s
        CREATE TABLE t (x INT);
        -- underpin: renamed-from t
        CREATE TABLE s (id INTEGER PRIMARY KEY, a TEXT, b TEXT);";
    lab.plan(swapped).shows(&["message\": \"s is written anew in one go: 70 rows, 6"]);
    let other = swapped.replace("x INT", "x TEXT").replace("a TEXT", "a INT");
    lab.plan(&other).shows(&["0 rows, 4 kB: less than a second"]).never("blocks-writes");
}

#[test]
fn what_writes_or_reads_all_rows_is_told() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);";
    let lab = Lab::with(&format!("{table} {LARGE}"));
    lab.plan("CREATE TABLE t (id INTEGER PRIMARY KEY, a INT);")
        .shows(&["message\": \"each row of t is written in one go: 70 rows, 6"]);
    for less in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT, CHECK (a < 1000));",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT NOT NULL, b TEXT);",
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT, c INT CHECK (c > 0));",
    ] {
        lab.plan(less).shows(&["70 rows, 6", "less than a second"]).never("table-made-anew").never("blocks-writes");
    }
    lab.plan("").shows(&["70 rows, 6"]);
}

#[test]
fn an_index_of_many_rows_stops_writers() {
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT);";
    let lab = Lab::with(&format!(
        "{table} WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 1200000) INSERT INTO t (a) SELECT n FROM g;"
    ));
    let schema = format!("{table} CREATE INDEX i ON t (b);");
    lab.plan(&schema).shows(&["message\": \"an index of t is built in one go: 1200000 rows, ", "some 1 s"]);
    lab.run("apply", &schema, &["--yes"]).code(3).says(&["--allow blocks-writes"]);
    lab.run("apply", &schema, &["--yes", "--allow", "blocks-writes"]).code(0);
    // Two that are short each are one long transaction.
    lab.connection().execute_batch("DROP INDEX i; DELETE FROM t WHERE id > 700000; VACUUM").unwrap();
    let two = format!("{table} CREATE INDEX i ON t (b); CREATE INDEX j ON t (a);");
    lab.plan(&schema).never("blocks-writes");
    lab.plan(&two).shows(&["blocks-writes", "some 1 s", "with the other steps, in the one transaction, some"]);
}

#[test]
fn what_virtual_tables_hold_is_counted() {
    let lab = Lab::with(
        "CREATE VIRTUAL TABLE f USING fts5(a);
         WITH RECURSIVE g (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 60) INSERT INTO f SELECT replace(hex(zeroblob(100000)), '00', 'word ') FROM g;",
    );
    lab.plan("CREATE VIRTUAL TABLE f USING fts5(a, prefix='2');")
        .shows(&["message\": \"f is written anew in one go: 60 rows, 3"]);
}
