//! Every prefix of a plan is a start: an online plan is stopped after each of its batches, a new one is made from there, and that one
//! ends at the same schema. Where a batch builds an index, the same once more with the index left invalid, as a build that
//! failed leaves it.
//!
//! `CASE=text` runs only the cases whose path holds the text. What a case's files say to the runner of all cases holds here too.

mod common;

use common::{Databases, Wanted, batches, each_case, run, server};
use std::path::Path;
use underpin_model::Strategy;

/// Makes the index that was made last look like one whose build failed.
const SPOIL: &str = "UPDATE pg_catalog.pg_index SET indisvalid = false \
                     WHERE indexrelid = (SELECT max(oid) FROM pg_catalog.pg_class WHERE relkind = 'i')";

/// How many plans were stopped and begun anew.
fn check(databases: &mut Databases, from: &str, to: &str) -> Result<usize, String> {
    let mut client = databases.build(to)?;
    let server = server(&mut client)?;
    let wanted = Wanted::of(databases, &mut client, &server)?;
    let mut live = databases.build(from)?;
    let planned = batches(&mut live, &server, Strategy::Online, &wanted.catalog).map_err(|e| e.words)?;
    let mut stops = 0;
    for stop in 1..planned.len() {
        let builds = |b: &underpin_planner::PlannedBatch<_>| {
            b.steps
                .iter()
                .flat_map(|s| &s.draft.sql)
                .any(|sql| sql.starts_with("CREATE ") && sql.contains(" CONCURRENTLY "))
        };
        for spoil in [false, true] {
            if spoil && !builds(&planned[stop - 1]) {
                continue;
            }
            let mut live = databases.build(from)?;
            let ran = run(&mut live, &planned[..stop]).map_err(|e| e.words)?;
            if spoil {
                live.batch_execute(SPOIL).map_err(|e| e.to_string())?;
            }
            wanted.reach(databases, &mut live, &server, Strategy::Online).map_err(|e| {
                format!(
                    "stopped after batch {stop}{}:\n{}\nthen {e}",
                    if spoil { ", which failed" } else { "" },
                    ran.join(";\n")
                )
            })?;
            stops += 1;
        }
    }
    Ok(stops)
}

#[test]
fn every_prefix_is_a_start() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/postgres");
    let ran = each_case(&root, check);
    println!("{} plans were stopped and made anew on PostgreSQL {}", ran.sum, ran.major);
    assert!(ran.failed.is_empty(), "{} failed:\n{}", ran.failed.len(), ran.failed.join("\n\n"));
}

/// A concurrent detachment that was cut short is ended by the next plan.
#[test]
fn a_partition_that_is_half_detached_is_detached() {
    let mut databases = Databases::start(true);
    if databases.major() < 14 {
        println!("left out: nothing is detached concurrently before PostgreSQL 14");
        return;
    }
    let table = |name: &str| format!("CREATE TABLE {name} (k integer NOT NULL)");
    let parent = format!("{} PARTITION BY LIST (k)", table("p"));
    let from = format!("{parent}; CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1); INSERT INTO p VALUES (1)");
    let gone = parent.clone();
    let alone = format!("{parent}; {}", table("p_1"));
    let attached = format!("{parent}; CREATE TABLE p_1 PARTITION OF p FOR VALUES IN (1)");
    for (to, strategy) in [
        (&gone, Strategy::Online),
        (&alone, Strategy::Online),
        (&alone, Strategy::Direct),
        (&attached, Strategy::Online),
    ] {
        let mut client = databases.build(to).expect("the wanted side loads");
        let server = server(&mut client).expect("the version is known");
        let wanted = Wanted::of(&databases, &mut client, &server).expect("the wanted side is read");
        let mut live = databases.build(&from).expect("the live side loads");
        let name: String = live.query_one("SELECT current_database()::text", &[]).expect("it has a name").get(0);
        let mut reader = databases.connect(&name);
        reader.batch_execute("BEGIN; SELECT FROM public.p").expect("a reader reads");
        let cut = "SET lock_timeout = '100ms'";
        live.batch_execute(cut).expect("the server takes it");
        let stopped = live.batch_execute("ALTER TABLE public.p DETACH PARTITION public.p_1 CONCURRENTLY");
        assert!(stopped.is_err(), "the reader is waited for");
        reader.batch_execute("COMMIT").expect("the reader ends");
        live.batch_execute("RESET lock_timeout").expect("the server takes it");
        wanted.reach(&databases, &mut live, &server, strategy).expect("the plan ends what was begun");
    }
}
