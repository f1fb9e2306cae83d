//! `docs/facts.md` is what the rows say. `UNDERPIN_BLESS=1` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use underpin_postgres::facts::{Fact, Op, rows};
use underpin_postgres::{NEWEST, OLDEST};

const HEAD: &str = "\
# What statements lock, read and write anew

Written from the rows in `crates/postgres/src/facts/rows` by `make bless`; `make facts` holds them to servers of all versions. All
rows of an operation whose condition holds count together, so that each says only what it adds. Where a row speaks of relations that
are not there, it adds nothing. What no row knows counts as the worst: `ACCESS EXCLUSIVE` on all that the statement names, all of it
rewritten, and a warning `no-fact`.

Locks weaker than `SHARE UPDATE EXCLUSIVE` are told only where a statement is known for them: they let every statement of an
application pass. *Standby*: replay waits for queries on a standby, and others wait behind it, or it ends them
(`max_standby_streaming_delay`). *Prepared statements*: those of other sessions that fail when they are next run.

| operation | condition | locks | work under them | standby | prepared statements that fail | versions | source |
|---|---|---|---|---|---|---|---|
";

fn versions(fact: &Fact) -> String {
    match (fact.since, fact.until) {
        (OLDEST, NEWEST) => "all".to_owned(),
        (since, until) if since == until => since.to_string(),
        (since, until) => format!("{since}–{until}"),
    }
}

fn page() -> String {
    let mut text = HEAD.to_owned();
    for op in Op::ALL {
        for fact in rows().filter(|f| f.op == *op) {
            let list = |items: Vec<String>| items.join("<br>");
            let cells = [
                fact.op.words().to_owned(),
                list(fact.when.iter().map(|w| w.words().to_owned()).collect()),
                list(fact.locks.iter().map(|(which, mode)| format!("{}: {}", which.words(), mode.words())).collect()),
                list(
                    fact.work.iter().map(|(which, effect)| format!("{}: {}", which.words(), effect.words())).collect(),
                ),
                (if fact.conflicts_on_standby() { "yes" } else { "" }).to_owned(),
                list(fact.breaks.iter().map(|(which, what)| format!("{} ({})", what.words(), which.words())).collect()),
                versions(fact),
                fact.source.to_owned(),
            ];
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    text
}

#[test]
fn the_page_says_what_the_rows_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/facts.md");
    let page = page();
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/facts.md is not what the rows say; write it anew with `make bless`");
}

#[test]
fn every_operation_has_a_row() {
    let known: BTreeSet<Op> = rows().map(|f| f.op).collect();
    for op in Op::ALL {
        assert!(known.contains(op), "no row for {}", op.words());
    }
}
