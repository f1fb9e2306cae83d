//! The steps of online plans: which transactions there are, what runs outside of one, and what harm is told.

mod common;

use common::{Databases, batches, read, server};
use underpin_model::Strategy;
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
