//! Applying: what is refused before the first step, what stops on the way, and that a next run ends well.

#![allow(clippy::unwrap_used)]

mod support;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::process::Child;
use support::{Lab, until, wait};

fn interrupt(child: &Child) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
}

#[test]
fn data_is_not_lost_without_leave() {
    let lab = Lab::with("CREATE TABLE t (id int, gone text); INSERT INTO t VALUES (1, 'x'); CREATE TABLE u (id int)");
    let schema = "CREATE TABLE t (id int);";
    lab.plan(schema, &[]).code(0).shows(&["data-loss", "--allow data-loss"]);
    lab.apply(schema, &[]).code(3).says(&["data-loss", "nothing was changed", "--allow"]);
    lab.apply(schema, &["--allow", "blocks-writes"]).code(3);
    assert_eq!(lab.value("SELECT gone FROM t"), "x");
    lab.apply(schema, &["--allow", "data-loss,blocks-writes", "--phase", "all"]).code(0);
    lab.settled(schema, &[]);
}

#[test]
fn without_a_terminal_yes_is_needed() {
    let lab = Lab::new();
    lab.file("a.sql", "CREATE TABLE t (id int);");
    let url = lab.url();
    lab.run(["apply", "--db", &url, "--schema", "a.sql"]).code(64).says(&["--yes", "terminal"]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
    lab.run(["apply", "--db", &url, "--schema", "a.sql", "--yes"]).code(0);
    // Where there is nothing to do, there is nothing to ask.
    lab.run(["apply", "--db", &url, "--schema", "a.sql"]).code(0);
}

#[test]
fn a_plan_is_run_as_it_was_made_or_not_at_all() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    let schema = "CREATE TABLE t (id int, a int);\nCREATE INDEX i ON t (a);\nCREATE VIEW v AS SELECT a FROM t;\n";
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0);
    let url = lab.url();
    // Something else has changed meanwhile: that is no matter.
    lab.sql("CREATE TABLE elsewhere (id int)");
    // What the plan touches has changed.
    lab.sql("ALTER TABLE t ADD COLUMN a text");
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"])
        .code(1)
        .says(&["not in the state that the plan starts from", "make another"]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname IN ('i', 'v')"), "0");
    lab.sql("ALTER TABLE t DROP COLUMN a");
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(0);
    let with_elsewhere = format!("{schema}CREATE TABLE elsewhere (id int);");
    lab.settled(&with_elsewhere, &[]);
    // Once more: it is done already, which is not what it starts from.
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(1);
    // What is no plan.
    lab.file("bad.json", "{\"format\": \"x\"}");
    lab.run(["apply", "--db", &url, "--plan", "bad.json", "--yes"]).code(65).says(&["bad.json is no plan"]);
    lab.file("bad.json", "nonsense");
    lab.run(["apply", "--db", &url, "--plan", "bad.json", "--yes"]).code(65).says(&["bad.json"]);
    lab.run(["apply", "--db", &url, "--plan", "nowhere.json", "--yes"]).code(65).says(&["nowhere.json cannot be read"]);
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--schema", "schema.sql", "--yes"]).code(64);
}

#[test]
fn a_plan_from_a_file_is_held_to_policy_too() {
    let lab = Lab::with("CREATE TABLE t (id int, a int)");
    lab.plan("CREATE TABLE t (id int);", &["--output", "json", "-o", "plan.json"]).code(0);
    let url = lab.url();
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]).code(3).says(&["data-loss"]);
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes", "--allow", "all", "--phase", "all"]).code(0);
}

#[test]
fn two_at_a_time_are_one_too_many() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    let mut other = lab.client();
    other.batch_execute("BEGIN; LOCK TABLE t").unwrap();
    lab.file("schema.sql", "CREATE TABLE t (id int, a int);");
    let url = lab.url();
    // The first waits for the lock of the other.
    let first = lab.command(["apply", "--db", &url, "--schema", "schema.sql", "--yes"]).spawn().unwrap();
    until("the first has begun", || lab.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0");
    lab.run(["apply", "--db", &url, "--schema", "schema.sql", "--yes"]).code(4).says(&[
        "another run",
        "pid",
        "user boss",
        "run again",
    ]);
    other.batch_execute("ROLLBACK").unwrap();
    wait(first).code(0);
    lab.settled("CREATE TABLE t (id int, a int);", &[]);
}

#[test]
fn a_run_that_waited_for_another_plans_anew() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    let mut other = lab.client();
    other.batch_execute("BEGIN; LOCK TABLE t IN ROW EXCLUSIVE MODE").unwrap();
    lab.file("schema.sql", "CREATE TABLE t (id int, a int);");
    let url = lab.url();
    let apply = ["apply", "--db", &url, "--schema", "schema.sql", "--yes", "--wait", "60"];
    let first = lab.command(apply).spawn().unwrap();
    until("the first has begun", || lab.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") != "0");
    // It has its plan, and waits.
    let second = lab.command(apply).spawn().unwrap();
    until("the second asks for its turn", || {
        lab.value("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'underpin'") == "4"
    });
    other.batch_execute("ROLLBACK").unwrap();
    wait(first).code(0);
    wait(second).code(0);
    lab.settled("CREATE TABLE t (id int, a int);", &[]);
}

#[test]
fn what_a_killed_run_was_building_ends_with_it() {
    let lab = Lab::with("CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)");
    let major: u32 = lab.value("SELECT current_setting('server_version_num')::int / 10000").parse().unwrap();
    if major < 14 {
        return;
    }
    let mut other = lab.client();
    other.batch_execute("BEGIN; INSERT INTO t VALUES (1)").unwrap();
    let schema = "CREATE TABLE t (id int);\nCREATE INDEX i ON t (id);\n";
    lab.file("schema.sql", schema);
    let url = lab.url();
    let mut child = lab.command(["apply", "--db", &url, "--schema", "schema.sql", "--yes"]).spawn().unwrap();
    let building =
        || lab.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX%' AND state = 'active'");
    until("the build waits", || building() == "1");
    child.kill().unwrap();
    child.wait().unwrap();
    // The build's session waits for a transaction that goes on, and no client is there to tell it.
    until("the build has ended", || building() == "0");
    other.batch_execute("ROLLBACK").unwrap();
    lab.converge(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

#[test]
fn a_lock_that_is_not_to_be_had_stops_and_is_told() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    let mut other = lab.client();
    other.batch_execute("SET application_name = 'the other'; BEGIN; LOCK TABLE t").unwrap();
    lab.apply("CREATE TABLE t (id int, a int);", &["--lock-timeout", "100", "--lock-budget", "1"])
        .code(4)
        .says(&["the other", "t"]);
    drop(other);
    lab.apply("CREATE TABLE t (id int, a int);", &[]).code(0);
}

#[test]
fn a_replica_that_is_no_standby_is_refused() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    let url = lab.url();
    lab.apply("CREATE TABLE t (id int, a int);", &["--replica", &url]).code(64).says(&["not in recovery", "--replica"]);
    lab.apply("CREATE TABLE t (id int, a int);", &["--replica", "schema.sql"])
        .code(64)
        .says(&["--replica takes the URL"]);
    lab.file("underpin.toml", format!("replica = ['{url}']\n"));
    lab.apply("CREATE TABLE t (id int, a int);", &[]).code(64).says(&["not in recovery"]);
    std::fs::remove_file(lab.path("underpin.toml")).unwrap();
    lab.apply("CREATE TABLE t (id int, a int);", &[]).code(0);
}

#[test]
fn an_interrupted_run_leaves_a_start_for_the_next() {
    let lab = Lab::with("CREATE TABLE t (id int); INSERT INTO t SELECT generate_series(1, 1000)");
    // The index build waits for this transaction, after the first steps are committed.
    let mut other = lab.client();
    other.batch_execute("BEGIN; INSERT INTO t VALUES (1)").unwrap();
    let schema = "CREATE TABLE t (id int);\nCREATE TABLE u (id int);\nCREATE INDEX i ON t (id);\n";
    lab.file("schema.sql", schema);
    let url = lab.url();
    let child = lab.command(["apply", "--db", &url, "--schema", "schema.sql", "--yes"]).spawn().unwrap();
    until("the build waits", || {
        lab.value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'CREATE INDEX%' AND wait_event_type = 'Lock'") == "1"
    });
    interrupt(&child);
    wait(child).code(4).says(&["interrupted", "run again"]);
    other.batch_execute("ROLLBACK").unwrap();
    lab.converge(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

#[test]
fn an_invalid_index_is_made_anew() {
    let lab = Lab::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)");
    let built = lab.client().batch_execute("CREATE UNIQUE INDEX CONCURRENTLY i ON t (id)");
    assert!(built.is_err() && lab.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == "1");
    lab.sql("DELETE FROM t");
    let schema = "CREATE TABLE t (id int); CREATE UNIQUE INDEX i ON t (id);";
    lab.plan(schema, &["--exit-code"]).code(2).shows(&["i"]);
    lab.converge(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_index WHERE NOT indisvalid"), "0");
}

#[test]
fn a_step_that_fails_is_told_and_the_next_run_ends_well() {
    let lab = Lab::with("CREATE TABLE t (id int); INSERT INTO t VALUES (1), (1)");
    let schema = "CREATE TABLE a (id int);\nCREATE TABLE t (id int);\nCREATE UNIQUE INDEX i ON t (id);\n";
    let ran = lab.apply(schema, &["--allow", "all"]);
    assert!([1, 4].contains(&ran.status), "{ran}");
    ran.says(&["could not create unique index", "Key (id)=(1) is duplicated"]);
    lab.sql("DELETE FROM t");
    lab.converge(schema, &[]);
}
