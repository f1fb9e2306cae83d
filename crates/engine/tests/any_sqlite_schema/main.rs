//! Pairs of schemas that nobody wrote, with rows, in database files: each is brought to the other and back by the program, and judged from
//! outside: the schema is the one that the desired SQL makes by itself, nothing is left to do, rows and their numbers stay, and where
//! rows make it impossible, or a step fails, the file is what it was.
//!
//! The pairs are the same in every run. `PROPTEST_CASES=N` makes more of them, `PROPTEST_RNG_SEED=N` others. A failure is shrunk
//! (`PROPTEST_MAX_SHRINK_ITERS=0`: as it came) and shows both sides and the plan; what it taught becomes a case in `testdata/cases`.

mod genes;
mod relations;
mod rows;
mod side;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use genes::{Genome, genomes};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use side::Side;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use support::road::{Outcome, Wanted, go};
use support::{built, open};
use tables::Statement;

/// As many pairs as are made where nobody asks for more.
const CASES: u64 = 60;

/// What came of the pairs, to see that they are worth their time.
#[derive(Default)]
struct Tally {
    done: usize,
    impossible: usize,
    statements: usize,
    refused: BTreeMap<String, usize>,
}

/// A side that SQLite takes.
struct Valid {
    sql: String,
    statements: Vec<Statement>,
}

/// The statements of a side that SQLite takes.
fn valid(genome: &Genome, second: bool, tally: &RefCell<Tally>) -> Result<Valid, String> {
    let memory = built("").map_err(|e| e.to_string())?;
    let mut statements = Vec::new();
    for statement in (Side { genome, second }).statements() {
        tally.borrow_mut().statements += 1;
        match memory.execute_batch(&statement.sql) {
            Ok(()) => statements.push(statement),
            Err(error) => {
                let words: String = error.to_string().split_whitespace().take(5).collect::<Vec<_>>().join(" ");
                *tally.borrow_mut().refused.entry(words).or_default() += 1;
            }
        }
    }
    let sql = statements.iter().map(|s| format!("{};\n", s.sql)).collect();
    Ok(Valid { sql, statements })
}

/// A pair that shows itself as SQL.
#[derive(Clone)]
struct Pair(Genome);

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sql = |second| valid(&self.0, second, &RefCell::default()).map_or_else(|e| e, |v| v.sql);
        write!(f, "\n-- the first schema:\n{}\n-- the second schema:\n{}", sql(false), sql(true))
    }
}

fn wanted(folder: &Path, name: &str, valid: &Valid) -> Result<Wanted, String> {
    let hints = valid.statements.iter().flat_map(|s| s.hints.clone()).collect();
    let filled = valid.statements.iter().flat_map(|s| s.filled.clone()).collect();
    Wanted::new(folder.join(name), &valid.sql, hints, filled)
}

/// The rows of a database as statements, for a message.
fn shown(db: &Path) -> String {
    let rows = open(db).and_then(|c| support::rows::Rows::of(&c));
    let mut out = String::new();
    for table in rows.iter().flat_map(|r| r.0.values()).filter(|t| !t.rows.is_empty()) {
        out += &format!("{}: {:?}\n", table.name, table.rows);
    }
    out
}

fn check(pair: &Pair, tally: &RefCell<Tally>) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let (first, second) = (valid(&pair.0, false, tally)?, valid(&pair.0, true, tally)?);
    let there = wanted(folder.path(), "second.sql", &second)?;
    let back = wanted(folder.path(), "first.sql", &first)?;
    let db = folder.path().join("live.db");
    let live = open(&db).map_err(|e| e.to_string())?;
    live.execute_batch(&first.sql).map_err(|e| format!("the first side is not valid: {e}"))?;
    let genome = &pair.0;
    let side = Side { genome, second: false };
    let count = |name: &str| {
        let slot = (0..genome.tables.len()).find(|slot| side.table_name(*slot) == name);
        slot.map_or((2, 1), |slot| (genome.tables[slot].rows, genome.tables[slot].values))
    };
    rows::fill(&live, count, genome.orphans, genome.gap).map_err(|e| format!("no rows: {e}"))?;
    drop(live);
    let rows = shown(&db);
    let told = |way: &'static str, rows: String| move |e: String| format!("{way}: {e}\nthe rows before:\n{rows}");
    match go(&db, &first.sql, &there).map_err(told("forwards", rows))? {
        Outcome::Impossible(_) => tally.borrow_mut().impossible += 1,
        Outcome::Done(_) => {
            tally.borrow_mut().done += 1;
            let rows = shown(&db);
            match go(&db, &second.sql, &back).map_err(told("backwards", rows))? {
                Outcome::Done(_) => tally.borrow_mut().done += 1,
                Outcome::Impossible(_) => tally.borrow_mut().impossible += 1,
            }
        }
    }
    Ok(())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A seed for each pair, so that one can be made again by itself.
fn seeds() -> std::ops::Range<u64> {
    let first = number("PROPTEST_RNG_SEED").unwrap_or(1);
    first..first + number("PROPTEST_CASES").unwrap_or(CASES)
}

fn config(seed: u64) -> Config {
    Config {
        cases: 1,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: number("PROPTEST_MAX_SHRINK_ITERS").and_then(|n| u32::try_from(n).ok()).unwrap_or(3_000),
        ..Config::default()
    }
}

#[test]
fn any_schema_becomes_any_other() {
    use proptest::strategy::Strategy as _;
    let pairs = genomes().prop_map(Pair);
    let tally = RefCell::new(Tally::default());
    let mut failed = Vec::new();
    for seed in seeds() {
        let outcome =
            TestRunner::new(config(seed)).run(&pairs, |pair| check(&pair, &tally).map_err(TestCaseError::fail));
        if let Err(why) = outcome {
            failed.push(format!("PROPTEST_RNG_SEED={seed} PROPTEST_CASES=1 makes this pair again.\n{why}"));
            if number("KEEP_GOING").is_none_or(|most| failed.len() as u64 >= most) {
                break;
            }
        }
    }
    let tally = tally.into_inner();
    println!("{} ways gone, {} refused for their rows", tally.done, tally.impossible);
    let refused: usize = tally.refused.values().sum();
    println!("{refused} of {} statements were not taken by SQLite: {:#?}", tally.statements, tally.refused);
    assert!(failed.is_empty(), "{}", failed.join("\n\n"));
}
