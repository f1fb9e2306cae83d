//! The steps of online plans: which transactions there are, what runs outside of one, what harm is told, and that no harm comes
//! that is not told.

mod common;

use common::{Databases, batches, read, server};
use std::collections::BTreeMap;
use underpin_model::{Run, Strategy};
use underpin_planner::PlannedBatch;
use underpin_postgres::PgId;

/// A plan as lines: a letter for the batch, `!` before what runs outside a transaction, and `# ` before a hazard.
fn lines(planned: &[PlannedBatch<PgId>]) -> Vec<String> {
    let mut lines = Vec::new();
    for (n, batch) in planned.iter().enumerate() {
        let mark = if batch.transaction { "" } else { "!" };
        for step in &batch.steps {
            lines.extend(step.draft.sql.iter().map(|sql| format!("{}{mark} {}", n + 1, sql.replace('\n', " "))));
            lines.extend(step.draft.hazards.iter().map(|h| format!("# {}: {}", h.kind.name(), h.message)));
        }
    }
    lines
}

/// The online plan from one schema to another.
fn road(databases: &mut Databases, from: &str, to: &str) -> Vec<String> {
    let mut wanted = databases.build(to).expect("the wanted side loads");
    let known = server(&mut wanted).expect("the version is known");
    let wanted = read(&mut wanted, &known).expect("the wanted side is read");
    let mut live = databases.build(from).expect("the live side loads");
    let planned = batches(&mut live, &known, Strategy::Online, &wanted).expect("there is a plan");
    lines(&planned)
}

/// How often each table and materialized view was read from end to end, as the session has counted and not told yet.
fn scans(client: &mut postgres::Client) -> BTreeMap<u32, i64> {
    let sql = "SELECT c.oid, pg_catalog.pg_stat_get_xact_numscans(c.oid) FROM pg_catalog.pg_class c \
               WHERE c.relkind IN ('r', 'm') AND c.oid >= 16384";
    client.query(sql, &[]).expect("the server counts").iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// What reads rows of relations that were there before, in a transaction that says nothing of harm and is no build: it holds a strong lock.
fn reads_under_lock(databases: &mut Databases, strategy: Strategy, from: &str, to: &str) -> Vec<String> {
    let mut wanted = databases.build(to).expect("the wanted side loads");
    let known = server(&mut wanted).expect("the version is known");
    let wanted = read(&mut wanted, &known).expect("the wanted side is read");
    let mut live = databases.build(from).expect("the live side loads");
    let planned = batches(&mut live, &known, strategy, &wanted).expect("there is a plan");
    let mut found = Vec::new();
    live.batch_execute("SET search_path = ''; SET check_function_bodies = off; SET track_counts = on")
        .expect("the server takes it");
    // Nobody uses what the plan makes.
    let there = scans(&mut live);
    for batch in &planned {
        if batch.transaction {
            live.batch_execute("BEGIN").expect("a transaction begins");
        }
        // What earlier transactions have counted is told here too.
        let before = scans(&mut live);
        let mut ran = Vec::new();
        for step in &batch.steps {
            for sql in &step.draft.sql {
                live.batch_execute(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
                ran.push(sql.clone());
            }
        }
        let told = batch.steps.iter().any(|s| s.draft.run == Run::Build || !s.draft.hazards.is_empty());
        if batch.transaction && !told {
            let more = scans(&mut live).into_iter().filter(|(oid, n)| before.get(oid).is_some_and(|old| n > old));
            for (oid, _) in more.filter(|(oid, _)| there.contains_key(oid)) {
                let name: String =
                    live.query_one("SELECT $1::oid::regclass::text", &[&oid]).expect("it has a name").get(0);
                found.push(format!("{name} is read in:\n{}", ran.join(";\n")));
            }
        }
        if batch.transaction {
            live.batch_execute("COMMIT").expect("it commits");
        }
    }
    found
}

/// Cases whose roads are all without a scan under a strong lock, or say so.
const ONLINE: &[&str] = &[
    "column/free_types",
    "constraint/definition_changes",
    "constraint/keys_change",
    "constraint/not_null_by_check",
    "index/definition_changes",
    "matview/query_changes",
    "partition/comes_and_goes",
    "partition/keys_and_indexes",
    "table/new_with_foreign_keys",
];

#[test]
fn nothing_is_read_under_a_strong_lock_untold() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/postgres");
    let mut databases = Databases::start(false);
    let mut found = Vec::new();
    for case in ONLINE {
        let text = |name: &str| std::fs::read_to_string(root.join(case).join(name)).expect("a case has two files");
        for (a, b) in [("from.sql", "to.sql"), ("to.sql", "from.sql")] {
            let reads = reads_under_lock(&mut databases, Strategy::Online, &text(a), &text(b));
            found.extend(reads.into_iter().map(|r| format!("{case} {a}: {r}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    // A test that finds nothing where there is something would prove nothing.
    let add = ["CREATE TABLE t (a integer); INSERT INTO t VALUES (1)", "CREATE TABLE t (a integer CHECK (a > 0))"];
    assert!(!reads_under_lock(&mut databases, Strategy::Direct, add[0], add[1]).is_empty());
}

/// A function goes before what its text names: what calls it as rows are written, an index that is dropped by itself among that, would
/// fail in between.
#[test]
fn what_a_text_names_goes_after_it() {
    let mut databases = Databases::start(false);
    let from = "CREATE TABLE t (a integer);
                CREATE FUNCTION z_called() RETURNS integer LANGUAGE sql AS 'SELECT 1';
                CREATE FUNCTION calls(a integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT a + public.z_called()';
                CREATE FUNCTION a_called() RETURNS integer LANGUAGE sql AS 'SELECT 2';
                CREATE FUNCTION again(a integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS
                    'BEGIN RETURN CASE WHEN a > 0 THEN public.back(a - 1) ELSE public.a_called() END; END';
                CREATE FUNCTION back(a integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN public.again(a); END';
                CREATE INDEX i ON t (calls(a)); CREATE INDEX j ON t (back(a));";
    let road = road(&mut databases, from, "CREATE TABLE t (a integer)");
    let place = |what: &str| road.iter().position(|l| l.contains(what)).unwrap_or_else(|| panic!("{what}: {road:#?}"));
    for (first, then) in [
        ("INDEX CONCURRENTLY public.i", "FUNCTION public.calls("),
        ("FUNCTION public.calls(", "FUNCTION public.z_called("),
        ("INDEX CONCURRENTLY public.j", "FUNCTION public.back("),
        ("FUNCTION public.again(", "FUNCTION public.a_called("),
    ] {
        assert!(place(first) < place(then), "{first} before {then}: {road:#?}");
    }
}

/// Prints the plan of a case: `CASE=folder cargo test … shows -- --nocapture`.
#[test]
fn shows_the_road_of_a_case() {
    let Ok(case) = std::env::var("CASE") else { return };
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/postgres").join(case);
    let text = |name: &str| std::fs::read_to_string(root.join(name)).expect("a case has two files");
    let mut databases = Databases::start(false);
    for (a, b) in [("from.sql", "to.sql"), ("to.sql", "from.sql")] {
        println!("-- {a} to {b}\n{}\n", road(&mut databases, &text(a), &text(b)).join("\n"));
    }
}
