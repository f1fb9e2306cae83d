//! Rows that come over into a table that is made anew, and those that do not.

use crate::support::{Database, rebuild, rebuilt, rows};
use underpin_executor::sqlite::SqliteError;
use underpin_model::{Run, Step};

fn difference(database: &Database, step: Step) -> String {
    let before = database.content();
    let error = database.apply(vec![step]).unwrap_err();
    let SqliteError::Copy { step: id, difference, .. } = &error else { panic!("{error}") };
    assert_eq!(id, "s001");
    assert!(error.to_string().contains("about to be dropped, so all was taken back"), "{error}");
    assert_eq!(database.content(), before);
    difference.clone()
}

/// The step with another statement before the old table goes.
fn meddled(sql: &str) -> Step {
    let mut step = rebuilt();
    step.sql.insert(2, sql.to_owned());
    step
}

#[test]
fn rows_that_are_lost_or_changed_are_noticed() {
    let database = Database::new("delete", &rows(500));
    for (sql, said) in [
        ("DELETE FROM \"_underpin_new_t\" WHERE id = 77", "500 rows before, 499 after"),
        ("INSERT INTO \"_underpin_new_t\" VALUES (501, 'x', 1)", "500 rows before, 501 after"),
        ("UPDATE \"_underpin_new_t\" SET b = b + 1 WHERE id = 77", "the row with id 77 has another value in b"),
        ("UPDATE \"_underpin_new_t\" SET id = 600 WHERE id = 77", "the row with id 77 is missing"),
    ] {
        assert_eq!(difference(&database, meddled(sql)), said);
    }
    let columns = "(id INTEGER PRIMARY KEY, a TEXT, b INTEGER UNIQUE ON CONFLICT IGNORE)";
    let all = "\"id\", \"a\", \"b\"";
    assert_eq!(difference(&database, rebuild("s001", "t", columns, all, all)), "500 rows before, 97 after");
    let some = Step {
        sql: rebuilt().sql.iter().map(|s| s.replace("FROM \"t\"", "FROM \"t\" WHERE b > 0")).collect(),
        ..rebuilt()
    };
    assert_eq!(difference(&database, some), "500 rows before, 495 after");
}

#[test]
fn values_that_are_converted_or_computed_may_be_others() {
    let database = Database::new("delete", &rows(50));
    let columns = "(id INTEGER PRIMARY KEY, a TEXT, b TEXT, c)";
    database
        .apply(vec![rebuild("s001", "t", columns, "\"id\", \"a\", \"b\", \"c\"", "\"id\", upper(\"a\"), \"b\", \"b\"")])
        .unwrap();
    assert_eq!(
        database.value("SELECT a || typeof(b) || typeof(c) FROM t WHERE id = 7"),
        "A TEXT OF SOME LENGTH, NUMBER 7textinteger"
    );
}

#[test]
fn the_numbers_of_rows_and_the_highest_number_come_over() {
    let database = Database::new(
        "wal",
        "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a); INSERT INTO t (a) VALUES (1), (2), (3); DELETE FROM t WHERE id > 1;
         CREATE TABLE u (a); INSERT INTO u (rowid, a) VALUES (5, 'x'), (9, 'y');",
    );
    let mut t =
        rebuild("s001", "t", "(id INTEGER PRIMARY KEY AUTOINCREMENT, a NOT NULL)", "\"id\", \"a\"", "\"id\", \"a\"");
    t.sql.splice(
        2..2,
        [
            "DELETE FROM sqlite_sequence WHERE name = '_underpin_new_t'".to_owned(),
            "INSERT INTO sqlite_sequence (name, seq) SELECT '_underpin_new_t', seq FROM sqlite_sequence WHERE name = 't'".to_owned(),
        ],
    );
    let u = rebuild("s002", "u", "(a NOT NULL)", "rowid, \"a\"", "rowid, \"a\"");
    database.apply(vec![t, u]).unwrap();
    database.connect().execute_batch("INSERT INTO t (a) VALUES (4)").unwrap();
    assert_eq!(database.value("SELECT group_concat(id) FROM t"), "1,4");
    assert_eq!(database.value("SELECT group_concat(rowid) FROM u"), "5,9");
}

#[test]
fn tables_without_row_numbers_and_virtual_ones_are_compared() {
    let database = Database::new(
        "delete",
        "CREATE TABLE t (a TEXT, b INT, c, PRIMARY KEY (b, a)) WITHOUT ROWID; INSERT INTO t VALUES ('x', 1, 2), ('y', 1, x'00');
         CREATE VIRTUAL TABLE f USING fts5(a, b); INSERT INTO f (rowid, a, b) VALUES (3, 'some words', 'more'), (8, 'x', NULL);",
    );
    let all = "\"a\", \"b\", \"c\"";
    let columns = "(a TEXT, b INT, c NOT NULL, PRIMARY KEY (b, a)) WITHOUT ROWID";
    let t = rebuild("s001", "t", columns, all, all);
    let f = Step::new(
        "s002",
        Run::Sql,
        [
            "CREATE VIRTUAL TABLE \"_underpin_new_f\" USING fts5(a, b, prefix = 2)",
            "INSERT INTO \"_underpin_new_f\" (rowid, \"a\", \"b\") SELECT rowid, \"a\", \"b\" FROM \"f\"",
            "DROP TABLE \"f\"",
            "ALTER TABLE \"_underpin_new_f\" RENAME TO \"f\"",
        ]
        .map(str::to_owned)
        .to_vec(),
    );
    let mut meddled = f.clone();
    meddled.id = "s001".to_owned();
    meddled.sql.insert(2, "UPDATE \"_underpin_new_f\" SET b = 'less' WHERE rowid = 3".to_owned());
    assert_eq!(difference(&database, meddled), "the row with rowid 3 has another value in b");
    let mut meddled = t.clone();
    meddled.sql.insert(2, "UPDATE \"_underpin_new_t\" SET c = 3 WHERE a = 'y'".to_owned());
    assert_eq!(difference(&database, meddled), "the row with b 1, a 'y' has another value in c");
    database.apply(vec![t, f]).unwrap();
    assert_eq!(database.value("SELECT rowid FROM f WHERE f MATCH 'words'"), "3");
}
