//! What is not known is told, and with `--strict` it is an error of every command.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

const GAP: &str = "CREATE SCHEMA app;\nCREATE FUNCTION app.h(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';\n\
    ALTER OPERATOR FAMILY pg_catalog.integer_ops USING btree ADD FUNCTION 1 (int, text) app.h(int, text);\n\
    CREATE TABLE app.t (a int);\nCOMMENT ON TYPE app.t IS 'on its rows';\n";
const TOLD: &[&str] = &["not-modelled", "underpin does not know the comment on a part of the table app.t"];

#[test]
fn gaps_are_warnings_and_with_strict_errors() {
    let lab = Lab::with(GAP);
    let url = lab.url();
    let schema = "CREATE SCHEMA app;\nCREATE FUNCTION app.h(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';\n\
        CREATE TABLE app.t (a int);\n";
    lab.plan(schema, &[]).code(0).shows(TOLD);
    let strict = "this is an error because of --strict";
    lab.plan(schema, &["--strict"]).code(65).says(TOLD).says(&["error", strict]);
    lab.apply(schema, &["--strict"]).code(65).says(TOLD);
    lab.run(["drift", "--db", &url, "--schema", "schema.sql"]).code(0).shows(TOLD);
    lab.run(["drift", "--db", &url, "--schema", "schema.sql", "--strict"]).code(65).says(TOLD);
    lab.run(["inspect", "--db", &url]).code(0).says(TOLD);
    let ran = lab.run(["inspect", "--db", &url, "--strict"]).code(65).says(TOLD);
    assert_eq!(ran.out, "", "{ran}");
    // A plan in a file keeps what was found when it was made.
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0);
    lab.run(["apply", "--db", &url, "--plan", "plan.json", "--yes", "--strict"]).code(65).says(TOLD);
    // What is out of scope is no gap.
    lab.run(["inspect", "--db", &url, "--strict", "--exclude", "app"]).says(&["app.h(integer,text)"]).never("app.t");
    // The configuration can say it once for all.
    lab.file("underpin.toml", "strict = true\n");
    lab.plan(schema, &[]).code(65).says(TOLD);
}

#[test]
fn gaps_of_the_desired_side_count_too() {
    let lab = Lab::new();
    let schema = "CREATE TABLE t (a int);\nCOMMENT ON TYPE t IS 'on its rows';\n";
    let told = &["underpin does not know the comment on a part of the table public.t"];
    lab.plan(schema, &["--strict"]).code(65).says(told);
    // Also when it comes from the cache, and where both sides are files.
    lab.plan(schema, &[]).code(0).shows(told);
    lab.plan(schema, &["--strict"]).code(65).says(told);
    lab.file("to.sql", "CREATE TABLE t (a int);\n");
    lab.run(["plan", "--from", "schema.sql", "--to", "to.sql", "--strict"]).code(65).says(told);
    lab.run(["plan", "--from", "schema.sql", "--to", "to.sql", "--strict"]).code(65).says(told);
    lab.run(["plan", "--from", "to.sql", "--to", "to.sql", "--strict"]).code(0);
}

#[test]
fn what_no_schema_holds_is_no_gap() {
    let lab = Lab::new();
    lab.plan("CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\n", &["--strict"]).code(0).shows(&["left-out"]);
}

/// `DETACH PARTITION … CONCURRENTLY` that was stopped between its two transactions.
#[test]
fn a_detachment_that_stopped_midway_is_told() {
    let schema = "CREATE TABLE p (a int) PARTITION BY RANGE (a);\n\
        CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9);\n";
    let lab = Lab::with(schema);
    lab.sql("UPDATE pg_inherits SET inhdetachpending = true WHERE inhrelid = 'p1'::regclass");
    let told = &["detach-pending", "ALTER TABLE public.p DETACH PARTITION public.p1 FINALIZE"];
    // Its rows are no longer among those of the table: the plan ends that, and attaches it again.
    lab.plan(schema, &["--exit-code"]).code(2).shows(told);
    lab.plan(schema, &["--strict"]).code(65).says(told);
    lab.sql("ALTER TABLE public.p DETACH PARTITION public.p1 FINALIZE");
    lab.converge(schema, &["--strict"]);
}
