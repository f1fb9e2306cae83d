//! Any name and any dump: quotes, capitals, spaces, 63 bytes; extensions and what belongs to them; what `pg_dump` writes.

#![allow(clippy::unwrap_used)]

mod support;

use std::process::Command;
use support::Lab;

/// A schema in which every name is `name`.
fn named(name: &str) -> String {
    let q = format!("\"{}\"", name.replace('"', "\"\""));
    format!(
        "CREATE SCHEMA {q}; CREATE TYPE {q}.{q} AS ENUM ('a''b', 'c\\d'); CREATE SEQUENCE {q}.\"s\";
         CREATE TABLE {q}.\"t\" ({q} int CONSTRAINT {q} CHECK ({q} > 0), e {q}.{q} DEFAULT 'a''b', d text DEFAULT E'\\\\x''\"$$');
         CREATE INDEX {q} ON {q}.\"t\" ({q}); CREATE VIEW {q}.\"v\" AS SELECT {q} FROM {q}.\"t\";
         CREATE FUNCTION {q}.\"f\"({q} int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         COMMENT ON TABLE {q}.\"t\" IS 'it''s \\ \"so\" $$'; COMMENT ON COLUMN {q}.\"t\".{q} IS 'ü\n\tx';\n"
    )
}

#[test]
fn any_name_can_be_planned_applied_and_rebuilt() {
    let long = "x".repeat(63);
    let wide = "ä".repeat(31);
    for name in [
        "Capital",
        "with space",
        "qu\"ote",
        "qu'ote",
        "dot.ted",
        "select",
        "Größe 😀",
        "a;b--c",
        "$1",
        "%s",
        "back\\slash",
        &long,
        &wide,
    ] {
        let lab = Lab::new();
        let schema = named(name);
        lab.converge(&schema, &["--no-cache"]);
        // What inspect writes builds the same.
        let script = lab.inspect();
        let twin = Lab::new();
        twin.apply(&script, &["--no-cache"]).code(0);
        assert_eq!(twin.inspect(), script, "{name}");
        // And back to nothing.
        lab.apply("-- nothing\n", &["--allow", "all", "--phase", "all"]).code(0);
    }
}

#[test]
fn names_that_the_server_cuts_are_one_name() {
    let lab = Lab::new();
    let schema = format!("CREATE TABLE {} (id int);\n", "n".repeat(70));
    lab.converge(&schema, &[]);
}

#[test]
fn what_an_extension_made_is_its_own() {
    let schema = "CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION pgcrypto;
        CREATE TABLE t (id uuid DEFAULT gen_random_uuid(), h hstore, c citext UNIQUE, p text DEFAULT crypt('x', 'ab'));
        CREATE INDEX i ON t USING gin (h);\n";
    let lab = Lab::with(schema);
    lab.settled(schema, &[]);
    let fresh = Lab::new();
    fresh.converge(schema, &[]);
    // Nothing of an extension's own is in a plan or a script.
    let script = fresh.inspect();
    assert!(!script.contains("hstore_in") && script.contains("CREATE EXTENSION"), "{script}");
    let twin = Lab::new();
    twin.converge(&script, &[]);
}

#[test]
fn extensions_that_the_files_do_not_name() {
    // The desired SQL does not say that the extension shall be there: to drop it would be a loss, and is told as one.
    let lab = Lab::with("CREATE EXTENSION hstore; CREATE TABLE t (id int)");
    lab.plan("CREATE TABLE t (id int);", &["--exit-code"]).code(2).shows(&["DROP EXTENSION hstore"]);
    lab.settled("CREATE TABLE t (id int);", &["--exclude", "extension:hstore"]);
    // What needs the extension cannot be elaborated without it.
    lab.plan("CREATE TABLE t (id int, h hstore);", &[]).code(65).says(&["hstore", "schema.sql:1"]);
}

fn pg_dump(lab: &Lab) -> String {
    let output = Command::new(lab.server.bin_dir().join("pg_dump"))
        .args(["--schema-only", "--exclude-schema=underpin", "--dbname", &lab.url()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // These lines hold a key that is another in every dump.
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|l| !l.starts_with("\\restrict") && !l.starts_with("\\unrestrict"))
        .fold(String::new(), |all, l| all + l + "\n")
}

/// Compares line by line, so that a failure shows what differs.
#[track_caller]
fn assert_same(a: &str, b: &str) {
    for (a, b) in a.lines().zip(b.lines()) {
        assert_eq!(a, b);
    }
    assert_eq!(a.lines().count(), b.lines().count());
}

const RICH: &str = "CREATE SCHEMA app; CREATE EXTENSION citext; CREATE TYPE app.state AS ENUM ('new', 'done'); CREATE DOMAIN app.pos AS int CHECK (VALUE > 0);
    CREATE TABLE app.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email citext NOT NULL UNIQUE, n app.pos DEFAULT 1, at timestamptz DEFAULT now());
    CREATE TABLE app.orders (id serial PRIMARY KEY, user_id bigint REFERENCES app.users ON DELETE CASCADE, state app.state DEFAULT 'new', total numeric(10,2), CHECK (total >= 0));
    CREATE INDEX ON app.orders (user_id) WHERE state = 'new'; CREATE VIEW app.v AS SELECT u.email, count(*) AS n FROM app.users u JOIN app.orders o ON o.user_id = u.id GROUP BY 1;
    CREATE FUNCTION app.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.total := coalesce(NEW.total, 0); RETURN NEW; END $$;
    CREATE TRIGGER touch BEFORE INSERT ON app.orders FOR EACH ROW EXECUTE FUNCTION app.touch();
    CREATE TABLE app.log (id int, at date NOT NULL) PARTITION BY RANGE (at); CREATE TABLE app.log_1 PARTITION OF app.log FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
    COMMENT ON TABLE app.users IS 'who'; ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON app.orders USING (true);
    CREATE MATERIALIZED VIEW app.m AS SELECT count(*) FROM app.users; REVOKE ALL ON app.users FROM PUBLIC; GRANT SELECT ON app.users TO PUBLIC;\n";

#[test]
fn a_dump_converges_as_it_is() {
    let lab = Lab::with(RICH);
    let dump = pg_dump(&lab);
    lab.settled(&dump, &[]);
    let fresh = Lab::new();
    fresh.converge(&dump, &[]);
    assert_same(&pg_dump(&fresh), &dump);
    // The script of inspect too.
    let twin = Lab::new();
    twin.converge(&lab.inspect(), &[]);
    assert_same(&pg_dump(&twin), &dump);
}

#[test]
fn what_is_in_scope() {
    let lab = Lab::with(
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (id int); CREATE TABLE b.t (id int); CREATE TABLE b.keep (id int)",
    );
    let schema = "CREATE SCHEMA a; CREATE TABLE a.t (id int, more int);";
    lab.plan(schema, &["--exit-code", "--include", "a"]).code(2).shows(&["more"]).never("DROP");
    lab.converge(schema, &["--include", "a"]);
    lab.settled(schema, &["--exclude", "b"]);
    lab.plan(schema, &["--exit-code"]).code(2).shows(&["DROP TABLE b.t"]);
    lab.plan(schema, &["--exclude", "table:b.keep,b.t"]).code(0).never("DROP TABLE");
    let script = lab.run(["inspect", "--db", &lab.url(), "--include", "b"]).code(0).out;
    assert!(script.contains("b.keep") && !script.contains("a.t"), "{script}");
}

#[test]
fn owners_and_privileges_by_switch() {
    let lab = Lab::new();
    let role = format!("app_{}", lab.database);
    lab.sql(&format!("CREATE ROLE {role}; CREATE TABLE t (id int); ALTER TABLE t OWNER TO {role}; GRANT SELECT ON t TO PUBLIC; CREATE TABLE u (id int)"));
    let silent = "CREATE TABLE t (id int); CREATE TABLE u (id int);";
    lab.settled(silent, &[]).shows(&["1 owner(s)", "--owners manage"]);
    lab.plan(silent, &["--exit-code", "--owners", "manage"]).code(2).shows(&["OWNER TO boss"]);
    lab.plan(silent, &["--exit-code", "--privileges", "manage"]).code(2).shows(&["REVOKE"]);
    let said = format!("{silent} ALTER TABLE u OWNER TO {role}; GRANT INSERT ON t TO PUBLIC;");
    lab.plan(&said, &["--exit-code"]).code(2).shows(&[&format!("ALTER TABLE public.u OWNER TO {role}"), "INSERT"]);
    lab.settled(&said, &["--owners", "ignore", "--privileges", "ignore"]);
    lab.converge(&said, &[]);
    assert_eq!(lab.value("SELECT relowner::regrole FROM pg_class WHERE relname = 't'"), role);
}
