//! Plans that succeed, and those that are refused or fail.

use crate::support::{Database, Recorder, alone, assert, hasty, plan, rebuild, rebuilt, rows, step, together};
use rusqlite::Connection;
use std::cell::RefCell;
use std::time::Duration;
use underpin_executor::sqlite::{Checks, SqliteError, StepProblem, apply};
use underpin_executor::{Cancel, ChangedState, Copying, Options, Outcome, Progress, Silent};
use underpin_model::{Run, Step};

const BOTH: [&str; 2] = ["delete", "wal"];

#[test]
fn a_table_is_made_anew_with_all_that_hangs_on_it() {
    for mode in BOTH {
        let database = Database::new(
            mode,
            &format!(
                "{} CREATE TABLE log (x); CREATE INDEX i ON t (a); CREATE VIEW v AS SELECT a FROM t;
                 CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END;",
                rows(1000)
            ),
        );
        let steps = vec![
            rebuilt(),
            step("s002", &["CREATE INDEX i ON t (a)"]),
            step("s003", &["CREATE TRIGGER g AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.id); END"]),
            assert("s004", "SELECT count(*) = 1000 FROM t"),
        ];
        let recorder = Recorder::default();
        let outcome =
            database.apply_with(&plan(vec![together(steps)]), &Options::default(), &recorder, &Cancel::new()).unwrap();
        let Outcome { steps_run, batches, elapsed, waited, longest_hold, warnings, left } = outcome;
        assert_eq!((steps_run, batches, warnings, left), (4, 1, Vec::new(), Vec::new()));
        assert!(longest_hold > Duration::ZERO && longest_hold <= elapsed && waited < elapsed);
        assert!(recorder.has("plan 4") && recorder.has("start s004 1") && recorder.has("done s004"));
        assert_eq!(recorder.lines.borrow().last().unwrap(), "finished 4");
        assert_eq!(
            database.value("SELECT group_concat(name, ' ') FROM (SELECT name FROM sqlite_schema ORDER BY 1)"),
            "g i log t v"
        );
        assert_eq!(database.value("SELECT count(*) || ' ' || max(a) FROM v"), "1000 a text of some length, number 999");
        assert_eq!(database.value("SELECT \"notnull\" FROM pragma_table_info('t') WHERE name = 'a'"), "1");
        assert_eq!(database.value("SELECT integrity_check FROM pragma_integrity_check"), "ok");
    }
}

#[test]
fn the_connection_is_as_it_was_afterwards() {
    let database = Database::new("wal", &rows(10));
    let mut connection = database.connect();
    let all = ["foreign_keys", "legacy_alter_table", "cache_spill", "wal_autocheckpoint", "busy_timeout"];
    let read = |c: &Connection| all.map(|name| c.pragma_query_value::<i64, _>(None, name, |row| row.get(0)).unwrap());
    let before = read(&connection);
    assert_eq!(before[0], 1, "foreign keys are on unless they are switched off");
    // The second one fails while the rename's setting is on.
    let broken =
        Step { sql: vec!["PRAGMA legacy_alter_table = ON".to_owned(), "DROP TABLE none".to_owned()], ..rebuilt() };
    for (step, succeeds) in [(rebuilt(), true), (broken, false)] {
        let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
        let plan = plan(vec![together(vec![step])]);
        let result = apply(&mut connection, &plan, checks, &Options::default(), &Silent, &Cancel::new());
        assert_eq!(result.is_ok(), succeeds);
        assert_eq!(read(&connection), before);
        assert!(connection.is_autocommit());
    }
    // The log has been brought into the file.
    assert_eq!(std::fs::metadata(database.path().with_extension("db-wal")).unwrap().len(), 0);
}

#[test]
fn a_database_in_memory_is_changed_too() {
    let mut connection = Connection::open_in_memory().unwrap();
    connection.execute_batch(&rows(10)).unwrap();
    let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
    apply(
        &mut connection,
        &plan(vec![together(vec![rebuilt()])]),
        checks,
        &Options::default(),
        &Silent,
        &Cancel::new(),
    )
    .unwrap();
    assert!(connection.execute_batch("INSERT INTO t VALUES (11, NULL, 0)").is_err());
}

#[test]
fn what_is_not_for_a_file_is_refused_before_anything_is_done() {
    let database = Database::new("delete", "CREATE TABLE t (a)");
    let of = |steps: Vec<Step>| plan(vec![together(steps)]);
    let refused = |plan| database.apply_with(&plan, &Options::default(), &Silent, &Cancel::new()).unwrap_err();
    let error = refused(underpin_model::Plan { dialect: "postgres".to_owned(), ..of(vec![]) });
    assert!(matches!(&error, SqliteError::Dialect { .. }) && error.left().is_none(), "{error}");
    for run in [Run::Locked, Run::Build, Run::Backfill, Run::External] {
        let error = refused(of(vec![step("s001", &["DROP TABLE t"]), Step { run, ..step("s002", &["SELECT 1"]) }]));
        assert!(matches!(&error, SqliteError::Kind { step, .. } if step == "s002"), "{error}");
    }
    let mut connection = database.connect();
    connection.execute_batch("BEGIN").unwrap();
    let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
    let plan = of(vec![step("s001", &["DROP TABLE t"])]);
    let error = apply(&mut connection, &plan, checks, &Options::default(), &Silent, &Cancel::new()).unwrap_err();
    assert!(matches!(error, SqliteError::InTransaction), "{error}");
    connection.execute_batch("COMMIT; PRAGMA journal_mode = MEMORY").unwrap();
    let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
    let error = apply(&mut connection, &plan, checks, &Options::default(), &Silent, &Cancel::new()).unwrap_err();
    assert!(matches!(&error, SqliteError::Journal { mode } if mode == "memory"), "{error}");
    assert_eq!(database.value("SELECT count(*) FROM sqlite_schema"), "1");
}

#[test]
fn nothing_is_opened_where_there_is_nothing_to_do() {
    let database = Database::new("delete", "");
    let mut other = database.other();
    other.run("BEGIN EXCLUSIVE");
    let mut connection = Connection::open(database.path()).unwrap();
    let checks = Checks { check: &mut |_| panic!("asked"), verify: &mut |_| panic!("asked") };
    let outcome = apply(&mut connection, &plan(vec![]), checks, &hasty(), &Silent, &Cancel::new()).unwrap();
    assert_eq!(outcome.steps_run, 0);
}

#[test]
fn a_statement_that_fails_takes_everything_back() {
    for mode in BOTH {
        let database = Database::new(mode, &format!("{} INSERT INTO t VALUES (0, NULL, 1);", rows(100)));
        let before = database.content();
        let steps = vec![step("s000", &["CREATE TABLE u (x)", "INSERT INTO u VALUES (1)"]), rebuilt()];
        let error = database.apply(steps).unwrap_err();
        let SqliteError::Step(failure) = &error else { panic!("{error}") };
        assert_eq!((failure.step.as_str(), failure.code, failure.problem), ("s001", 1299, StepProblem::Data));
        let text = error.to_string();
        assert!(
            text.starts_with("step s001 failed: NOT NULL constraint failed: _underpin_new_t.a (code 1299)\n"),
            "{text}"
        );
        assert!(text.contains("Rows stand against it."), "{text}");
        assert!(
            text.contains(
                "Nothing was committed by this run; nothing remains of the batch that stopped (s000 to s001)"
            ),
            "{text}"
        );
        assert!(!error.stopped_on_the_way());
        assert_eq!(database.content(), before);
    }
}

#[test]
fn an_assertion_that_does_not_hold_takes_everything_back() {
    let database = Database::new("delete", &rows(3));
    let before = database.content();
    let asked =
        Step { reason: Some("b has no 2".to_owned()), ..assert("s002", "SELECT count(*) = 0 FROM t WHERE b = 2") };
    let error = database.apply(vec![rebuilt(), asked]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("what step s002 asks for does not hold: b has no 2") && text.contains("against it: 0"),
        "{text}"
    );
    assert_eq!(database.content(), before);
}

#[test]
fn the_caller_looks_before_and_after_within_the_transaction() {
    let database = Database::new("wal", &rows(3));
    let before = database.content();
    let plan = plan(vec![together(vec![rebuilt()])]);
    let seen = RefCell::new(Vec::new());
    let look = |connection: &Connection, what: &str| {
        let not_null = "SELECT \"notnull\" FROM pragma_table_info('t') WHERE name = 'a'";
        let now: bool = connection.query_row(not_null, [], |row| row.get(0)).unwrap();
        seen.borrow_mut().push(format!("{what} {now} {}", connection.is_autocommit()));
    };
    let options = Options::default();
    let changed = |what: &str| ChangedState::Changed(vec![what.to_owned()]);
    let mut ok = |c: &Connection| {
        look(c, "check");
        Ok(())
    };
    let error = database
        .apply_checked(&plan, &options, &Silent, &Cancel::new(), &mut ok, &mut |c| {
            look(c, "verify");
            Err(changed("table t is another"))
        })
        .unwrap_err();
    assert!(matches!(&error, SqliteError::NotReached { .. }), "{error}");
    assert!(error.to_string().contains("what it should: table t is another"), "{error}");
    assert_eq!(*seen.borrow(), ["check false false", "verify true false"]);
    assert_eq!(database.content(), before);
    let error = database
        .apply_checked(
            &plan,
            &options,
            &Silent,
            &Cancel::new(),
            &mut |_| Err(changed("table u is gone")),
            &mut |_| panic!(),
        )
        .unwrap_err();
    assert!(matches!(&error, SqliteError::Changed { .. }) && error.stopped_on_the_way(), "{error}");
    let failed = || ChangedState::Failed("no such thing".into());
    let error = database
        .apply_checked(&plan, &options, &Silent, &Cancel::new(), &mut |_| Err(failed()), &mut |_| panic!())
        .unwrap_err();
    assert!(error.to_string().contains("could not be checked: no such thing"), "{error}");
    assert_eq!(database.content(), before);
}

#[test]
fn what_needs_no_transaction_runs_outside_of_one() {
    let database = Database::new("delete", &rows(3));
    let plan = plan(vec![alone(step("s000", &["PRAGMA journal_mode = WAL"])), together(vec![rebuilt()])]);
    let outcome = database.apply_with(&plan, &Options::default(), &Silent, &Cancel::new()).unwrap();
    assert_eq!((outcome.steps_run, outcome.batches), (2, 2));
    assert_eq!(database.value("SELECT journal_mode FROM pragma_journal_mode"), "wal");
}

/// Changes the schema from another connection when the first step is committed.
struct Meddler<'a>(&'a Database);

impl Progress for Meddler<'_> {
    fn step_done(&self, step: &Step) {
        if step.id == "s000" {
            self.0.connect().execute_batch("CREATE TABLE meddled (a)").unwrap();
        }
    }
}

#[test]
fn a_change_between_two_transactions_stops_the_run() {
    let database = Database::new("delete", &rows(3));
    let plan = plan(vec![together(vec![step("s000", &["CREATE TABLE u (x)"])]), together(vec![rebuilt()])]);
    let error = database.apply_with(&plan, &Options::default(), &Meddler(&database), &Cancel::new()).unwrap_err();
    assert!(matches!(&error, SqliteError::Changed { .. }), "{error}");
    let left = error.left().unwrap();
    assert_eq!((left.committed.as_slice(), left.batches, left.of_batches), (&["s000".to_owned()][..], 1, 2));
}

#[test]
fn a_file_that_is_replaced_meanwhile_is_noticed() {
    let database = Database::new("delete", &rows(3));
    let plan = plan(vec![together(vec![rebuilt()])]);
    let replace = |_: &Connection| {
        std::fs::rename(database.path(), database.path().with_extension("old")).unwrap();
        Ok(())
    };
    let error = database
        .apply_checked(&plan, &Options::default(), &Silent, &Cancel::new(), &mut |_| Ok(()), &mut { replace })
        .unwrap_err();
    assert!(matches!(&error, SqliteError::Moved { .. }), "{error}");
}

#[test]
fn long_work_is_told_in_rows() {
    let database = Database::new("delete", "CREATE TABLE t (id INTEGER PRIMARY KEY, a)");
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000) INSERT INTO t SELECT i, i FROM n";
    database.connect().execute_batch(fill).unwrap();
    // Each row is slow, so that few of them take long.
    let slow = "length(hex(randomblob(\"a\" % 2 + 20000)))";
    let recorder = Recorder::default();
    let step =
        rebuild("s001", "t", "(id INTEGER PRIMARY KEY, a NOT NULL)", "\"id\", \"a\"", &format!("\"id\", {slow}"));
    let outcome =
        database.apply_with(&plan(vec![together(vec![step])]), &Options::default(), &recorder, &Cancel::new()).unwrap();
    assert_eq!(outcome.warnings, Vec::<String>::new());
    let copies = recorder.copies.borrow();
    let rows: Vec<_> = copies.iter().filter(|c| c.doing == Copying::Rows && c.total == 6000).collect();
    assert!(rows.len() > 1, "{copies:?}");
    assert!(rows.iter().all(|c| c.rows <= 6000), "{rows:?}");
    assert!(rows.windows(2).all(|two| two[0].rows <= two[1].rows), "{rows:?}");
    let last = rows.last().unwrap();
    assert!(last.part.unwrap() > 0.3 && last.left.is_some(), "{last:?}");
    assert!(copies.iter().any(|c| c.doing == Copying::Committing));
}
