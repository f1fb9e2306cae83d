//! The development side: a private server, a given one, or a database beside the live one; and what is left of it.

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::{Mutex, MutexGuard, PoisonError};
use support::Lab;

/// Databases beside the live one are counted on the whole server, so that only one test at a time may make some.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

const SCHEMA: &str =
    "CREATE SCHEMA app; CREATE TABLE app.t (id int PRIMARY KEY, name text); CREATE VIEW app.v AS SELECT id FROM app.t;
    CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n";

#[test]
fn every_choice_gives_the_same_plan() {
    let _alone = alone();
    let lab = Lab::with("CREATE SCHEMA app; CREATE TABLE app.t (id int, old int)");
    let url = lab.url();
    let plan = |choice: &str| lab.plan(SCHEMA, &["--dev-db", choice, "--output", "json"]).code(0).out;
    let auto = plan("auto");
    assert_eq!(plan("same-server"), auto);
    assert_eq!(plan(&url), auto);
    assert!(lab.databases("_underpin").is_empty());
    for choice in ["same-server", &url] {
        lab.converge(SCHEMA, &["--dev-db", choice]);
    }
    assert!(lab.databases("_underpin").is_empty());
}

#[test]
fn databases_beside_the_live_one_go_after_errors_too() {
    let _alone = alone();
    let lab = Lab::new();
    lab.plan("CREATE TABLE t (a txet);", &["--dev-db", "same-server"]).code(65).says(&["txet", "schema.sql:1"]);
    lab.plan("DO $$ BEGIN PERFORM 1/0; END $$;", &["--dev-db", "same-server"]).code(65).says(&["division by zero"]);
    assert!(lab.databases("_underpin").is_empty());
    // Interrupted while the desired SQL is loaded.
    lab.file("slow.sql", "DO $$ BEGIN PERFORM pg_sleep(30); END $$;");
    let url = lab.url();
    let child = lab.command(["plan", "--db", &url, "--schema", "slow.sql", "--dev-db", "same-server"]).spawn().unwrap();
    support::until("a database is made", || !lab.databases("_underpin").is_empty());
    std::thread::sleep(std::time::Duration::from_millis(200));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    support::wait(child).code(130);
    support::until("it is dropped", || lab.databases("_underpin").is_empty());
}

#[test]
fn what_a_killed_run_leaves_beside_the_live_database_goes_with_the_next() {
    let _alone = alone();
    let lab = Lab::new();
    lab.file("slow.sql", "DO $$ BEGIN PERFORM pg_sleep(2); END $$;");
    let url = lab.url();
    let mut child =
        lab.command(["plan", "--db", &url, "--schema", "slow.sql", "--dev-db", "same-server"]).spawn().unwrap();
    support::until("a database is made", || !lab.databases("_underpin").is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let left = lab.databases("_underpin");
    assert_eq!(left.len(), 1);
    support::until("its session has ended", || {
        lab.value(&format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'", left[0])) == "0"
    });
    lab.plan(SCHEMA, &["--dev-db", "same-server"]).code(0);
    assert!(lab.databases("_underpin").is_empty(), "{:?}", lab.databases("_underpin"));
}

#[test]
fn roles_are_made_on_a_private_server_only() {
    let _alone = alone();
    let lab = Lab::new();
    let schema = "CREATE TABLE t (id int);\nGRANT SELECT ON t TO nobody_here;\nALTER TABLE t OWNER TO nobody_there;\n";
    lab.plan(schema, &[]).code(0).shows(&["nobody_here", "nobody_there"]);
    lab.plan(schema, &["--dev-db", "same-server"]).code(65).says(&["nobody_here", "schema.sql:2", "CREATE ROLE"]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'nobody_%'"), "0");
    // What apply would stumble over is said before.
    lab.apply(schema, &[]).code(1).says(&["nobody_here", "does not exist", "nothing was changed"]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname = 't'"), "0");
}

#[test]
fn a_role_that_may_not_make_databases_is_told() {
    let _alone = alone();
    let lab = Lab::new();
    let role = format!("plain_{}", lab.database);
    lab.sql(&format!("CREATE ROLE {role} LOGIN"));
    lab.file("a.sql", "CREATE TABLE t ()");
    let url = lab.url_as(&role, &lab.database);
    lab.run(["plan", "--db", &url, "--schema", "a.sql", "--dev-db", "same-server"]).code(1).says(&[
        "permission denied to create database",
        "CREATEDB",
        "--dev-db",
    ]);
    lab.run(["plan", "--db", &url, "--schema", "a.sql"]).code(0);
}

#[test]
fn an_extension_that_is_not_here_is_told() {
    let lab = Lab::new();
    lab.plan("CREATE TABLE a ();\nCREATE EXTENSION no_such_extension;\n", &[]).code(65).says(&[
        "no_such_extension",
        "schema.sql:2",
        "install the package",
        "--dev-db",
    ]);
}

#[test]
fn nothing_is_left_of_private_servers() {
    let lab = Lab::new();
    let temporary = tempfile::Builder::new().prefix("u").tempdir_in("/tmp").unwrap();
    // The server's own user has to get in.
    std::fs::set_permissions(temporary.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let left = || std::fs::read_dir(temporary.path()).unwrap().count();
    let run = |text: &str| {
        lab.file("schema.sql", text);
        let mut command = lab.command(["plan", "--db", &lab.url(), "--schema", "schema.sql", "--no-cache"]);
        command.env("TMPDIR", temporary.path());
        command
    };
    support::finish(run(SCHEMA)).code(0);
    assert_eq!(left(), 0);
    support::finish(run("CREATE TABLE a (b txet);")).code(65);
    assert_eq!(left(), 0);
    // Ctrl-C.
    let child = run("DO $$ BEGIN PERFORM pg_sleep(30); END $$;").spawn().unwrap();
    support::until("a server runs", || left() > 0);
    std::thread::sleep(std::time::Duration::from_millis(500));
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
    support::wait(child).code(130);
    assert_eq!(left(), 0);
    // Killed: the next run cleans up.
    let mut child = run("DO $$ BEGIN PERFORM pg_sleep(30); END $$;").spawn().unwrap();
    support::until("a server runs", || left() > 0);
    std::thread::sleep(std::time::Duration::from_millis(500));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(left() > 0);
    support::finish(run(SCHEMA)).code(0);
    assert_eq!(left(), 0);
}
