//! Plans as text and as SQL.

use crate::examples::{self, USERS_SQL};
use crate::{golden, written};
use std::time::Duration;
use underpin_model::{External, Fingerprint, LockMode, Phase, Plan, Run, Strategy, Work};
use underpin_report::{ApplyReport, View, wire, write_apply_text, write_plan_sql, write_plan_text};

fn text(plan: &Plan, color: bool) -> String {
    let source = |file: &str| (file == "schema/users.sql").then(|| USERS_SQL.to_owned());
    written(|out| write_plan_text(out, plan, &View { color, source: &source }))
}

fn sql(plan: &Plan) -> String {
    written(|out| write_plan_sql(out, plan, &View::plain()))
}

#[test]
fn plans_as_text() {
    golden("plan-small.txt", &text(&examples::small(), false));
    golden("plan-staged.txt", &text(&examples::staged(), false));
    golden("plan-direct.txt", &text(&examples::direct(), false));
    golden("plan-staged-color.txt", &text(&examples::staged(), true).replace('\u{1b}', "␛"));
    let long = text(&examples::long(), false);
    let lines: Vec<&str> = long.lines().collect();
    golden("plan-long.txt", &format!("{}\n[…]\n{}\n", lines[..60].join("\n"), lines[lines.len() - 30..].join("\n")));
}

#[test]
fn plans_as_sql() {
    golden("plan-small.sql", &sql(&examples::small()));
    golden("plan-staged.sql", &sql(&examples::staged()));
    let mut other = examples::direct();
    other.dialect = "mariadb".to_owned();
    other.server = "11.4.2".to_owned();
    golden("plan-other-dialect.sql", &sql(&other));
    other.dialect = "sqlite".to_owned();
    other.server = "3.46.0".to_owned();
    golden("plan-sqlite.sql", &sql(&other));
}

#[test]
fn what_another_program_does_is_shown_as_its_command() {
    let command = "pg_repack --dbname shop --table public.t --tablespace fast";
    let mut step = examples::step(1, "alter table public.t: tablespace fast", command);
    step.run = Run::External;
    step.external = Some(External {
        statements: vec!["ALTER TABLE public.t SET TABLESPACE fast".to_owned()],
        done: "SELECT true AS is_there".to_owned(),
        needless: "SELECT NOT EXISTS (SELECT FROM public.t)".to_owned(),
    });
    let stages = vec![examples::stage(Phase::Expand, None, vec![examples::alone(step)])];
    let plan = examples::plan(Strategy::Online, stages);
    let shown = text(&plan, false);
    // A command of a shell has no semicolon, and no transaction that it could be outside of.
    assert!(shown.contains(&format!("  {command}\n")) && shown.contains("(done by another program)"), "{shown}");
    let script = sql(&plan);
    assert!(script.contains(&format!("\n-- {command}\n")), "{script}");
    // The script goes on only behind it.
    assert!(script.contains("SELECT true AS is_there") && script.contains("the check of step s001"), "{script}");
    let json = written(|out| wire::write(out, &wire::PlanV1::from(&plan)));
    assert_eq!(wire::read_plan(&json).expect("it is a plan"), plan);
}

#[test]
fn nothing_to_do_is_one_line() {
    let mut plan = examples::plan(Strategy::Online, Vec::new());
    assert_eq!(text(&plan, false), "Nothing to do: the database is what the schema says.\n");
    // A stage without batches is nothing to do either.
    plan.stages.push(examples::stage(Phase::Expand, None, Vec::new()));
    plan.from = Fingerprint("f0".repeat(32));
    assert_eq!(text(&plan, false), "Nothing to do: the database is what the schema says.\n");
    assert_eq!(sql(&plan), "-- Nothing to do: the database is what the schema says.\n");
}

#[test]
fn a_lock_lasts_as_long_as_its_transaction() {
    let add = examples::step(1, "create column public.a.b", "ALTER TABLE public.a ADD COLUMN b int");
    let add = examples::locked(add, "public.a", LockMode::AccessExclusive, Work::Instant);
    let read = examples::step(2, "create constraint public.c.d", "ALTER TABLE public.c ADD CHECK (d > 0)");
    let read = examples::locked(read, "public.c", LockMode::AccessExclusive, Work::Scan);
    let together = examples::transaction(vec![add.clone(), read.clone()]);
    let plan = examples::plan(Strategy::Direct, vec![examples::stage(Phase::Expand, None, vec![together])]);
    let shown = text(&plan, false).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains("blocks reads and writes of public.a until the commit, while every row is read in step 2"));
    let apart = vec![examples::transaction(vec![add]), examples::transaction(vec![read])];
    let plan = examples::plan(Strategy::Direct, vec![examples::stage(Phase::Expand, None, apart)]);
    assert!(text(&plan, false).contains("blocks reads and writes of public.a for an instant"));
}

#[test]
fn what_a_name_holds_stays_a_name() {
    let mut step = examples::step(1, "create table public.\"x\u{1b}[2J\nDROP TABLE y;\"", "SELECT 1");
    step.hazards.clear();
    step.reason = Some("a\rDROP TABLE z;".to_owned());
    let gate = Some("say 'yes'\nDROP TABLE w; \\q");
    let plan = examples::plan(
        Strategy::Online,
        vec![examples::stage(Phase::Expand, gate, vec![examples::transaction(vec![step])])],
    );
    assert!(!text(&plan, false).contains('\u{1b}'));
    let script = sql(&plan);
    for line in script.split(['\n', '\r']).filter(|line| line.contains("DROP TABLE")) {
        assert!(
            line.starts_with("--") || line.starts_with("\\prompt 'say ''yes'' DROP TABLE w; \\\\q Enter"),
            "{line}"
        );
    }
}

#[test]
fn what_came_of_an_apply() {
    let plan = examples::staged();
    let mut report = ApplyReport {
        plan: &plan,
        steps_run: 6,
        took: Duration::from_millis(123),
        waited: Duration::ZERO,
        warnings: Vec::new(),
        gate: None,
    };
    let shown = |report: &ApplyReport<'_>| written(|out| write_apply_text(out, report, &View::plain()));
    assert_eq!(shown(&report), "Applied 6 steps in 0.12 s.\n");
    report.steps_run = 4;
    report.took = Duration::from_secs(200);
    report.waited = Duration::from_millis(1500);
    report.warnings.push("no journal was kept: permission denied for database app".to_owned());
    report.gate = plan.stages[2].gate.clone();
    golden("apply-gate.txt", &shown(&report));
    let nothing = examples::plan(Strategy::Online, Vec::new());
    let report = ApplyReport { plan: &nothing, steps_run: 0, warnings: Vec::new(), gate: None, ..report };
    assert_eq!(shown(&report), "Nothing to do: the database is what the schema says.\n");
}
