//! The laws of SQLite's tokens, of the splitter for it, and of its quoting, on texts made to disturb them. `PROPTEST_CASES=N` runs more.

use proptest::prelude::*;
use underpin_sql::sqlite::laws;

/// Pieces of SQL that are likely to disturb each other.
const PIECES: &[&str] = &[
    "CREATE ",
    "TEMP ",
    "TRIGGER ",
    "TABLE ",
    "VIRTUAL ",
    "EXPLAIN ",
    "QUERY PLAN ",
    "BEGIN ",
    "END",
    "END ",
    "CASE ",
    "t",
    " ",
    "\n",
    "\r\n",
    "\t",
    ";",
    "; ",
    "(",
    ")",
    ",",
    ".",
    "'",
    "''",
    "\"",
    "\"\"",
    "`",
    "[",
    "]",
    "x'",
    "X'ab'",
    "--",
    "/*",
    "*/",
    "/",
    "*",
    "-",
    "->>",
    "||",
    "?1",
    ":a",
    "@a",
    "$a",
    "#1",
    "0x1F",
    "1.5e",
    "1e+",
    ".5",
    "1_0",
    "é",
    "\u{feff}",
    "\0",
    "\\",
    "-- underpin: renamed-from a\n",
    "-- underpin: using x\n",
    "/* underpin: nonsense */",
    "@renamed from=b",
    "'it''s'",
    "\"a b\"",
];

/// Statements that are whole.
const STATEMENTS: &[&str] = &[
    "SELECT 1",
    "SELECT ';' AS \";\", [;], `;`",
    "CREATE TABLE t (a -- ;\n, b)",
    "CREATE TABLE trigger_x (a)",
    "CREATE TRIGGER r AFTER INSERT ON t BEGIN SELECT 1; END",
    "create temp trigger if not exists r insert on t begin select case when 1 then 2 end; update t set a = 'x; END;'; end",
    "EXPLAIN QUERY PLAN CREATE TRIGGER r DELETE ON t BEGIN SELECT ';'; /* ; END; */ DELETE FROM t; END",
    "CREATE TEMPORARY TRIGGER \"end\" UPDATE OF \"begin\" ON t BEGIN INSERT INTO t VALUES ([END;]); END",
    "CREATE VIEW v AS SELECT CASE WHEN a THEN b END FROM t",
    "CREATE VIRTUAL TABLE f USING fts5(a, tokenize = 'porter ascii', content = '')",
    "INSERT INTO t VALUES (x';', 1.5e3, ?1, :a, $b)",
    "BEGIN",
    "COMMIT",
    "END",
    ".tables",
];

/// What may stand behind a semicolon.
const BETWEEN: &[&str] =
    &["", " ", "\n", ";", " ; ;\n", "-- ; '\n", "/* ; \" */", "\n-- underpin: using x\n", "\u{feff}"];

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![8 => prop::sample::select(PIECES).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(PIECES).prop_filter("no zero byte", |p| !p.contains('\0')).prop_map(str::to_owned),
        prop::char::any().prop_filter("no zero byte", |c| *c != '\0').prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// As many texts as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_splitter_keeps_its_laws(text in text()) {
        laws::splitter(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn statements_come_apart_again(
        statements in prop::collection::vec(prop::sample::select(STATEMENTS), 0..12),
        between in prop::collection::vec(prop::sample::select(BETWEEN), 0..12),
    ) {
        laws::joined(&statements, &between).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn quoting_keeps_its_laws(text in value()) {
        laws::quoting(&text).map_err(TestCaseError::fail)?;
    }
}
