//! What golang-migrate makes of files, and that what is written is what it runs.

use super::*;
use std::path::Path;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 10:30:00 UTC);

fn folder(files: &[(&str, &str)]) -> Files {
    Files::of(Path::new("m"), files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())))
}

fn trouble(files: &[(&str, &str)]) -> Vec<String> {
    GolangMigrate.read(&folder(files)).unwrap_err().0.into_iter().map(|d| d.code).collect()
}

fn new(slug: &str, transaction: bool, up: &[&str], down: Down) -> New {
    let up = up.iter().map(|s| (*s).to_owned()).collect();
    New { slug: slug.to_owned(), summary: vec!["What: x".to_owned()], transaction, up, down, done: None }
}

#[test]
fn a_folder_is_read_in_the_order_of_numbers() {
    let files = folder(&[
        ("10_b.up.sql", "SELECT 1;\nSELECT 2;\n"),
        ("9_a.down.sql", "SELECT 3;\n"),
        ("9_a.up.sql", "SELECT ';';\n"),
        ("README.md", "x"),
    ]);
    assert!(GolangMigrate.recognises(&files));
    let read = GolangMigrate.read(&files).unwrap();
    assert_eq!(read.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["9", "10"]);
    assert_eq!((read[0].transaction, read[1].transaction), (false, true));
    assert_eq!(read[0].down.as_ref().unwrap()[0].sql, "SELECT 3;\n");
    assert!(read[1].down.is_none());
}

#[test]
fn what_the_tool_refuses_or_passes_over_is_named() {
    assert_eq!(trouble(&[("1_a.up.sql", ""), ("01_b.up.sql", "")]), ["duplicate-version"]);
    assert_eq!(trouble(&[("1_a.down.sql", "")]), ["down-without-up"]);
    assert_eq!(trouble(&[("1_a.sql", "")]), ["bad-name"]);
    assert_eq!(trouble(&[("1_a.up.SQL", "")]), ["bad-name"]);
    assert_eq!(trouble(&[("1_a.up.sql.orig", "")]), ["bad-name"]);
    assert_eq!(trouble(&[("99999999999999999999_a.up.sql", "")]), ["bad-name"]);
    assert_eq!(trouble(&[("1_a.up.sql", "\u{feff}SELECT 1;")]), ["byte-order-mark"]);
}

#[test]
fn odd_sql_comes_back_as_it_was() {
    let odd = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\nSELECT '${x} %s ? :x \\';\r\n$$",
        "SELECT 'it''s;\n', E'\\''",
    ];
    let back = Down::By { transaction: true, sql: odd.iter().map(|s| (*s).to_owned()).collect() };
    let none = || Down::By { transaction: true, sql: Vec::new() };
    let steps = [
        new("odd", true, &odd, back),
        new("index", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], none()),
        new("gone", true, &["SELECT 1"], Down::Cannot("it's gone".to_owned())),
    ];
    let files = folder(&[("000009_a.up.sql", "SELECT 1;")]);
    let there = GolangMigrate.read(&files).unwrap();
    let written = GolangMigrate.write(&files, &there, &steps, NOW).unwrap();
    assert_eq!(written[0].path, "000010_odd.up.sql");
    let read = GolangMigrate.read(&files.with(&written)).unwrap();
    let sql = |messages: &[Message]| -> Vec<String> {
        let cut = |m: &Message| {
            underpin_sql::split(&m.sql).statements.into_iter().map(|s| m.sql[s.span].to_owned()).collect()
        };
        messages.iter().flat_map(|m| -> Vec<String> { cut(m) }).collect()
    };
    assert_eq!(sql(&read[1].up), odd);
    assert_eq!(sql(read[1].down.as_ref().unwrap()), odd);
    assert_eq!(sql(&read[2].up), ["CREATE INDEX CONCURRENTLY i ON t (a)"]);
    assert!(!read[2].transaction);
    let gone = &read[3].down.as_ref().unwrap()[0].sql;
    assert!(gone.contains("it''s gone") && gone.contains("migrate force 000012"), "{gone}");
    assert_eq!(GolangMigrate.advice(&steps).len(), 1);
}

#[test]
fn the_shared_folder_is_golang_migrate_s() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats/golang-migrate/migrations");
    if !root.exists() {
        eprintln!("NOT CHECKED: the shared cases are not here");
        return;
    }
    let files = Files::read(&root).unwrap();
    assert_eq!(crate::detect(&files).unwrap().map(Format::name), Some("golang-migrate"));
    let read = GolangMigrate.read(&files).unwrap();
    assert_eq!(read.len(), 7);
    let sql = GolangMigrate.baseline(&files, &read, NOW).unwrap().sql;
    assert_eq!(sql[2], "INSERT INTO schema_migrations (version, dirty) VALUES (000007, false)");
}
