//! Liquibase: changesets written and read back, checksums, and what is wrong with some.

use super::*;
use crate::formats::trial::{NOW, by, cannot, codes, folder, sent, shared, step};

fn one(text: &str) -> Files {
    folder(&[("1.sql", &format!("--liquibase formatted sql\n\n{text}"))])
}

#[test]
fn changesets_are_cut_as_the_tool_cuts_them() {
    let files = one(concat!(
        "--property name:who value:users\r\n",
        "--changeset a:1\r\n--comment why\r\nCREATE TABLE ${who} (a text DEFAULT 'x -- y'); -- no\r\nSELECT 1;\r\n",
        "--rollback DROP TABLE users;\r\n",
        "--changeset \"b c\":2 runInTransaction:false splitStatements:false stripComments:false\n-- yes\nSELECT 2;\n",
        "/* liquibase rollback\nSELECT 3;\n*/\n",
        "--changeset a:3 endDelimiter:@@\nSELECT 4@@\nSELECT 5;\n--rollback not required\n",
        "--changeset a:4 dbms:mysql\nSELECT `x`;\n",
        "--changeset a:5\n--precondition-sql-check expectedResult:0 SELECT 1\nSELECT 6;\n",
        "--changeset a:6\nSELECT '${unknown}';\n",
    ));
    assert!(Liquibase.recognises(&files));
    let there = Liquibase.read(&files).unwrap();
    let versions: Vec<&str> = there.iter().map(|m| m.version.as_str()).collect();
    assert_eq!(versions, ["a:1", "b c:2", "a:3", "a:5", "a:6"]);
    assert_eq!(sent(&there[0].up), ["CREATE TABLE users (a text DEFAULT 'x -- y')", "SELECT 1"]);
    assert_eq!(there[0].up[0].line, 6);
    assert_eq!(sent(there[0].down.as_ref().unwrap()), ["DROP TABLE users"]);
    assert!(there[0].transaction && !there[1].transaction);
    assert_eq!(sent(&there[1].up), ["-- yes\nSELECT 2;"]);
    assert_eq!(sent(there[1].down.as_ref().unwrap()), ["SELECT 3"]);
    assert_eq!(sent(&there[2].up), ["SELECT 4", "SELECT 5;"]);
    assert_eq!(there[2].down, Some(Vec::new()));
    assert!(there[3].up.is_empty() && there[4].up.is_empty());
}

#[test]
fn the_root_changelog_says_the_order() {
    let sql = |id: &str| format!("--liquibase formatted sql\n--changeset a:{id}\nSELECT 1;\n");
    let xml = "<databaseChangeLog>\n<include file=\"z.sql\"/>\n<changeSet id=\"x\" author=\"a\">\n</changeSet>\n\
               <includeAll path=\"more/\"/>\n</databaseChangeLog>\n";
    let (z, b) = (sql("z"), sql("b"));
    let files = folder(&[("root.xml", xml), ("z.sql", &z), ("more/b.sql", &b)]);
    let versions: Vec<String> = Liquibase.read(&files).unwrap().into_iter().map(|m| m.version).collect();
    assert_eq!(versions, ["a:x", "a:z", "a:b"]);
    let lost = folder(&[("root.xml", xml), ("z.sql", &z), ("more/b.sql", &b), ("y.sql", &sql("y"))]);
    assert_eq!(codes(&Liquibase, &lost), ["unknown-migration"]);
    assert_eq!(codes(&Liquibase, &folder(&[("root.xml", xml), ("z.sql", &z)])), ["missing-file"]);
    let yaml = "databaseChangeLog:\n  - include:\n      file: 001_z.sql\n";
    let files = folder(&[("root.yaml", yaml), ("001_z.sql", &z)]);
    let there = Liquibase.read(&files).unwrap();
    let written = Liquibase.write(&files, &there, &[step("n", true, &["SELECT 1"], cannot("x"))], NOW);
    let written = written.unwrap();
    assert_eq!((written[0].path.as_str(), written[1].path.as_str()), ("002_n.sql", "root.yaml"));
    let back = Liquibase.read(&files.with(&written)).unwrap();
    assert_eq!(back[1].version, "underpin:002_n");
}

#[test]
fn what_the_tool_refuses_is_named() {
    assert_eq!(
        codes(&Liquibase, &one("--changeset a:1\nSELECT 1;\n--changeset a:1\nSELECT 1;\n")),
        ["duplicate-version"]
    );
    assert_eq!(codes(&Liquibase, &one("--changeset a:1\n--changeset a:2\nSELECT 1;\n")), ["empty-migration"]);
    assert_eq!(codes(&Liquibase, &one("SELECT 1;\n--changeset a:1\nSELECT 1;\n")), ["bad-changelog"]);
    assert_eq!(codes(&Liquibase, &one("--changeset a:1\n-rollback x\nSELECT 1;\n")), ["bad-changelog"]);
    assert_eq!(codes(&Liquibase, &one("--changeset a\nSELECT 1;\n")), ["bad-changelog", "bad-changelog"]);
    assert_eq!(codes(&Liquibase, &one("--changeset a:1\nSELECT 1;\n/* liquibase rollback\n")), ["bad-changelog"]);
    assert_eq!(codes(&Liquibase, &folder(&[("1.sql", "\n")])), ["empty-migration"]);
    let fine = one("--changeset a:1 stripComments:false\nSELECT 1; -- x\n  -- comment y\n-- commentary\n--rollback\n");
    assert_eq!(Liquibase.read(&fine).unwrap()[0].up.len(), 1);
    assert_eq!(codes(&Liquibase, &one("--changeset a:1\nSELECT 'open;\n")), ["bad-sql"]);
}

#[test]
fn what_is_written_is_read_back() {
    let up = [
        "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS $$\nSELECT ';' -- rest\n-- rollback\n$$",
        "SELECT ':x', '%', E'\\'', '`', '?' -- tail;",
        "SELECT '${x}', data ? 'a' FROM t",
    ];
    let down = by(false, &["DROP INDEX CONCURRENTLY i"]);
    let all = [
        step("one", true, &up, cannot("gone: ${x}")),
        step("two", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], down),
        step("three", true, &["SELECT 1", "SELECT 2"], by(true, &[])),
    ];
    let written = Liquibase.write(&folder(&[]), &[], &all, NOW).unwrap();
    assert_eq!(written[0].path, "20261122103000_one.sql");
    assert!(written.iter().all(|w| !w.text.contains("${")));
    let files = folder(&[]).with(&written);
    let back = Liquibase.read(&files).unwrap();
    let shape: Vec<(&str, bool, bool)> =
        back.iter().map(|m| (m.version.as_str(), m.transaction, m.down_transaction)).collect();
    assert_eq!(
        shape,
        [
            ("underpin:20261122103000_one", true, true),
            ("underpin:20261122103001_two", false, false),
            ("underpin:20261122103002_three", true, true),
        ]
    );
    let statements = underpin_sql::split(&back[0].up[0].sql).statements;
    let text = |n: usize| &back[0].up[0].sql[statements[n].span.clone()];
    assert_eq!(text(0), r"CREATE FUNCTION f() RETURNS text LANGUAGE sql AS E'\nSELECT '';'' -- rest\n-- rollback\n'");
    assert!(text(1).starts_with(&up[1][..30]));
    assert!(text(2).starts_with("DO $once0$ BEGIN EXECUTE $text0$SELECT E'\\x24{x}', data ? 'a'"));
    assert!(sent(back[0].down.as_ref().unwrap())[0].contains("RAISE EXCEPTION"));
    assert_eq!(back[2].down, Some(Vec::new()));
    let baseline = Liquibase.baseline(&files, &back, NOW).unwrap();
    assert_eq!(baseline.sql.len(), 4);
    assert!(baseline.sql[2].contains("'20261122103001_two.sql'"));
    let again = Liquibase.write(&files, &back, &all[2..], NOW).unwrap();
    assert_eq!(again[0].path, "20261122103003_three.sql");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let write = |files: &Files, up: &str, transaction: bool| {
        let new = step("one", transaction, &[up], by(true, &[]));
        Liquibase.write(files, &[], &[new], NOW).map_err(|t| t.0[0].code.clone())
    };
    assert_eq!(
        write(&folder(&[]), "CREATE INDEX CONCURRENTLY i ON t ((a ? 'x'))", false).unwrap_err(),
        "unwritable-statement"
    );
    let late = folder(&[("zeta.sql", "--liquibase formatted sql\n--changeset a:1\nSELECT 1;\n")]);
    assert_eq!(write(&late, "SELECT 1", true).unwrap_err(), "no-next-version");
    let elsewhere = Liquibase.read(&late).unwrap();
    assert_eq!(Liquibase.baseline(&late, &elsewhere, NOW).unwrap_err().0[0].code, "unknown-path");
}

#[test]
fn checksums_are_those_of_the_tool() {
    let Some(files) = shared("liquibase") else { return };
    let sets = changelog::changesets(&files).unwrap();
    let sums: Vec<String> = sets.iter().map(checksum).collect();
    // As 4.28.0 wrote them into databasechangelog.
    assert_eq!(
        sums,
        [
            "9:40ae1fb49efcbb81e61557e6bd65d8b3",
            "9:7c24ef80925273b9b7b4ac80a36b147d",
            "9:312c6fe7386d2566da3f4b80a1c70b29",
            "9:b595a8b6fbbe0b11c9ecc84e6d170770",
            "9:0129cab624274c3049cc71448ab63456",
            "9:7552a2910db5706cde019dd8a8a23de2",
            "9:b92cabc1c0d4e23f8ff3b33389c6ddb8",
        ]
    );
}
