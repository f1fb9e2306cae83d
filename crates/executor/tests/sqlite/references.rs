//! Foreign keys around a plan.

use crate::support::{Database, rebuild, step};
use underpin_executor::sqlite::SqliteError;

const TABLES: &str = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users ON DELETE CASCADE);
    INSERT INTO users VALUES (1, 'a'), (2, 'b');
    INSERT INTO orders VALUES (1, 1), (2, 1), (3, 2), (4, NULL);";

fn users() -> underpin_model::Step {
    rebuild("s001", "users", "(id INTEGER PRIMARY KEY, name TEXT NOT NULL)", "\"id\", \"name\"", "\"id\", \"name\"")
}

#[test]
fn what_refers_to_a_table_that_is_made_anew_stays() {
    for mode in ["delete", "wal"] {
        let database = Database::new(mode, TABLES);
        let outcome = database.apply(vec![users()]).unwrap();
        assert_eq!(outcome.warnings, Vec::<String>::new());
        assert_eq!(database.value("SELECT count(*) FROM orders"), "4");
        let connection = database.connect();
        connection.execute_batch("DELETE FROM users WHERE id = 1").unwrap();
        assert_eq!(database.value("SELECT count(*) FROM orders"), "2");
    }
}

#[test]
fn what_was_broken_before_is_told_and_stays_as_it_was() {
    let database = Database::new("delete", &format!("{TABLES} INSERT INTO orders VALUES (5, 77), (6, 78);"));
    let outcome = database.apply(vec![users()]).unwrap();
    assert_eq!(
        outcome.warnings,
        [
            "a foreign key was broken before, and still is; the plan did not make it worse: 2 rows of orders (user_id) to users: 77; 78"
        ]
    );
    assert_eq!(database.value("SELECT count(*) FROM orders"), "6");
    let elsewhere = database.apply(vec![step("s001", &["CREATE TABLE x (a)"])]).unwrap();
    assert_eq!(elsewhere.warnings, Vec::<String>::new());
}

#[test]
fn what_the_plan_breaks_is_named_and_taken_back() {
    let database = Database::new("delete", &format!("{TABLES} INSERT INTO orders VALUES (5, 77);"));
    let before = database.content();
    let error = database.apply(vec![step("s001", &["DELETE FROM users WHERE id = 2"])]).unwrap_err();
    let SqliteError::References { broken, left } = &error else { panic!("{error}") };
    assert_eq!(broken, &["1 row of orders (user_id) to users: 2"]);
    assert_eq!(left.undone, ["s001"]);
    assert!(error.to_string().contains("would break foreign keys:\n  1 row of orders"), "{error}");
    // A key that is new, and rows that stand against it.
    let columns = "(id INTEGER PRIMARY KEY REFERENCES orders, name TEXT)";
    let error = database
        .apply(vec![
            step("s000", &["DELETE FROM orders WHERE id = 2"]),
            rebuild("s001", "users", columns, "\"id\", \"name\"", "\"id\", \"name\""),
        ])
        .unwrap_err();
    assert!(error.to_string().contains("1 row of users (id) to orders: 2"), "{error}");
    assert_eq!(database.content(), before);
    // What is referred to is no key any more: that is what the schema says, and planning asks whether it may be.
    let outcome = database
        .apply(vec![rebuild("s001", "users", "(id INTEGER, name TEXT)", "\"id\", \"name\"", "\"id\", \"name\"")])
        .unwrap();
    assert!(outcome.warnings[0].contains("foreign key mismatch - \"orders\" referencing \"users\""), "{outcome:?}");
}
