use super::*;
use crate::{Split, split};

/// The statements of the files in the order found, each as its text.
fn ordered(files: &[&str]) -> Vec<String> {
    let splits: Vec<Split> = files.iter().map(|f| split(f)).collect();
    let all: Vec<(usize, &Statement)> =
        splits.iter().enumerate().flat_map(|(i, s)| s.statements.iter().map(move |s| (i, s))).collect();
    let order = order(&all);
    let mut seen = order.clone();
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..all.len()), "every statement once");
    order.into_iter().map(|i| files[all[i].0][all[i].1.span.clone()].to_owned()).collect()
}

fn stays(text: &str) {
    let want: Vec<String> = split(text).statements.into_iter().map(|s| text[s.span].to_owned()).collect();
    assert_eq!(ordered(&[text]), want);
}

#[test]
fn files_may_come_in_any_order() {
    let got = ordered(&[
        "GRANT SELECT ON v TO r; CREATE VIEW v AS SELECT f(a) FROM t; COMMENT ON COLUMN t.a IS 'x'",
        "CREATE INDEX i ON t (a, b); CREATE TABLE u (a int REFERENCES t (a))",
        "CREATE FUNCTION f(mood) RETURNS mood AS 'x' LANGUAGE c",
        "CREATE TABLE t (a mood); ALTER TABLE t ADD b int; ALTER TABLE t ADD PRIMARY KEY (a); ALTER TABLE t OWNER TO x",
        "SELECT 1; CREATE TYPE mood AS ENUM ()",
    ]);
    assert_eq!(
        got,
        [
            "CREATE TYPE mood AS ENUM ()",
            "CREATE FUNCTION f(mood) RETURNS mood AS 'x' LANGUAGE c",
            "CREATE TABLE t (a mood)",
            "ALTER TABLE t ADD b int",
            "CREATE VIEW v AS SELECT f(a) FROM t",
            "GRANT SELECT ON v TO r",
            "COMMENT ON COLUMN t.a IS 'x'",
            "CREATE INDEX i ON t (a, b)",
            "ALTER TABLE t ADD PRIMARY KEY (a)",
            "CREATE TABLE u (a int REFERENCES t (a))",
            "ALTER TABLE t OWNER TO x",
            "SELECT 1",
        ]
    );
}

#[test]
fn an_order_that_is_right_stays() {
    stays(
        "CREATE TABLE a (); CREATE VIEW status AS SELECT 1; CREATE TABLE b (); CREATE FUNCTION later() RETURNS int RETURN 1",
    );
    // A column of the name of a later relation, an overload made later, a table dropped and made again.
    stays("CREATE TABLE t (status int); CREATE VIEW v AS SELECT status FROM t; CREATE TABLE status ()");
    stays(
        "CREATE FUNCTION f(a int) RETURNS int RETURN 1; CREATE VIEW v AS SELECT f(1); CREATE FUNCTION f(text) RETURNS int RETURN 2",
    );
    stays("DROP TABLE IF EXISTS t; CREATE TABLE t (); DROP TABLE t; CREATE TABLE t (a int); COMMENT ON TABLE t IS 'x'");
    stays(
        "CREATE TYPE t; CREATE FUNCTION t_in(cstring) RETURNS t AS 'x' LANGUAGE c; CREATE TYPE t (INPUT = t_in); CREATE TABLE u (a t)",
    );
    stays(
        "ALTER TABLE IF EXISTS ONLY t DROP CONSTRAINT IF EXISTS k; DROP TABLE IF EXISTS t; CREATE TABLE t (); ALTER TABLE t ADD CONSTRAINT k CHECK (true)",
    );
    // As pg_dump writes it: functions before the tables in their bodies, and nobody looks at the bodies.
    stays(
        "SET check_function_bodies = false; CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM public.t'; CREATE TABLE public.t ()",
    );
}

#[test]
fn names_without_a_schema_follow_the_search_path() {
    let got = ordered(&[
        "SET search_path = s, public; CREATE VIEW v AS SELECT * FROM t",
        "CREATE TABLE t (a int)",
        "CREATE TABLE s.t (b int)",
        "CREATE SCHEMA s",
    ]);
    assert_eq!(
        got,
        [
            "SET search_path = s, public",
            "CREATE SCHEMA s",
            "CREATE TABLE s.t (b int)",
            "CREATE VIEW v AS SELECT * FROM t",
            "CREATE TABLE t (a int)",
        ]
    );
    // An empty path finds nothing, so nothing is drawn forward.
    stays(
        "SELECT pg_catalog.set_config('search_path', '', false); CREATE VIEW public.v AS SELECT 1 FROM t; CREATE TABLE public.t ()",
    );
}

#[test]
fn extensions_come_before_what_they_make() {
    let got = ordered(&[
        "CREATE TABLE t (a citext, b uuid DEFAULT uuid_generate_v4()); CREATE INDEX ON t USING gin (a gin_trgm_ops)",
        "CREATE EXTENSION citext; CREATE EXTENSION pg_trgm; CREATE EXTENSION \"uuid-ossp\"",
    ]);
    assert_eq!(got[0], "CREATE EXTENSION citext");
    assert_eq!(got[1], "CREATE EXTENSION \"uuid-ossp\"");
    assert!(got[2].starts_with("CREATE TABLE"));
    assert_eq!(got[3], "CREATE EXTENSION pg_trgm");
}

#[test]
fn foreign_keys_both_ways_find_their_keys() {
    let file = |a: &str, b: &str| {
        format!(
            "CREATE TABLE {a} (id int, o int); ALTER TABLE {a} ADD FOREIGN KEY (o) REFERENCES {b} (id); ALTER TABLE {a} ADD PRIMARY KEY (id)"
        )
    };
    let got = ordered(&[&file("a", "b"), &file("b", "a")]);
    let at = |text: &str| got.iter().position(|s| s == text).unwrap();
    assert!(at("ALTER TABLE b ADD PRIMARY KEY (id)") < at("ALTER TABLE a ADD FOREIGN KEY (o) REFERENCES b (id)"));
    assert!(at("ALTER TABLE a ADD PRIMARY KEY (id)") < at("ALTER TABLE b ADD FOREIGN KEY (o) REFERENCES a (id)"));
}

#[test]
fn a_circle_gives_up_bodies_first_and_then_keeps_the_files() {
    let function = "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1 FROM t'";
    let table = "CREATE TABLE t (a int DEFAULT f())";
    assert_eq!(ordered(&[&format!("{function}; {table}")]), [function, table]);
    assert_eq!(ordered(&[table, function]), [function, table]);
    let circle = "CREATE VIEW a AS SELECT 1 FROM b; CREATE VIEW b AS SELECT 1 FROM c; CREATE VIEW c AS SELECT 1 FROM a; \
                  CREATE TABLE x (a y); CREATE TYPE y AS ENUM ()";
    let got = ordered(&[circle]);
    assert!(
        got[0].starts_with("CREATE VIEW a")
            && got[1].starts_with("CREATE VIEW b")
            && got[2].starts_with("CREATE VIEW c")
    );
    assert_eq!(got[3..], ["CREATE TYPE y AS ENUM ()", "CREATE TABLE x (a y)"]);
}

#[test]
fn a_long_chain_does_not_overflow() {
    let n = 20_000;
    let view = |i: usize| {
        if i + 1 < n {
            format!("CREATE VIEW v{i} AS SELECT * FROM v{};\n", i + 1)
        } else {
            format!("CREATE VIEW v{i} AS SELECT 1;")
        }
    };
    let text: String = (0..n).map(view).collect();
    let got = ordered(&[&text]);
    assert_eq!(got[0], format!("CREATE VIEW v{} AS SELECT 1", n - 1));
    assert_eq!(got[n - 1], "CREATE VIEW v0 AS SELECT * FROM v1");
}
