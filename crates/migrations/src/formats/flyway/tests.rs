//! What Flyway makes of files, and that what is written is what it runs. The checksums are those of runs of 13.12.0.

use super::*;
use crate::formats::trial::{NOW, by, cannot, folder, places, sent, shared, step};

#[test]
fn checksums_are_the_tool_s() {
    assert_eq!(checksum("create table a(i int);\n"), -731_837_914);
    assert_eq!(checksum("\u{feff}select 1;\r\nselect 2;\n"), -593_479_011);
    assert_eq!(checksum("select 1;\n"), -690_524_359);
    assert_eq!(checksum("create index concurrently ai on a(i);\n"), 46_180_413);
    assert_eq!(checksum("create function f() returns text language sql as 'select 1::text\r\n';"), 149_749_617);
}

#[test]
fn a_folder_is_read_in_the_order_of_versions() {
    let files = folder(&[
        ("R__b_view.sql", "SELECT 9;"),
        ("V10__c.sql", "SELECT 3;"),
        ("V2__b.SQL", "\u{feff}SELECT 1;\r\n\r\nSELECT 2;"),
        ("V3.sql", "CREATE UNIQUE INDEX /* x */ CONCURRENTLY i ON t (a);"),
        ("beforeMigrate.sql", "SELECT 1;"),
        ("sub/V1_2_0__a_a.sql", "DO $$ BEGIN COMMIT; END $$;"),
        ("sub/V1_2_0__a_a.sql.conf", "# why\nexecuteInTransaction = False\n"),
        ("U3__c.sql", "DROP INDEX CONCURRENTLY i;"),
        ("validate.sql", "SELECT 1;"),
    ]);
    assert!(Flyway.recognises(&files));
    let read = Flyway.read(&files).unwrap();
    assert_eq!(read.iter().map(|m| m.version.as_str()).collect::<Vec<_>>(), ["1.2.0", "2", "3", "10", "R__b_view"]);
    assert_eq!(read.iter().map(|m| m.transaction).collect::<Vec<_>>(), [false, true, false, true, true]);
    assert_eq!(sent(&read[1].up), ["SELECT 1", "SELECT 2"]);
    assert_eq!(read[1].up[1].line, 3);
    assert_eq!(
        (sent(read[2].down.as_ref().unwrap()), read[2].down_transaction),
        (vec!["DROP INDEX CONCURRENTLY i"], false)
    );
    assert!(read[0].down.is_none());
}

#[test]
fn what_may_be_refinery_s_is_nobody_s() {
    let is = |names: &[&str]| Flyway.recognises(&folder(&names.iter().map(|n| (*n, "")).collect::<Vec<_>>()));
    assert!(!is(&["V1__a.sql", "V2.1__b.sql"]));
    assert!(!is(&["V1__a.sql", "U2__b.sql"]));
    assert!(is(&["V1__a.sql", "U1.0__a.sql"]));
    assert!(is(&["V1__a.sql", "R__b.sql"]));
    assert!(is(&["V1__a.sql", "V1__a.sql.conf"]));
    assert!(is(&["V1_1__a.sql"]) && is(&["V1.2.3__a.sql"]) && is(&["V1__a-b.sql"]));
    assert!(!is(&["V1_1__a.sql", "atlas.sum"]));
}

#[test]
fn what_the_tool_refuses_or_passes_over_is_named() {
    let of = |path: &str, text: &str| places(&Flyway, &[(path, text)]).remove(0);
    let at = |code: &str, place: &str| (code.to_owned(), place.to_owned());
    assert_eq!(of("V1__a.sql", "-- a\n-- ${x"), at("placeholder", "V1__a.sql:2"));
    assert_eq!(of("V1__a.sql", "VACUUM;\nSET a = 1;"), at("mixed-transactions", "V1__a.sql:2"));
    assert_eq!(of("V1__a.sql", "SELECT 1;\nCOPY t FROM stdin;\n1\n\\.\n").0, "copy-data");
    assert_eq!(of("V1__a.sql", "SELECT 'x"), at("bad-sql", "V1__a.sql:1"));
    for path in ["V1_a.sql", "v1__a.sql", "V1a__b.sql", "V__a.sql", "R_a.sql", "V_1__a.sql", "V1__a.conf"] {
        assert_eq!(of(path, "").0, "bad-name", "{path}");
    }
    assert_eq!(of("db/V1__A.java", "").0, "program-migration");
    assert_eq!(of("B1__a.sql", "").0, "baseline-script");
    assert_eq!(of("U1__a.sql", "").0, "down-without-up");
    assert_eq!(
        places(&Flyway, &[("V1__a.sql", ""), ("x/V01.0__b.sql", "")])[0],
        at("duplicate-version", "x/V01.0__b.sql:1")
    );
    let settings = "executeInTransaction=no\nfoo=1\nshouldExecute=true";
    let found = places(&Flyway, &[("V1__a.sql", ""), ("V1__a.sql.conf", settings)]);
    assert_eq!(
        found.iter().map(|f| f.1.as_str()).collect::<Vec<_>>(),
        [1, 2, 3].map(|n| format!("V1__a.sql.conf:{n}"))
    );
}

#[test]
fn odd_sql_comes_back_as_it_was() {
    let odd = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\n-- a;\nSELECT '${x} %s ? :x `y` \\';\n\n$$",
        "INSERT INTO t VALUES ('one;\ntwo', E'\\'', 'it''s -- ; ')",
        "SELECT 1",
    ];
    let back = by(false, &["DROP INDEX CONCURRENTLY i"]);
    let steps = [
        step("odd", true, &odd, by(true, &[])),
        step("backfill", false, &["DO $$ BEGIN COMMIT; END $$"], back),
        step("gone", true, &["SELECT 1"], cannot("it's gone")),
    ];
    let files = folder(&[("V009__a.sql", "")]);
    let written = Flyway.write(&files, &Flyway.read(&files).unwrap(), &steps, NOW).unwrap();
    let paths: Vec<&str> = written.iter().map(|w| w.path.as_str()).collect();
    assert_eq!(
        paths,
        ["V010__odd.sql", "V010__odd.sql.conf", "V011__backfill.sql", "V011__backfill.sql.conf", "V012__gone.sql"]
    );
    assert_eq!(written[1].text, "placeholderReplacement=false\n");
    assert_eq!(written[3].text, "executeInTransaction=false\n");
    let read = Flyway.read(&files.with(&written)).unwrap();
    assert_eq!(sent(&read[1].up), odd);
    assert_eq!(read.iter().map(|m| m.transaction).collect::<Vec<_>>(), [true, true, false, true]);
    assert_eq!(Flyway.advice(Dialect::Postgres, &steps).len(), 1);
    assert_eq!(Flyway.advice(Dialect::Postgres, &steps[..1]).len(), 0);

    // Where the team has undo, the new ones have it too.
    let files = files.with(&[Written { path: "U009__a.sql".to_owned(), text: "SELECT 1;".to_owned() }]);
    let written = Flyway.write(&files, &Flyway.read(&files).unwrap(), &steps, NOW).unwrap();
    let read = Flyway.read(&files.with(&written)).unwrap();
    assert_eq!(sent(read[2].down.as_ref().unwrap()), ["DROP INDEX CONCURRENTLY i"]);
    assert!(!read[2].down_transaction && read[3].down_transaction);
    assert!(sent(read[3].down.as_ref().unwrap())[0].contains("it''s gone"));
}

#[test]
fn versions_follow_the_folder() {
    let next = |last: &str| {
        let files = folder(&[("V0_1__a.sql", ""), (last, ""), ("R__z.sql", "")]);
        let there = Flyway.read(&files).unwrap();
        Flyway.write(&files, &there, &[step("x", true, &["SELECT 1"], by(true, &[]))], NOW).unwrap().remove(0).path
    };
    assert_eq!(next("V9__a.sql"), "V10__x.sql");
    assert_eq!(next("V1.2.09__a.sql"), "V1.2.10__x.sql");
    assert_eq!(next("V1_0__a.sql"), "V1_1__x.sql");
    assert_eq!(next("V20260101000000__a.sql"), "V20261122103000__x.sql");
    assert_eq!(next("V20270101000000__a.sql"), "V20270101000001__x.sql");
    assert_eq!(next("V20271399000000__a.sql"), "V20271399000001__x.sql");
    assert_eq!(
        Flyway.write(&folder(&[]), &[], &[step("x", true, &["SELECT 1"], by(true, &[]))], NOW).unwrap()[0].path,
        "V1__x.sql"
    );
}

#[test]
fn a_database_is_told_the_versions() {
    let Some(files) = shared("flyway/migrations") else { return };
    let sql = Flyway.baseline(&files, &Flyway.read(&files).unwrap(), NOW).unwrap().sql;
    assert_eq!(sql.len(), 2 + 2 * 7);
    assert!(sql[7].contains("'3', 'index', 'SQL'"), "{}", sql[7]);
}
