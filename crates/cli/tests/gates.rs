//! Gates and what is in flight, as a script sees them.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::Lab;

/// A plan file whose one stage is a contract behind a gate.
fn behind_a_gate(lab: &Lab) {
    let schema = "CREATE TABLE t (id int); CREATE SEQUENCE old; CREATE TABLE u (id int);";
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0);
    let mut plan: Value = serde_json::from_str(&std::fs::read_to_string(lab.path("plan.json")).unwrap()).unwrap();
    let stage = &mut plan["stages"][0];
    stage["phase"] = json!("contract");
    stage["gate"] = json!("the new application runs everywhere");
    stage["old_sides"] = json!([{ "sequence": "public.old", "what": "public.t.id" }]);
    lab.file("plan.json", plan.to_string());
}

#[test]
fn a_contract_waits_for_the_old_application() {
    let lab = Lab::with("CREATE TABLE t (id int); CREATE SEQUENCE old");
    behind_a_gate(&lab);
    lab.sql("SELECT setval('old', extract(epoch FROM now())::bigint)");
    let url = lab.url();
    let apply = |further: &[&str]| {
        let mut args = vec!["apply", "--db", &url, "--plan", "plan.json", "--yes"];
        args.extend(further);
        lab.run(args)
    };
    // Without a phase nothing behind the gate is touched, and that is no failure.
    apply(&[]).code(0).shows(&["the new application runs everywhere"]);
    apply(&["--phase", "contract"]).code(4).says(&["public.t.id", "--drain", "--confirm-gate", "run again"]);
    let mut old = lab.client();
    old.batch_execute("SET application_name = 'web@v1'").unwrap();
    let none = ["--phase", "contract", "--drain", "0"];
    apply(&[&none[..], &["--old-app", "web@*"]].concat()).code(4).says(&["web@v1"]);
    // The file may say it too.
    lab.file("underpin.toml", "old-app = ['x', 'web@*']\n");
    apply(&none).code(4).says(&["web@v1"]);
    drop(old);
    assert_eq!(lab.value("SELECT to_regclass('u')"), "NULL");
    apply(&["--phase", "contract", "--confirm-gate"]).code(0);
    assert_eq!(lab.value("SELECT to_regclass('u')"), "u");
}

#[test]
fn status_is_for_people_and_for_scripts() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    let url = lab.url();
    lab.run(["status", "--db", &url]).code(0).shows(&["Nothing is in flight."]);
    lab.apply("CREATE TABLE t (id int); CREATE TABLE u (id int);", &[]).code(0);
    lab.sql(
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
         CREATE TRIGGER zz_underpin_t BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
    );
    lab.run(["status", "--db", &url]).code(0).shows(&["latest run", "zz_underpin_t"]);
    lab.run(["status", "--db", &url, "--output", "json", "-o", "status.json"]).code(0);
    let status: Value = serde_json::from_str(&std::fs::read_to_string(lab.path("status.json")).unwrap()).unwrap();
    assert_eq!((&status["format"], &status["quiet"]), (&json!("underpin-status-v1"), &json!(false)));
    assert_eq!(status["last_run"]["stopped"], Value::Null);
    lab.run(["status", "--db", &url, "--output", "sql"]).code(64);
    lab.file("x.sql", "SELECT 1;");
    lab.run(["status", "--db", "x.sql"]).code(64);
}
