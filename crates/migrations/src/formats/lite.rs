//! The formats with migrations for SQLite: what is written is read back, and run on the library as the tool runs it, with foreign keys
//! on and rows that refer to others.
#![allow(clippy::unwrap_used)]

use super::trial::{NOW, by, cannot, codes_of, folder_of, sent, step};
use crate::{Dialect, Down, FORMATS, Files, Format, Message, Migration, Mode, New, Written, named};
use rusqlite::Connection;

/// The formats of SQL, whose files can be run without the tool.
const OF_SQL: [&str; 13] = [
    "plain",
    "atlas",
    "dbmate",
    "drizzle",
    "drizzle-libsql",
    "flyway",
    "golang-migrate",
    "goose",
    "liquibase",
    "prisma",
    "refinery",
    "sqitch",
    "sqlx",
];

/// A body that tools tend to read something into.
const BODY: &str = "CREATE TRIGGER users_added AFTER INSERT ON users BEGIN
  -- words here: migrate:down; it's \"said\"; END
  INSERT INTO log SELECT CASE WHEN new.email IS NULL THEN '?' ELSE ':x ? %s %% {y} `q` \\ \\n; end;' || new.email END;
  UPDATE log SET words = words || ';\n' WHERE words = 'it''s $$ @a @@ $1';
END";

fn unchecked(sql: &[&str]) -> Down {
    Down::By { mode: Mode::Unchecked, sql: sql.iter().map(|s| (*s).to_owned()).collect() }
}

/// Tables with a chain of keys, a table above others made anew, columns, and a statement that must not be in a transaction.
fn plan() -> Vec<New> {
    let anew = [
        "CREATE TABLE _underpin_new_users (id INTEGER PRIMARY KEY, email TEXT NOT NULL, team INT REFERENCES teams ON DELETE CASCADE)",
        "INSERT INTO _underpin_new_users SELECT id, coalesce(email, 'none; ' || id), team FROM users",
        "DROP TABLE users",
        "PRAGMA legacy_alter_table = ON",
        "ALTER TABLE _underpin_new_users RENAME TO users",
        "PRAGMA legacy_alter_table = OFF",
        BODY,
    ];
    let was = anew.map(|sql| sql.replace("email TEXT NOT NULL", "email TEXT"));
    let was: Vec<&str> = was.iter().map(String::as_str).collect();
    let rebuild = New { mode: Mode::Unchecked, ..step("rebuild", true, &anew, unchecked(&was)) };
    vec![
        step(
            "base",
            true,
            &[
                "CREATE TABLE teams (id INTEGER PRIMARY KEY)",
                "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, team INT REFERENCES teams ON DELETE CASCADE)",
                "CREATE TABLE notes (id INTEGER PRIMARY KEY, user INT NOT NULL REFERENCES users ON DELETE CASCADE)",
                "CREATE TABLE log (words TEXT)",
                BODY,
            ],
            unchecked(&["DROP TABLE log", "DROP TABLE notes", "DROP TABLE users", "DROP TABLE teams"]),
        ),
        rebuild,
        step(
            "column",
            true,
            &["ALTER TABLE notes ADD COLUMN seen INT", "CREATE INDEX notes_user -- so\n ON notes (user)"],
            by(true, &["DROP INDEX notes_user", "ALTER TABLE notes DROP COLUMN seen"]),
        ),
        step("gone", true, &["ALTER TABLE notes ADD COLUMN more"], cannot("the values of \"it's\"; gone")),
    ]
}

/// A folder of that format with nothing in it.
fn empty(format: &dyn Format) -> Files {
    let plan = "%syntax-version=1.0.0\n%project=shop\n\n";
    match format.name() {
        "sqitch" => folder_of(Dialect::Sqlite, &[("sqitch.plan", plan)]),
        _ => folder_of(Dialect::Sqlite, &[]),
    }
}

fn written(format: &dyn Format, files: &Files, new: &[New]) -> Vec<Written> {
    let there = format.read(files).unwrap();
    format.write(files, &there, new, NOW).unwrap()
}

/// Runs messages as the tool does: each whole, in its transaction or none.
fn send(format: &dyn Format, connection: &Connection, messages: &[Message], transaction: bool) -> rusqlite::Result<()> {
    let keys = if format.switches_keys_off() { "OFF" } else { "ON" };
    connection.execute_batch(&format!("PRAGMA foreign_keys = {keys}"))?;
    let all = || {
        if transaction {
            connection.execute_batch("BEGIN")?;
        }
        messages.iter().try_for_each(|m| connection.execute_batch(&m.sql))?;
        if transaction { connection.execute_batch("COMMIT") } else { Ok(()) }
    };
    let sent = all();
    if !connection.is_autocommit() {
        connection.execute_batch("ROLLBACK")?;
        return sent.and(Err(rusqlite::Error::InvalidQuery));
    }
    sent
}

fn up(format: &dyn Format, connection: &Connection, migration: &Migration) {
    send(format, connection, &migration.up, migration.transaction)
        .unwrap_or_else(|e| panic!("{}: {}: {e}", format.name(), migration.file));
}

fn counts(connection: &Connection) -> (i64, i64) {
    let query = "SELECT (SELECT count(*) FROM users WHERE team = 1), (SELECT count(*) FROM notes)";
    connection.query_row(query, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

fn schema(connection: &Connection) -> Vec<String> {
    let mut query = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql <> '' ORDER BY type, name").unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    // A renamed table's name is between quotes.
    rows.map(|sql: rusqlite::Result<String>| sql.unwrap().replace("\"users\"", "users")).collect()
}

/// The database behind the statements of the plan, run by themselves.
fn meant(new: &[New]) -> Vec<String> {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    new.iter().flat_map(|n| &n.up).for_each(|sql| connection.execute_batch(sql).unwrap());
    schema(&connection)
}

#[test]
fn rows_survive_in_every_format_of_sql() {
    for name in OF_SQL {
        let format = named(name).unwrap();
        let plan = plan();
        let files = empty(format);
        let files = files.with(&written(format, &files, &plan));
        let read = format.read(&files).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(read.len(), plan.len(), "{name}");
        let connection = Connection::open_in_memory().unwrap();
        up(format, &connection, &read[0]);
        assert_eq!(schema(&connection), meant(&plan[..1]), "{name}");
        let rows = "INSERT INTO teams VALUES (1); INSERT INTO users VALUES (1, NULL, 1), (2, 'b', 1); INSERT INTO notes VALUES (1, 1), (2, 2)";
        connection.execute_batch(rows).unwrap();
        up(format, &connection, &read[1]);
        assert_eq!((counts(&connection), schema(&connection)), ((2, 2), meant(&plan[..2])), "{name}");
        if let Some(down) = &read[1].down {
            send(format, &connection, down, read[1].down_transaction).unwrap();
            assert_eq!((counts(&connection), schema(&connection)), ((2, 2), meant(&plan[..1])), "{name}");
            up(format, &connection, &read[1]);
        }
        read[2..].iter().for_each(|m| up(format, &connection, m));
        assert_eq!((counts(&connection), schema(&connection)), ((2, 2), meant(&plan)), "{name}");
        if let Some(down) = read[3].down.as_ref().filter(|d| !d.is_empty()) {
            let said = send(format, &connection, down, read[3].down_transaction).unwrap_err().to_string();
            assert!(
                said.contains("this migration cannot be taken back: the values of \"it's\"; gone"),
                "{name}: {said}"
            );
        }
    }
}

#[test]
fn a_rebuild_that_fails_or_meets_keys_leaves_everything() {
    for name in OF_SQL {
        let format = named(name).unwrap();
        let mut plan = plan();
        plan[1].up.insert(2, "INSERT INTO users (id) VALUES (1)".to_owned());
        let files = empty(format);
        let files = files.with(&written(format, &files, &plan));
        let read = format.read(&files).unwrap();
        let connection = Connection::open_in_memory().unwrap();
        up(format, &connection, &read[0]);
        connection.execute_batch("INSERT INTO users (id) VALUES (1); INSERT INTO notes VALUES (1, 1)").unwrap();
        let before = schema(&connection);
        let said = send(format, &connection, &read[1].up, read[1].transaction).unwrap_err().to_string();
        assert!(said.contains("UNIQUE constraint failed: users.id"), "{name}: {said}");
        assert_eq!(schema(&connection), before, "{name}");
        // In somebody else's transaction it stops before it drops anything.
        connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
        connection.execute_batch("BEGIN").unwrap();
        let whole: String = read[1].up.iter().map(|m| format!("{};\n", m.sql)).collect();
        let body = whole
            .split_once("BEGIN IMMEDIATE")
            .or(whole.split_once("BEGIN TRANSACTION"))
            .map_or(whole.as_str(), |w| w.1);
        let body = body.split_once("SAVEPOINT \"underpin\"").map_or(body, |w| w.1);
        let said = connection.execute_batch(body.trim_start_matches([';', '@', '\n'])).unwrap_err().to_string();
        assert!(said.contains("foreign keys are still on"), "{name}: {said}");
        connection.execute_batch("ROLLBACK").unwrap();
        assert_eq!(schema(&connection), before, "{name}");
    }
}

#[test]
fn one_statement_alone_is_outside_of_transactions() {
    let vacuum =
        [step("base", true, &["CREATE TABLE t (a)"], by(true, &[])), step("tidy", false, &["VACUUM"], by(true, &[]))];
    for name in OF_SQL.into_iter().filter(|name| *name != "drizzle-libsql") {
        let format = named(name).unwrap();
        let files = empty(format);
        let files = files.with(&written(format, &files, &vacuum));
        let connection = Connection::open_in_memory().unwrap();
        format.read(&files).unwrap().iter().for_each(|m| up(format, &connection, m));
    }
    let libsql = named("drizzle-libsql").unwrap();
    let trouble = libsql.write(&empty(libsql), &[], &vacuum, NOW).unwrap_err();
    assert_eq!(codes_of(&trouble), ["no-transaction-needed"]);
}

#[test]
fn a_database_is_told_in_the_tool_s_own_table() {
    for format in FORMATS {
        let files = empty(*format);
        let files = files.with(&written(*format, &files, &plan()));
        let done = format.read(&files).unwrap();
        let baseline = format.baseline(&files, &done, NOW).unwrap();
        assert_eq!(baseline.command.is_some(), format.name() == "sqitch");
        let connection = Connection::open_in_memory().unwrap();
        for _ in 0..2 {
            // Told again, nothing is told twice.
            baseline.sql.iter().for_each(|sql| {
                connection.execute_batch(sql).unwrap_or_else(|e| panic!("{}: {e}: {sql}", format.name()));
            });
        }
        let own = format.own_objects(Dialect::Sqlite);
        let mut query = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
            .unwrap();
        let tables: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        assert!(tables.iter().all(|table| own.contains(&table.as_str())), "{}: {tables:?}", format.name());
        assert!(own.iter().all(|name| !name.contains('.')), "{}", format.name());
        let Some(first) = tables.first() else { continue };
        let rows: i64 = connection.query_row(&format!("SELECT count(*) FROM {first}"), [], |row| row.get(0)).unwrap();
        let expected = match format.name() {
            "alembic" | "golang-migrate" => 1,
            // The row that its own first run makes.
            "goose" => 5,
            _ => 4,
        };
        assert_eq!(rows, expected, "{}", format.name());
        if let Some(stuck) =
            format.stuck(Dialect::Sqlite).filter(|s| tables.iter().any(|t| t.eq_ignore_ascii_case(s.table)))
        {
            assert!(!connection.prepare(stuck.sql).unwrap().exists([]).unwrap(), "{}", format.name());
        }
    }
}

#[test]
fn programs_switch_keys_off_outside_of_a_transaction() {
    let text = |name: &str| {
        let format = named(name).unwrap();
        let found = written(format, &empty(format), &plan());
        found.into_iter().find(|w| w.path.to_lowercase().contains("rebuild")).unwrap().text
    };
    let in_order = |text: &str, words: &[&str]| {
        let mut at = 0;
        for word in words {
            at += text[at..].find(word).unwrap_or_else(|| panic!("{word} is missing in\n{}", &text[at..])) + word.len();
        }
    };
    in_order(
        &text("alembic"),
        &[
            "autocommit_block():",
            "were_on = ",
            "\"PRAGMA foreign_keys = OFF\"",
            "\"BEGIN IMMEDIATE\"",
            "try:",
            "DROP TABLE users",
            "\"COMMIT\"",
            "except BaseException:",
            "\"ROLLBACK\"",
            "raise",
            "finally:",
            "if were_on:",
            "\"PRAGMA foreign_keys = ON\"",
        ],
    );
    // Django has them off itself.
    let django = text("django");
    assert!(
        !django.contains("\"BEGIN") && !django.contains("atomic") && !django.contains("foreign_keys = "),
        "{django}"
    );
    in_order(&django, &["_underpin_keys", "DROP TABLE users", "reverse_sql=", "_underpin_keys", "DROP TABLE users"]);
    for (name, on) in [("knex", "knex"), ("typeorm", "queryRunner")] {
        let text = text(name);
        assert_eq!(text.matches(&format!("await withoutForeignKeys({on}, [")).count(), 2, "{text}");
        in_order(
            &text[text.find("async function withoutForeignKeys").unwrap()..],
            &[
                "PRAGMA foreign_keys'",
                "'PRAGMA foreign_keys = OFF'",
                "'BEGIN IMMEDIATE'",
                "'COMMIT'",
                "'ROLLBACK'",
                "if (before)",
            ],
        );
        // What the database reads goes there as it is.
        assert!(text.contains(r"':x ? %s %% {y} \`q\` \\ \\n; end;'"), "{text}");
    }
    assert!(text("knex").contains("{ transaction: false }"));
    in_order(&text("typeorm"), &["commitTransaction()", "startTransaction()", "class Rebuild"]);
}

#[test]
fn what_does_not_fit_is_refused() {
    let with = |up: &[&str], mode: Mode| New { mode, ..step("x", true, up, by(true, &[])) };
    for format in FORMATS {
        let two = with(&["VACUUM", "VACUUM"], Mode::Alone);
        let trouble = format.write(&empty(*format), &[], &[two], NOW).unwrap_err();
        assert_eq!(codes_of(&trouble), ["not-alone"], "{}", format.name());
        let server = folder_of(Dialect::Postgres, &[("sqitch.plan", "%project=x\n\n")]);
        let trouble = format.write(&server, &[], &[with(&["DROP TABLE t"], Mode::Unchecked)], NOW).unwrap_err();
        assert_eq!(codes_of(&trouble), ["not-unchecked"], "{}", format.name());
    }
    let liquibase = named("liquibase").unwrap();
    for sql in ["SELECT '${x}'", "SELECT '\n--rollback x'", "SELECT 1 AS [it's]"] {
        let trouble =
            liquibase.write(&empty(liquibase), &[], &[with(&[sql, "SELECT 2"], Mode::Whole)], NOW).unwrap_err();
        assert_eq!(codes_of(&trouble), ["unwritable-statement"], "{sql}");
    }
}

#[test]
fn what_a_tool_would_do_otherwise_is_told() {
    let found = |format: &str, files: &[(&str, &str)]| {
        let trouble = named(format).unwrap().read(&folder_of(Dialect::Sqlite, files)).unwrap_err();
        trouble.0.iter().map(|d| (d.code.clone(), d.span.as_ref().map_or(0, |s| s.line))).collect::<Vec<_>>()
    };
    let is = |code: &str, line: usize| vec![(code.to_owned(), line)];
    let changeset = "--liquibase formatted sql\n--changeset a:1 splitStatements:false\nSELECT 1;\nSELECT 2;\n";
    assert_eq!(found("liquibase", &[("1.sql", changeset)]), is("passed-over", 4));
    let own = "--liquibase formatted sql\n--changeset a:1\nBEGIN IMMEDIATE;\nSELECT 2;\n";
    assert_eq!(found("liquibase", &[("1.sql", own)]), is("passed-over", 4));
    assert_eq!(found("flyway", &[("V1__a.sql", "SELECT 1;\nBEGIN;\nSELECT 2;\nCOMMIT;\n")]), is("open-block", 2));
    let keys = "PRAGMA foreign_keys = OFF;\nSELECT 1;\n";
    assert_eq!(found("flyway", &[("V1__a.sql", keys)]), is("mixed-transactions", 2));
    let journal = |dialect: &str| {
        format!("{{\"dialect\": \"{dialect}\", \"entries\": [{{\"idx\": 0, \"when\": 1, \"tag\": \"0000_a\"}}]}}")
    };
    let drizzle =
        |dialect: &str, sql: &str| found("drizzle", &[("meta/_journal.json", &journal(dialect)), ("0000_a.sql", sql)]);
    assert_eq!(drizzle("postgresql", "SELECT 1;"), is("bad-journal", 1));
    assert_eq!(drizzle("sqlite", "SELECT 1;\nSELECT 2;\n"), is("several-statements", 2));
    assert_eq!(drizzle("turso", "SELECT 1;\n--> statement-breakpoint\n"), is("empty-piece", 3));
    let ends = "COMMIT;\n--> statement-breakpoint\nVACUUM;\n--> statement-breakpoint\nBEGIN;";
    assert_eq!(
        found("drizzle-libsql", &[("meta/_journal.json", &journal("sqlite")), ("0000_a.sql", ends)]),
        is("ends-transaction", 1)
    );
    assert_eq!(found("prisma", &[("migration_lock.toml", "provider = \"postgresql\"\n")]), is("other-database", 1));
    assert_eq!(found("sqlx", &[("1_a.sql", "-- x\n-- no-transaction\nSELECT 1;")]), is("late-mark", 2));
    assert_eq!(found("dbmate", &[("1_a.sql", "-- migrate:up\nSELECT 1;")]), is("bad-migration", 1));
    let plan = "%project=x\n\na 2026-11-21T00:00:00Z P <p@x> # one\n";
    let open = [("sqitch.plan", plan), ("deploy/a.sql", "BEGIN;\nSELECT [x;\nCOMMIT;")];
    assert_eq!(found("sqitch", &open), is("bad-sql", 2));
}

#[test]
fn commands_of_sqlite3_are_for_it_alone() {
    let plain = named("plain").unwrap();
    let files = empty(plain);
    let files = files.with(&written(plain, &files, &plan()[..1]));
    let path = "20261122103000_base.up.sql";
    assert!(files.text(path).unwrap().starts_with(".bail on\n-- base: what"), "{}", files.text(path).unwrap());
    let text = files.text(path).unwrap().replace("BEGIN;\n", ".headers on\nBEGIN;\n");
    let own = "%project=x\n\na 2026-11-21T00:00:00Z P <p@x> # one\n";
    let scripts = [("sqitch.plan", own), ("deploy/a.sql", ".bail on\nSELECT 1;")];
    let sqitch = named("sqitch").unwrap().read(&folder_of(Dialect::Sqlite, &scripts)).unwrap();
    assert!(sqitch[0].up.is_empty());
    let trouble = plain.read(&folder_of(Dialect::Sqlite, &[(path, &text)])).unwrap_err();
    assert!(codes_of(&trouble).contains(&"no-sum-file"));
    let byte_order = format!("\u{feff}{}", sent(&plain.read(&files).unwrap()[0].up).join(";\n"));
    let golang = named("golang-migrate").unwrap();
    let read = golang.read(&folder_of(Dialect::Sqlite, &[("1_a.up.sql", &byte_order)])).unwrap();
    up(golang, &Connection::open_in_memory().unwrap(), &read[0]);
}
