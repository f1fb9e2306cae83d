//! What goose makes of files, and that what is written is what it runs.

use super::*;
use crate::formats::trial::{NOW, by, cannot, folder, places, sent, step};

fn trouble(path: &str, text: &str) -> (String, String) {
    let found = places(&Goose, &[(path, text)]);
    assert_eq!(found.len(), 1);
    found.into_iter().next().unwrap()
}

fn round(new: &[New]) -> Result<(Vec<Written>, Vec<Migration>), Trouble> {
    let files = folder(&[]);
    let written = Goose.write(&files, &[], new, NOW)?;
    let read = Goose.read(&files.with(&written))?;
    Ok((written, read))
}

#[test]
fn a_folder_is_read_in_the_order_of_numbers() {
    let files = folder(&[
        (
            "10_b.sql",
            "-- +goose Up\nCREATE TABLE b (i int);\r\n\n-- said\nSELECT 1; SELECT 2;\n-- +goose Down\nDROP TABLE b; -- x\n",
        ),
        (
            "9_a.sql",
            "-- why\n-- +goose no transaction\n--+goose up\n-- +goose StatementBegin\nDO $$ BEGIN\n  NULL;\nEND $$;\n-- +goose StatementEnd\n",
        ),
    ]);
    assert!(Goose.recognises(&files));
    let read = Goose.read(&files).unwrap();
    assert_eq!(read.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["9", "10"]);
    assert_eq!(sent(&read[0].up), ["DO $$ BEGIN\n  NULL;\nEND $$;"]);
    assert_eq!((read[0].up[0].line, read[0].transaction, read[0].down.is_none()), (5, false, true));
    assert_eq!(sent(&read[1].up), ["CREATE TABLE b (i int);", "SELECT 1; SELECT 2;"]);
    assert_eq!((read[1].up[1].line, read[1].transaction), (5, true));
    assert_eq!(sent(read[1].down.as_ref().unwrap()), ["DROP TABLE b; -- x"]);
}

#[test]
fn what_the_tool_refuses_is_named_with_its_line() {
    let at = |code: &str, line: usize| (code.to_owned(), format!("1_a.sql:{line}"));
    let of = |text: &str| trouble("1_a.sql", text);
    assert_eq!(of("SELECT 1;\n"), at("bad-migration", 1));
    assert_eq!(of("-- a\n"), at("bad-migration", 1));
    assert_eq!(of("-- +goose Up\nSELECT 1\n"), at("bad-migration", 2));
    assert_eq!(of("-- +goose Up\n -- +goose Down\n"), at("bad-migration", 2));
    assert_eq!(of("-- +goose Up\nSELECT '\n-- +goose x\n';\n"), at("bad-migration", 3));
    assert_eq!(of("-- +goose Up\n-- +goose StatementBegin\nSELECT 1;\n"), at("bad-migration", 3));
    assert_eq!(of("-- +goose Up\n-- +goose StatementBegin\n-- +goose StatementEnd\n"), at("bad-migration", 3));
    assert_eq!(of("-- +goose ENVSUB ON\n-- +goose Up\nSELECT '${X}';\n"), at("bad-migration", 3));
    assert_eq!(of("\u{feff}-- +goose Up\n"), at("byte-order-mark", 1));
    assert_eq!(trouble("x_a.sql", "").0, "bad-name");
    assert_eq!(trouble("1_a.SQL", "").0, "bad-name");
    assert_eq!(trouble("0_a.sql", "").0, "bad-name");
    assert_eq!(trouble("1_a.go", "").0, "program-migration");
    let both = places(&Goose, &[("01_a.sql", "-- +goose Up\n"), ("1_b.sql", "-- +goose Up\n"), ("2_c.sql", "")]);
    assert_eq!(both.iter().map(|t| t.0.as_str()).collect::<Vec<_>>(), ["duplicate-version", "bad-migration"]);
}

#[test]
fn odd_sql_comes_back_as_it_was() {
    let odd = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- a;\nSELECT '${x} %s ? :x `y` \\';\n\n$$",
        "INSERT INTO t VALUES ('one;\ntwo', E'\\'', 'it''s -- ; ')",
        "SELECT 1 -- said;",
        "COMMENT ON TABLE t IS 'a;\n-- migrate:up\n'",
    ];
    let (written, read) = round(&[
        step("odd", true, &odd, by(true, &odd)),
        step("index", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(true, &["SELECT 1", "SELECT 2"])),
        step("last", true, &["SELECT 1", "SELECT 2"], by(false, &["DROP INDEX CONCURRENTLY i"])),
        step("gone", true, &["SELECT 1"], cannot("it's +goose gone")),
    ])
    .unwrap();
    assert_eq!(written[0].path, "20261122103000_odd.sql");
    assert_eq!(written[3].path, "20261122103003_gone.sql");
    let terms: Vec<String> = odd.iter().map(|s| terminated(s)).collect();
    assert_eq!(sent(&read[0].up), terms);
    assert_eq!(sent(read[0].down.as_ref().unwrap()), terms);
    assert!(read[0].transaction && read[0].down_transaction);
    // The mark holds for both sides: what has to be whole is one message.
    assert!(!read[1].transaction && read[1].down_transaction);
    assert_eq!(sent(read[1].down.as_ref().unwrap()), ["SELECT 1;\nSELECT 2;"]);
    assert!(read[2].transaction && !read[2].down_transaction);
    assert!(sent(read[3].down.as_ref().unwrap())[0].contains("it''s +goose gone"));
}

#[test]
fn what_the_tool_would_change_is_not_written() {
    for body in ["SELECT '\n-- +goose Up\n'", "SELECT '\n  -- x +goose\n'", "SELECT 'a\r\nb'"] {
        assert_eq!(round(&[step("x", true, &[body], by(true, &[]))]).unwrap_err().0[0].code, "unwritable-sql");
    }
}

#[test]
fn versions_follow_the_folder() {
    let next = |last: &str| {
        let files = folder(&[(last, "-- +goose Up\n")]);
        let there = Goose.read(&files).unwrap();
        let written = Goose.write(&files, &there, &[step("x", true, &["SELECT 1"], by(true, &[]))], NOW);
        written.unwrap().remove(0).path
    };
    assert_eq!(next("00009_a.sql"), "00010_x.sql");
    assert_eq!(next("20270101000000_a.sql"), "20270101000001_x.sql");
    assert_eq!(next("20261399000000_a.sql"), "20261399000001_x.sql");
}

#[test]
fn a_database_is_told_each_version_once() {
    let files = folder(&[("00003_a.sql", "-- +goose Up\n")]);
    let done = Goose.read(&files).unwrap();
    let sql = Goose.baseline(&files, &done, NOW).unwrap().sql;
    assert_eq!(sql.len(), 3);
    assert!(sql[2].contains("SELECT 3, true WHERE NOT EXISTS"), "{}", sql[2]);
}
