//! What goes where: data to stdout or a file, all else to stderr; JSON that parses and SQL that runs; colours.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::process::{Command, Stdio};
use support::{Lab, Ran, finish};

const SCHEMA: &str = "CREATE SCHEMA app;\nCREATE TABLE app.t (id int PRIMARY KEY, name text DEFAULT 'it''s');\nCREATE INDEX i ON app.t (name);\n\
    CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nCREATE VIEW app.v AS SELECT id FROM app.t;\n";

fn json(ran: Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran}"))
}

fn psql(lab: &Lab, script: &std::path::Path) {
    let output = Command::new(lab.server.bin_dir().join("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", script.to_str().unwrap(), "--dbname", &lab.url()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        std::fs::read_to_string(script).unwrap()
    );
}

#[test]
fn json_of_every_command_parses_and_says_its_format() {
    let lab = Lab::new();
    let plan = json(lab.plan(SCHEMA, &["--output", "json"]).code(0));
    assert!(plan["format"].as_str().is_some_and(|f| f.contains("plan")), "{plan}");
    assert!(plan["stages"].as_array().is_some_and(|s| !s.is_empty()));
    assert_eq!(plan["stages"][0]["batches"][0]["steps"][0]["source"]["file"], "schema.sql");
    let url = lab.url();
    let drift = json(lab.run(["drift", "--db", &url, "--schema", "schema.sql", "--output", "json"]).code(2));
    assert!(drift["format"].as_str().is_some_and(|f| f.contains("drift")), "{drift}");
    let applied = json(lab.apply(SCHEMA, &["--output", "json"]).code(0));
    assert!(applied["format"].as_str().is_some_and(|f| f.contains("apply")), "{applied}");
    let snapshot = json(lab.run(["inspect", "--db", &url, "--output", "json"]).code(0));
    assert!(snapshot["format"].as_str().is_some_and(|f| f.contains("snapshot")), "{snapshot}");
    let nothing = json(lab.plan(SCHEMA, &["--output", "json"]).code(0));
    assert_eq!(nothing["stages"].as_array().map(Vec::len), Some(0), "{nothing}");
    json(lab.apply(SCHEMA, &["--output", "json"]).code(0));
    lab.run(["drift", "--db", &url, "--schema", "schema.sql"]).code(0);
    lab.sql("ALTER TABLE app.t ADD COLUMN stray int");
    lab.run(["drift", "--db", &url, "--schema", "schema.sql"]).code(2).shows(&["stray"]);
}

#[test]
fn sql_runs_in_psql() {
    let lab = Lab::new();
    let plan = lab.plan(SCHEMA, &["--output", "sql", "-o", "plan.sql"]).code(0);
    assert!(plan.out.is_empty(), "{plan}");
    psql(&lab, &lab.path("plan.sql"));
    lab.settled(SCHEMA, &[]);
    // What is written of a schema makes the same one.
    let url = lab.url();
    lab.run(["inspect", "--db", &url, "-o", "script.sql"]).code(0);
    let twin = Lab::new();
    psql(&twin, &lab.path("script.sql"));
    twin.settled(SCHEMA, &[]);
    // A format that a command has not is an error before anything is done.
    lab.apply(&format!("{SCHEMA}CREATE TABLE more ();"), &["--output", "sql"]).code(64).says(&["sql"]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname = 'more'"), "0");
}

#[test]
fn a_plan_from_json_gives_the_same() {
    let (direct, by_file) = (Lab::new(), Lab::new());
    direct.converge(SCHEMA, &[]);
    by_file.plan(SCHEMA, &["--output", "json", "-o", "plan.json"]).code(0);
    by_file.run(["apply", "--db", &by_file.url(), "--plan", "plan.json", "--yes", "--phase", "all"]).code(0);
    assert_eq!(direct.inspect(), by_file.inspect());
    by_file.settled(SCHEMA, &[]);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let lab = Lab::with("CREATE SCHEMA app; CREATE TABLE app.t (id bigint)");
    for output in ["text", "json", "sql"] {
        let a = lab.plan(SCHEMA, &["--output", output, "--no-cache"]).code(0);
        let b = lab.plan(SCHEMA, &["--output", output]).code(0);
        let c = lab.plan(SCHEMA, &["--output", output]).code(0);
        assert_eq!(a.out, b.out);
        assert_eq!(b.out, c.out);
    }
}

#[test]
fn colours_are_asked_for() {
    let lab = Lab::new();
    let escape = "\u{1b}[";
    assert!(!lab.plan(SCHEMA, &[]).code(0).out.contains(escape));
    assert!(lab.plan(SCHEMA, &["--color", "always"]).code(0).out.contains(escape));
    assert!(!lab.plan(SCHEMA, &["--color", "never"]).code(0).out.contains(escape));
    lab.plan("CREATE TABLE a (b txet);", &["--color", "never"]).code(65).never(escape);
    let url = lab.url();
    let mut command = lab.command(["plan", "--db", &url, "--schema", "schema.sql", "--color", "auto"]);
    command.env("NO_COLOR", "1");
    finish(command).never(escape);
    // A file has no colours.
    lab.plan(SCHEMA, &["--color", "always", "-o", "plan.txt"]).code(0);
    assert!(!std::fs::read_to_string(lab.path("plan.txt")).unwrap().contains(escape));
}

#[test]
fn quiet_says_only_what_was_asked_for() {
    let lab = Lab::new();
    let ran = lab.plan(&format!("\\set x 1\n{SCHEMA}"), &["-q"]).code(0);
    assert!(ran.err.is_empty() && ran.out.contains("app.t"), "{ran}");
    let ran = lab.apply(SCHEMA, &["--quiet"]).code(0);
    assert!(ran.err.is_empty(), "{ran}");
    // An error is said all the same.
    let ran = lab.plan("CREATE TABLE a (b txet);", &["-q"]).code(65);
    assert!(ran.err.contains("txet"), "{ran}");
}

#[test]
fn output_that_cannot_be_written() {
    let lab = Lab::new();
    lab.plan(SCHEMA, &["-o", "no/such/folder/plan.txt"])
        .code(64)
        .says(&["no/such/folder/plan.txt", "cannot be written"]);
    // Nothing is changed where what was done could not be told.
    lab.apply(SCHEMA, &["-o", "no/such/folder/plan.txt"]).code(64);
    assert_eq!(lab.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'app'"), "0");
    // A reader that goes away is no error.
    lab.file("schema.sql", SCHEMA);
    let mut child = lab.command(["plan", "--db", &lab.url(), "--schema", "schema.sql"]).spawn().unwrap();
    drop(child.stdout.take());
    support::wait(child).code(0).never("panicked");
}
