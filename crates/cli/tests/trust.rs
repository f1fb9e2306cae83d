//! The desired SQL may come from a stranger's pull request: it reaches no files, no programs and no superuser's rights.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

/// SQL that must not succeed, and the code that it tries to reach: whatever way it takes, it is refused.
#[track_caller]
fn refused(schema: &str, texts: &[&str]) {
    let lab = Lab::new();
    lab.plan(schema, &["--no-cache"]).code(65).says(texts);
}

#[test]
fn files_and_programs_are_out_of_reach() {
    let denied = ["permission denied", "schema.sql:1", "--trust-sql"];
    refused("DO $$ BEGIN PERFORM pg_read_file('/etc/passwd'); END $$;", &denied);
    refused(
        "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO ''/tmp/underpin_stranger'''; END $$;",
        &["pg_write_server_files", "--trust-sql"],
    );
    refused(
        "DO $$ BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''true'''; END $$;",
        &["pg_execute_server_program", "--trust-sql"],
    );
    refused("DO $$ BEGIN PERFORM lo_import('/etc/passwd'); END $$;", &["permission denied"]);
    refused(
        "CREATE VIEW v AS SELECT 1; DO $$ BEGIN ALTER SYSTEM SET archive_command = 'x'; END $$;",
        &["ALTER SYSTEM"],
    );
    // Roles that a block makes are made without any right.
    refused(
        "DO $$ BEGIN CREATE ROLE r SUPERUSER; END $$; DO $$ BEGIN SET ROLE r; PERFORM pg_read_file('/etc/passwd'); END $$;",
        &["permission denied"],
    );
    refused("DO $$ BEGIN SET ROLE _underpin_admin; END $$;", &["permission denied"]);
    refused("DO $$ BEGIN SET SESSION AUTHORIZATION _underpin; END $$;", &["permission denied"]);
    refused("CREATE TABLE t AS SELECT pg_read_file('/etc/passwd');", &["permission denied"]);
    refused(
        "GRANT EXECUTE ON FUNCTION lo_import(text) TO PUBLIC; DO $$ BEGIN PERFORM lo_import('/etc/passwd'); END $$;",
        &["permission denied"],
    );
    refused(
        "GRANT pg_read_server_files TO _underpin_loader; DO $$ BEGIN PERFORM pg_read_file('/etc/passwd'); END $$;",
        &["permission denied"],
    );
    refused(
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT pg_read_file(''/etc/passwd'')'; CREATE MATERIALIZED VIEW m AS SELECT f();",
        &["permission denied"],
    );
}

#[test]
fn languages_without_bounds_are_refused_however_they_are_written() {
    for language in [
        "c",
        "internal",
        "C",
        "\"c\"",
        "'c'",
        " c",
        "/**/c",
        "E'c'",
        "U&\"c\"",
        "\n  internal",
        "$$c$$",
        "U&\"\\0063\"",
    ] {
        let schema = format!("CREATE FUNCTION f() RETURNS int AS 'random', 'random' LANGUAGE {language};");
        let lab = Lab::new();
        let ran = lab.plan(&schema, &["--no-cache"]);
        assert_eq!(ran.status, 65, "LANGUAGE {language}: {ran}");
    }
    // What the words are written in does not matter either.
    refused(
        "CREATE FUNCTION f() RETURNS int AS 'drandom' /* sql */ LANGUAGE/* sql */internal /* LANGUAGE sql */;",
        &["permission denied"],
    );
}

/// Another name for one of the server's own functions does no more than that one does; anything else would read memory
/// that is not its own.
#[test]
fn internal_functions_are_the_server_s_own_or_refused() {
    let lab = Lab::new();
    lab.converge("CREATE FUNCTION f() RETURNS int LANGUAGE internal STRICT AS 'pg_backend_pid';", &["--no-cache"]);
    for sql in [
        // Other types.
        "CREATE FUNCTION f(int) RETURNS text LANGUAGE internal STRICT AS 'textout';",
        "CREATE FUNCTION f(bigint) RETURNS text LANGUAGE internal STRICT AS 'upper';",
        "CREATE FUNCTION f(text, int) RETURNS text LANGUAGE internal STRICT AS 'upper';",
        "CREATE FUNCTION f(text) RETURNS SETOF text LANGUAGE internal STRICT AS 'upper';",
        // Nulls that it does not expect.
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal AS 'upper';",
        // One that not everybody may call, and one that would run with more rights.
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal STRICT AS 'pg_read_file_all';",
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal STRICT SECURITY DEFINER AS 'upper';",
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal STRICT SET work_mem = '1MB' AS 'upper';",
        // Its owner could have it called with nulls.
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal STRICT AS 'upper'; ALTER FUNCTION f(text) CALLED ON NULL INPUT;",
        "CREATE FUNCTION f(text) RETURNS text LANGUAGE internal STRICT AS 'upper'; ALTER FUNCTION f(text) OWNER TO CURRENT_USER;",
        "CREATE ROLE r; CREATE FUNCTION f(text) RETURNS text LANGUAGE internal STRICT AS 'upper'; ALTER FUNCTION f(text) OWNER TO r;",
    ] {
        let ran = Lab::new().plan(sql, &["--no-cache"]);
        assert_eq!(ran.status, 65, "{sql}: {ran}");
    }
}

/// What a superuser alone may own, and grants on what is not the loader's.
#[test]
fn owners_and_grants_beyond_the_loader_s_rights_are_taken() {
    let lab = Lab::with("CREATE ROLE underpin_boss SUPERUSER; CREATE ROLE underpin_app;");
    let schema = "CREATE FUNCTION g() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION g(); ALTER EVENT TRIGGER e OWNER TO underpin_boss;
        CREATE EXTENSION hstore; REVOKE EXECUTE ON FUNCTION hstore(text, text) FROM PUBLIC;
        GRANT EXECUTE ON FUNCTION hstore(text, text) TO underpin_app;";
    lab.apply(schema, &["--no-cache", "--owners", "manage", "--privileges", "manage"]).code(0);
    lab.settled(schema, &["--no-cache", "--owners", "manage", "--privileges", "manage"]);
    assert_eq!(lab.value("SELECT evtowner::regrole::text FROM pg_event_trigger WHERE evtname = 'e'"), "underpin_boss");
    assert_eq!(lab.value("SELECT has_function_privilege('public', 'hstore(text, text)', 'EXECUTE')::text"), "false");
    assert_eq!(
        lab.value("SELECT has_function_privilege('underpin_app', 'hstore(text, text)', 'EXECUTE')::text"),
        "true"
    );
}

/// `SET ROLE` in a file decides who owns what is made after it.
#[test]
fn the_role_that_a_file_sets_owns_what_is_made() {
    let lab = Lab::with("CREATE ROLE underpin_writer; GRANT CREATE ON SCHEMA public TO underpin_writer;");
    let schema = "GRANT CREATE ON SCHEMA public TO underpin_writer; CREATE TABLE mine (id int); SET ROLE underpin_writer;
        CREATE TABLE theirs (id int); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC; RESET ROLE; CREATE VIEW v AS SELECT 1 AS x;";
    let all = ["--no-cache", "--owners", "manage", "--privileges", "manage"];
    lab.apply(schema, &all).code(0);
    lab.settled(schema, &all);
    let owners = "SELECT relname || ' ' || (relowner::regrole::text = 'underpin_writer') FROM pg_class \
                  WHERE relname IN ('mine', 'theirs', 'v') ORDER BY 1";
    assert_eq!(lab.column(owners), ["mine false", "theirs true", "v false"]);
    assert_eq!(lab.value("SELECT defaclrole::regrole::text FROM pg_default_acl"), "underpin_writer");
    // A role that may not make it.
    let told = ["not-as-role", "underpin_writer", "OWNER TO"];
    Lab::with("").plan("SET ROLE underpin_writer; CREATE SCHEMA s;", &all).code(0).shows(&told);
}

#[test]
fn trusted_sql_may() {
    let lab = Lab::new();
    lab.plan("CREATE FUNCTION f() RETURNS int LANGUAGE internal AS 'pg_backend_pid';", &["--trust-sql"])
        .code(0)
        .shows(&["internal"]);
    lab.plan("DO $$ BEGIN PERFORM pg_read_file('/etc/hostname'); END $$; CREATE TABLE t ();", &["--trust-sql"]).code(0);
}

/// A function that tells whether it runs as a superuser: it fails in a way that would make us try again as one.
const TRAP: &str = "CREATE FUNCTION trap(x text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN
    IF current_setting('is_superuser') = 'on' OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
      RAISE EXCEPTION 'TRAP % as %', 'SPRUNG', current_user;
    END IF;
    RAISE insufficient_privilege USING MESSAGE = 'come back as a superuser';
  END $$;\n";

#[test]
fn no_code_of_the_schema_runs_as_a_superuser() {
    for bait in [
        "CREATE TABLE t (a text CHECK (trap(a))); DO $$ BEGIN INSERT INTO t VALUES ('x'); END $$;",
        "CREATE DOMAIN d AS text CHECK (trap(VALUE)); CREATE FUNCTION s(d, text) RETURNS d LANGUAGE sql AS 'SELECT $1'; \
         CREATE AGGREGATE a(text) (SFUNC = s, STYPE = d, INITCOND = 'x');",
        "CREATE TABLE t (a text); DO $$ BEGIN INSERT INTO t VALUES ('x'); END $$; CREATE INDEX i ON t (trap(a));",
        "CREATE DOMAIN d AS text CHECK (trap(VALUE)); CREATE TYPE c AS (a text); CREATE TABLE t OF c; \
         DO $$ BEGIN INSERT INTO t VALUES ('x'); END $$; ALTER TYPE c ALTER ATTRIBUTE a TYPE d CASCADE;",
        "CREATE SCHEMA s CREATE TABLE t (a boolean) CREATE INDEX i ON t (a) WHERE trap('x');",
        "CREATE TABLE t (a text); DO $$ BEGIN INSERT INTO t VALUES ('x'); END $$; \
         ALTER TABLE t ALTER a/**/TYPE/**/boolean/**/USING(trap(a)), OWNER TO boss;",
        "CREATE TABLE t (a text); DO $$ BEGIN INSERT INTO t VALUES ('x'); END $$; \
         ALTER TABLE t ADD CONSTRAINT c CHECK (trap(a)) NOT VALID; ALTER TABLE t/*(*/VALIDATE CONSTRAINT c, OWNER TO boss;",
        "CREATE VIEW v AS SELECT 1 AS x WHERE trap('x'); CREATE MATERIALIZED VIEW m AS SELECT * FROM v;",
        "CREATE FUNCTION f(x boolean DEFAULT trap('x')) RETURNS int LANGUAGE sql RETURN 1; DO $$ BEGIN PERFORM f(); END $$;",
        "CREATE PUBLICATION p FOR TABLE nowhere; CREATE TABLE t (a boolean); CREATE PUBLICATION q FOR TABLE t WHERE (trap('x'));",
        "CREATE FUNCTION v(text[], oid) RETURNS boolean LANGUAGE sql AS 'SELECT trap(''x'')'; \
         CREATE FOREIGN DATA WRAPPER w VALIDATOR v OPTIONS (a 'b');",
        "CREATE FUNCTION v() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS 'SELECT trap(''x'')'; \
         ALTER FUNCTION v() OWNER TO _underpin_admin; DO $$ BEGIN PERFORM v(); END $$;",
        "GRANT _underpin_admin TO _underpin_loader; DO $$ BEGIN SET ROLE _underpin_admin; PERFORM trap('x'); END $$;",
        "CREATE TYPE r AS RANGE (subtype = text); CREATE DOMAIN d AS text DEFAULT trap('x')::text; CREATE TABLE t (a d); \
         DO $$ BEGIN INSERT INTO t DEFAULT VALUES; END $$;",
    ] {
        let lab = Lab::new();
        let schema = format!("{TRAP}{bait}");
        let ran = lab.plan(&schema, &["--no-cache"]).never("TRAP SPRUNG");
        assert!([0, 65].contains(&ran.status), "{bait}\n{ran}");
    }
}

#[test]
fn event_triggers_do_not_fire_for_a_superuser() {
    let lab = Lab::new();
    let schema = "CREATE FUNCTION evt() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
          IF (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) THEN RAISE EXCEPTION 'TRAP %', 'SPRUNG'; END IF; END $$;
        CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION evt();
        CREATE EVENT TRIGGER e2 ON ddl_command_start EXECUTE FUNCTION evt();
        CREATE EXTENSION hstore;
        COMMENT ON EXTENSION hstore IS 'x';\n";
    lab.plan(schema, &["--no-cache"]).never("TRAP SPRUNG").code(0);
    let always = format!("{schema} ALTER EVENT TRIGGER e ENABLE ALWAYS; ALTER EVENT TRIGGER e2 ENABLE ALWAYS;");
    lab.plan(&always, &["--no-cache"]).never("TRAP SPRUNG");
}

#[test]
fn passwords_in_the_desired_sql_stay_there() {
    let lab = Lab::new();
    let schema = "CREATE ROLE app_login LOGIN PASSWORD 'inTheFile9';\nCREATE TABLE t (id int);\nALTER TABLE t OWNER TO app_login;\n";
    lab.plan(schema, &[]).never("inTheFile9");
    lab.plan(schema, &["--output", "json"]).never("inTheFile9");
}
