//! What dbmate makes of files, and that what is written is what it runs.

use super::*;
use std::path::Path;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 10:30:00 UTC);

fn folder(files: &[(&str, &str)]) -> Files {
    Files::of(Path::new("m"), files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())))
}

fn trouble(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let found = Dbmate.read(&folder(files)).unwrap_err().0;
    found.into_iter().map(|d| (d.code, d.span.map_or(String::new(), |s| format!("{}:{}", s.file, s.line)))).collect()
}

fn new(slug: &str, transaction: bool, up: &[&str], down: Down) -> New {
    let up = up.iter().map(|s| (*s).to_owned()).collect();
    New { slug: slug.to_owned(), summary: vec!["migrate:down".to_owned()], transaction, up, down, done: None }
}

fn by(transaction: bool, sql: &[&str]) -> Down {
    Down::By { transaction, sql: sql.iter().map(|s| (*s).to_owned()).collect() }
}

/// The statements of a side.
fn parts_of(messages: &[Message]) -> Vec<&str> {
    messages.iter().flat_map(|m| underpin_sql::split(&m.sql).statements.into_iter().map(|s| &m.sql[s.span])).collect()
}

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
    let of = |text: &str| trouble(&[("1_a.sql", text)]).remove(0);
    let at = |code: &str, line: usize| (code.to_owned(), format!("m/1_a.sql:{line}"));
    assert_eq!(of("SELECT 1;"), at("bad-migration", 1));
    assert_eq!(of("-- migrate:up\nSELECT 1;"), at("bad-migration", 1));
    assert_eq!(of("SELECT 1;\n-- migrate:up\n-- migrate:down\n"), at("bad-migration", 1));
    assert_eq!(of("-- migrate:down\n-- migrate:up\n"), at("bad-migration", 1));
    assert_eq!(of("-- migrate:up\n-- migrate:down\n-- migrate:up\n-- migrate:down\n"), at("bad-migration", 3));
    assert_eq!(of("\u{feff}-- migrate:up\n-- migrate:down\n"), at("byte-order-mark", 1));
    let file = "-- migrate:up\n-- migrate:down\n";
    assert_eq!(
        trouble(&[("1_a.sql", file), ("1_b.sql", file)])[0],
        ("duplicate-version".to_owned(), "m/1_b.sql:1".to_owned())
    );
    assert_eq!(trouble(&[("x_1.sql", file)])[0].0, "bad-name");
}

#[test]
fn odd_sql_comes_back_as_it_was() {
    let odd = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- a;\nSELECT '${x} %s ? :x `y` \\';\r\n\n$$",
        "INSERT INTO t VALUES ('one;\ntwo -- migrate:up', E'\\'', 'it''s')",
        "SELECT 1 -- said",
    ];
    let steps = [
        new("odd", true, &odd, by(true, &odd)),
        new("index", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(false, &["DROP INDEX CONCURRENTLY i"])),
        new("none", true, &["SELECT 1"], by(false, &[])),
        new("gone", true, &["SELECT 1"], Down::Cannot("it's gone".to_owned())),
    ];
    let files = folder(&[]);
    let written = Dbmate.write(&files, &[], &steps, NOW).unwrap();
    assert_eq!(written[1].path, "20261122103001_index.sql");
    let read = Dbmate.read(&files.with(&written)).unwrap();
    let statement = "SELECT 1";
    assert_eq!(parts_of(&read[0].up), [odd[0], odd[1], statement]);
    assert_eq!(parts_of(read[0].down.as_ref().unwrap()), [odd[0], odd[1], statement]);
    assert!(read[0].transaction && !read[1].transaction && !read[1].down_transaction);
    assert_eq!(read[2].down.as_ref().unwrap().len(), 0);
    assert!(read[3].down.as_ref().unwrap()[0].sql.contains("it''s gone"));
    for sql in ["SELECT '\n-- migrate:down\n'", "SELECT '\n--  migrate:up x'"] {
        let found = Dbmate.write(&files, &[], &[new("x", true, &[sql], by(true, &[]))], NOW).unwrap_err();
        assert_eq!(found.0[0].code, "unwritable-sql");
    }
}

#[test]
fn versions_sort_behind_all_by_their_names() {
    let next = |last: &str| {
        let files = folder(&[(last, "-- migrate:up\n-- migrate:down\n")]);
        let there = Dbmate.read(&files).unwrap();
        Dbmate.write(&files, &there, &[new("x", true, &["SELECT 1"], by(true, &[]))], NOW).map(|mut w| w.remove(0).path)
    };
    assert_eq!(next("009_a.sql").unwrap(), "010_x.sql");
    assert_eq!(next("19_a.sql").unwrap(), "20_x.sql");
    // 100 would come before 99, the time would not do either.
    assert_eq!(next("99_a.sql").unwrap_err().0[0].code, "no-next-version");
    assert_eq!(next("20270101000000_a.sql").unwrap(), "20270101000001_x.sql");
}

#[test]
fn the_shared_folder_is_dbmate_s() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats/dbmate/db/migrations");
    if !root.exists() {
        eprintln!("NOT CHECKED: the shared cases are not here");
        return;
    }
    let files = Files::read(&root).unwrap();
    assert_eq!(crate::detect(&files).unwrap().map(Format::name), Some("dbmate"));
    let read = Dbmate.read(&files).unwrap();
    assert_eq!((read.len(), read.iter().filter(|m| m.transaction).count()), (7, 5));
    let sql = Dbmate.baseline(&files, &read, NOW).unwrap().sql;
    assert_eq!(sql[7], "INSERT INTO schema_migrations (version) VALUES ('20261121000700') ON CONFLICT DO NOTHING");
}
