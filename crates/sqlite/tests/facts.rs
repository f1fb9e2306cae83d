//! The facts are measured: each statement runs on tables of two sizes, in WAL mode, and what it reads is told by the steps of the
//! virtual machine, what it writes by the pages that it adds to the log.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use rusqlite::Connection;
use std::fs;
use std::path::Path;
use underpin_model::Work;
use underpin_sqlite::facts::{FACTS, fact};

/// How many rows the small table has, and how many times that the large one.
const ROWS: u32 = 500;
const TIMES: u32 = 40;

/// A statement for every fact.
const TRIED: &[(&str, &str)] = &[
    ("create-table", "CREATE TABLE n (a)"),
    ("create-table-as", "CREATE TABLE n AS SELECT * FROM t"),
    ("create-virtual-table", "CREATE VIRTUAL TABLE n USING fts5(a)"),
    ("create-index", "CREATE INDEX n ON t (b)"),
    ("create-index", "CREATE UNIQUE INDEX n ON t (a)"),
    ("create-view", "CREATE VIEW n AS SELECT * FROM t"),
    ("create-trigger", "CREATE TRIGGER n AFTER INSERT ON t BEGIN SELECT 1; END"),
    ("drop-table", "DROP TABLE t"),
    ("drop-index", "DROP INDEX i"),
    ("drop-view", "DROP VIEW v"),
    ("drop-trigger", "DROP TRIGGER r"),
    ("rename-table", "ALTER TABLE t RENAME TO n"),
    ("rename-column", "ALTER TABLE main.t RENAME COLUMN b TO n"),
    ("rename-column", "ALTER TABLE t RENAME b TO n"),
    ("drop-column", "ALTER TABLE t DROP COLUMN b"),
    ("drop-constraint", "ALTER TABLE t DROP CONSTRAINT k"),
    ("set-not-null", "ALTER TABLE t ALTER COLUMN b SET NOT NULL"),
    ("drop-not-null", "ALTER TABLE t ALTER COLUMN c DROP NOT NULL"),
    ("add-check", "ALTER TABLE t ADD CHECK (a > 0)"),
    ("add-check", "ALTER TABLE t ADD CONSTRAINT n CHECK (a > 0)"),
    ("add-column", "ALTER TABLE t ADD COLUMN n TEXT"),
    ("add-column", "ALTER TABLE t ADD n INT NOT NULL DEFAULT 1"),
    ("add-column", "ALTER TABLE t ADD n INT AS (a + 1)"),
    ("add-column-that-is-checked", "ALTER TABLE t ADD n INT CHECK (n > 0)"),
    ("add-column-that-is-checked", "ALTER TABLE t ADD n INT NOT NULL AS (a + 1)"),
    ("pragma-legacy", "PRAGMA legacy_alter_table = ON"),
    ("pragma-foreign-keys", "PRAGMA foreign_keys = OFF"),
    ("sequence", "DELETE FROM sqlite_sequence WHERE name = 't'"),
    ("sequence", "INSERT INTO sqlite_sequence (name, seq) SELECT 'n', seq FROM sqlite_sequence WHERE name = 't'"),
    ("write-rows", "UPDATE t SET b = 'other'"),
    ("write-rows", "DELETE FROM t WHERE a > 0"),
    ("write-rows", "INSERT INTO o SELECT b FROM t"),
    ("reindex", "REINDEX t"),
    ("vacuum", "VACUUM"),
    ("analyze", "ANALYZE t"),
];

/// What a statement costs on a table of so many rows: steps of the machine, and pages that are read or written.
fn cost(folder: &Path, sql: &str, rows: u32) -> (i64, u64) {
    let path = folder.join("facts.db");
    for end in ["", "-wal", "-shm"] {
        _ = fs::remove_file(folder.join(format!("facts.db{end}")));
    }
    let mut db = Connection::open(&path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -100000;
         CREATE TABLE o (x);
         CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT, c INT NOT NULL, d TEXT, CONSTRAINT k CHECK (c > 0));
         CREATE VIEW v AS SELECT 1; CREATE TRIGGER r AFTER INSERT ON o BEGIN SELECT 1; END;",
    )
    .unwrap();
    db.execute(
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < ?1)
         INSERT INTO t SELECT x, 'text of row ' || x, 1, hex(x) FROM n",
        [rows],
    )
    .unwrap();
    db.execute_batch("CREATE INDEX i ON t (d); PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    let log = folder.join("facts.db-wal");
    let written = || fs::metadata(&log).map_or(0, |m| m.len() / 4096);
    let steps = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(0));
    let counted = steps.clone();
    db.progress_handler(
        10,
        Some(move || {
            counted.fetch_add(10, std::sync::atomic::Ordering::Relaxed);
            false
        }),
    )
    .unwrap();
    db.execute_batch(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    (steps.load(std::sync::atomic::Ordering::Relaxed), written())
}

#[test]
fn each_statement_does_what_its_fact_says() {
    let folder = tempfile::tempdir().unwrap();
    for (id, sql) in TRIED {
        let fact = fact(sql).unwrap_or_else(|| panic!("no fact holds for {sql}"));
        assert_eq!(fact.id, *id, "{sql}");
        let (few_steps, few_pages) = cost(folder.path(), sql, ROWS);
        let (many_steps, many_pages) = cost(folder.path(), sql, ROWS * TIMES);
        let seen = if many_pages > few_pages + u64::from(ROWS * TIMES) / 1000 {
            Work::Rewrite
        } else if many_steps > few_steps + i64::from(ROWS * TIMES) / 2 {
            Work::Scan
        } else {
            Work::Instant
        };
        let of = format!("{sql}: steps {few_steps} and {many_steps}, pages {few_pages} and {many_pages}");
        match fact.id {
            // Its pages are read by one step of the machine; that they are is the manual's word.
            "drop-table" | "drop-index" => assert!(seen <= Work::Scan, "{of}"),
            _ => assert_eq!(seen, fact.work, "{of}"),
        }
    }
}

#[test]
fn every_fact_is_tried() {
    for fact in FACTS {
        assert!(TRIED.iter().any(|(id, _)| *id == fact.id), "{}", fact.id);
    }
    assert!(fact("SELECT 1").is_none());
}

/// `docs/facts-sqlite.md` is written from the facts; `UNDERPIN_BLESS=1` writes it anew.
#[test]
fn the_page_says_what_the_facts_say() {
    let mut page = String::from(
        "# What statements do to a SQLite database in use\n\n\
         Written from `crates/sqlite/src/facts.rs` by `make bless`. `cargo test -p underpin-sqlite --test facts` runs each on tables of two sizes with the bundled\n\
         SQLite and measures it. Every one of them holds the write lock of the whole file until its transaction ends: others that want to write wait. In\n\
         WAL mode they read on; in the other modes they wait while pages are written at the end.\n\n\
         | statement | example | work | since | manual |\n|---|---|---|---|---|\n",
    );
    for fact in FACTS {
        let example = TRIED.iter().find(|(id, _)| *id == fact.id).map_or("", |(_, sql)| sql);
        let work = match fact.work {
            Work::Instant => "an instant, whatever the size",
            Work::Scan => "reads every row, or every page",
            Work::Rewrite => "writes every row, or builds an index",
        };
        let since = if fact.since.0 > 3_000_000 { fact.since.to_string() } else { String::new() };
        page.push_str(&format!("| {} | `{example}` | {work} | {since} | {} |\n", fact.id, fact.source));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/facts-sqlite.md");
    if std::env::var_os("UNDERPIN_BLESS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap_or_default() == page,
        "docs/facts-sqlite.md is not what the facts say; UNDERPIN_BLESS=1 writes it"
    );
}
