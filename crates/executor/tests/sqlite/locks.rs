//! Other programs that read and write meanwhile.

use crate::support::{Database, Other, Recorder, hasty, plan, rebuilt, rows, together};
use rusqlite::Connection;
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use underpin_connect::Held;
use underpin_executor::sqlite::{Checks, SqliteError, apply};
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

/// Reads from another program whenever it is told of a wait.
struct Reading<'a>(RefCell<&'a mut Other>, Recorder);

impl Progress for Reading<'_> {
    fn file_locked(&self, step: &Step, waits: FileWait, holders: &[underpin_connect::LockHolder], waited: Duration) {
        self.0.borrow_mut().run("SELECT count(*) FROM t");
        self.1.file_locked(step, waits, holders, waited);
    }
}

#[test]
fn a_reader_that_stays_is_named_and_given_up_in_rollback_mode() {
    let database = Database::new("delete", &rows(10));
    let before = database.content();
    let (mut other, mut third) = (database.other(), database.other());
    other.run("BEGIN");
    other.run("SELECT * FROM t");
    // While it is waited, others begin to read.
    let reading = Reading(RefCell::new(&mut third), Recorder::default());
    let plan = plan(vec![together(vec![rebuilt()])]);
    let error = database.apply_with(&plan, &hasty(), &reading, &Cancel::new()).unwrap_err();
    let SqliteError::Locked(locked) = &error else { panic!("{error}") };
    assert_eq!(locked.waits, FileWait::Commit);
    let text = error.to_string();
    assert!(text.contains(&format!("pid {} ({}), which reads it", other.pid, command(&other))), "{text}");
    assert!(text.contains("PRAGMA journal_mode = WAL") && error.stopped_on_the_way(), "{text}");
    assert!(reading.1.has("locked s001 Commit pid"));
    // Its own lock is gone: others can read and write at once.
    assert_eq!(other.run("SELECT count(*) FROM t"), "[(10,)]");
    other.run("COMMIT");
    other.run("INSERT INTO t VALUES (11, NULL, 1)");
    other.run("DELETE FROM t WHERE id = 11");
    assert_eq!(database.content(), before);
}

/// Two programs, one of which reads at any time, neither of them all the time; until they are not let in.
fn read_in_turns(mut one: Other, mut two: Other, ended: &AtomicBool) -> u32 {
    let mut turns = 0;
    one.run("BEGIN");
    one.run("SELECT * FROM t");
    while !ended.load(Ordering::SeqCst) {
        two.run("BEGIN");
        let read = two.tries("SELECT count(*) FROM t");
        one.run("COMMIT");
        if read.contains("locked") {
            two.run("COMMIT");
            break;
        }
        std::mem::swap(&mut one, &mut two);
        turns += 1;
        std::thread::sleep(Duration::from_millis(3));
    }
    turns
}

#[test]
fn readers_who_take_turns_are_kept_out_for_a_moment() {
    let database = Database::new("delete", &rows(10));
    let plan = plan(vec![together(vec![rebuilt()])]);
    let ended = AtomicBool::new(false);
    let (one, two) = (database.other(), database.other());
    std::thread::scope(|scope| {
        let readers = scope.spawn(|| read_in_turns(one, two, &ended));
        std::thread::sleep(Duration::from_millis(50));
        let result = database.apply_with(&plan, &Options::default(), &Silent, &Cancel::new());
        ended.store(true, Ordering::SeqCst);
        assert!(readers.join().unwrap() > 0);
        result.unwrap();
    });
    assert!(database.other().tries("INSERT INTO t VALUES (11, NULL, 1)").contains("NOT NULL"));
}

/// Lets a reader of this process go when the step is begun for the third time.
struct Attempts(RefCell<Option<Connection>>, RefCell<u32>);

impl Progress for Attempts {
    fn step_started(&self, _: &Step, attempt: u32) {
        if attempt == 3 {
            self.0.take();
        }
        *self.1.borrow_mut() = attempt;
    }
}

#[test]
fn a_transaction_that_readers_keep_from_committing_is_run_again() {
    let database = Database::new("delete", &rows(10));
    let plan = plan(vec![together(vec![rebuilt()])]);
    // The locks of this process are not told, so that it is asked for the commit at once.
    let reader = || {
        let reader = database.connect();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        RefCell::new(Some(reader))
    };
    let seconds = |n| Options {
        lock_timeout: Duration::from_millis(50),
        lock_budget: Duration::from_secs(n),
        ..Options::default()
    };
    let attempts = Attempts(reader(), RefCell::default());
    let outcome = database.apply_with(&plan, &seconds(60), &attempts, &Cancel::new()).unwrap();
    assert_eq!((*attempts.1.borrow(), outcome.steps_run), (3, 1));
    assert!(outcome.waited >= Duration::from_millis(100), "{outcome:?}");
    let stays = reader();
    let error = database.apply_with(&plan, &seconds(1), &Silent, &Cancel::new()).unwrap_err();
    let SqliteError::Locked(locked) = &error else { panic!("{error}") };
    assert!(locked.waits == FileWait::Commit && locked.waited >= Duration::from_secs(1), "{error}");
    drop(stays);
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
fn who_has_it_for_himself_is_waited_for_too() {
    for mode in ["delete", "wal"] {
        let database = Database::new(mode, &rows(10));
        let mut connection = database.connect();
        let mut other = database.other();
        other.run("BEGIN EXCLUSIVE");
        let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
        let plan = plan(vec![together(vec![rebuilt()])]);
        let error = apply(&mut connection, &plan, checks, &hasty(), &Silent, &Cancel::new()).unwrap_err();
        let SqliteError::Locked(locked) = &error else { panic!("{error}") };
        assert_eq!((locked.waits, locked.holders[0].pid), (FileWait::Begin, other.pid));
    }
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
