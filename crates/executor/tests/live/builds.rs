//! What runs beside the traffic: leftovers, repairs, limits.

use crate::support::*;
use std::thread;
use std::time::Duration;
use underpin_executor::{BuildProblem, Cancel, ExecutorError, Options};
use underpin_model::{Plan, Run};

const VALID: &str = "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = 'public.i'::regclass";

fn build(sql: &str) -> Plan {
    plan(vec![alone(step("s001", Run::Build, &[sql, "COMMENT ON INDEX public.i IS 'x'"]))])
}

/// A table whose index `i` was left invalid by a build that failed.
fn with_leftover() -> Database {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1), (1)");
    db.connect().batch_execute("CREATE UNIQUE INDEX CONCURRENTLY i ON public.t (a)").unwrap_err();
    db.run("DELETE FROM public.t");
    assert_eq!(db.value(VALID), "false");
    db
}

#[test]
fn an_invalid_leftover_is_built_anew() {
    for exists in ["", "IF NOT EXISTS "] {
        let db = with_leftover();
        let sql = format!("CREATE UNIQUE INDEX CONCURRENTLY {exists}i ON public.t (a)");
        db.apply(&build(&sql), &Options::default()).unwrap();
        assert_eq!(db.value(VALID), "true");
        assert_eq!(db.value("obj_description('public.i'::regclass)"), "x");
        assert_eq!(db.journal(), ["s001 started", "s001 done"]);
    }
}

#[test]
fn a_valid_index_is_done_where_it_is_the_same_and_in_the_way_where_not() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int, b text); CREATE INDEX i ON public.t (a, lower(b)) WHERE a > 0");
    let oid = db.value("'public.i'::regclass::oid");
    let same = "CREATE INDEX CONCURRENTLY i ON public.t USING btree (a, lower(b)) WHERE (a > 0)";
    db.apply(&build(same), &Options::default()).unwrap();
    assert_eq!(db.value("'public.i'::regclass::oid"), oid);
    for other in
        ["CREATE INDEX CONCURRENTLY i ON public.t (b)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON public.t (b)"]
    {
        let error = db.apply(&build(other), &Options::default()).unwrap_err();
        assert!(matches!(&error, ExecutorError::Build { problem: BuildProblem::Taken { .. }, .. }), "{error}");
        assert!(error.to_string().contains("is there and valid, but is another index: CREATE INDEX i ON"), "{error}");
    }
}

#[test]
fn a_build_of_another_session_is_not_taken_away() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut writer = db.connect();
    writer.batch_execute("BEGIN; INSERT INTO public.t VALUES (1)").unwrap();
    let mut other = db.connect();
    let builds = thread::spawn(move || other.batch_execute("CREATE INDEX CONCURRENTLY i ON public.t (a)").unwrap());
    db.wait_for("EXISTS (SELECT FROM pg_index WHERE NOT indisvalid)");
    let error = db.apply(&build("CREATE INDEX CONCURRENTLY i ON public.t (a)"), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("another session is building public.i now"), "{error}");
    assert!(error.stopped_on_the_way());
    writer.batch_execute("COMMIT").unwrap();
    builds.join().unwrap();
    db.apply(&build("CREATE INDEX CONCURRENTLY i ON public.t (a)"), &Options::default()).unwrap();
}

#[test]
fn a_build_tells_whose_transaction_it_waits_for() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let mut writer = db.connect();
    writer.batch_execute("SET application_name = 'the writer'; BEGIN; INSERT INTO public.t VALUES (1)").unwrap();
    let goes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(1200));
        writer.batch_execute("COMMIT").unwrap();
    });
    let told = Recorder::default();
    let plan = build("CREATE INDEX CONCURRENTLY i ON public.t (a)");
    db.apply_with(&plan, &hasty(), &told, &Cancel::new()).unwrap();
    goes.join().unwrap();
    let lines = told.0.borrow();
    assert!(lines.iter().any(|l| l.starts_with("building") && l.contains("\"the writer\"")), "{lines:?}");
}

#[test]
fn no_limit_of_the_database_cuts_a_validation_or_a_build_short() {
    let db = Database::new();
    db.run(
        "CREATE FUNCTION public.slow(int) RETURNS bool IMMUTABLE LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.3); RETURN true; END$$;
         CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1);
         ALTER TABLE public.t ADD CONSTRAINT c CHECK (public.slow(a)) NOT VALID",
    );
    db.run(&format!(
        "ALTER DATABASE {0} SET statement_timeout = '100ms'; ALTER DATABASE {0} SET lock_timeout = '10ms'",
        db.name
    ));
    let mut validate = step("s001", Run::Build, &["ALTER TABLE public.t VALIDATE CONSTRAINT c"]);
    validate.timeouts.statement_ms = 50;
    let index = step("s002", Run::Build, &["CREATE INDEX CONCURRENTLY i ON public.t (public.slow(a))"]);
    db.apply(&plan(vec![together(vec![validate]), alone(index)]), &Options::default()).unwrap();
    assert_eq!(db.value(VALID), "true");
}

#[test]
fn a_drop_that_stopped_midway_is_finished() {
    let db = with_leftover();
    let drop = plan(vec![alone(step("s001", Run::Build, &["DROP INDEX CONCURRENTLY public.i"]))]);
    db.apply(&drop, &Options::default()).unwrap();
    assert_eq!(db.value("to_regclass('public.i') IS NULL"), "true");
}

#[test]
fn a_partition_that_is_half_detached_is_finished() {
    let db = Database::new();
    if db.value("current_setting('server_version_num')::int < 140000") == "true" {
        return;
    }
    db.run(
        "CREATE TABLE public.p (a int) PARTITION BY LIST (a);
         CREATE TABLE public.one PARTITION OF public.p FOR VALUES IN (1)",
    );
    let detach = "ALTER TABLE public.p DETACH PARTITION public.one CONCURRENTLY";
    let mut reader = db.connect();
    reader.batch_execute("BEGIN; SELECT FROM public.p").unwrap();
    let mut other = db.connect();
    let stopped = thread::spawn(move || other.batch_execute(detach).is_err());
    db.wait_for("EXISTS (SELECT FROM pg_inherits WHERE inhdetachpending)");
    db.run("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE 'ALTER TABLE public.p DETACH%' AND datname = current_database()");
    assert!(stopped.join().unwrap());
    reader.batch_execute("COMMIT").unwrap();
    let mut writer = db.connect();
    writer.batch_execute("BEGIN; SELECT FROM public.one").unwrap();
    let goes = thread::spawn(move || {
        thread::sleep(Duration::from_millis(600));
        writer.batch_execute("COMMIT").unwrap();
    });
    db.apply(&plan(vec![alone(step("s001", Run::Build, &[detach]))]), &hasty()).unwrap();
    goes.join().unwrap();
    assert_eq!(db.value("SELECT count(*) FROM pg_inherits WHERE inhparent = 'public.p'::regclass"), "0");
}
