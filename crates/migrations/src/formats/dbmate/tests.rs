//! What dbmate makes of files, and that what is written is what it runs.

use super::*;
use crate::formats::trial::{NOW, by, cannot, folder, places, shared, statements, step};

#[test]
fn a_folder_is_read_in_the_order_of_names() {
    let files = folder(&[
        ("9_a.sql", "-- why\r\n\r\n--migrate:up transaction:false x:y\r\nSELECT 1;\r\n-- migrate:down\r\n"),
        ("10_b.sql", "-- migrate:up\nSELECT 1;\nSELECT 2;\n-- migrate:down transaction:false\nSELECT 3;\n"),
        ("notes.sql", "SELECT 1;"),
    ]);
    assert!(Dbmate.recognises(&files));
    let read = Dbmate.read(&files).unwrap();
    assert_eq!(read.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["10", "9"]);
    assert_eq!((read[1].up[0].line, read[1].transaction, read[1].down_transaction), (4, false, true));
    assert_eq!(read[1].down.as_ref().unwrap().len(), 0);
    assert_eq!((read[0].up[0].line, read[0].transaction, read[0].down_transaction), (2, true, false));
    assert_eq!(read[0].up[0].sql, "SELECT 1;\nSELECT 2;\n");
}

#[test]
fn what_the_tool_refuses_is_named_with_its_line() {
    let of = |text: &str| places(&Dbmate, &[("1_a.sql", text)]).remove(0);
    let at = |code: &str, line: usize| (code.to_owned(), format!("1_a.sql:{line}"));
    assert_eq!(of("SELECT 1;"), at("bad-migration", 1));
    assert_eq!(of("-- migrate:up\nSELECT 1;"), at("bad-migration", 1));
    assert_eq!(of("SELECT 1;\n-- migrate:up\n-- migrate:down\n"), at("bad-migration", 1));
    assert_eq!(of("-- migrate:down\n-- migrate:up\n"), at("bad-migration", 1));
    assert_eq!(of("-- migrate:up\n-- migrate:down\n-- migrate:up\n-- migrate:down\n"), at("bad-migration", 3));
    assert_eq!(of("\u{feff}-- migrate:up\n-- migrate:down\n"), at("byte-order-mark", 1));
    let file = "-- migrate:up\n-- migrate:down\n";
    assert_eq!(
        places(&Dbmate, &[("1_a.sql", file), ("1_b.sql", file)])[0],
        ("duplicate-version".to_owned(), "1_b.sql:1".to_owned())
    );
    assert_eq!(places(&Dbmate, &[("x_1.sql", file)])[0].0, "bad-name");
}

#[test]
fn odd_sql_comes_back_as_it_was() {
    let odd = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- a;\nSELECT '${x} %s ? :x `y` \\';\r\n\n$$",
        "INSERT INTO t VALUES ('one;\ntwo -- migrate:up', E'\\'', 'it''s')",
        "SELECT 1 -- said",
    ];
    let steps = [
        step("odd", true, &odd, by(true, &odd)),
        step("index", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(false, &["DROP INDEX CONCURRENTLY i"])),
        step("none", true, &["SELECT 1"], by(false, &[])),
        step("gone", true, &["SELECT 1"], cannot("it's gone")),
    ];
    let files = folder(&[]);
    let written = Dbmate.write(&files, &[], &steps, NOW).unwrap();
    assert_eq!(written[1].path, "20261122103001_index.sql");
    let read = Dbmate.read(&files.with(&written)).unwrap();
    let statement = "SELECT 1";
    assert_eq!(statements(&read[0].up), [odd[0], odd[1], statement]);
    assert_eq!(statements(read[0].down.as_ref().unwrap()), [odd[0], odd[1], statement]);
    assert!(read[0].transaction && !read[1].transaction && !read[1].down_transaction);
    assert_eq!(read[2].down.as_ref().unwrap().len(), 0);
    assert!(read[3].down.as_ref().unwrap()[0].sql.contains("it''s gone"));
    for sql in ["SELECT '\n-- migrate:down\n'", "SELECT '\n--  migrate:up x'"] {
        let found = Dbmate.write(&files, &[], &[step("x", true, &[sql], by(true, &[]))], NOW).unwrap_err();
        assert_eq!(found.0[0].code, "unwritable-sql");
    }
}

#[test]
fn versions_sort_behind_all_by_their_names() {
    let next = |last: &str| {
        let files = folder(&[(last, "-- migrate:up\n-- migrate:down\n")]);
        let there = Dbmate.read(&files).unwrap();
        Dbmate
            .write(&files, &there, &[step("x", true, &["SELECT 1"], by(true, &[]))], NOW)
            .map(|mut w| w.remove(0).path)
    };
    assert_eq!(next("009_a.sql").unwrap(), "010_x.sql");
    assert_eq!(next("19_a.sql").unwrap(), "20_x.sql");
    // 100 would come before 99, the time would not do either.
    assert_eq!(next("99_a.sql").unwrap_err().0[0].code, "no-next-version");
    assert_eq!(next("20270101000000_a.sql").unwrap(), "20270101000001_x.sql");
}

#[test]
fn a_database_is_told_the_versions() {
    let Some(files) = shared("dbmate/db/migrations") else { return };
    let sql = Dbmate.baseline(&files, &Dbmate.read(&files).unwrap(), NOW).unwrap().sql;
    assert_eq!(sql[7], "INSERT INTO schema_migrations (version) VALUES ('20261121000700') ON CONFLICT DO NOTHING");
}
