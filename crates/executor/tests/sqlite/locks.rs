//! Other programs that read and write meanwhile.

use crate::support::{Database, Other, Recorder, hasty, plan, rebuilt, rows, together};
use std::cell::RefCell;
use std::time::{Duration, Instant};
use underpin_connect::Held;
use underpin_executor::sqlite::SqliteError;
use underpin_executor::{Cancel, FileWait, Options, Progress, Silent};
use underpin_model::Step;

/// The name of a process's program.
fn command(other: &Other) -> String {
    std::fs::read_to_string(format!("/proc/{}/comm", other.pid)).unwrap().trim().to_owned()
}

#[test]
fn a_writer_is_waited_for_named_and_given_up() {
    for mode in ["delete", "wal"] {
        let database = Database::new(mode, &rows(10));
        let before = database.content();
        let mut other = database.other();
        other.run("BEGIN IMMEDIATE");
        let recorder = Recorder::default();
        let start = Instant::now();
        let plan = plan(vec![together(vec![rebuilt()])]);
        let error = database.apply_with(&plan, &hasty(), &recorder, &Cancel::new()).unwrap_err();
        assert!(start.elapsed() >= hasty().lock_budget && start.elapsed() < 8 * hasty().lock_budget);
        let SqliteError::Locked(locked) = &error else { panic!("{error}") };
        assert_eq!(locked.waits, FileWait::Begin);
        assert_eq!(locked.holders.iter().map(|h| (h.pid, h.held)).collect::<Vec<_>>(), [(other.pid, Held::Writes)]);
        let named = format!("pid {} ({}), which writes to it", other.pid, command(&other));
        let text = error.to_string();
        assert!(text.contains(&named) && text.contains("another program wrote to it for all of the 0."), "{text}");
        assert!(text.contains("safe to run again") && error.stopped_on_the_way(), "{text}");
        assert!(recorder.has(&format!("locked s001 Begin {named}")), "{:?}", recorder.lines);
        other.run("COMMIT");
        assert_eq!(database.content(), before);
    }
}

/// Lets another program go on as soon as it is told that it is waited for.
struct Freeing<'a>(RefCell<&'a mut Other>, RefCell<Vec<FileWait>>);

impl Progress for Freeing<'_> {
    fn file_locked(&self, _: &Step, waits: FileWait, _: &[underpin_connect::LockHolder], _: Duration) {
        if self.1.borrow().is_empty() {
            self.0.borrow_mut().run("COMMIT");
        }
        self.1.borrow_mut().push(waits);
    }
}

#[test]
fn the_run_goes_on_when_the_writer_has_ended() {
    for mode in ["delete", "wal"] {
        let database = Database::new(mode, &rows(10));
        let mut other = database.other();
        other.run("BEGIN IMMEDIATE");
        other.run("INSERT INTO t VALUES (11, 'x', 1)");
        let freeing = Freeing(RefCell::new(&mut other), RefCell::default());
        let plan = plan(vec![together(vec![rebuilt()])]);
        let outcome = database.apply_with(&plan, &Options::default(), &freeing, &Cancel::new()).unwrap();
        assert!(outcome.waited >= Duration::from_millis(100), "{outcome:?}");
        assert_eq!(*freeing.1.borrow(), [FileWait::Begin]);
        assert_eq!(database.value("SELECT count(*) FROM t"), "11");
    }
}

#[test]
fn readers_read_all_the_time_in_wal_mode() {
    let database = Database::new("wal", &rows(2000));
    let (mut old, mut new) = (database.other(), database.other());
    old.run("BEGIN");
    old.run("SELECT * FROM t LIMIT 1");
    let plan = plan(vec![together(vec![rebuilt()])]);
    let outcome = database
        .apply_checked(&plan, &hasty(), &Silent, &Cancel::new(), &mut |_| Ok(()), &mut |_| {
            // All is done and nothing is committed.
            assert_eq!(new.run("SELECT count(*) FROM t"), "[(2000,)]");
            assert!(new.tries("INSERT INTO t VALUES (3000, NULL, 1)").contains("database is locked"));
            Ok(())
        })
        .unwrap();
    assert_eq!(outcome.warnings, Vec::<String>::new());
    // One sees what it began with, the other what there is now.
    assert_eq!(old.run("SELECT \"notnull\" FROM pragma_table_info('t') WHERE name = 'a'"), "[(0,)]");
    assert_eq!(old.run("SELECT count(*) FROM t"), "[(2000,)]");
    old.run("COMMIT");
    assert!(new.tries("INSERT INTO t VALUES (3000, NULL, 1)").contains("NOT NULL"));
    new.run("INSERT INTO t VALUES (3000, 'x', 1)");
}

#[test]
fn readers_read_until_the_commit_in_rollback_mode() {
    // More than SQLite's cache holds: it would write to the file early, and lock readers out.
    let database = Database::new("delete", &rows(100_000));
    assert!(std::fs::metadata(database.path()).unwrap().len() > 3 << 20);
    let mut other = database.other();
    let plan = plan(vec![together(vec![rebuilt()])]);
    database
        .apply_checked(&plan, &hasty(), &Silent, &Cancel::new(), &mut |_| Ok(()), &mut |_| {
            assert_eq!(other.run("SELECT count(*) FROM t"), "[(100000,)]");
            Ok(())
        })
        .unwrap();
    assert_eq!(other.run("SELECT count(*) FROM t"), "[(100000,)]");
}

#[test]
fn a_reader_that_stays_is_named_and_given_up_in_rollback_mode() {
    let database = Database::new("delete", &rows(10));
    let before = database.content();
    let mut other = database.other();
    other.run("BEGIN");
    other.run("SELECT * FROM t");
    let recorder = Recorder::default();
    let plan = plan(vec![together(vec![rebuilt()])]);
    let error = database.apply_with(&plan, &hasty(), &recorder, &Cancel::new()).unwrap_err();
    let SqliteError::Locked(locked) = &error else { panic!("{error}") };
    assert_eq!(locked.waits, FileWait::Commit);
    let text = error.to_string();
    assert!(text.contains(&format!("pid {} ({}), which reads it", other.pid, command(&other))), "{text}");
    assert!(text.contains("PRAGMA journal_mode = WAL") && error.stopped_on_the_way(), "{text}");
    assert!(recorder.has("locked s001 Commit pid"));
    // Its own lock is gone: others can read and write at once.
    assert_eq!(other.run("SELECT count(*) FROM t"), "[(10,)]");
    other.run("COMMIT");
    other.run("INSERT INTO t VALUES (11, NULL, 1)");
    other.run("DELETE FROM t WHERE id = 11");
    assert_eq!(database.content(), before);
}

#[test]
fn a_reader_that_ends_lets_the_commit_through() {
    let database = Database::new("delete", &rows(10));
    let mut other = database.other();
    other.run("BEGIN");
    other.run("SELECT * FROM t");
    let freeing = Freeing(RefCell::new(&mut other), RefCell::default());
    let plan = plan(vec![together(vec![rebuilt()])]);
    database.apply_with(&plan, &Options::default(), &freeing, &Cancel::new()).unwrap();
    assert_eq!(*freeing.1.borrow(), [FileWait::Commit]);
    assert!(other.tries("INSERT INTO t VALUES (11, NULL, 1)").contains("NOT NULL"));
}

#[test]
fn what_stands_outside_a_transaction_waits_too() {
    let database = Database::new("delete", &rows(10));
    let mut other = database.other();
    other.run("BEGIN");
    other.run("SELECT * FROM t");
    let alone = crate::support::alone(crate::support::step("s001", &["PRAGMA user_version = 1", "VACUUM"]));
    let error = database.apply_with(&plan(vec![alone]), &hasty(), &Silent, &Cancel::new()).unwrap_err();
    let SqliteError::Locked(locked) = &error else { panic!("{error}") };
    assert_eq!((locked.waits, locked.holders[0].pid), (FileWait::Statement, other.pid));
}

#[test]
fn a_person_can_stop_the_wait() {
    let database = Database::new("delete", &rows(10));
    let mut other = database.other();
    other.run("BEGIN IMMEDIATE");
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let plan = plan(vec![together(vec![rebuilt()])]);
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(Duration::from_millis(150));
            stop.cancel();
        });
        database.apply_with(&plan, &Options::default(), &Silent, &cancel).unwrap_err()
    });
    assert!(matches!(&error, SqliteError::Interrupted { .. }) && error.stopped_on_the_way(), "{error}");
}
