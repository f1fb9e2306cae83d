//! Pairs of schemas that nobody wrote, on a real server: each is brought to the other and back, by the direct and by the
//! online road, and nothing is left to do; `pg_dump`, where it lies beside the server's programs, sees no difference; the
//! script that builds a schema from nothing builds the same; and rows stay where their table does.
//!
//! The pairs are the same in every run. `PROPTEST_CASES=N` makes more of them, `PROPTEST_RNG_SEED=N` others. A failure is shrunk
//! (`PROPTEST_MAX_SHRINK_ITERS=0`: as it came) and shows both sides and what was run; what it taught becomes a case in `testdata/cases`.

#[path = "../common/mod.rs"]
mod common;
mod genes;
mod relations;
mod routines;
mod rows;
mod side;
mod tables;

use common::{Databases, Wanted, server};
use genes::{Genome, genomes};
use proptest::strategy::Strategy as _;
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use std::cell::RefCell;
use std::fmt;
use underpin_model::Strategy;

/// As many pairs as are made where nobody asks for more.
const CASES: u64 = 16;

/// A pair that shows itself as SQL.
#[derive(Clone)]
struct Pair {
    genome: Genome,
    major: u32,
}

impl Pair {
    fn sql(&self, second: bool) -> String {
        relations::sql(&self.genome, second, self.major)
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n-- the first schema:\n{}\n-- the second schema:\n{}", self.sql(false), self.sql(true))
    }
}

fn check(databases: &mut Databases, pair: &Pair) -> Result<(), String> {
    let (first, second) = (pair.sql(false), pair.sql(true));
    let invalid = |e: String| format!("the schema that was made up is not valid: {e}");
    let mut one = databases.build(&first).map_err(invalid)?;
    let mut two = databases.build(&second).map_err(invalid)?;
    let server = server(&mut one)?;
    let first_wanted = Wanted::of(databases, &mut one, &server)?;
    let second_wanted = Wanted::of(databases, &mut two, &server)?;
    let told = |way: &'static str| move |e: String| format!("{way}: {e}");
    second_wanted.reach(databases, &mut one, &server, Strategy::Direct).map_err(told("forwards"))?;
    first_wanted.reach(databases, &mut one, &server, Strategy::Online).map_err(told("forwards and back"))?;
    first_wanted.reach(databases, &mut two, &server, Strategy::Direct).map_err(told("backwards"))?;
    second_wanted.reach(databases, &mut two, &server, Strategy::Online).map_err(told("backwards and forth"))?;
    second_wanted.rebuild(databases, &server)?;
    let mut filled = databases.build(&first).map_err(invalid)?;
    rows::stay(&mut filled, &server, &second_wanted.catalog).map_err(told("with rows"))
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
        max_shrink_iters: number("PROPTEST_MAX_SHRINK_ITERS").and_then(|n| u32::try_from(n).ok()).unwrap_or(600),
        ..Config::default()
    }
}

#[test]
fn any_schema_becomes_any_other() {
    let mut databases = Databases::start(true);
    // Superusers, so that what they own may read all that it reads.
    databases.admin("CREATE ROLE anna SUPERUSER; CREATE ROLE \"Bo \"\"B\"\"\" SUPERUSER");
    let major = databases.major();
    let databases = RefCell::new(databases);
    let pairs = genomes().prop_map(move |genome| Pair { genome, major });
    for seed in seeds() {
        let outcome = TestRunner::new(config(seed)).run(&pairs, |pair| {
            let mut databases = databases.borrow_mut();
            let outcome = check(&mut databases, &pair);
            databases.drop_all();
            outcome.map_err(TestCaseError::fail)
        });
        if let Err(failed) = outcome {
            panic!("PROPTEST_RNG_SEED={seed} PROPTEST_CASES=1 makes this pair again.\n{failed}");
        }
    }
}
