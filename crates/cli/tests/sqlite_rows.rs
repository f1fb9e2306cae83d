//! Rows of SQLite that move to another table by a query above it.

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

    fn apply(&self, schema: &str) -> Ran {
        self.run(&["apply", "--yes", "--allow", "all"], schema)
    }

    fn all(&self, sql: &str) -> String {
        self.open().query_row(&format!("SELECT group_concat(line, ' | ') FROM ({sql})"), [], |row| row.get(0)).unwrap()
    }
}

const USERS: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT, street TEXT, city TEXT);
    INSERT INTO users VALUES (1, 'a', 's1', 'Rome'), (2, 'b', NULL, NULL), (3, 'c', 's3', '007');";

#[test]
fn a_table_is_split() {
    let lab = Lab::with(USERS);
    let schema = "CREATE TABLE users (id INTEGER PRIMARY KEY, login TEXT);
        -- underpin: backfill SELECT id AS user_id, street, city FROM users WHERE street IS NOT NULL
        -- underpin: down street = street
        CREATE TABLE addresses (user_id INTEGER PRIMARY KEY REFERENCES users, street TEXT NOT NULL, city);
        CREATE TABLE log (n);
        CREATE TRIGGER added AFTER INSERT ON addresses BEGIN INSERT INTO log VALUES (1); END;
        CREATE VIRTUAL TABLE f USING fts5(street, content='addresses', content_rowid='user_id');";
    lab.run(&["plan"], schema).code(0).shows(&["table addresses gets rows of table users"]);
    lab.apply(schema).code(0);
    let rows = "SELECT user_id || ' ' || street || ' ' || city || ' ' || typeof(city) AS line FROM addresses";
    assert_eq!(lab.all(rows), "1 s1 Rome text | 3 s3 007 text");
    assert_eq!(lab.all("SELECT count(*) AS line FROM log"), "0", "what the application does is not meant by that");
    assert_eq!(lab.all("SELECT rowid AS line FROM f('s3')"), "3");
    // The hint may stay.
    lab.run(&["plan", "--exit-code"], schema).code(0).shows(&["hint-is-spent"]);
}

#[test]
fn tables_become_one() {
    let lab = Lab::with(
        "CREATE TABLE dogs (id INTEGER, name TEXT, age TEXT); INSERT INTO dogs VALUES (1, 'd', '7');
         CREATE TABLE cats (id INTEGER, name TEXT); INSERT INTO cats VALUES (1, 'c');",
    );
    let schema = "-- underpin: backfill SELECT 'dog' AS kind, id, name, CAST(age AS INTEGER) AS age FROM dogs
        /* underpin: backfill SELECT 'cat' AS kind, id, name
             FROM cats */
        CREATE TABLE pets (kind TEXT, id INTEGER, name TEXT, age INTEGER, PRIMARY KEY (kind, id));";
    lab.apply(schema).code(0);
    let rows = "SELECT kind || id || name || coalesce(age, '') AS line FROM pets ORDER BY kind";
    assert_eq!(lab.all(rows), "cat1c | dog1d7");
    lab.run(&["plan", "--exit-code"], schema).code(0);
}

/// The table is there already, and is made anew in the same plan, as the source is; and a table takes the name of an index that goes with the source.
#[test]
fn rows_come_in_time_whatever_else_the_plan_does() {
    let lab = Lab::with(&format!(
        "{USERS} CREATE TABLE addresses (user_id INTEGER PRIMARY KEY, street TEXT, city INT); INSERT INTO addresses VALUES (9, 's9', 5);"
    ));
    let schema = "CREATE TABLE users (id INTEGER PRIMARY KEY, login NUMERIC);
        -- underpin: backfill SELECT id AS user_id, street, city FROM users WHERE street IS NOT NULL
        CREATE TABLE addresses (user_id INTEGER PRIMARY KEY, street TEXT NOT NULL, city TEXT, zip TEXT);";
    lab.apply(schema).code(0);
    let rows = "SELECT user_id || ' ' || street || ' ' || city AS line FROM addresses";
    assert_eq!(lab.all(rows), "1 s1 Rome | 3 s3 007 | 9 s9 5");
    // What hangs on a table that is there gets its rows, too.
    let around = "CREATE TABLE log (n);
        CREATE TRIGGER added AFTER INSERT ON addresses BEGIN INSERT INTO log VALUES (new.user_id); END;
        CREATE VIRTUAL TABLE f USING fts5(street, content='addresses', content_rowid='user_id');";
    let lab =
        Lab::with(&format!("{USERS} CREATE TABLE addresses (user_id INTEGER PRIMARY KEY, street TEXT); {around}"));
    for ty in ["TEXT", "VARCHAR"] {
        let schema = format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY{}); {around}
            -- underpin: backfill SELECT id AS user_id, {} AS street FROM users WHERE street IS NOT NULL
            CREATE TABLE addresses (user_id INTEGER PRIMARY KEY, street {ty});",
            if ty == "TEXT" { ", street TEXT, city TEXT" } else { "" },
            if ty == "TEXT" { "login" } else { "street" },
        );
        // The first one takes the login away, the second one the rest; and with the type the table is made anew.
        lab.open().execute_batch("DELETE FROM addresses; DELETE FROM log").unwrap();
        lab.apply(&schema).code(0);
        assert_eq!(lab.all("SELECT n AS line FROM log"), "1 | 3", "{ty}");
        assert_eq!(lab.all(&format!("SELECT rowid AS line FROM f('{}')", if ty == "TEXT" { "c" } else { "s3" })), "3");
    }
    let lab = Lab::with(&format!("{USERS} CREATE INDEX places ON users (city);"));
    let schema = "CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- underpin: backfill SELECT id, city FROM users
        CREATE TABLE places (id INTEGER PRIMARY KEY, city TEXT);";
    lab.apply(schema).code(0);
    assert_eq!(lab.all("SELECT id || coalesce(city, '-') AS line FROM places"), "1Rome | 2- | 3007");
}

/// What was put aside does not stay, and a row that does not fit takes all back.
#[test]
fn a_row_that_does_not_fit_takes_all_back() {
    let lab = Lab::with(&format!("{USERS} CREATE INDEX places ON users (city);"));
    let schema = "CREATE TABLE users (id INTEGER PRIMARY KEY);
        -- underpin: backfill SELECT id, street FROM users
        CREATE TABLE places (id INTEGER PRIMARY KEY, street TEXT NOT NULL);";
    lab.apply(schema).code(1).says(&["NOT NULL constraint failed", "Nothing was committed"]);
    assert_eq!(lab.all("SELECT name AS line FROM sqlite_schema ORDER BY name"), "places | users");
}

#[test]
fn a_query_that_cannot_be_followed_is_told_where_it_stands() {
    let lab = Lab::with(&format!("{USERS} CREATE VIEW v AS SELECT * FROM users;"));
    for (query, why) in [
        ("SELECT id, nope FROM users", "no such column: nope"),
        ("SELECT id, uper(city) AS city FROM users", "no such function: uper"),
        ("SELECT id, street FROM users", "its output street is no column of the table"),
        ("SELECT city FROM users", "id is NOT NULL and gets no value"),
        ("SELECT count(*) AS id FROM users", "it makes something else than one row of each"),
        ("SELECT id FROM users, v", "it does more than read one table"),
        ("SELECT id FROM v", "it reads something that is no table"),
        ("SELECT id FROM places", "cannot come from itself"),
        ("SELECT id FROM", "it reads something that is no table"),
    ] {
        let schema = format!(
            "CREATE TABLE users (id INTEGER PRIMARY KEY);\n-- underpin: backfill {query}\n\
             CREATE TABLE places (id TEXT PRIMARY KEY NOT NULL, city TEXT);"
        );
        let lab = if why.ends_with("itself") { &Lab::with("CREATE TABLE places (id TEXT PRIMARY KEY)") } else { &lab };
        let ran = lab.run(&["plan"], &schema).code(65);
        ran.says(&["the rows of places cannot come from this query", why, "schema.sql:2:"]);
    }
}
