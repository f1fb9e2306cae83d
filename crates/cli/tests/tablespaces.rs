//! Tablespaces: the private server has those that a schema names, whatever the live one has; and what a role may not do with them is
//! said before anything runs.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;
use support::folder::on;

fn make(lab: &Lab, space: &str) {
    // Each is a message of its own, as none may be in a transaction.
    let mut client = lab.client();
    client.batch_execute("SET allow_in_place_tablespaces = on").unwrap();
    client.batch_execute(&format!("CREATE TABLESPACE {space} LOCATION ''")).unwrap();
}

/// A table, an index, a key and a materialized view that are elsewhere.
fn elsewhere(space: &str) -> String {
    format!(
        "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE {space}, a int) TABLESPACE {space};
CREATE INDEX t_a ON t (a) TABLESPACE {space};
CREATE MATERIALIZED VIEW m TABLESPACE {space} AS SELECT a FROM t;"
    )
}

const HERE: &str = "CREATE TABLE t (id int PRIMARY KEY, a int);
CREATE INDEX t_a ON t (a);
CREATE MATERIALIZED VIEW m AS SELECT a FROM t;";

#[test]
fn a_schema_that_names_tablespaces_is_elaborated_and_reached() {
    let lab = Lab::new();
    // Nobody has them but the private server, on which they are made.
    lab.file("here.sql", HERE);
    lab.file("there.sql", elsewhere("\"Some where\""));
    lab.run(["plan", "--db", "here.sql", "--schema", "there.sql", "--strategy", "direct"])
        .code(0)
        .shows(&["ALTER TABLE public.t SET TABLESPACE \"Some where\""]);
    lab.run(["plan", "--db", "there.sql", "--schema", "here.sql"]).code(0);
    // There, online and directly, and back.
    make(&lab, "\"Some where\"");
    lab.converge(HERE, &[]);
    lab.sql("INSERT INTO t VALUES (1, 1)");
    for (to, strategy) in [
        (elsewhere("\"Some where\""), "online"),
        (HERE.to_owned(), "online"),
        (elsewhere("\"Some where\""), "direct"),
        (HERE.to_owned(), "direct"),
    ] {
        lab.converge(&to, &["--strategy", strategy]);
        assert_eq!(lab.value("SELECT count(*) FROM t"), "1");
    }
}

#[test]
fn migrations_that_name_tablespaces_are_replayed() {
    let lab = Lab::new();
    lab.file("m/000001_base.up.sql", format!("{}\n", elsewhere("of_migrations")));
    lab.file("m/000001_base.down.sql", "DROP MATERIALIZED VIEW m;\nDROP TABLE t;\n");
    on(&lab, "verify", "golang-migrate", &[]).code(0);
    lab.file("schema.sql", elsewhere("of_migrations"));
    let folder = "migrations://m?format=golang-migrate";
    lab.run(["plan", "--db", folder, "--schema", "schema.sql", "--exit-code"]).code(0);
}

#[test]
fn what_the_role_may_not_do_is_said_before_anything_runs() {
    let lab = Lab::with("CREATE ROLE tenant LOGIN; GRANT CREATE ON SCHEMA public TO tenant");
    lab.file("schema.sql", elsewhere("closed"));
    let url = lab.url_as("tenant", &lab.database);
    let run = |command: &str, further: &[&str]| {
        let mut args = vec![command, "--db", &url, "--schema", "schema.sql"];
        args.extend(further);
        lab.run(args)
    };
    let missing =
        "the tablespace closed does not exist on the server: CREATE TABLESPACE closed LOCATION 'a folder there'";
    run("plan", &[]).code(0).shows(&[missing]);
    run("apply", &["--yes"]).code(1).says(&["it would stop on the way", missing, "nothing was changed"]);
    // A superuser needs it too.
    lab.run(["plan", "--db", &lab.url(), "--schema", "schema.sql"]).code(0).shows(&[missing]);
    make(&lab, "closed");
    let closed = "tenant may put nothing into the tablespace closed: GRANT CREATE ON TABLESPACE closed TO tenant";
    run("apply", &["--yes"]).code(1).says(&[closed, "nothing was changed"]);
    lab.run(["plan", "--db", &lab.url(), "--schema", "schema.sql"]).code(0).never("tablespace closed");
    lab.sql("GRANT CREATE ON TABLESPACE closed TO tenant");
    run("apply", &["--yes"]).code(0);
    run("plan", &["--exit-code"]).code(0);
    // What stays where it is needs nothing.
    lab.sql("REVOKE CREATE ON TABLESPACE closed FROM tenant");
    lab.file("schema.sql", elsewhere("closed").replace("a int)", "a int, b int)"));
    run("plan", &["--exit-code"]).code(2).never("tablespace closed");
}
