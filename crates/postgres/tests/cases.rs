//! Every case under `testdata/cases/postgres`, both ways: a database built from the one side is brought to the other, and
//! a second look finds nothing left to do; and the script that builds a schema from nothing builds the same one.
//!
//! `CASE=text` runs only the cases whose path holds the text. `CASES_DIR=folder` runs the cases of another folder.
//! `pg_dump` judges too, where one is here that knows the server: it has to say the same lines of what came out as of what was
//! wanted. A file whose first line is `-- needs PostgreSQL N` is for that major version and newer ones, with `N to M` for those;
//! on another server its case is left out, and the output (`--nocapture`) names it. A line `-- pg_dump differs: WHY` excuses a case
//! from `pg_dump`, which says the order of columns too.

mod common;

use common::{Databases, Wanted, each_case, migrate, read, server};
use std::path::{Path, PathBuf};
use underpin_model::Strategy;

fn check(databases: &mut Databases, from: &str, to: &str) -> Result<(), String> {
    let mut client = databases.build(to)?;
    let server = server(&mut client)?;
    let wanted = Wanted::of(databases, &mut client, &server)?;
    for strategy in [Strategy::Direct, Strategy::Online] {
        let mut live = databases.build(from)?;
        wanted.reach(databases, &mut live, &server, strategy)?;
    }
    wanted.rebuild(databases, &server)
}

#[test]
fn every_case_converges_both_ways() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/cases/postgres");
    let root = std::env::var_os("CASES_DIR").map_or(own, PathBuf::from);
    let ran = each_case(&root, |databases, from, to| check(databases, from, to).map(|()| 1));
    println!("{} cases ran on PostgreSQL {}", ran.cases, ran.major);
    assert!(ran.failed.is_empty(), "{} failed:\n{}", ran.failed.len(), ran.failed.join("\n\n"));
}

/// Rows stay, and their values mean the same, where the type under them is made anew.
#[test]
fn values_survive_the_rebuild_of_their_type() {
    let mut databases = Databases::start(false);
    let from = "CREATE TYPE mood AS ENUM ('a', 'b', 'c'); CREATE TYPE inner_row AS (x integer, m mood); \
                CREATE TYPE outer_row AS (n inner_row, gone text, label text); CREATE DOMAIN code AS varchar(5); \
                CREATE TABLE t (id integer, m mood, ms mood[], o outer_row, c code); \
                INSERT INTO t VALUES (1, 'b', '{c,NULL,a}', '(\"(7,c)\",x,\"a, b\")', 'abc'), (2, NULL, NULL, NULL, NULL), \
                (3, NULL, '{}', '(,,)', '')";
    let to = "CREATE TYPE mood AS ENUM ('c', 'b', 'a', 'd'); CREATE TYPE inner_row AS (new integer, m mood, x bigint); \
              CREATE TYPE outer_row AS (label text, n inner_row); CREATE DOMAIN code AS text; \
              CREATE TABLE t (id integer, m mood, ms mood[], o outer_row, c code)";
    let mut wanted = databases.build(to).expect("the wanted side loads");
    let known = server(&mut wanted).expect("the version is known");
    let catalog = read(&mut wanted, &known).expect("the wanted side is read");
    for strategy in [Strategy::Direct, Strategy::Online] {
        let mut live = databases.build(from).expect("the live side loads");
        let ran = migrate(&mut live, &known, strategy, &catalog).expect("the plan runs");
        let rows = live.query("SELECT t::text FROM public.t ORDER BY id", &[]).expect("the rows are there");
        let rows: Vec<String> = rows.iter().map(|r| r.get(0)).collect();
        let expected = [r#"(1,b,"{c,NULL,a}","(""a, b"",""(,c,7)"")",abc)"#, "(2,,,,)", r#"(3,,{},"(,)","")"#];
        assert_eq!(rows, expected, "after:\n{}", ran.join(";\n"));
    }
}
