//! The steps of online plans: which transactions there are, what runs outside of one, what harm is told, and that no harm comes
//! that is not told.

mod common;

use common::{Databases, batches, read, server};
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

/// What reads rows of relations that were there before, in a transaction that says nothing of harm and is no build: it holds a strong lock.
fn reads_under_lock(databases: &mut Databases, strategy: Strategy, from: &str, to: &str) -> Vec<String> {
    let mut wanted = databases.build(to).expect("the wanted side loads");
    let known = server(&mut wanted).expect("the version is known");
    let wanted = read(&mut wanted, &known).expect("the wanted side is read");
    let mut live = databases.build(from).expect("the live side loads");
    let planned = batches(&mut live, &known, strategy, &wanted).expect("there is a plan");
    let mut found = Vec::new();
    live.batch_execute("SET search_path = ''; SET check_function_bodies = off").expect("the server takes it");
    for batch in &planned {
        let known = "SELECT array_agg(oid) FROM pg_catalog.pg_class WHERE relkind IN ('r', 'm')";
        let before: Vec<u32> = live.query_one(known, &[]).expect("there are tables").get(0);
        if batch.transaction {
            live.batch_execute("BEGIN").expect("a transaction begins");
        }
        let mut ran = Vec::new();
        for step in &batch.steps {
            for sql in &step.draft.sql {
                live.batch_execute(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
                ran.push(sql.clone());
            }
        }
        let told = batch.steps.iter().any(|s| s.draft.run == Run::Build || !s.draft.hazards.is_empty());
        if batch.transaction && !told {
            let scans = "SELECT relid::regclass::text FROM pg_catalog.pg_stat_xact_user_tables WHERE seq_scan > 0 AND relid = ANY ($1)";
            for row in live.query(scans, &[&before]).expect("the server counts") {
                found.push(format!("{} is read in:\n{}", row.get::<_, String>(0), ran.join(";\n")));
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
