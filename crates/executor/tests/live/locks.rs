//! Locks that others hold, and a second run.

use crate::support::*;
use std::thread;
use std::time::{Duration, Instant};
use underpin_executor::{ADVISORY_CLASS, Cancel, ExecutorError, Options};
use underpin_model::{LockMode, Plan, RelationLock, Run};

fn add_column() -> Plan {
    let mut change = step("s002", Run::Locked, &["ALTER TABLE public.t ADD COLUMN b int"]);
    change.locks = vec![RelationLock { relation: "public.t".to_owned(), mode: LockMode::AccessExclusive }];
    plan(vec![together(vec![step("s001", Run::Sql, &["CREATE TABLE public.u ()"]), change])])
}

#[test]
fn a_lock_is_tried_again_until_its_holder_goes() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut reader = db.connect();
    reader.batch_execute("BEGIN; SELECT FROM public.t").unwrap();
    let goes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(600));
        reader.batch_execute("COMMIT").unwrap();
    });
    let told = Recorder::default();
    let options = Options { lock_budget: Duration::from_secs(20), ..hasty() };
    // Its locks are not known before, so that nobody can look who holds them.
    let mut plan = add_column();
    plan.stages[0].batches[0].steps[1].locks.clear();
    let outcome = db.apply_with(&plan, &options, &told, &Cancel::new()).unwrap();
    goes.join().unwrap();
    assert_eq!((outcome.steps_run, outcome.batches), (2, 1));
    assert!(outcome.waited >= Duration::from_millis(200), "{:?}", outcome.waited);
    assert!(told.has("blocked s002 pid"), "{:?}", told.0);
    assert!(told.has("waiting s002 1 "), "{:?}", told.0);
    assert!(told.has("start s001 2"), "the whole batch is tried again: {:?}", told.0);
    assert_eq!(db.journal(), ["s001 done", "s002 done"]);
}

#[test]
fn a_used_up_budget_names_who_was_in_the_way() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut reader = db.connect();
    reader.batch_execute("SET application_name = 'report'; BEGIN; SELECT 1 FROM public.t").unwrap();
    // One that has only just begun may go soon, and would be tried.
    std::thread::sleep(Duration::from_millis(300));
    // Whose locks are known asks for none in vain; the other asks again and again.
    for known in [true, false] {
        let mut plan = add_column();
        plan.stages[0].batches[0].steps[1].timeouts.lock_ms = 50;
        if !known {
            plan.stages[0].batches[0].steps[1].locks.clear();
        }
        let start = Instant::now();
        let told = Recorder::default();
        let error = db.apply_with(&plan, &hasty(), &told, &Cancel::new()).unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(10));
        let ExecutorError::Locks(failure) = &error else { panic!("{error}") };
        assert_eq!(failure.attempts == 0, known, "{failure:?}");
        assert!(failure.waited >= Duration::from_millis(700), "{failure:?}");
        assert!(!known || told.has("blocked s002 pid"), "{:?}", told.0);
        assert!(known || failure.attempts > 1);
        assert_eq!(failure.blockers.len(), 1, "{failure:?}");
        let blocker = &failure.blockers[0];
        assert_eq!((blocker.application.as_str(), blocker.state.as_str()), ("report", "idle in transaction"));
        assert!(blocker.query.ends_with("SELECT 1 FROM public.t"), "{blocker}");
        assert!(error.stopped_on_the_way());
        assert!(error.to_string().contains("application \"report\""), "{error}");
        assert!(!db.table_exists("u"));
    }
}

#[test]
fn a_prepared_transaction_is_named() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    db.run("BEGIN; INSERT INTO public.t VALUES (1); PREPARE TRANSACTION 'forgotten'");
    let error = db.apply(&add_column(), &hasty()).unwrap_err();
    db.run("ROLLBACK PREPARED 'forgotten'");
    assert!(error.to_string().contains("PREPARE TRANSACTION 'forgotten'"), "{error}");
}

#[test]
fn a_deadlock_is_tried_again() {
    let db = Database::new();
    db.run("CREATE TABLE public.a (x int); CREATE TABLE public.b (x int)");
    let mut plan = plan(vec![together(vec![
        step("s001", Run::Locked, &["LOCK TABLE public.a IN ACCESS EXCLUSIVE MODE", "SELECT pg_sleep(0.5)"]),
        step("s002", Run::Locked, &["ALTER TABLE public.b ADD COLUMN y int"]),
    ])]);
    // Longer than deadlock_timeout, so that the server finds the circle; it was we who waited last.
    plan.stages[0].batches[0].steps[0].timeouts.lock_ms = 8000;
    let mut other = db.connect();
    other.batch_execute("SET deadlock_timeout = '1min'; BEGIN; LOCK TABLE public.b IN ACCESS SHARE MODE").unwrap();
    let second = thread::spawn(move || {
        thread::sleep(Duration::from_millis(250));
        other.batch_execute("LOCK TABLE public.a IN ACCESS SHARE MODE; COMMIT").unwrap();
    });
    let told = Recorder::default();
    let options = Options { lock_budget: Duration::from_secs(30), ..Options::default() };
    db.apply_with(&plan, &options, &told, &Cancel::new()).unwrap();
    second.join().unwrap();
    assert!(told.has("waiting s002 1"), "{:?}", told.0);
}

#[test]
fn a_second_run_is_told_who_is_first() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let hold = format!(
        "SET application_name = 'the first'; SELECT pg_advisory_lock({ADVISORY_CLASS}, \
         (SELECT oid::bigint::bit(32)::int FROM pg_database WHERE datname = current_database()))"
    );
    let mut first = db.connect();
    first.batch_execute(&hold).unwrap();
    let start = Instant::now();
    let error = db.apply(&add_column(), &Options::default()).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(3));
    let ExecutorError::Busy { holder: Some(holder), .. } = &error else { panic!("{error}") };
    assert_eq!(holder.application, "the first");
    assert!(holder.since.starts_with("20"), "{holder:?}");
    assert!(error.stopped_on_the_way());
    assert_eq!(db.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'underpin'"), "0");

    let goes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(400));
        drop(first);
    });
    let options = Options { second_run_wait: Duration::from_secs(20), ..Options::default() };
    db.apply(&add_column(), &options).unwrap();
    goes.join().unwrap();
    // And it gives the lock back.
    assert_eq!(db.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"), "0");
}

#[test]
fn a_concurrent_build_is_not_cut_short_by_a_wait() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut writer = db.connect();
    writer.batch_execute("BEGIN; INSERT INTO public.t VALUES (1)").unwrap();
    let goes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1200));
        writer.batch_execute("COMMIT").unwrap();
    });
    let mut build = step("s001", Run::Build, &["CREATE INDEX CONCURRENTLY i ON public.t (a)"]);
    build.timeouts.lock_ms = 50;
    build.timeouts.statement_ms = 50;
    let told = Recorder::default();
    db.apply_with(&plan(vec![alone(build)]), &hasty(), &told, &Cancel::new()).unwrap();
    goes.join().unwrap();
    assert!(told.has("blocked s001 pid"), "{:?}", told.0);
    assert!(told.has("building s001 waiting for writers before build"), "{:?}", told.0);
}
