//! Plans that go well, stages, phases, and statements that the server refuses.

use crate::support::*;
use std::cell::Cell;
use underpin_executor::{BoxError, Cancel, ChangedState, ExecutorError, FailureKind, Options, Phases, Silent};
use underpin_model::{Phase, Run};

#[test]
fn a_plan_is_run_and_told() {
    let db = Database::new();
    let plan = plan(vec![
        together(vec![
            step("s001", Run::Sql, &["CREATE TABLE public.t (a int)"]),
            step("s002", Run::Locked, &["ALTER TABLE public.t ADD COLUMN b int", "COMMENT ON TABLE public.t IS 'x'"]),
        ]),
        alone(step("s003", Run::Build, &["CREATE INDEX CONCURRENTLY i ON public.t (a)"])),
    ]);
    let told = Recorder::default();
    let outcome = db.apply_with(&plan, &Options::default(), &told, &Cancel::new()).unwrap();
    assert_eq!((outcome.steps_run, outcome.batches), (3, 2));
    assert!(outcome.warnings.is_empty() && outcome.left.is_empty());
    assert_eq!(db.value("SELECT indisvalid FROM pg_index WHERE indexrelid = 'public.i'::regclass"), "true");
    let expected = "plan 3|start s001 1|start s002 1|done s001|done s002|start s003 1|done s003|finished 3";
    assert_eq!(told.0.borrow().join("|"), expected);
}

#[test]
fn an_empty_plan_makes_nothing() {
    let db = Database::new();
    let again = || -> Result<postgres::Client, BoxError> { Err("no second session is needed".into()) };
    let outcome = underpin_executor::apply(
        &mut db.connect(),
        &again,
        &plan(vec![]),
        &mut |_, _| panic!("nothing to check"),
        &Options::default(),
        &Silent,
        &Cancel::new(),
    )
    .unwrap();
    assert_eq!(outcome.steps_run, 0);
    assert_eq!(db.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'underpin'"), "0");
}

#[test]
fn stages_are_checked_and_stop_at_a_gate() {
    let db = Database::new();
    let make = |name: &str| together(vec![step(name, Run::Sql, &[&format!("CREATE TABLE public.{name} ()")])]);
    let plan = plan_of(vec![
        stage(Phase::Expand, None, vec![make("a")]),
        stage(Phase::Contract, Some("the new application runs everywhere"), vec![make("b")]),
    ]);
    let outcome = db.apply(&plan, &Options::default()).unwrap();
    assert!(db.table_exists("a") && !db.table_exists("b"));
    assert_eq!(outcome.left[0].gate.as_deref(), Some("the new application runs everywhere"));

    db.run("DROP TABLE public.a");
    let checks = Cell::new(0);
    let refused = underpin_executor::apply(
        &mut db.connect(),
        &|| Ok(db.connect()),
        &plan,
        &mut |_, stage| {
            checks.set(checks.get() + 1);
            match stage.phase {
                Phase::Contract => Err(ChangedState::Changed(vec!["table public.a was dropped".to_owned()])),
                _ => Ok(None),
            }
        },
        &Options { phases: Phases::All, ..Options::default() },
        &Silent,
        &Cancel::new(),
    )
    .unwrap_err();
    assert_eq!(checks.get(), 2);
    let ExecutorError::Changed { objects, left } = &refused else { panic!("{refused}") };
    assert_eq!(objects.len(), 1);
    assert_eq!(left.committed, ["a"]);
    assert!(refused.to_string().contains("table public.a was dropped"), "{refused}");
    assert!(db.table_exists("a") && !db.table_exists("b"));
}

#[test]
fn an_error_rolls_its_batch_back_and_keeps_the_earlier() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1), (1)");
    let plan = plan(vec![
        together(vec![step("s001", Run::Sql, &["CREATE TABLE public.early ()"])]),
        together(vec![
            step("s002", Run::Sql, &["CREATE TABLE public.late ()"]),
            step("s003", Run::Sql, &["ALTER TABLE public.t ADD CONSTRAINT u UNIQUE (a)"]),
        ]),
    ]);
    let error = db.apply(&plan, &Options::default()).unwrap_err();
    let ExecutorError::Step(failure) = &error else { panic!("{error}") };
    assert_eq!((failure.step.as_str(), failure.code.as_str()), ("s003", "23505"));
    assert!(matches!(&failure.kind, FailureKind::Data { table: Some(t), .. } if t == "public.t"), "{failure:?}");
    assert_eq!(failure.left.committed, ["s001"]);
    assert_eq!(failure.left.undone, ["s002", "s003"]);
    assert!(!error.stopped_on_the_way());
    let text = error.to_string();
    for part in ["Key (a)=(1) is duplicated", "Rows in table public.t", "1 of 2", "safe to run again"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(db.table_exists("early") && !db.table_exists("late"));
    assert_eq!(db.journal(), ["s001 done", "s003 failed"]);
}

#[test]
fn a_constraint_that_waits_for_commit_is_an_error_too() {
    let db = Database::new();
    db.run("CREATE TABLE public.p (a int PRIMARY KEY); CREATE TABLE public.c (a int REFERENCES public.p INITIALLY DEFERRED)");
    let plan = plan(vec![together(vec![step("s001", Run::Sql, &["INSERT INTO public.c VALUES (7)"])])]);
    let error = db.apply(&plan, &Options::default()).unwrap_err();
    let ExecutorError::Step(failure) = &error else { panic!("{error}") };
    assert_eq!((failure.statement.as_str(), failure.code.as_str()), ("COMMIT", "23503"));
    assert_eq!(db.journal(), ["s001 failed"]);
}

#[test]
fn a_failed_concurrent_build_leaves_nothing() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int); INSERT INTO public.t VALUES (1), (1)");
    let build = step("s001", Run::Build, &["CREATE UNIQUE INDEX CONCURRENTLY i ON public.t (a)"]);
    let error = db.apply(&plan(vec![alone(build)]), &Options::default()).unwrap_err();
    assert!(error.to_string().contains("Key (a)=(1) is duplicated"), "{error}");
    assert!(error.to_string().contains("put right (DROP INDEX CONCURRENTLY public.i)"), "{error}");
    assert!(error.left().unwrap().invalid_indexes.is_empty());
    // Half built, it would refuse the application's writes.
    assert_eq!(db.value("to_regclass('public.i') IS NULL"), "true");
    assert_eq!(db.journal(), ["s001 started", "s001 failed"]);
}

#[test]
fn a_step_that_stands_alone_says_how_far_it_came() {
    let db = Database::new();
    let two = step("s001", Run::Sql, &["CREATE TABLE public.a ()", "CREATE TABLE public.a ()"]);
    let error = db.apply(&plan(vec![alone(two)]), &Options::default()).unwrap_err();
    let partly = error.left().unwrap().partly.clone().unwrap();
    assert_eq!((partly.done, partly.of), (1, 2));
    assert!(db.table_exists("a"));
}

#[test]
fn an_assertion_holds_or_stops_the_plan() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let make = |name: &str| {
        together(vec![
            step("s001", Run::Assert, &["SELECT NOT EXISTS (SELECT FROM public.t)", "SELECT a FROM public.t"]),
            step("s002", Run::Sql, &[&format!("CREATE TABLE public.{name} ()")]),
        ])
    };
    db.apply(&plan(vec![make("a")]), &Options::default()).unwrap();
    db.run("INSERT INTO public.t VALUES (1)");
    let error = db.apply(&plan(vec![make("b")]), &Options::default()).unwrap_err();
    assert!(matches!(&error, ExecutorError::Assert(f) if f.step == "s001" && f.row == "f"), "{error}");
    assert!(db.table_exists("a") && !db.table_exists("b"));
}

#[test]
fn another_programs_step_is_refused_before_anything_is_done() {
    let db = Database::new();
    let plan = plan(vec![
        together(vec![step("s001", Run::Sql, &["CREATE TABLE public.a ()"])]),
        alone(step("s002", Run::External, &["some-tool --run"])),
    ]);
    let error = db.apply(&plan, &Options::default()).unwrap_err();
    assert!(matches!(error, ExecutorError::External { .. }));
    assert!(!db.table_exists("a"));
}

#[test]
fn a_statement_that_takes_too_long_is_told_from_an_interruption() {
    let db = Database::new();
    let mut slow = step("s001", Run::Sql, &["SELECT pg_sleep(20)"]);
    slow.timeouts.statement_ms = 50;
    slow.timeouts.lock_ms = 50;
    let error = db.apply(&plan(vec![together(vec![slow])]), &Options::default()).unwrap_err();
    assert!(matches!(&error, ExecutorError::Step(f) if f.kind == FailureKind::TimeLimit), "{error}");
}

#[test]
fn a_password_is_neither_shown_nor_kept() {
    let db = Database::new();
    let set = "ALTER ROLE nobody_of_this_name PASSWORD 'open sesame'";
    let error = db.apply(&plan(vec![together(vec![step("s001", Run::Sql, &[set])])]), &Options::default()).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
    assert_eq!(db.value("SELECT count(*) FROM underpin.journal WHERE statement LIKE '%***%'"), "1");
    assert_eq!(db.value("SELECT count(*) FROM underpin.journal WHERE statement LIKE '%sesame%'"), "0");
}
