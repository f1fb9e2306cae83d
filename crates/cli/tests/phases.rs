//! One change in several runs, a phase each: every run goes on from where the one before ended.

#![allow(clippy::unwrap_used)]

mod support;

use support::Lab;

/// Applies the phases one by one; each has something to do, and after the last there is nothing.
#[track_caller]
fn by_phases(live: &str, schema: &str) -> Lab {
    let lab = Lab::with(live);
    for phase in ["expand", "backfill", "contract"] {
        lab.apply(schema, &["--phase", phase, "--allow", "all"]).code(0).never("Applied 0 of");
    }
    lab.settled(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_class WHERE relname LIKE '\\_underpin\\_%'"), "0");
    lab
}

#[test]
fn a_type_that_changes_by_a_new_column() {
    let lab = by_phases(
        "CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 100) g",
        "CREATE TABLE t (id int PRIMARY KEY, a bigint);",
    );
    assert_eq!(lab.value("SELECT sum(a) FROM t"), "5050");
    let lab = by_phases(
        "CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 7, CONSTRAINT c CHECK (a > 0)); CREATE INDEX i ON t (a);
         INSERT INTO t SELECT g, g FROM generate_series(1, 100) g",
        "CREATE TABLE t (id int PRIMARY KEY, a bigint NOT NULL DEFAULT 7, CONSTRAINT c CHECK (a > 0)); CREATE INDEX i ON t (a);",
    );
    assert_eq!(lab.value("SELECT sum(a) FROM t"), "5050");
}

/// A plan that was kept in a file goes on phase by phase; on a database that is again as before it, it begins anew.
#[test]
fn a_plan_from_a_file_phase_by_phase() {
    let live = "CREATE TABLE t (id int PRIMARY KEY, a int, gone text); INSERT INTO t SELECT g, g FROM generate_series(1, 100) g";
    let lab = Lab::with(live);
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a bigint);";
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0);
    let apply = |phase: &str| {
        lab.run(["apply", "--db", &lab.url(), "--plan", "plan.json", "--yes", "--allow", "all", "--phase", phase])
    };
    // Not before what comes first.
    apply("contract").code(0).shows(&["Applied 0 of"]);
    apply("expand").code(0).never("Applied 0 of");
    apply("backfill").code(0).never("Applied 0 of");
    apply("contract").code(0).never("Applied 0 of");
    lab.settled(schema, &[]);
    assert_eq!(lab.value("SELECT sum(a) FROM t"), "5050");
    lab.sql(&format!("DROP TABLE t; {live}"));
    apply("all").code(0).never("Applied 0 of");
    lab.settled(schema, &[]);
    // What is done is not done again.
    apply("all").code(0).shows(&["Applied 0 of"]);
    // What an earlier run of it did, and somebody took back, is not done.
    lab.sql(&format!("DROP TABLE t; {live}"));
    apply("expand").code(0).never("Applied 0 of");
    apply("backfill").code(0).never("Applied 0 of");
    apply("contract").code(0).never("Applied 0 of");
    lab.settled(schema, &[]);
    lab.sql("DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY, a text); DELETE FROM underpin.journal");
    apply("all").code(1).says(&["not in the state that the plan starts from"]);
}

/// A pattern that names a table is about what belongs to it, and what stands beside it while a plan is in flight.
#[test]
fn what_belongs_to_a_table_is_in_scope_with_it() {
    let lab = Lab::with(
        "CREATE TABLE a (id serial PRIMARY KEY, v int); CREATE INDEX of_a ON a (v); INSERT INTO a (v) SELECT g FROM generate_series(1, 100) g;
         CREATE TABLE b (id int PRIMARY KEY, v int); CREATE INDEX of_b ON b (v); INSERT INTO b SELECT g, g FROM generate_series(1, 100) g",
    );
    let schema = "CREATE TABLE a (id serial PRIMARY KEY, v bigint); CREATE INDEX of_a ON a (v, id);
                  CREATE TABLE b (id int PRIMARY KEY, v bigint); CREATE INDEX of_b ON b (v, id)";
    let apply = |only: [&'static str; 2], phase: &str| {
        let more = ["--phase", phase, "--allow", "all"];
        lab.apply(schema, &[&only[..], &more[..]].concat()).code(0).never("not-staged")
    };
    apply(["--include", "public.a"], "expand").never("public.b");
    // Another table's plan leaves it alone.
    apply(["--include", "public.b"], "all").never("public.a");
    apply(["--exclude", "public.a"], "all").shows(&["Nothing to do"]);
    apply(["--include", "public.a"], "backfill").never("public.b");
    apply(["--exclude", "public.b"], "all");
    lab.settled(schema, &[]);
}

/// What another role has kept for its undo is nothing that a role without rights there stumbles over, nor is a language that is gone.
#[test]
fn what_is_kept_for_undo_fails_no_plan() {
    let lab = Lab::with(
        "DROP ROLE IF EXISTS phases_small; CREATE ROLE phases_small LOGIN; CREATE TABLE t (id int PRIMARY KEY, n int)",
    );
    lab.sql(
        "GRANT CREATE ON SCHEMA public TO phases_small; CREATE TABLE of_small (id int); ALTER TABLE of_small OWNER TO phases_small",
    );
    let tables = |n: &str, small: &str| {
        format!("CREATE TABLE t (id int PRIMARY KEY, n {n}); CREATE TABLE of_small (id int{small});")
    };
    lab.apply(&tables("bigint", ""), &["--phase", "expand"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM underpin.before"), "1");
    lab.file("schema.sql", tables("int", ", b int"));
    let url = lab.url_as("phases_small", &lab.database);
    let args =
        ["apply", "--db", &url, "--schema", "schema.sql", "--include", "public.of_small", "--yes", "--phase", "all"];
    lab.run(args).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM underpin.before"), "1", "it is not that role's");
    lab.sql("DROP OWNED BY phases_small; DROP ROLE phases_small; DROP SCHEMA underpin CASCADE");
    let lab = Lab::with("CREATE TABLE t (id int)");
    lab.apply("CREATE TABLE t (id int, a int);", &[]).code(0);
    lab.sql("DROP EXTENSION plpgsql");
    lab.apply("CREATE TABLE t (id int, a int, b int);", &["--phase", "all", "--allow", "all"]).code(0);
}
