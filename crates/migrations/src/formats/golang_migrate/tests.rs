//! What golang-migrate makes of files, and that what is written is what it runs.

use super::*;
use crate::formats::trial::{NOW, by, cannot, codes, folder, folder_of, shared, statements, step};

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
    assert_eq!(codes(&GolangMigrate, &folder(&[("1_a.up.sql", ""), ("01_b.up.sql", "")])), ["duplicate-version"]);
    assert_eq!(codes(&GolangMigrate, &folder(&[("1_a.down.sql", "")])), ["down-without-up"]);
    assert_eq!(codes(&GolangMigrate, &folder(&[("1_a.sql", "")])), ["bad-name"]);
    assert_eq!(codes(&GolangMigrate, &folder(&[("1_a.up.SQL", "")])), ["bad-name"]);
    assert_eq!(codes(&GolangMigrate, &folder(&[("1_a.up.sql.orig", "")])), ["bad-name"]);
    assert_eq!(codes(&GolangMigrate, &folder(&[("99999999999999999999_a.up.sql", "")])), ["bad-name"]);
    assert_eq!(codes(&GolangMigrate, &folder(&[("1_a.up.sql", "\u{feff}SELECT 1;")])), ["byte-order-mark"]);
}

#[test]
fn odd_sql_comes_back_as_it_was() {
    let odd = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\nSELECT '${x} %s ? :x \\';\r\n$$",
        "SELECT 'it''s;\n', E'\\''",
    ];
    let steps = [
        step("odd", true, &odd, by(true, &odd)),
        step("index", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(true, &[])),
        step("gone", true, &["SELECT 1"], cannot("it's gone")),
    ];
    let files = folder(&[("000009_a.up.sql", "SELECT 1;")]);
    let there = GolangMigrate.read(&files).unwrap();
    let written = GolangMigrate.write(&files, &there, &steps, NOW).unwrap();
    assert_eq!(written[0].path, "000010_odd.up.sql");
    let read = GolangMigrate.read(&files.with(&written)).unwrap();
    assert_eq!(statements(&read[1].up), odd);
    assert_eq!(statements(read[1].down.as_ref().unwrap()), odd);
    assert_eq!(statements(&read[2].up), ["CREATE INDEX CONCURRENTLY i ON t (a)"]);
    assert!(!read[2].transaction);
    let gone = &read[3].down.as_ref().unwrap()[0].sql;
    assert!(gone.contains("it''s gone") && gone.contains("migrate force 000012"), "{gone}");
    assert_eq!(GolangMigrate.advice(Dialect::Postgres, &steps).len(), 1);
}

#[test]
fn a_database_is_told_the_last_version() {
    let Some(files) = shared("golang-migrate/migrations") else { return };
    let sql = GolangMigrate.baseline(&files, &GolangMigrate.read(&files).unwrap(), NOW).unwrap().sql;
    assert_eq!(sql[2], "INSERT INTO schema_migrations (version, dirty) VALUES (000007, false)");
}

#[test]
fn a_folder_for_sqlite_tells_whether_the_tool_begins_transactions() {
    let new = [step("x", true, &["SELECT 1", "SELECT 2"], by(false, &["VACUUM"]))];
    let texts = |first: &str| {
        let files = folder_of(Dialect::Sqlite, &[("1_a.up.sql", first)]);
        let there = GolangMigrate.read(&files).unwrap();
        let written = GolangMigrate.write(&files, &there, &new, NOW).unwrap();
        let tail = |n: usize| written[n].text.rsplit("\n\n").next().unwrap_or_default().to_owned();
        (there[0].transaction, tail(0), tail(1))
    };
    let wrapped = (true, "SELECT 1;\nSELECT 2;\n".to_owned(), "COMMIT;\nVACUUM;\nBEGIN;\n".to_owned());
    assert_eq!(texts("SELECT 1;"), wrapped);
    assert_eq!(texts("COMMIT; VACUUM; BEGIN;"), wrapped);
    let bare = (false, "BEGIN IMMEDIATE;\nSELECT 1;\nSELECT 2;\nCOMMIT;\n".to_owned(), "VACUUM;\n".to_owned());
    assert_eq!(texts("PRAGMA foreign_keys = OFF; BEGIN; SELECT 1; COMMIT;"), bare);
}
