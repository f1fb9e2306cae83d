//! What statements do to a database in use: how much they read and write under the one lock that there is. A row and a named
//! predicate each; what has no row counts as the worst.
//!
//! SQLite has one writer: whatever changes something holds the write lock of the whole file until its transaction ends, and others
//! that want to write wait. In WAL mode readers go on; in the other modes they wait while pages are written at the end (manual,
//! "Write-Ahead Logging", 2.2, and "File Locking And Concurrency In SQLite Version 3", 3). So what a statement does is told by its work
//! alone. `tests/facts.rs` measures each row on the library that is bundled.

use crate::library::Library;
use underpin_model::Work;
use underpin_sql::sqlite::words;

/// A fact about statements of one form.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// Its name.
    pub id: &'static str,
    /// What it does.
    pub work: Work,
    /// The first version that can.
    pub since: Library,
    /// Where that is told.
    pub source: &'static str,
    /// Whether a statement, by its words, is of that form.
    pub holds: fn(&[String]) -> bool,
}

fn begins(list: &[String], head: &str) -> bool {
    let mut words = list.iter();
    head.split(' ').all(|word| words.next().is_some_and(|w| w == word))
}

/// Whether a statement is ALTER TABLE name and goes on so.
fn alters(list: &[String], rest: &str) -> bool {
    if !begins(list, "alter table") {
        return false;
    }
    // The name may have a schema.
    let name = if list.get(3).is_some_and(|w| w == ".") { 5 } else { 3 };
    list.get(name..).is_some_and(|tail| begins(tail, rest))
}

fn has(list: &[String], word: &str) -> bool {
    list.iter().any(|w| w == word)
}

const ALWAYS: Library = Library(3_000_000);

/// Every fact; the first that holds is taken.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "create-table",
        work: Work::Instant,
        since: ALWAYS,
        source: "CREATE TABLE",
        holds: |w| begins(w, "create table") && !has(w, "select"),
    },
    Fact {
        id: "create-table-as",
        work: Work::Rewrite,
        since: ALWAYS,
        source: "CREATE TABLE, 2.1",
        holds: |w| begins(w, "create table"),
    },
    Fact {
        id: "create-virtual-table",
        work: Work::Instant,
        since: ALWAYS,
        source: "CREATE VIRTUAL TABLE",
        holds: |w| begins(w, "create virtual table"),
    },
    Fact {
        id: "create-index",
        work: Work::Rewrite,
        since: ALWAYS,
        source: "CREATE INDEX",
        holds: |w| begins(w, "create index") || begins(w, "create unique index"),
    },
    Fact {
        id: "create-view",
        work: Work::Instant,
        since: ALWAYS,
        source: "CREATE VIEW",
        holds: |w| begins(w, "create view"),
    },
    Fact {
        id: "create-trigger",
        work: Work::Instant,
        since: ALWAYS,
        source: "CREATE TRIGGER",
        holds: |w| begins(w, "create trigger"),
    },
    // Every page is looked at and put on the list of free ones.
    Fact {
        id: "drop-table",
        work: Work::Scan,
        since: ALWAYS,
        source: "DROP TABLE",
        holds: |w| begins(w, "drop table"),
    },
    Fact {
        id: "drop-index",
        work: Work::Scan,
        since: ALWAYS,
        source: "DROP INDEX",
        holds: |w| begins(w, "drop index"),
    },
    Fact {
        id: "drop-view",
        work: Work::Instant,
        since: ALWAYS,
        source: "DROP VIEW",
        holds: |w| begins(w, "drop view"),
    },
    Fact {
        id: "drop-trigger",
        work: Work::Instant,
        since: ALWAYS,
        source: "DROP TRIGGER",
        holds: |w| begins(w, "drop trigger"),
    },
    Fact {
        id: "rename-column",
        work: Work::Instant,
        since: Library(3_025_000),
        source: "ALTER TABLE, 3",
        holds: |w| alters(w, "rename column") || (alters(w, "rename") && !alters(w, "rename to")),
    },
    Fact {
        id: "rename-table",
        work: Work::Instant,
        since: ALWAYS,
        source: "ALTER TABLE, 2",
        holds: |w| alters(w, "rename to"),
    },
    Fact {
        id: "drop-constraint",
        work: Work::Instant,
        since: Library(3_053_000),
        source: "release notes of 3.53.0",
        holds: |w| alters(w, "drop constraint"),
    },
    Fact {
        id: "drop-column",
        work: Work::Rewrite,
        since: Library(3_035_000),
        source: "ALTER TABLE, 5",
        holds: |w| alters(w, "drop"),
    },
    Fact {
        id: "set-not-null",
        work: Work::Scan,
        since: Library(3_053_000),
        source: "release notes of 3.53.0",
        holds: |w| alters(w, "alter") && has(w, "set"),
    },
    Fact {
        id: "drop-not-null",
        work: Work::Instant,
        since: Library(3_053_000),
        source: "release notes of 3.53.0",
        holds: |w| alters(w, "alter"),
    },
    Fact {
        id: "add-check",
        work: Work::Scan,
        since: Library(3_053_000),
        source: "release notes of 3.53.0",
        holds: |w| alters(w, "add constraint") || alters(w, "add check"),
    },
    Fact {
        id: "add-column-that-is-checked",
        work: Work::Scan,
        since: ALWAYS,
        source: "ALTER TABLE, 4",
        holds: |w| alters(w, "add") && (has(w, "check") || (has(w, "as") && has(w, "not"))),
    },
    Fact {
        id: "add-column",
        work: Work::Instant,
        since: ALWAYS,
        source: "ALTER TABLE, 4",
        holds: |w| alters(w, "add"),
    },
    Fact {
        id: "pragma-legacy",
        work: Work::Instant,
        since: Library(3_026_000),
        source: "PRAGMA legacy_alter_table",
        holds: |w| begins(w, "pragma legacy_alter_table"),
    },
    Fact {
        id: "pragma-foreign-keys",
        work: Work::Instant,
        since: ALWAYS,
        source: "PRAGMA foreign_keys",
        holds: |w| begins(w, "pragma foreign_keys"),
    },
    // What sequences were at is one row a table.
    Fact {
        id: "sequence",
        work: Work::Instant,
        since: ALWAYS,
        source: "SQLite Autoincrement",
        holds: |w| begins(w, "delete from sqlite_sequence") || begins(w, "insert into sqlite_sequence"),
    },
    Fact {
        id: "write-rows",
        work: Work::Rewrite,
        since: ALWAYS,
        source: "INSERT, UPDATE, DELETE",
        holds: |w| ["insert", "update", "delete", "replace"].iter().any(|head| begins(w, head)),
    },
    Fact { id: "reindex", work: Work::Rewrite, since: ALWAYS, source: "REINDEX", holds: |w| begins(w, "reindex") },
    Fact { id: "vacuum", work: Work::Rewrite, since: ALWAYS, source: "VACUUM", holds: |w| begins(w, "vacuum") },
    Fact { id: "analyze", work: Work::Scan, since: ALWAYS, source: "ANALYZE", holds: |w| begins(w, "analyze") },
];

/// The fact about a statement.
#[must_use]
pub fn fact(sql: &str) -> Option<&'static Fact> {
    let list = words(sql);
    FACTS.iter().find(|fact| (fact.holds)(&list))
}

/// The work of statements: the most that one of them does, and all there is where one is not known.
#[must_use]
pub fn work(sql: &[String]) -> Work {
    sql.iter().map(|sql| fact(sql).map_or(Work::Rewrite, |fact| fact.work)).max().unwrap_or(Work::Instant)
}
