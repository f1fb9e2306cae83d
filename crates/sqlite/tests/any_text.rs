//! What is said of texts, held against the library itself: where a statement ends, what quoting makes of a name and of a value, and that any
//! text can be taken for a table. `PROPTEST_CASES=N` runs more of them.

use proptest::prelude::*;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::{Batch, Connection};
use underpin_sql::sqlite::{ident, literal, split};
use underpin_sqlite::read_table;

/// Statements that SQLite takes on an empty database with a table `t (a, b)`, in any order and again.
const STATEMENTS: &[&str] = &[
    "SELECT 1",
    "SELECT ';' AS \";\", 1 AS [;], 2 AS `;`",
    "CREATE TABLE IF NOT EXISTS u (a -- ;\n, b)",
    "CREATE TRIGGER IF NOT EXISTS r AFTER INSERT ON t BEGIN SELECT 1; END",
    "create temp trigger if not exists s insert on t begin select case when 1 then 2 end; update t set a = 'x; END;'; end",
    "EXPLAIN QUERY PLAN SELECT 1",
    "EXPLAIN CREATE TRIGGER q DELETE ON t BEGIN SELECT ';'; /* ; END; */ DELETE FROM t; END",
    "CREATE TEMPORARY TRIGGER IF NOT EXISTS \"end\" UPDATE OF \"a\" ON t BEGIN INSERT INTO t SELECT 1 AS [END;], 2; END",
    "CREATE VIEW IF NOT EXISTS v AS SELECT CASE WHEN a THEN b END FROM t",
    "CREATE VIRTUAL TABLE IF NOT EXISTS f USING fts5(a, tokenize = 'porter ascii', content = '')",
    "INSERT INTO t VALUES (x'3b', 1.5e3), (0x1F, .5)",
    "SELECT a->>'$.b;' || b FROM t WHERE 0",
];

/// What may stand behind a semicolon.
const BETWEEN: &[&str] = &["", " ", "\n", ";", " ; ;\n", "-- ; '\n", "/* ; \" */"];

/// Parts of a table's text, and what disturbs them.
const PARTS: &[&str] = &[
    "CREATE TABLE t (",
    "a",
    " b INTEGER",
    ", ",
    ")",
    "(",
    "PRIMARY KEY ",
    "NOT NULL ",
    "CHECK (a > 0)",
    "DEFAULT ",
    "-1",
    "'x'",
    "COLLATE nocase ",
    "REFERENCES p (x) ",
    "ON DELETE CASCADE ",
    "ON CONFLICT ",
    "IGNORE ",
    "GENERATED ALWAYS ",
    "AS (1) ",
    "STORED ",
    "CONSTRAINT ",
    "n ",
    "UNIQUE ",
    "FOREIGN KEY ",
    "DEFERRABLE ",
    "INITIALLY ",
    "NOT ",
    "\"",
    "[",
    "--",
    "/*",
    ";",
    ".",
    " STRICT",
    " WITHOUT ROWID",
    "AUTOINCREMENT ",
];

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(500);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn statements_end_where_sqlite_ends_them(
        list in prop::collection::vec((prop::sample::select(STATEMENTS), prop::sample::select(BETWEEN)), 0..10),
    ) {
        let text: String = list.iter().map(|(statement, between)| format!("{statement};{between}")).collect();
        let memory = Connection::open_in_memory().expect("memory");
        memory.execute_batch("CREATE TABLE t (a, b)").expect("a table");
        let mut batch = Batch::new(&memory, &text);
        let mut theirs = Vec::new();
        while let Some(mut statement) = batch.next().expect("SQLite takes it") {
            let sql = statement.expanded_sql().expect("it is text");
            statement.raw_execute().ok();
            // What stands before a statement goes with it there, and its semicolon too.
            let parts = split(&sql).pieces;
            prop_assert_eq!(parts.len(), 1, "{}", sql);
            theirs.push(sql[parts[0].span.clone()].to_owned());
        }
        let ours: Vec<String> = split(&text).pieces.into_iter().map(|p| text[p.span].to_owned()).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn quoting_reads_back(text in "[^\0]{0,12}") {
        let memory = Connection::open_in_memory().expect("memory");
        let value: String = memory
            .query_row(&format!("SELECT {}", literal(&text)), [], |row| row.get(0))
            .map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&value, &text);
        let sql = format!("SELECT 1 AS {}", ident(&text));
        let statement = memory.prepare(&sql).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(statement.column_name(0).expect("a column"), text);
    }

    #[test]
    fn any_text_can_be_taken_for_a_table(parts in prop::collection::vec(prop::sample::select(PARTS), 0..30), rest in "\\PC{0,8}") {
        let text = format!("{}{rest}", parts.concat());
        if let Some(table) = read_table(&text) {
            prop_assert!(!table.columns.is_empty());
            let spans = table.columns.iter().map(|c| &c.span).chain(table.rules.iter().map(|(_, span)| span));
            for span in spans.chain([&table.name]) {
                prop_assert!(text.get(span.clone()).is_some_and(|t| !t.is_empty()), "{:?} of {}", span, text);
            }
        }
    }
}
