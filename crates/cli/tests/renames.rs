//! Renames by hint, of everything that has a name; what looks like a rename without one; and conversions by hint.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

/// Applies a rename: directly nothing else may happen (no `forbidden` word in the plan), and a second look finds the hint stale.
/// In stages it ends the same.
#[track_caller]
fn renamed(live: &str, schema: &str, shows: &[&str]) -> Lab {
    let direct = ["--strategy", "direct"];
    let lab = Lab::with(live);
    let ran = lab.plan(schema, &direct).code(0).shows(shows).never("rename-not-followed").never("likely-rename");
    for word in ["DROP", "CREATE "] {
        let steps = ran.out.lines().filter(|l| l.trim_start().starts_with(word)).count();
        assert_eq!(steps, 0, "more than a rename: {ran}");
    }
    lab.apply(schema, &direct).code(0);
    let after = lab.settled(schema, &[]);
    assert!(!after.out.contains("rename") && !after.err.contains("rename"), "a stale hint is silent: {after}");
    let staged = Lab::with(live);
    staged.converge(schema, &[]).never("not-staged").never("rename-not-followed");
    assert_eq!(staged.inspect(), lab.inspect());
    lab
}

#[test]
fn tables_and_columns() {
    let lab = renamed(
        "CREATE TABLE old (id serial PRIMARY KEY, a text UNIQUE, b int CHECK (b > 0)); INSERT INTO old (a, b) VALUES ('x', 1);
         CREATE INDEX ON old (b); CREATE TABLE other (old_id int REFERENCES old);",
        "-- underpin: renamed-from old\nCREATE TABLE new (id serial PRIMARY KEY, a text UNIQUE, b int CHECK (b > 0));\n\
         CREATE INDEX ON new (b);\nCREATE TABLE other (old_id int REFERENCES new);\n",
        &["ALTER TABLE public.old RENAME TO new"],
    );
    assert_eq!(lab.value("SELECT a FROM new"), "x");
    // A view is written with the table's new name; what it gives stays.
    let lab = Lab::with("CREATE TABLE old (id int); INSERT INTO old VALUES (7); CREATE VIEW v AS SELECT id FROM old");
    lab.converge(
        "-- underpin: renamed-from old\nCREATE TABLE fresh (id int);\nCREATE VIEW v AS SELECT id FROM fresh;",
        &[],
    );
    assert_eq!(lab.value("SELECT id FROM v"), "7");
    renamed(
        "CREATE TABLE t (\"Old Name\" int, b int)",
        "CREATE TABLE t (\n  \"New Name\" int, -- underpin: renamed-from \"Old Name\"\n  b int);",
        &["RENAME COLUMN \"Old Name\" TO \"New Name\"", "schema.sql:2"],
    );
    renamed("CREATE TABLE t (a int)", "CREATE TABLE t (\n  -- @renamed from=a\n  b int);", &["RENAME COLUMN a TO b"]);
    renamed(
        "CREATE TABLE t (a int)",
        "CREATE TABLE t (\n  -- atlas:renamed_from a\n  b int);",
        &["RENAME COLUMN a TO b"],
    );
}

#[test]
fn a_table_and_its_columns_and_constraints_at_once() {
    let lab = renamed(
        "CREATE SCHEMA app; CREATE TABLE app.old (id int, a int, CONSTRAINT c_old CHECK (a > 0), CONSTRAINT u_old UNIQUE (a)); INSERT INTO app.old VALUES (1, 2)",
        "CREATE SCHEMA app;\n-- underpin: renamed-from old\nCREATE TABLE app.new (id int,\n  b int, -- underpin: renamed-from a\n\
           CONSTRAINT c_new CHECK (b > 0), -- underpin: renamed-from c_old\n  CONSTRAINT u_new UNIQUE (b) -- underpin: renamed-from u_old\n);",
        &[
            "RENAME TO new",
            "RENAME COLUMN a TO b",
            "RENAME CONSTRAINT c_old TO c_new",
            "RENAME CONSTRAINT u_old TO u_new",
        ],
    );
    assert_eq!(lab.value("SELECT b FROM app.new"), "2");
}

#[test]
fn schemas_and_moves_between_them() {
    let lab = renamed(
        "CREATE SCHEMA old; CREATE TYPE old.e AS ENUM ('a'); CREATE TABLE old.t (id int PRIMARY KEY, a int, e old.e); INSERT INTO old.t VALUES (1, 2, 'a');
         CREATE VIEW old.v AS SELECT a FROM old.t;",
        "-- underpin: renamed-from old\nCREATE SCHEMA new;\nCREATE TYPE new.e AS ENUM ('a');\n-- underpin: renamed-from old.t\n\
         CREATE TABLE new.t2 (id int,\n  b int, -- underpin: renamed-from a\n  e new.e, CONSTRAINT t_pkey PRIMARY KEY (id));\n\
         CREATE VIEW new.v AS SELECT b AS a FROM new.t2;\n",
        &["ALTER SCHEMA old RENAME TO new", "ALTER TABLE new.t RENAME TO t2", "RENAME COLUMN a TO b"],
    );
    assert_eq!(lab.value("SELECT b FROM new.t2"), "2");
    renamed(
        "CREATE SCHEMA a; CREATE SCHEMA b; CREATE TABLE a.t (id int); CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA a; CREATE SCHEMA b;\n-- underpin: renamed-from a.t\nCREATE TABLE b.t (id int);\n\
         -- underpin: renamed-from a.f\nCREATE FUNCTION b.g() RETURNS int LANGUAGE sql AS 'SELECT 1';",
        &["ALTER TABLE a.t SET SCHEMA b", "ALTER FUNCTION a.f() SET SCHEMA b", "ALTER FUNCTION b.f() RENAME TO g"],
    );
}

#[test]
fn a_move_into_a_schema_that_is_new() {
    for strategy in ["online", "direct"] {
        let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'x')");
        let schema =
            "CREATE SCHEMA b;\n-- underpin: renamed-from public.t\nCREATE TABLE b.t (id int PRIMARY KEY, a text);\n";
        lab.converge(schema, &["--strategy", strategy]);
        assert_eq!(lab.value("SELECT a FROM b.t"), "x");
    }
}

#[test]
fn types_and_their_parts() {
    let lab = renamed(
        "CREATE TYPE mood AS ENUM ('ok', 'sad', 'Very Sad'); CREATE TABLE t (m mood DEFAULT 'sad'); INSERT INTO t VALUES ('Very Sad')",
        "CREATE TYPE mood AS ENUM (\n  'ok',\n  'blue', -- underpin: renamed-from 'sad'\n  'very-blue' -- underpin: renamed-from 'Very Sad'\n);\n\
         CREATE TABLE t (m mood DEFAULT 'blue');",
        &["ALTER TYPE public.mood RENAME VALUE 'sad' TO 'blue'", "RENAME VALUE 'Very Sad' TO 'very-blue'"],
    );
    assert_eq!(lab.value("SELECT m FROM t"), "very-blue");
    renamed(
        "CREATE TYPE old AS ENUM ('a', 'b'); CREATE TABLE t (e old)",
        "-- underpin: renamed-from old\nCREATE TYPE new AS ENUM ('a',\n  'c' -- underpin: renamed-from b\n);\nCREATE TABLE t (e new);",
        &["ALTER TYPE public.old RENAME TO new", "RENAME VALUE 'b' TO 'c'"],
    );
    renamed(
        "CREATE TYPE p AS (x int, y int); CREATE TABLE t (p p)",
        "CREATE TYPE p AS (x int,\n  z int -- underpin: renamed-from y\n);\nCREATE TABLE t (p p);",
        &["RENAME ATTRIBUTE y TO z"],
    );
    renamed(
        "CREATE DOMAIN old AS int CONSTRAINT pos CHECK (VALUE > 0); CREATE TABLE t (d old)",
        "-- underpin: renamed-from old\nCREATE DOMAIN new AS int CONSTRAINT pos CHECK (VALUE > 0);\nCREATE TABLE t (d new);",
        &["ALTER DOMAIN public.old RENAME TO new"],
    );
}

#[test]
fn indexes_views_sequences_functions_and_triggers() {
    let live = "CREATE SCHEMA app; CREATE TABLE app.t (a int); CREATE INDEX i_old ON app.t (a); CREATE VIEW app.v_old AS SELECT a FROM app.t;
        CREATE MATERIALIZED VIEW app.m_old AS SELECT a FROM app.t; CREATE SEQUENCE app.s_old; SELECT nextval('app.s_old');
        CREATE FUNCTION app.f_old(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION app.f_old(text) RETURNS int LANGUAGE sql AS 'SELECT 2';
        CREATE FUNCTION app.tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER g_old BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.tf(); CREATE POLICY p_old ON app.t USING (true);";
    let schema = "CREATE SCHEMA app; CREATE TABLE app.t (a int);
-- underpin: renamed-from i_old
CREATE INDEX i_new ON app.t (a);
-- underpin: renamed-from v_old
CREATE VIEW app.v_new AS SELECT a FROM app.t;
-- underpin: renamed-from m_old
CREATE MATERIALIZED VIEW app.m_new AS SELECT a FROM app.t;
-- underpin: renamed-from s_old
CREATE SEQUENCE app.s_new;
-- underpin: renamed-from f_old
CREATE FUNCTION app.f_new(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.f_old(text) RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE FUNCTION app.tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
-- underpin: renamed-from g_old
CREATE TRIGGER g_new BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.tf();
-- underpin: renamed-from p_old
CREATE POLICY p_new ON app.t USING (true);
";
    let lab = renamed(
        live,
        schema,
        &[
            "ALTER INDEX app.i_old RENAME TO i_new",
            "ALTER VIEW app.v_old RENAME TO v_new",
            "ALTER MATERIALIZED VIEW app.m_old RENAME TO m_new",
            "ALTER SEQUENCE app.s_old RENAME TO s_new",
            "ALTER FUNCTION app.f_old(integer) RENAME TO f_new",
            "ALTER TRIGGER g_old ON app.t RENAME TO g_new",
            "ALTER POLICY p_old ON app.t RENAME TO p_new",
        ],
    );
    assert_eq!(lab.value("SELECT nextval('app.s_new')"), "2");
}

#[test]
fn hints_that_cannot_be_followed_are_told() {
    let lab = Lab::with("CREATE TABLE old (id int)");
    lab.plan("-- underpin: renamed-from old\nCREATE TABLE new (id int);\nCREATE TABLE old (id int);", &[])
        .code(0)
        .shows(&["rename-not-followed", "schema.sql:1", "still wanted"]);
    lab.sql("CREATE TABLE new (id int)");
    lab.plan("-- underpin: renamed-from old\nCREATE TABLE new (id int);", &[])
        .code(0)
        .shows(&["both the old and the new name are there"]);
    lab.plan("-- underpin: renamed-frm old\nCREATE TABLE new (id int);", &[])
        .code(0)
        .shows(&["hint-not-understood", "schema.sql:1"]);
}

#[test]
fn likely_renames_are_pointed_out_and_never_done() {
    let lab = Lab::with("CREATE TABLE old (id int, a text); CREATE TABLE t (x int, y text)");
    let ran = lab.plan("CREATE TABLE new (id int, a text); CREATE TABLE t (x int, z text);", &[]).code(0);
    let ran = ran.shows(&["likely-rename", "renamed-from old", "renamed-from y"]);
    assert!(!ran.out.contains("RENAME"), "{ran}");
    lab.apply("CREATE TABLE new (id int, a text); CREATE TABLE t (x int, z text);", &[]).code(3);
}

#[test]
fn conversions_by_hint() {
    let lab = Lab::with("CREATE TABLE t (a boolean, b int); INSERT INTO t VALUES (true, 5)");
    let without = "CREATE TABLE t (a date, b int);";
    lab.plan(without, &["--strategy", "direct"]).code(0).shows(&["underpin: using EXPR"]);
    let with = "CREATE TABLE t (\n  a date, -- underpin: using date '2000-01-01' + b\n  b int);";
    lab.plan(with, &["--strategy", "direct"]).code(0).shows(&["USING date '2000-01-01' + b"]);
    lab.converge(with, &["--strategy", "direct"]);
    assert_eq!(lab.value("SELECT a FROM t"), "2000-01-06");
}

/// Both names are there before and after, so that no schema tells whether it was done.
#[test]
fn names_do_not_change_places() {
    let live = "CREATE TABLE t (a int, b int, c int); CREATE TABLE u (id int); CREATE TYPE e AS ENUM ('x', 'y');";
    let lab = Lab::with(live);
    let two = "CREATE TABLE t (\n a int, -- underpin: renamed-from b\n b int, -- underpin: renamed-from a\n c int);
        CREATE TABLE u (id int); CREATE TYPE e AS ENUM ('x', 'y');";
    for strategy in ["online", "direct"] {
        lab.plan(two, &["--strategy", strategy]).code(65).says(&[
            "error[names-change-places]",
            "schema.sql:2: hints let a and b take each other's names",
            "`-- underpin: renamed-from a` on that",
        ]);
    }
    let three =
        two.replace("renamed-from a", "renamed-from c").replace(" c int", " c int -- underpin: renamed-from a\n");
    lab.plan(&three, &[]).code(65).says(&["hints let a and b and c take each other's names"]);
    let tables = "-- underpin: renamed-from u\nCREATE TABLE t (a int, b int, c int);\n-- underpin: renamed-from t\nCREATE TABLE u (id int);
        CREATE TYPE e AS ENUM ('x', 'y');";
    lab.plan(tables, &[]).code(65).says(&["hints let t and u take each other's names"]);
    let values = live.replace("('x', 'y')", "(\n'x', -- underpin: renamed-from y\n'y' -- underpin: renamed-from x\n)");
    lab.plan(&values, &[]).code(65).says(&["take each other's names"]);
    // By a third name they do, in the steps that are told, and hints that are done are left alone.
    lab.sql("INSERT INTO t VALUES (1, 2)");
    for columns in [
        "z int, -- underpin: renamed-from a\n b int",
        "z int, -- underpin: renamed-from a\n a int -- underpin: renamed-from b\n",
        "b int, -- underpin: renamed-from z\n a int -- underpin: renamed-from b\n",
    ] {
        let schema =
            format!("CREATE TABLE t (\n{columns}, c int); CREATE TABLE u (id int); CREATE TYPE e AS ENUM ('x', 'y');");
        lab.converge(&schema, &[]).never("rename-not-followed");
    }
    assert_eq!(lab.value("SELECT a || ' ' || b FROM t"), "2 1");
}
