//! What ANALYZE told of a table of SQLite that is made anew.

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

    fn run(&self, args: &[&str], schema: &str) -> Ran {
        std::fs::write(self.folder.path().join("schema.sql"), schema).unwrap();
        let mut program = program([args, &["--schema", "schema.sql"]].concat());
        program.current_dir(self.folder.path());
        finish(program)
    }

    fn apply(&self, schema: &str) -> Ran {
        self.run(&["apply", "--db", "sqlite:app.db", "--yes", "--allow", "all"], schema)
    }

    fn told(&self) -> Vec<String> {
        let db = self.connection();
        let mut query = db
            .prepare("SELECT tbl || ' ' || coalesce(idx, 'NULL') || ' ' || stat FROM sqlite_stat1 ORDER BY 1")
            .unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }
}

const OLD: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT UNIQUE, c INT);
    CREATE INDEX of_a ON t (a); CREATE INDEX of_c ON t (c) WHERE c > 1; CREATE INDEX goes ON t (a, c);
    CREATE TABLE k (x TEXT, y INT, PRIMARY KEY (y, x)) WITHOUT ROWID; CREATE TABLE n (v INT);
    CREATE TABLE other (v INT); CREATE INDEX of_other ON other (v);";

const ROWS: &str = "INSERT INTO t (a, b, c) VALUES (1, 'x', 1), (1, 'y', 2), (2, 'z', 3), (3, 'w', 4);
    INSERT INTO k VALUES ('a', 1), ('b', 1); INSERT INTO n VALUES (1), (2), (3); INSERT INTO other VALUES (1); ANALYZE;";

const NEW: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT UNIQUE, c INT);
    CREATE INDEX of_a ON t (a); CREATE INDEX of_c ON t (c) WHERE c > 2;
    CREATE TABLE k (x TEXT DEFAULT 'q', y INT, PRIMARY KEY (y, x)) WITHOUT ROWID; CREATE TABLE n (v TEXT, CHECK (n.v > 0));
    CREATE TABLE other (v INT); CREATE INDEX of_other ON other (v);";

#[test]
fn it_is_put_back_for_indexes_that_stay() {
    let lab = Lab::with(&format!("{OLD} {ROWS}"));
    let before = lab.told();
    assert_eq!(before.len(), 7, "{before:?}");
    lab.run(&["plan", "--db", "sqlite:app.db", "--output", "json"], NEW).code(0).shows(&["statistics-lost", "k, n, t"]);
    // Samples are values, and those of another type are none any more.
    lab.apply(NEW).code(0).shows(&["of_a", "of_c", "run ANALYZE"]).never("indexes of k").never("indexes of n");
    let stays = |line: &&String| !line.starts_with("t of_c ") && !line.starts_with("t goes ");
    assert_eq!(lab.told(), before.iter().filter(stays).cloned().collect::<Vec<_>>());
    let sampled =
        "SELECT group_concat(DISTINCT idx) FROM (SELECT idx FROM sqlite_stat4 WHERE tbl IN ('t', 'k') ORDER BY 1)";
    let sampled: String = lab.connection().query_row(sampled, [], |row| row.get(0)).unwrap();
    assert_eq!(sampled, "k,sqlite_autoindex_t_1");
}

#[test]
fn it_goes_with_a_table_that_gets_another_name() {
    let lab = Lab::with(&format!("{OLD} {ROWS}"));
    let before = lab.told();
    // Both get each other's name, and one is made anew.
    let swapped = "
        -- underpin: renamed-from t
        CREATE TABLE k (id INTEGER PRIMARY KEY, a INT, b TEXT UNIQUE, c INT);
        CREATE INDEX of_a ON k (a); CREATE INDEX of_c ON k (c) WHERE c > 1; CREATE INDEX goes ON k (a, c);
        -- underpin: renamed-from k
        CREATE TABLE t (x TEXT DEFAULT 1, y INT, PRIMARY KEY (y, x)) WITHOUT ROWID;
        CREATE TABLE n (v INT); CREATE TABLE other (v INT); CREATE INDEX of_other ON other (v);";
    lab.apply(swapped).code(0).never("gone in part");
    let mut expected: Vec<String> = before
        .iter()
        .map(|line| match line.split_once(' ').unwrap() {
            ("t", rest) => format!("k {}", rest.replace("autoindex_t", "autoindex_k")),
            ("k", rest) => format!("t {}", rest.replacen('k', "t", 1)),
            _ => line.clone(),
        })
        .collect();
    expected.sort();
    assert_eq!(lab.told(), expected);
}

#[test]
fn it_is_none_where_there_was_none() {
    let lab = Lab::with(OLD);
    lab.run(&["plan", "--db", "sqlite:app.db", "--output", "json"], NEW).code(0).never("statistics-lost");
    // A plan that was made where it was there runs where it is there no more.
    let lab = Lab::with(&format!("{OLD} {ROWS}"));
    lab.run(&["plan", "--db", "sqlite:app.db", "--output", "json", "-o", "plan.json"], NEW).code(0);
    lab.connection().execute_batch("DROP TABLE sqlite_stat1; DROP TABLE IF EXISTS sqlite_stat4").unwrap();
    let mut command = program(["apply", "--db", "sqlite:app.db", "--plan", "plan.json", "--yes", "--allow", "all"]);
    command.current_dir(lab.folder.path());
    finish(command).code(0);
    let left = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'sqlite_stat%'";
    assert_eq!(lab.connection().query_row(left, [], |row| row.get::<_, i64>(0)), Ok(0));
}

#[test]
fn files_of_migrations_say_so() {
    let lab = Lab::with("");
    let generate = |schema: &str, name: &str| {
        let args = ["generate", "--dialect", "sqlite", "--migrations", "m", "--format", "plain", "--name", name];
        lab.run(&[&args[..], &["--allow", "all"]].concat(), schema)
    };
    std::fs::create_dir(lab.folder.path().join("m")).unwrap();
    let first = generate(OLD, "first").code(0);
    assert!(!first.out.contains("ANALYZE") && !first.err.contains("ANALYZE"), "{first}");
    let second = generate(NEW, "second").code(0);
    assert!(
        format!("{}{}", second.out, second.err).contains("What ANALYZE told of k, n, t goes with the old table"),
        "{second}"
    );
}
