//! What is in flight.

use crate::support::*;
use underpin_executor::{Options, Phases, status};
use underpin_model::{Backfill, OldSide, Phase, Run, Status};

fn of(db: &Database) -> Status {
    status(&mut db.connect()).unwrap()
}

#[test]
fn nothing_is_in_flight_where_nothing_was_run() {
    let db = Database::new();
    assert_eq!(of(&db), Status::default());
    assert!(of(&db).is_quiet());
    assert_eq!(db.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'underpin'"), "0");
}

#[test]
fn gates_wait_until_they_are_gone_through() {
    let db = Database::new();
    let make = |name: &str| together(vec![step(name, Run::Sql, &[&format!("CREATE TABLE public.{name} ()")])]);
    let mut plan = plan_of(vec![
        stage(Phase::Expand, None, vec![make("a")]),
        stage(Phase::Contract, Some("all is new"), vec![make("b")]),
        stage(Phase::Contract, None, vec![make("c")]),
    ]);
    plan.stages[1].old_sides = vec![OldSide { sequence: "public.old".to_owned(), what: "public.t.x".to_owned() }];
    db.run("CREATE SEQUENCE public.old; SELECT setval('public.old', extract(epoch FROM now())::bigint - 100)");
    db.apply(&plan, &Options::default()).unwrap();
    let first = of(&db);
    let gate = &first.gates[0];
    assert_eq!((gate.phase.as_str(), gate.gate.as_str(), gate.steps), ("contract", "all is new", 2));
    let seconds = gate.old_sides[0].seconds_ago.unwrap();
    assert!((99.0..160.0).contains(&seconds), "{seconds}");
    assert!(!first.is_quiet());
    assert_eq!(first.last_run.as_ref().unwrap().done, 1);
    // A gate that waits on is the same one.
    db.run("DROP TABLE public.a; SELECT pg_sleep(1.1)");
    db.apply(&plan, &Options::default()).unwrap();
    assert_eq!(of(&db).gates[0].since, gate.since);
    db.run("DROP TABLE public.a");
    db.apply(&plan, &Options { phases: Phases::All, ..Options::default() }).unwrap();
    assert!(of(&db).gates.is_empty());
    assert!(of(&db).is_quiet());
}

#[test]
fn a_run_that_failed_its_backfill_and_what_it_left() {
    let db = Database::new();
    db.run(
        "CREATE TABLE public.t (id int PRIMARY KEY, n int, _underpin_n bigint);
         INSERT INTO public.t SELECT i, i FROM generate_series(1, 3000) i;
         CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER zz_underpin_n BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
    );
    let backfill = Backfill {
        table: "public.t".to_owned(),
        key: vec!["id".to_owned()],
        statement: "UPDATE public.t SET _underpin_n = 1 / (id - 2500) WHERE {range}".to_owned(),
        wrong: None,
    };
    let mut filling = step("s001", Run::Backfill, &[&backfill.whole()]);
    filling.backfill = Some(backfill);
    let plan = plan_of(vec![stage(Phase::Backfill, None, vec![alone(filling)])]);
    db.apply(&plan, &Options { pace: underpin_executor::Pace { most: 1000, ..Default::default() }, ..hasty() })
        .unwrap_err();
    let seen = of(&db);
    let stopped = seen.last_run.unwrap().stopped.unwrap();
    assert_eq!((stopped.step.as_str(), stopped.state.as_str()), ("s001", "failed"));
    let [filled] = seen.backfills.as_slice() else { panic!("{:?}", seen.backfills) };
    assert!(!filled.finished && filled.walked >= 1000 && filled.expected > 0, "{filled:?}");
    assert_eq!(seen.objects, ["column _underpin_n of table t", "trigger zz_underpin_n on table t"]);
    // A role that may read nothing of it is told what everybody sees.
    let user = format!("looker_{}", db.name);
    db.run(&format!("CREATE ROLE {user} LOGIN"));
    let theirs = status(&mut db.connect_as(&user)).unwrap();
    assert!(theirs.backfills.is_empty() && theirs.last_run.is_none() && theirs.objects.len() == 2);
}
