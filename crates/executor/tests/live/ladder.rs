//! Strong locks: what others feel of them.

use crate::support::*;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use underpin_executor::{Cancel, ExecutorError, FailureKind, Options};
use underpin_model::{LockMode, Plan, Run, Step, Work};

fn add(column: &str) -> Step {
    let sql = format!("ALTER TABLE public.t ADD COLUMN {column} int");
    locking("s001", "public.t", LockMode::AccessExclusive, &[&sql])
}

fn one(step: Step) -> Plan {
    plan(vec![together(vec![step])])
}

/// Runs `work` while sessions of an application read `public.t` all the time; the longest that one of them waited.
fn longest_read(db: &Database, work: impl FnOnce()) -> Duration {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let read = || {
            let mut client = db.connect();
            let mut longest = Duration::ZERO;
            while !over.load(Ordering::SeqCst) {
                let start = Instant::now();
                client.batch_execute("SELECT FROM public.t LIMIT 1").unwrap();
                longest = longest.max(start.elapsed());
                thread::sleep(Duration::from_millis(2));
            }
            longest
        };
        let readers = [scope.spawn(read), scope.spawn(read)];
        // A failure in it must not leave them reading for ever.
        let result = catch_unwind(AssertUnwindSafe(work));
        over.store(true, Ordering::SeqCst);
        if let Err(failure) = result {
            resume_unwind(failure);
        }
        readers.into_iter().map(|r| r.join().unwrap()).max().unwrap()
    })
}

#[test]
fn nobody_queues_behind_a_wait_for_a_long_reader() {
    let db = Database::new();
    let user = format!("plain_{}", db.name);
    db.run(&format!(
        "CREATE TABLE public.t (a int); CREATE ROLE {user} LOGIN; GRANT ALL ON SCHEMA public TO {user};
         ALTER TABLE public.t OWNER TO {user}"
    ));
    let mut report = db.connect();
    report.batch_execute("BEGIN; SELECT FROM public.t").unwrap();
    let options = Options { lock_budget: Duration::from_secs(3), ..Options::default() };
    // The owner of the table sees neither what others run nor since when.
    for user in [db.server().superuser(), &user] {
        let longest = longest_read(&db, || {
            thread::sleep(Duration::from_millis(100));
            let error = underpin_executor::apply(
                &mut db.connect_as(user),
                &|| Ok(db.connect_as(user)),
                &one(add("b")),
                &mut |_, _| Ok(None),
                &options,
                &underpin_executor::Silent,
                &Cancel::new(),
            )
            .unwrap_err();
            let ExecutorError::Locks(failure) = &error else { panic!("{error}") };
            // Those who read for an instant may be among them.
            assert!(!failure.blockers.is_empty(), "{error}");
        });
        // A wait as long as `lock_timeout` would be one second.
        assert!(longest < Duration::from_millis(500), "{longest:?}");
    }
}

#[test]
fn a_gap_between_long_readers_is_found() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut report = db.connect();
            while !over.load(Ordering::SeqCst) {
                report.batch_execute("BEGIN; SELECT FROM public.t; SELECT pg_sleep(1.5); COMMIT").unwrap();
                thread::sleep(Duration::from_millis(150));
            }
        });
        db.wait_for(
            "EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database())",
        );
        let options = Options { lock_budget: Duration::from_secs(30), ..Options::default() };
        let told = Recorder::default();
        let result = db.apply_with(&one(add("b")), &options, &told, &Cancel::new());
        over.store(true, Ordering::SeqCst);
        let outcome = result.unwrap();
        assert!(outcome.waited > Duration::from_millis(300), "{outcome:?}");
        let tries = told.0.borrow().iter().filter(|l| l.starts_with("waiting")).count();
        assert!(tries <= 2, "{:?}", told.0);
    });
}

#[test]
fn an_autovacuum_is_sent_away_and_readers_feel_nothing() {
    let db = Database::with(&[
        ("autovacuum", "on"),
        ("track_counts", "on"),
        ("autovacuum_naptime", "1s"),
        ("autovacuum_vacuum_cost_delay", "100ms"),
        ("autovacuum_vacuum_cost_limit", "1"),
    ]);
    db.run(
        "CREATE TABLE public.t (a int, b text) WITH (autovacuum_vacuum_threshold = 1, autovacuum_vacuum_scale_factor = 0);
         INSERT INTO public.t SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n; DELETE FROM public.t WHERE a % 2 = 0",
    );
    db.wait_for("EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'autovacuum: VACUUM%public.t%')");
    let start = Instant::now();
    let longest = longest_read(&db, || {
        let outcome = db.apply(&one(add("c")), &Options::default()).unwrap();
        assert!(outcome.longest_hold < Duration::from_millis(900), "{outcome:?}");
    });
    // The server sends it away after deadlock_timeout, 1 s.
    assert!(start.elapsed() > Duration::from_millis(900), "there was an autovacuum: {:?}", start.elapsed());
    assert!(longest < Duration::from_millis(600), "{longest:?}");
}

#[test]
fn locks_do_not_wait_for_standbys_to_commit() {
    let db = Database::new();
    db.run(&format!("ALTER DATABASE {} SET synchronous_commit = remote_apply", db.name));
    db.run(
        "CREATE TABLE public.t (a int); CREATE TABLE public.seen (what text);
         CREATE FUNCTION public.note() RETURNS event_trigger LANGUAGE plpgsql AS $$BEGIN
            INSERT INTO public.seen VALUES (tg_tag || ' ' || current_setting('synchronous_commit')); END$$;
         CREATE EVENT TRIGGER note ON ddl_command_end WHEN tag IN ('ALTER TABLE', 'CREATE VIEW') EXECUTE FUNCTION public.note()",
    );
    let view = step("s002", Run::Sql, &["CREATE VIEW public.v AS SELECT 1 AS x"]);
    db.apply(&plan(vec![together(vec![add("b")]), together(vec![view])]), &Options::default()).unwrap();
    let seen = db.value("SELECT string_agg(what, ', ') FROM public.seen");
    db.run("DROP EVENT TRIGGER note");
    assert_eq!(seen, "ALTER TABLE local, CREATE VIEW remote_apply");
}

#[test]
fn a_step_planned_as_instant_does_not_hold_its_lock_for_long() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let lock = "LOCK TABLE public.t IN ACCESS EXCLUSIVE MODE";
    let slow = |work| {
        let step = locking("s001", "public.t", LockMode::AccessExclusive, &[lock, "SELECT pg_sleep(8)"]);
        one(Step { work, ..step })
    };
    let start = Instant::now();
    let error = db.apply(&slow(Work::Instant), &Options::default()).unwrap_err();
    assert!(matches!(&error, ExecutorError::Step(f) if f.kind == FailureKind::TimeLimit), "{error}");
    // Two attempts, each of which is stopped after two seconds.
    assert!(start.elapsed() < Duration::from_millis(7600), "{:?}", start.elapsed());
    db.apply(&slow(Work::Scan), &Options::default()).unwrap();
}

#[test]
fn of_many_statements_in_one_message_the_failed_one_is_named() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let exclusive = LockMode::AccessExclusive;
    let steps = vec![
        step("s001", Run::Sql, &["CREATE TABLE public.u ()"]),
        locking("s002", "public.t", exclusive, &["ALTER TABLE public.t ADD COLUMN b int -- a comment", "SELECT 1"]),
        step("s003", Run::Sql, &["SELECT 2", "CREATE VIEW public.v AS SELECT nope FROM public.t"]),
        step("s004", Run::Sql, &["SELECT 3"]),
    ];
    let error = db.apply(&plan(vec![together(steps.clone())]), &Options::default()).unwrap_err();
    let ExecutorError::Step(failure) = &error else { panic!("{error}") };
    assert_eq!((failure.step.as_str(), failure.code.as_str()), ("s003", "42703"));
    assert_eq!(failure.statement, "CREATE VIEW public.v AS SELECT nope FROM public.t");
    assert_eq!(failure.left.undone, ["s001", "s002", "s003", "s004"]);
    assert_eq!(db.journal(), ["s003 failed"]);
    db.run("DELETE FROM underpin.journal; ALTER TABLE public.t ADD COLUMN nope int");
    let told = Recorder::default();
    db.apply_with(&plan(vec![together(steps)]), &Options::default(), &told, &Cancel::new()).unwrap();
    assert_eq!(db.journal(), ["s001 done", "s002 done", "s003 done", "s004 done"]);
    let started: Vec<String> = told.0.borrow().iter().filter(|l| l.starts_with("start")).cloned().collect();
    assert_eq!(started, ["start s001 1", "start s002 1", "start s003 1", "start s004 1"], "{:?}", told.0);
}

#[test]
fn a_deferred_constraint_in_one_message_is_an_error_of_the_commit() {
    let db = Database::new();
    db.run("CREATE TABLE public.p (a int PRIMARY KEY); CREATE TABLE public.t (a int REFERENCES public.p INITIALLY DEFERRED)");
    let insert = step("s002", Run::Sql, &["INSERT INTO public.t VALUES (7)"]);
    let error = db.apply(&plan(vec![together(vec![add("b"), insert])]), &Options::default()).unwrap_err();
    let ExecutorError::Step(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.code, "23503", "{error}");
    assert_eq!(
        db.value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attname = 'b'"),
        "0"
    );
}

#[test]
fn what_lock_table_does_not_take_is_locked_by_the_statement() {
    let db = Database::new();
    let user = format!("plain_{}", db.name);
    db.run(&format!(
        "CREATE ROLE {user} LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO {user};
         CREATE TABLE public.p (a int PRIMARY KEY); GRANT REFERENCES ON public.p TO {user};
         CREATE TABLE public.c (a int); CREATE VIEW public.v AS SELECT a FROM public.p; CREATE SEQUENCE public.s;
         ALTER TABLE public.c OWNER TO {user}; ALTER VIEW public.v OWNER TO {user}; ALTER SEQUENCE public.s OWNER TO {user};
         INSERT INTO public.p VALUES (1)"
    ));
    // Locked as views are, this would lock the table that the view reads.
    let mut reader = db.connect();
    reader.batch_execute("BEGIN; SELECT FROM public.p").unwrap();
    let share = LockMode::ShareRowExclusive;
    let mut key = locking(
        "s001",
        "public.c",
        share,
        &["ALTER TABLE public.c ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.p NOT VALID"],
    );
    key.locks.extend(locking("", "public.p", share, &[]).locks);
    let steps = vec![
        key,
        locking("s002", "public.v", LockMode::AccessExclusive, &["ALTER TABLE public.v RENAME COLUMN a TO b"]),
        locking("s003", "public.s", share, &["ALTER SEQUENCE public.s INCREMENT 2"]),
        locking("s004", "public.not_there", share, &["SELECT 1"]),
    ];
    underpin_executor::apply(
        &mut db.connect_as(&user),
        &|| Ok(db.connect_as(&user)),
        &plan(vec![together(steps)]),
        &mut |_, _| Ok(None),
        &hasty(),
        &underpin_executor::Silent,
        &Cancel::new(),
    )
    .unwrap();
}

/// What shall be an instant's work under a strong lock is stopped where it is none, and tried again: a machine may have stood still.
/// What comes before the lock is in nobody's way and takes its time.
#[test]
fn an_instant_that_takes_long_is_tried_again() {
    for (slow, code) in [(1, None), (10, Some("57014"))] {
        let db = Database::new();
        db.run(&format!(
            "CREATE TABLE public.t (a int); CREATE SEQUENCE public.calls; CREATE SCHEMA here;
             CREATE FUNCTION public.slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
                 IF tg_tag = 'CREATE TABLE' OR nextval('public.calls') <= {slow} THEN PERFORM pg_sleep(2.5); END IF;
             END $$;
             CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE')
                 EXECUTE FUNCTION public.slow()"
        ));
        let before = code.is_none().then(|| step("s000", Run::Locked, &["CREATE TABLE here.u ()"]));
        let steps = before.into_iter().chain([add("b")]).collect();
        let ran = db.apply(&plan(vec![together(steps)]), &Options::default());
        match code {
            None => assert!(ran.is_ok(), "{ran:?}"),
            Some(code) => assert!(format!("{:?}", ran.unwrap_err()).contains(code)),
        }
    }
}
