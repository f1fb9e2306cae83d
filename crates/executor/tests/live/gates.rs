//! Gates: closed while the old application is seen.

use crate::support::*;
use std::time::Duration;
use underpin_executor::{Cancel, ExecutorError, Gates, Options, Phases, Silent};
use underpin_model::{OldSide, Phase, Plan, Run};

fn contract() -> Plan {
    let mut plan = plan_of(vec![
        stage(Phase::Expand, None, vec![together(vec![step("s001", Run::Sql, &["CREATE TABLE public.a ()"])])]),
        stage(
            Phase::Contract,
            Some("the new application runs everywhere"),
            vec![together(vec![step("s002", Run::Sql, &["CREATE TABLE public.b ()"])])],
        ),
    ]);
    plan.stages[1].old_sides =
        vec![OldSide { sequence: "public.\"old Seq\"".to_owned(), what: "public.t.name".to_owned() }];
    plan
}

/// The contract alone, as it is planned when the rest is done.
fn rest() -> Plan {
    plan_of(contract().stages.split_off(1))
}

fn with(phases: Phases, gates: Gates) -> Options {
    Options { phases, gates, ..hasty() }
}

fn next(gates: Gates) -> Options {
    with(Phases::Only(Phase::Contract), gates)
}

#[test]
fn closed_while_the_old_side_is_written() {
    let db = Database::new();
    db.run("CREATE SEQUENCE public.\"old Seq\" MINVALUE 0");
    db.apply(&contract(), &Options::default()).unwrap();
    assert!(db.table_exists("a") && !db.table_exists("b"), "without a phase up to the gate");

    db.run("SELECT setval('public.\"old Seq\"', extract(epoch FROM now())::bigint - 20)");
    let error = db.apply(&rest(), &next(Gates::default())).unwrap_err();
    let ExecutorError::Gate(closed) = &error else { panic!("{error}") };
    assert_eq!(closed.gate, "the new application runs everywhere");
    assert!(closed.seen[0].starts_with("public.t.name: the last write through the old side was 2"), "{error}");
    assert!(error.stopped_on_the_way());
    assert!(error.to_string().contains("--drain") && error.to_string().contains("--confirm-gate"), "{error}");
    assert!(!db.table_exists("b"));

    // Long enough ago for this one.
    db.apply(&rest(), &next(Gates { drain: Duration::from_secs(10), ..Gates::default() })).unwrap();
    assert!(db.table_exists("b"));
}

#[test]
fn open_where_nothing_was_written_or_nothing_is_there() {
    let db = Database::new();
    // Never written: a sequence that was only made says the time of nothing.
    db.run("CREATE SEQUENCE public.\"old Seq\" MINVALUE 0 START 2000000000");
    db.apply(&rest(), &next(Gates::default())).unwrap();
    db.run("DROP TABLE public.b; DROP SEQUENCE public.\"old Seq\"");
    db.apply(&rest(), &next(Gates::default())).unwrap();
}

#[test]
fn closed_while_old_sessions_are_there() {
    let db = Database::new();
    let mut old = db.connect();
    old.batch_execute("SET application_name = 'web_50%@v1.3'").unwrap();
    let of =
        |patterns: &[&str]| Gates { old_apps: patterns.iter().map(|p| (*p).to_owned()).collect(), ..Gates::default() };
    let error = db.apply(&rest(), &next(of(&["other", "web_50%@v1.?"]))).unwrap_err();
    let ExecutorError::Gate(closed) = &error else { panic!("{error}") };
    assert!(closed.seen[0].contains("application \"web_50%@v1.3\""), "{error}");
    // What stands for any text in SQL does not do so here.
    db.apply(&rest(), &next(of(&["web%", "web_50%@v1__", "w?b"]))).unwrap();
    db.run("DROP TABLE public.b");
    // The run itself is not the old application, even where the pattern says so.
    db.apply(&rest(), &next(of(&["under*"]))).unwrap();
}

#[test]
fn a_role_without_rights_sees_the_sessions_too() {
    let db = Database::new();
    let user = format!("gate_{}", db.name);
    db.run(&format!("CREATE ROLE {user} LOGIN; GRANT CREATE ON SCHEMA public TO {user}"));
    let mut old = db.connect();
    old.batch_execute("SET application_name = 'web@v1'").unwrap();
    let error = underpin_executor::apply(
        &mut db.connect_as(&user),
        &|| Ok(db.connect_as(&user)),
        &rest(),
        &mut |_, _| Ok(None),
        &next(Gates { old_apps: vec!["web@*".to_owned()], ..Gates::default() }),
        &Silent,
        &Cancel::new(),
    )
    .unwrap_err();
    assert!(matches!(error, ExecutorError::Gate(_)), "{error}");
}

#[test]
fn somebody_who_has_looked_goes_through() {
    for options in [
        next(Gates { confirmed: true, ..Gates::default() }),
        with(Phases::All, Gates { old_apps: vec!["test".to_owned()], ..Gates::default() }),
    ] {
        let db = Database::new();
        db.run(
            "CREATE SEQUENCE public.\"old Seq\" MINVALUE 0;
             SELECT setval('public.\"old Seq\"', extract(epoch FROM now())::bigint)",
        );
        db.apply(&rest(), &options).unwrap();
        assert!(db.table_exists("b"));
    }
}
