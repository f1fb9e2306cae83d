//! Hints in files for SQLite that cannot be followed, or not as they are written: each is told at its place.

#![allow(clippy::unwrap_used)]

mod support;

use rusqlite::Connection;
use support::{Ran, finish, program};
use tempfile::TempDir;

/// A folder with a database file.
struct Lab {
    folder: TempDir,
}

impl Lab {
    fn with(sql: &str) -> Self {
        let lab = Self { folder: tempfile::tempdir().unwrap() };
        lab.open().execute_batch(sql).unwrap();
        lab
    }

    fn open(&self) -> Connection {
        Connection::open(self.folder.path().join("app.db")).unwrap()
    }

    fn run(&self, command: &[&str], schema: &str) -> Ran {
        std::fs::write(self.folder.path().join("schema.sql"), schema).unwrap();
        let mut program = program([command, &["--db", "sqlite:app.db", "--schema", "schema.sql"]].concat());
        program.current_dir(self.folder.path());
        finish(program)
    }

    fn plan(&self, schema: &str) -> Ran {
        self.run(&["plan"], schema)
    }

    fn apply(&self, schema: &str) -> Ran {
        self.run(&["apply", "--yes", "--allow", "all"], schema)
    }

    fn value(&self, sql: &str) -> String {
        let value: rusqlite::types::Value = self.open().query_row(sql, [], |row| row.get(0)).unwrap();
        format!("{value:?}")
    }
}

#[test]
fn an_expression_that_sqlite_does_not_take_is_told_where_it_stands() {
    let lab =
        Lab::with("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT CHECK (a <> '')); INSERT INTO t VALUES (1, 'x')");
    let new =
        |column: &str| format!("CREATE TABLE t (\n id INTEGER PRIMARY KEY,\n a TEXT CHECK (a <> ''),\n {column}\n)");
    for (column, why) in [
        ("b TEXT NOT NULL -- underpin: backfill uper(a)", "no such function: uper"),
        ("b TEXT NOT NULL -- underpin: backfill upper(x)", "no such column: x"),
        ("b TEXT NOT NULL -- underpin: backfill upper(a) +", "it is not complete"),
        ("b TEXT NOT NULL -- underpin: backfill (a", "a parenthesis is not closed"),
        ("b TEXT NOT NULL -- underpin: backfill a) OR (1", "a parenthesis closes that was not opened"),
        ("b TEXT NOT NULL -- underpin: backfill count(a)", "misuse of aggregate"),
        ("b TEXT NOT NULL -- underpin: backfill ?1", "parameter"),
    ] {
        let ran = lab.plan(&new(column));
        ran.code(65).says(&["rows of t cannot get this value in b (`backfill`)", why, "schema.sql:4:"]);
    }
    lab.plan(&new("b TEXT NOT NULL -- underpin: backfill uper(a)")).code(65).says(&["one that the application brings"]);
    lab.plan("CREATE TABLE t (id INTEGER PRIMARY KEY,\n a INT CHECK (a <> '') -- underpin: using nope(a) +\n)")
        .code(65)
        .says(&["rows of t cannot get this value in a (`using`)", "schema.sql:2:"]);
}

/// The schema uses a function of the application, for which there is a stand-in while planning: a hint cannot use it all the same.
#[test]
fn a_function_of_the_application_gives_no_row_a_value() {
    let lab = Lab::with("CREATE TABLE t (a TEXT); INSERT INTO t VALUES ('x')");
    let trigger = "CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT slug(new.a); END;";
    lab.open().execute_batch(trigger).unwrap();
    lab.plan(&format!("CREATE TABLE t (a TEXT, b TEXT -- underpin: backfill Slug(a)\n); {trigger}"))
        .code(65)
        .says(&["no such function: Slug", "one that the application brings"]);
}

#[test]
fn a_renamed_column_may_be_said_by_either_name() {
    for (expr, extra) in [
        ("CAST(a AS INTEGER)", ""),
        ("CAST(amount AS INTEGER)", ""),
        ("coalesce(a, z)", ""),
        ("a", ", a2 TEXT DEFAULT 'n'"),
    ] {
        let lab =
            Lab::with("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, z INT); INSERT INTO t VALUES (1, '12', 3)");
        let schema = format!(
            "CREATE TABLE t (id INTEGER PRIMARY KEY,\n -- underpin: renamed-from a\n /* underpin: using {expr} */\n amount INTEGER, z INT{extra})"
        );
        lab.apply(&schema).code(0);
        assert_eq!(lab.value("SELECT amount FROM t"), "Integer(12)", "{expr}");
        // Both hints may stay, and do nothing more.
        lab.run(&["plan", "--exit-code"], &schema).code(0);
    }
}

#[test]
fn a_conversion_that_was_done_is_not_done_again() {
    let lab = Lab::with("CREATE TABLE t (a TEXT, b INT); INSERT INTO t VALUES ('1', 2)");
    let schema = |b: &str| format!("CREATE TABLE t (a INTEGER, -- underpin: using a * 100\n b {b})");
    lab.apply(&schema("INT")).code(0);
    lab.apply(&schema("TEXT")).code(0);
    assert_eq!(lab.value("SELECT a FROM t"), "Integer(100)");
}

#[test]
fn a_hint_that_stands_above_nothing_is_a_warning() {
    let lab =
        Lab::with("CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, z INT); CREATE VIRTUAL TABLE f USING fts5(a, b)");
    let fts = "CREATE VIRTUAL TABLE f USING fts5(a, b);";
    for hint in ["renamed-from a", "using a", "backfill a"] {
        lab.plan(&format!(
            "{fts} CREATE TABLE t(id INTEGER PRIMARY KEY, z INT, amount VARCHAR(9)\n -- underpin: {hint}\n);"
        ))
        .code(0)
        .shows(&["schema.sql:2:", "above nothing"]);
    }
    let table = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, z INT);";
    lab.plan(&format!("{table} CREATE VIRTUAL TABLE f USING fts5(a, c\n -- underpin: renamed-from b\n);"))
        .code(0)
        .shows(&["schema.sql:2:", "above nothing"]);
    lab.plan(&format!(
        "{table} CREATE VIRTUAL TABLE f USING fts5(a, b,\n tokenize = 'porter' -- underpin: renamed-from b\n);"
    ))
    .code(0)
    .shows(&["schema.sql:2:", "a constraint or an option"]);
    // Each is told, though they are told alike.
    lab.plan(&format!("-- underpin: backfill 5\n{table}\n-- underpin: using 5\nCREATE VIEW v AS SELECT 1; {fts}"))
        .code(0)
        .shows(&["schema.sql:1:", "schema.sql:3:", "the hint is about no column"]);
}
