//! Runs that are stopped: by a person, or by a kill at any moment.

use crate::support::{Database, plan, rebuilt, rows, step, together};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use underpin_connect::SqliteFile;
use underpin_executor::sqlite::{Checks, SqliteError, apply};
use underpin_executor::{Cancel, CopyProgress, Copying, Options, Progress, Silent};
use underpin_model::{Plan, Step};

/// Says for another process which file is to be changed.
const FILE: &str = "UNDERPIN_TEST_FILE";

fn road() -> Plan {
    plan(vec![together(vec![rebuilt(), step("s002", &["CREATE INDEX i ON t (b, a)"])])])
}

/// Says on stdout what goes on.
struct Loud;

impl Progress for Loud {
    fn step_started(&self, step: &Step, _: u32) {
        println!("\nat {}", step.id);
    }
    fn copy_progress(&self, _: &Step, progress: &CopyProgress) {
        if progress.doing == Copying::Committing {
            println!("\nat commit");
        }
    }
}

/// What the other process of the next test does; without that, there is nothing to look at.
#[test]
fn the_process_that_is_killed() {
    let Some(file) = std::env::var_os(FILE) else { return };
    let mut connection = SqliteFile::at(Path::new(&file)).open_to_write().unwrap();
    let checks = Checks { check: &mut |_| Ok(()), verify: &mut |_| Ok(()) };
    apply(&mut connection, &road(), checks, &Options::default(), &Loud, &Cancel::new()).unwrap();
    println!("\nat end");
}

/// Runs the plan in another process, and kills it so long after it has come to a place. Whether it had not ended by then.
fn kill(database: &Database, place: &str, after: Duration) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stops::the_process_that_is_killed", "--nocapture"])
        .env(FILE, database.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == place), "it never came to {place}");
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    !lines.any(|line| line.is_ok_and(|line| line == "at end"))
}

#[test]
fn a_kill_leaves_the_old_schema_or_the_new_one() {
    for mode in ["delete", "wal"] {
        let moments = [("at s001", 0), ("at s001", 30), ("at s002", 0), ("at s002", 15), ("at commit", 0)];
        let in_commit = [1, 2, 4, 7, 12, 20].map(|n| ("at commit", n));
        let mut killed = 0;
        for (place, after) in moments.into_iter().chain(in_commit) {
            let database = Database::new(mode, &rows(15_000));
            killed += usize::from(kill(&database, place, Duration::from_millis(after)));
            // Whoever reads next takes back what there is to take back.
            let file = SqliteFile::at(database.path());
            let connection = file.open_to_read().unwrap();
            let value = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
            let not_null = value("SELECT \"notnull\" FROM pragma_table_info('t') WHERE name = 'a'");
            let objects = value("SELECT count(*) FROM sqlite_schema");
            assert!((not_null, objects) == (0, 1) || (not_null, objects) == (1, 2), "{mode} {place} {after}");
            assert_eq!(value("SELECT count(*) FROM t"), 15_000, "{mode} {place} {after}");
            assert_eq!(value("SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1, "{mode} {place} {after}");
            drop(connection);
            if not_null == 0 {
                database.apply_with(&road(), &Options::default(), &Silent, &Cancel::new()).unwrap();
            }
        }
        // On a busy machine some come too late.
        assert!(killed >= 2, "{mode}: {killed}");
    }
}

/// Stops the run where it comes to a place.
struct Stopper<'a>(&'a Cancel, &'static str);

impl Progress for Stopper<'_> {
    fn step_started(&self, step: &Step, _: u32) {
        if step.id == self.1 {
            self.0.cancel();
        }
    }
    fn copy_progress(&self, _: &Step, progress: &CopyProgress) {
        if format!("{:?}", progress.doing) == self.1 {
            self.0.cancel();
        }
    }
}

#[test]
fn a_person_stops_it_and_nothing_remains() {
    for mode in ["delete", "wal"] {
        let database = Database::new(mode, &rows(60_000));
        let before = database.content();
        let slow = "\"id\", hex(randomblob(length(\"a\") * 400)), \"b\"";
        let columns = "(id INTEGER PRIMARY KEY, a TEXT NOT NULL, b INTEGER)";
        let slow = crate::support::rebuild("s001", "t", columns, "\"id\", \"a\", \"b\"", slow);
        for (place, steps) in [
            ("s001", vec![rebuilt()]),
            ("s002", vec![rebuilt(), step("s002", &["CREATE INDEX i ON t (b, a)"])]),
            ("Rows", vec![slow.clone()]),
        ] {
            let cancel = Cancel::new();
            let plan = plan(vec![together(steps)]);
            let error = database.apply_with(&plan, &Options::default(), &Stopper(&cancel, place), &cancel).unwrap_err();
            assert!(matches!(&error, SqliteError::Interrupted { .. }), "{mode} {place}: {error}");
            assert!(error.to_string().starts_with("interrupted. Nothing was committed by this run"), "{error}");
            assert_eq!(database.content(), before, "{mode} {place}");
        }
    }
}

#[test]
fn what_is_committed_stays_where_it_is_stopped_later() {
    let database = Database::new("wal", &rows(20_000));
    let cancel = Cancel::new();
    let outcome = database.apply_with(&road(), &Options::default(), &Stopper(&cancel, "Committing"), &cancel);
    // Asked in the last moment, it is stopped before the commit.
    assert!(matches!(outcome, Err(SqliteError::Interrupted { .. })), "{outcome:?}");
    let cancel = Cancel::new();
    let outcome = database.apply_with(&road(), &Options::default(), &Stopper(&cancel, "Checkpoint"), &cancel).unwrap();
    assert_eq!(outcome.steps_run, 2);
    assert_eq!(database.value("SELECT count(*) FROM t"), "20000");
}
