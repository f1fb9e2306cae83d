//! A person's interruption, and connections that break.

use crate::support::*;
use std::thread;
use std::time::{Duration, Instant};
use underpin_executor::{Cancel, ExecutorError, Options};
use underpin_model::{LockMode, Plan, Run};

const NO_LOCK: &str = "SELECT NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND database = \
                       (SELECT oid FROM pg_database WHERE datname = current_database()))";

fn sleeper() -> Plan {
    plan(vec![
        together(vec![step("s001", Run::Sql, &["CREATE TABLE public.early ()"])]),
        together(vec![
            step("s002", Run::Sql, &["CREATE TABLE public.late ()"]),
            step("s003", Run::Sql, &["SELECT pg_sleep(60)"]),
        ]),
    ])
}

/// Runs `sql` once a session of the plan sleeps.
fn once_asleep(db: &Database, then: impl FnOnce() + Send, run: impl FnOnce()) {
    thread::scope(|scope| {
        scope.spawn(|| {
            db.wait_for("EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'underpin' AND wait_event = 'PgSleep' AND datname = current_database())");
            then();
        });
        run();
    });
}

#[test]
fn an_interruption_cancels_the_statement_and_says_what_is_there() {
    let db = Database::new();
    let cancel = Cancel::new();
    let start = Instant::now();
    once_asleep(
        &db,
        || cancel.cancel(),
        || {
            let error = db.apply_with(&sleeper(), &Options::default(), &Recorder::default(), &cancel).unwrap_err();
            let ExecutorError::Interrupted { left } = &error else { panic!("{error}") };
            assert_eq!(left.committed, ["s001"]);
            assert_eq!(left.undone, ["s002", "s003"]);
            assert!(error.stopped_on_the_way());
        },
    );
    assert!(start.elapsed() < Duration::from_secs(20));
    assert!(db.table_exists("early") && !db.table_exists("late"));
    db.wait_for(NO_LOCK);
}

#[test]
fn an_interruption_ends_a_wait_for_locks() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut reader = db.connect();
    reader.batch_execute("BEGIN; SELECT FROM public.t").unwrap();
    let plan = plan(vec![together(vec![step("s001", Run::Locked, &["ALTER TABLE public.t ADD COLUMN b int"])])]);
    let cancel = Cancel::new();
    let (stop, start) = (cancel.clone(), Instant::now());
    let stops = thread::spawn(move || {
        thread::sleep(Duration::from_millis(700));
        stop.cancel();
    });
    let error = db.apply_with(&plan, &Options::default(), &Recorder::default(), &cancel).unwrap_err();
    stops.join().unwrap();
    assert!(matches!(error, ExecutorError::Interrupted { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn an_interrupted_concurrent_build_names_its_index() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut writer = db.connect();
    writer.batch_execute("BEGIN; INSERT INTO public.t VALUES (1)").unwrap();
    let build = step("s001", Run::Build, &["CREATE INDEX CONCURRENTLY i ON public.t (a)"]);
    let cancel = Cancel::new();
    let error = thread::scope(|scope| {
        scope.spawn(|| {
            db.wait_for("EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)");
            cancel.cancel();
        });
        db.apply_with(&plan(vec![alone(build)]), &Options::default(), &Recorder::default(), &cancel).unwrap_err()
    });
    let ExecutorError::Interrupted { left } = &error else { panic!("{error}") };
    assert_eq!(left.invalid_indexes, ["public.i"]);
    assert_eq!(db.journal(), ["s001 started", "s001 failed"]);
}

#[test]
fn a_run_that_was_stopped_before_does_nothing() {
    let db = Database::new();
    let cancel = Cancel::new();
    cancel.cancel();
    let error = db.apply_with(&sleeper(), &Options::default(), &Recorder::default(), &cancel).unwrap_err();
    assert!(matches!(error, ExecutorError::Interrupted { .. }), "{error}");
    assert!(!db.table_exists("early"));
}

#[test]
fn a_broken_connection_is_told_and_leaves_nothing_half_done() {
    let db = Database::new();
    let kill = || {
        db.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    };
    once_asleep(&db, kill, || {
        let error = db.apply(&sleeper(), &Options::default()).unwrap_err();
        let ExecutorError::ConnectionLost { step, left, .. } = &error else { panic!("{error}") };
        assert_eq!(step, "s003");
        assert_eq!((left.undone.len(), left.unsure.len()), (2, 0));
        assert!(error.stopped_on_the_way());
    });
    assert!(!db.table_exists("late"));
    db.wait_for(NO_LOCK);
}

#[test]
fn a_connection_that_breaks_in_one_message_leaves_it_unsure() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let kill = || {
        db.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()");
    };
    // The message ends with the commit: how far the server came before it broke cannot be known.
    let sql = ["ALTER TABLE public.t ADD COLUMN b int", "SELECT pg_sleep(1.9)"];
    let step = locking("s001", "public.t", LockMode::AccessExclusive, &sql);
    once_asleep(&db, kill, || {
        let error = db.apply(&plan(vec![together(vec![step])]), &Options::default()).unwrap_err();
        let ExecutorError::ConnectionLost { left, .. } = &error else { panic!("{error}") };
        assert_eq!(left.unsure, ["s001"]);
        assert!(left.undone.is_empty());
    });
}

#[test]
fn a_lost_guard_stops_the_run_before_the_next_batch() {
    let db = Database::new();
    let plan = plan(vec![
        together(vec![step("s001", Run::Sql, &["SELECT pg_sleep(1)"])]),
        together(vec![step("s002", Run::Sql, &["CREATE TABLE public.late ()"])]),
    ]);
    let kill = || {
        db.run("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
    };
    once_asleep(&db, kill, || {
        let error = db.apply(&plan, &Options::default()).unwrap_err();
        let ExecutorError::GuardLost { left, .. } = &error else { panic!("{error}") };
        assert_eq!(left.committed, ["s001"]);
    });
    assert!(!db.table_exists("late"));
}
