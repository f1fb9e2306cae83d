//! The journal: with its step or not at all, and left out where it cannot be.

use crate::support::*;
use underpin_executor::{Cancel, Options, Silent, plan_fingerprint};
use underpin_model::Run;

#[test]
fn a_row_is_there_exactly_with_its_step() {
    let db = Database::new();
    let good = plan(vec![together(vec![step("s001", Run::Sql, &["CREATE TABLE public.t (a int)"])])]);
    db.apply(&good, &Options::default()).unwrap();
    // The row of the step was written by the transaction that made the table.
    let same = "SELECT (SELECT xmin::text FROM underpin.journal WHERE step = 's001') = \
                (SELECT xmin::text FROM pg_class WHERE oid = 'public.t'::regclass)";
    assert_eq!(db.value(same), "true");
    let row = db.value("SELECT plan || ' ' || statement || ' ' || phase || ' ' || \"by\" FROM underpin.journal");
    let expected =
        format!("{} CREATE TABLE public.t (a int) expand {}", plan_fingerprint(&good), db.value("current_user"));
    assert_eq!(row, expected);
    assert_eq!(db.value("obj_description('underpin.journal'::regclass, 'pg_class')"), "underpin journal, format 1");

    // Where the row cannot be written, the step is not done either.
    db.run(
        "CREATE FUNCTION public.no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'full'; END$$;
            CREATE TRIGGER no BEFORE INSERT ON underpin.journal FOR EACH ROW EXECUTE FUNCTION public.no()",
    );
    let next = plan(vec![together(vec![step("s002", Run::Sql, &["CREATE TABLE public.u ()"])])]);
    db.apply(&next, &Options::default()).unwrap_err();
    assert!(!db.table_exists("u"));
}

#[test]
fn what_stands_alone_is_noted_before_and_after() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (a int)");
    let build = step("s001", Run::Build, &["CREATE INDEX CONCURRENTLY i ON public.t (a)"]);
    db.apply(&plan(vec![alone(build)]), &Options::default()).unwrap();
    assert_eq!(db.journal(), ["s001 started", "s001 done"]);
}

#[test]
fn without_the_right_to_it_the_run_goes_on() {
    let db = Database::new();
    let user = format!("plain_{}", db.name);
    db.run(&format!("CREATE ROLE {user} LOGIN; GRANT CREATE ON SCHEMA public TO {user}"));
    let make =
        |name: &str| plan(vec![together(vec![step("s001", Run::Sql, &[&format!("CREATE TABLE public.{name} ()")])])]);
    let apply = |name: &str| {
        underpin_executor::apply(
            &mut db.connect_as(&user),
            &|| Ok(db.connect_as(&user)),
            &make(name),
            &mut |_, _| Ok(None),
            &Options::default(),
            &Silent,
            &Cancel::new(),
        )
        .unwrap()
    };
    let outcome = apply("a");
    assert!(outcome.warnings[0].contains("may not create the schema underpin"), "{:?}", outcome.warnings);
    assert!(db.table_exists("a"));

    db.run("CREATE SCHEMA underpin");
    assert!(apply("b").warnings[0].contains("may not create a table in the schema underpin"));
    db.run(&format!("GRANT USAGE, CREATE ON SCHEMA underpin TO {user}"));
    assert!(apply("c").warnings.is_empty());
    assert_eq!(db.journal(), ["s001 done"]);
    assert_eq!(db.value("SELECT tableowner FROM pg_tables WHERE tablename = 'journal'"), user);
}

#[test]
fn a_table_of_another_version_is_left_alone() {
    let db = Database::new();
    db.run(
        "CREATE SCHEMA underpin; CREATE TABLE underpin.journal (note text); \
            COMMENT ON TABLE underpin.journal IS 'underpin journal, format 999'",
    );
    let outcome = db
        .apply(&plan(vec![together(vec![step("s001", Run::Sql, &["CREATE TABLE public.t ()"])])]), &Options::default())
        .unwrap();
    assert!(outcome.warnings[0].contains("format 999"), "{:?}", outcome.warnings);
    assert_eq!(db.value("SELECT count(*) FROM underpin.journal"), "0");
}
