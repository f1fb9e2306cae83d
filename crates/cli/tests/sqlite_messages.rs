//! What the commands say of SQLite files where something is missing or meant otherwise: each message says what to do next.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use support::{Ran, finish, program};
use tempfile::TempDir;

/// A folder with a database file, as an application made it that brings a collation and functions of its own.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn with(sql: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        let connection = Connection::open(lab.folder.path().join("app.db")).unwrap();
        connection.create_collation("de", |a: &str, b: &str| a.cmp(b)).unwrap();
        for name in ["zz", "uzz"] {
            let same = |context: &rusqlite::functions::Context<'_>| context.get::<String>(0);
            connection.create_scalar_function(name, 1, FunctionFlags::SQLITE_UTF8, same).unwrap();
        }
        connection.execute_batch(sql).unwrap();
        lab
    }

    fn run(&self, args: &[&str]) -> Ran {
        let mut program = program(args);
        program.current_dir(self.folder.path());
        finish(program)
    }

    fn on(&self, command: &[&str], schema: &str) -> Ran {
        std::fs::write(self.folder.path().join("schema.sql"), schema).unwrap();
        self.run(&[command, &["--db", "sqlite:app.db", "--schema", "schema.sql"]].concat())
    }
}

#[test]
fn a_database_that_is_named_as_a_file_is_told() {
    let lab = Lab::with("CREATE TABLE t (a)");
    std::fs::write(lab.folder.path().join("schema.sql"), "CREATE TABLE t (a);").unwrap();
    let told = ["app.db is a database of SQLite", "sqlite:app.db"];
    lab.run(&["plan", "--db", "sqlite:app.db", "--schema", "app.db"]).code(65).says(&told).never("iconv");
    lab.run(&["plan", "--dialect", "sqlite", "--db", "app.db", "--schema", "schema.sql"]).code(65).says(&told);
}

#[test]
fn each_step_of_a_change_tells_what_it_does_itself() {
    let lab = Lab::with("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT); CREATE INDEX i ON t (a)");
    lab.on(&["plan"], "CREATE TABLE t (id INTEGER PRIMARY KEY, b TEXT NOT NULL, amount INT)")
        .code(0)
        .shows(&[
            "alter table t: column a goes",
            "alter table t: column amount INT comes",
            "alter table t: column b: constraint NOT NULL comes",
        ])
        .never("column a goes, ");
}

#[test]
fn what_only_the_application_can_do_is_told_by_the_plan() {
    let lab = Lab::with("CREATE TABLE t (a TEXT, z INT); CREATE TABLE u (b TEXT); CREATE INDEX ti ON u (b COLLATE de)");
    let schema = "CREATE TABLE t (a TEXT, z TEXT); CREATE TABLE u (b TEXT); CREATE INDEX ti ON u (b COLLATE de)";
    let told = ["application-needed", "apply stops at step s001", "no such collation sequence: de"];
    lab.on(&["plan"], schema).code(0).shows(&told);
    lab.on(&["apply", "--yes"], schema).code(1).says(&["Only the application has it"]).never("has to change before");
    // A step that does not need it says nothing of that.
    let fine = "CREATE TABLE t (a TEXT, z INT, n INT); CREATE TABLE u (b TEXT); CREATE INDEX ti ON u (b COLLATE de)";
    lab.on(&["plan"], fine).code(0).never("application-needed");
    lab.on(&["apply", "--yes"], fine).code(0);
}

#[test]
fn functions_that_pack_a_full_text_table_are_the_applications() {
    let lab =
        Lab::with("CREATE VIRTUAL TABLE g USING fts4(a, compress=zz, uncompress=uzz); INSERT INTO g VALUES ('x')");
    let schema = "CREATE VIRTUAL TABLE g USING fts4(a, b, compress=zz, uncompress=uzz)";
    lab.on(&["plan"], schema).code(0).shows(&["application-needed", "the function uzz, the function zz"]);
    lab.on(&["apply", "--yes"], schema).code(1).says(&["functions of the application"]);
}
