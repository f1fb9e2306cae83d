//! Servers that cannot be reached or do not let us in, rights that are lacking, and secrets that never show.

#![allow(clippy::unwrap_used)]

mod support;

use std::fs;
use support::{Lab, finish, program};

#[test]
fn a_server_that_is_not_there() {
    let lab = Lab::new();
    lab.file("a.sql", "CREATE TABLE a ()");
    // Nobody listens on a port that is for the tests of TCP itself.
    lab.run(["plan", "--db", "postgres://u@127.0.0.1:1/x", "--schema", "a.sql"])
        .code(69)
        .says(&["127.0.0.1", "refused"]);
    let missing = lab.url_as("boss", "no_such_db");
    lab.run(["plan", "--db", &missing, "--schema", "a.sql"]).code(69).says(&["no_such_db", "does not exist"]);
    lab.run(["apply", "--db", &missing, "--schema", "a.sql", "--yes"]).code(69);
    lab.run(["inspect", "--db", &missing]).code(69);
    lab.run(["drift", "--db", &missing, "--schema", "a.sql"]).code(69);
    // The desired side can be a database too.
    lab.run(["plan", "--db", &lab.url(), "--schema", &missing]).code(69).says(&["no_such_db"]);
    lab.run(["plan", "--db", &lab.url(), "--schema", "a.sql", "--dev-db", &missing]).code(69).says(&["no_such_db"]);
}

/// Lets a role in by its password only, as servers are that listen on a network.
fn with_password(lab: &Lab, role: &str, password: &str) {
    let hba = lab.value("SHOW hba_file");
    let text = fs::read_to_string(&hba).unwrap();
    fs::write(&hba, format!("local all {role} scram-sha-256\n{text}")).unwrap();
    lab.sql(&format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{password}'; SELECT pg_reload_conf()"));
    // The postmaster reads the file when it comes to it.
    support::until("the server asks for the password", || {
        let ran = lab.run(["inspect", "--db", &lab.url_as(role, &lab.database)]);
        ran.status == 69
    });
}

#[test]
fn no_password_shows_anywhere() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    const SECRET: &str = "s3kr1t&Pass/wört";
    const ENCODED: &str = "s3kr1t%26Pass%2Fw%C3%B6rt";
    with_password(&lab, "guarded", SECRET);
    lab.file("a.sql", "CREATE TABLE t (id int, more int);");
    let place = lab.url_as("guarded", &lab.database);
    let url = place.replace("guarded@", &format!("guarded:{ENCODED}@"));
    let wrong = place.replace("guarded@", "guarded:wr0ngPass@");
    let quiet = |ran: support::Ran| ran.never(SECRET).never(ENCODED).never("wr0ngPass");
    quiet(lab.run(["plan", "--db", &wrong, "--schema", "a.sql"])).code(69).says(&["password", "guarded"]);
    quiet(lab.run(["apply", "--db", &wrong, "--schema", "a.sql", "--yes"])).code(69);
    quiet(lab.run(["plan", "--db", &place, "--schema", "a.sql"])).code(69).says(&["password"]);
    for output in ["text", "json", "sql"] {
        quiet(lab.run(["plan", "--db", &url, "--schema", "a.sql", "--output", output])).code(0).shows(&["more"]);
    }
    quiet(lab.run(["plan", "--db", &url, "--schema", "broken.sql"])).code(65);
    quiet(lab.run(["plan", "--db", &url, "--schema", "a.sql", &url])).code(64);
    quiet(lab.run(["plan", "--db", &format!("{url}&nonsense=1"), "--schema", "a.sql"])).code(64).says(&["nonsense"]);
    quiet(lab.run(["plan", "--db", &url.replace("port=", "port=x"), "--schema", "a.sql"])).code(64);
    quiet(lab.run(["drift", "--db", &url, "--schema", "a.sql"])).code(2);
    quiet(lab.run(["drift", "--db", &url, "--schema", "a.sql", "--output", "json"])).code(2);
    quiet(lab.run(["inspect", "--db", &url, "--output", "json"])).code(0);
    quiet(lab.run(["plan", "--db", &lab.url(), "--schema", "a.sql", "--dev-db", &url])).code(0);
    quiet(lab.run(["plan", "--db", &lab.url(), "--schema", "a.sql", "--dev-db", &wrong])).code(69);
    quiet(lab.run(["plan", "--db", &lab.url(), "--schema", &url])).code(0);
    quiet(lab.run(["plan", "--db", &lab.url(), "--schema", &wrong])).code(69);
    quiet(lab.run(["plan", "--help"])).code(0);
    // From the environment and from files, as libpq takes them.
    let run = |name: &str, value: &str| {
        let mut command = lab.command(["plan", "--db", &place, "--schema", "a.sql"]);
        command.env(name, value);
        quiet(finish(command))
    };
    run("PGPASSWORD", SECRET).code(0);
    run("PGPASSWORD", "wr0ngPass").code(69);
    let passfile = lab.file("pgpass", format!("*:*:*:guarded:{}\n", SECRET.replace(':', "\\:")));
    fs::set_permissions(&passfile, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    run("PGPASSFILE", passfile.to_str().unwrap()).code(0);
    let mut command = lab.command(["apply", "--schema", "a.sql", "--yes", "--output", "json"]);
    command.env("UNDERPIN_DB", &url);
    quiet(finish(command)).code(0);
    let mut command = lab.command(["plan", "--help"]);
    command.env("UNDERPIN_DB", &url);
    quiet(finish(command)).code(0);
    // Nothing of it is kept.
    for entry in fs::read_dir(support::cache().join("desired")).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap_or_default();
        for secret in [SECRET, ENCODED] {
            assert!(!bytes.windows(secret.len()).any(|w| w == secret.as_bytes()), "the cache holds a password");
        }
    }
}

#[test]
fn a_password_from_the_environment_is_not_in_the_process_list() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    with_password(&lab, "hidden", "n0tInThere");
    lab.file("a.sql", "DO $$ BEGIN PERFORM pg_sleep(1.5); END $$; CREATE TABLE t (id int);");
    let mut command = lab.command(["plan", "--schema", "a.sql", "--no-cache"]);
    command.env("UNDERPIN_DB", lab.url_as("hidden", &lab.database)).env("PGPASSWORD", "n0tInThere");
    let child = command.spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(700));
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let mine = entry.file_name().to_str() == Some(&std::process::id().to_string());
        assert!(mine || !String::from_utf8_lossy(&line).contains("n0tInThere"), "{}", String::from_utf8_lossy(&line));
    }
    support::wait(child).code(0);
}

#[test]
fn a_role_without_connect_is_told() {
    let lab = Lab::new();
    lab.sql(&format!("CREATE ROLE outsider LOGIN; REVOKE CONNECT ON DATABASE {} FROM PUBLIC", lab.database));
    lab.run(["inspect", "--db", &lab.url_as("outsider", &lab.database)])
        .code(69)
        .says(&["permission denied", "CONNECT"]);
}

/// A live schema of another role that nobody else may use.
fn closed() -> (Lab, String) {
    let lab = Lab::new();
    let role = format!("reader_{}", lab.database);
    lab.sql(&format!(
        "CREATE ROLE {role} LOGIN; CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY, v text DEFAULT 'x');
         CREATE VIEW closed.v AS SELECT id FROM closed.t; CREATE FUNCTION closed.f() RETURNS int LANGUAGE sql AS 'SELECT 1';"
    ));
    (lab, role)
}

const CLOSED: &str = "CREATE SCHEMA closed; CREATE TABLE closed.t (id int PRIMARY KEY, v text DEFAULT 'x');
    CREATE VIEW closed.v AS SELECT id FROM closed.t; CREATE FUNCTION closed.f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n";

#[test]
fn a_plan_needs_only_what_every_role_may_read() {
    let (lab, role) = closed();
    let url = lab.url_as(&role, &lab.database);
    lab.file("same.sql", CLOSED);
    lab.run(["plan", "--db", &url, "--schema", "same.sql", "--exit-code"]).code(0);
    lab.run(["drift", "--db", &url, "--schema", "same.sql"]).code(0);
    assert_eq!(lab.run(["inspect", "--db", &url, "--owners", "ignore"]).code(0).out.matches("CREATE TABLE").count(), 1);
}

#[test]
fn lacking_rights_are_told_before_the_first_step() {
    let (lab, role) = closed();
    let url = lab.url_as(&role, &lab.database);
    let more = format!("{CLOSED}CREATE TABLE closed.more (id int); CREATE SCHEMA own;");
    lab.file("more.sql", more);
    let before = lab.inspect();
    lab.run(["plan", "--db", &url, "--schema", "more.sql"]).code(0).shows(&["right-is-lacking"]);
    lab.run(["apply", "--db", &url, "--schema", "more.sql", "--yes"]).code(1).says(&[
        "not started",
        "GRANT CREATE ON SCHEMA closed",
        "may not create schemas",
        "nothing was changed",
    ]);
    lab.file("extra.sql", CLOSED.replace("v text", "extra int, v text"));
    lab.run(["apply", "--db", &url, "--schema", "extra.sql", "--yes"])
        .code(1)
        .says(&["not a member of boss", "nothing was changed"]);
    assert_eq!(lab.inspect(), before);
    // The same from a plan that another role has made.
    lab.run(["plan", "--db", &lab.url(), "--schema", "more.sql", "--output", "json", "-o", "plan.json"]).code(0);
    let ran = lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes"]);
    assert!([1, 4].contains(&ran.status), "{ran}");
    ran.says(&["permission denied"]);
    assert_eq!(lab.inspect(), before);
}

#[test]
fn a_role_that_owns_its_schema_needs_no_more() {
    let lab = Lab::new();
    let role = format!("owner_{}", lab.database);
    lab.sql(&format!("CREATE ROLE {role} LOGIN; CREATE SCHEMA mine AUTHORIZATION {role}"));
    let url = lab.url_as(&role, &lab.database);
    lab.file("a.sql", format!("CREATE SCHEMA mine AUTHORIZATION {role}; CREATE TABLE mine.t (id int PRIMARY KEY); CREATE INDEX i ON mine.t (id);"));
    lab.run(["apply", "--db", &url, "--schema", "a.sql", "--yes"]).code(0);
    lab.run(["plan", "--db", &url, "--schema", "a.sql", "--exit-code"]).code(0);
}

#[test]
fn without_postgresql_on_this_machine() {
    let lab = Lab::with("CREATE TABLE t (id int)");
    lab.file("a.sql", "CREATE TABLE t (id int, more int)");
    fs::create_dir(lab.path("none")).unwrap();
    let url = lab.url();
    let run = |args: &[&str]| {
        let mut command = lab.command(args);
        command.env("UNDERPIN_PG_BIN", lab.path("none"));
        finish(command)
    };
    run(&["plan", "--db", &url, "--schema", "a.sql", "--no-cache"]).code(69).says(&[
        "no PostgreSQL server programs",
        "UNDERPIN_PG_BIN",
        "--dev-db",
    ]);
    run(&["plan", "--db", &url, "--schema", "a.sql", "--dev-db", "same-server"]).code(0).shows(&["more"]);
    run(&["plan", "--db", &url, "--schema", "a.sql", "--dev-db", &url]).code(0).shows(&["more"]);
    // What needs no private server works without one.
    run(&["inspect", "--db", &url]).code(0).shows(&["CREATE TABLE"]);
    run(&["drift", "--db", &url, "--schema", &url]).code(0);
}

#[test]
fn the_program_says_how_it_is_used() {
    let ran = finish(program(["plan"])).code(64);
    assert!(ran.out.is_empty(), "{ran}");
    let help = finish(program(["apply", "--help"])).code(0);
    assert!(help.err.is_empty(), "{help}");
}
