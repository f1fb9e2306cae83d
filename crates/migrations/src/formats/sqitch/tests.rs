//! sqitch: folders written and read back, and what is wrong with some.

use super::*;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 10:30:00 UTC);
const HEAD: &str = "%syntax-version=1.0.0\n%project=demo\n%uri=https://Example.com\n\n";

fn plan(lines: &str, files: &[(&str, &str)]) -> Files {
    let text = format!("{HEAD}{lines}");
    let all = [("sqitch.plan", text.as_str())].into_iter().chain(files.iter().copied());
    Files::of("m".as_ref(), all.map(|(p, t)| (p.to_owned(), t.as_bytes().to_vec())))
}

fn codes(files: &Files) -> Vec<String> {
    Sqitch.read(files).unwrap_err().0.into_iter().map(|d| d.code).collect()
}

fn sent(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|m| m.sql.as_str()).collect()
}

const A: &str = "a 2026-11-21T00:00:00Z P <p@x> # one\n";

#[test]
fn the_plan_says_the_order_and_the_scripts_their_transactions() {
    let lines = format!(
        "{A}# a comment\n@v1 2026-11-21T00:00:01Z P <p@x>\r\nb [a @v1 !other:c] 2026-11-21T00:00:02Z P Q <p@x>\n\
                         a [b] 2026-11-21T00:00:03Z P <p@x>\n"
    );
    let files = plan(
        &lines,
        &[
            ("deploy/a@v1.sql", "-- one\nBEGIN;\nSELECT 1;\nSELECT ';' || $$;$$;\nCOMMIT;\n"),
            ("revert/a@v1.sql", "SELECT 0;\n"),
            ("deploy/b.sql", "\\set ON_ERROR_STOP on\nSELECT a[1:n]::int;\n"),
            ("deploy/a.sql", "SELECT :'x';\n"),
        ],
    );
    assert!(Sqitch.recognises(&files));
    let there = Sqitch.read(&files).unwrap();
    let shape: Vec<(&str, bool)> = there.iter().map(|m| (m.version.as_str(), m.transaction)).collect();
    assert_eq!(shape, [("a", true), ("b", false), ("a", true)]);
    assert_eq!(sent(&there[0].up), ["SELECT 1", "SELECT ';' || $$;$$"]);
    assert_eq!(there[0].up[0].line, 3);
    assert_eq!(sent(there[0].down.as_ref().unwrap()), ["SELECT 0"]);
    assert_eq!(sent(&there[1].up), ["SELECT a[1:n]::int"]);
    assert!(there[2].up.is_empty() && there[2].down.is_none());
}

#[test]
fn what_is_wrong_with_a_folder_is_named() {
    let a = ("deploy/a.sql", "SELECT 1;\n");
    let b = |needs: &str| format!("{A}b {needs} 2026-11-21T00:00:02Z P <p@x>\n");
    assert_eq!(codes(&plan(A, &[])), ["missing-migration"]);
    assert_eq!(codes(&plan(&b(""), &[a, ("deploy/b.sql", "SELECT 1;\n")])), ["duplicate-version"]);
    assert_eq!(codes(&plan(&b("[c]"), &[a])), ["bad-plan"]);
    assert_eq!(codes(&plan(&format!("{A}{A}"), &[a])), ["bad-plan"]);
    assert_eq!(codes(&plan("a: 2026-11-21T00:00:00Z P <p@x>\nb\n", &[])), ["bad-plan", "bad-plan"]);
    assert_eq!(codes(&plan(A, &[a, ("deploy/z.sql", "SELECT 2;\n")])), ["unknown-migration"]);
    assert_eq!(codes(&plan(A, &[("deploy/a.sql", "SELECT 'x;\n")])), ["bad-sql"]);
    let bom = Files::of("m".as_ref(), [("sqitch.plan".to_owned(), "\u{feff}%project=x\n\n".as_bytes().to_vec())]);
    assert_eq!(codes(&bom), ["bad-plan"]);
}

#[test]
fn what_is_written_is_read_back() {
    let new = |slug: &str, transaction: bool, up: &[&str], down: Down| New {
        slug: slug.to_owned(),
        summary: vec!["what # it \\ does".to_owned()],
        transaction,
        up: up.iter().map(|s| (*s).to_owned()).collect(),
        down,
        done: None,
    };
    let up = ["SELECT a[1 :registry], ':x', $$ :y\n\\d ${z} % ? ` $$, b::int", "SELECT E'\\'' -- tail"];
    let all = [
        new("one", true, &up, Down::Cannot("gone".to_owned())),
        new("a", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], Down::By { transaction: true, sql: Vec::new() }),
    ];
    let files = plan(A, &[("deploy/a.sql", "SELECT 1;\n")]);
    let there = Sqitch.read(&files).unwrap();
    let written = Sqitch.write(&files, &there, &all, NOW).unwrap();
    let lines = &written.last().unwrap().text;
    assert!(lines.ends_with(
        "one [a] 2026-11-22T10:30:00Z P <p@x> # what # it   does\n\
         a_2 [one] 2026-11-22T10:30:01Z P <p@x> # what # it   does\n"
    ));
    let files = files.with(&written);
    let back = Sqitch.read(&files).unwrap();
    let shape: Vec<(&str, bool)> = back.iter().map(|m| (m.version.as_str(), m.transaction)).collect();
    assert_eq!(shape, [("a", false), ("one", true), ("a_2", false)]);
    assert_eq!(sent(&back[1].up), [&up[0].replace(":registry", ": registry"), "SELECT E'\\''"]);
    assert_eq!(sent(&back[2].up), ["CREATE INDEX CONCURRENTLY i ON t (a)"]);
    assert!(sent(back[1].down.as_ref().unwrap())[0].contains("RAISE EXCEPTION"));
    assert_eq!(back[2].down, Some(Vec::new()));
    let missing = Files::of("m".as_ref(), [("sqitch.conf".to_owned(), Vec::new())]);
    assert_eq!(Sqitch.write(&missing, &[], &all, NOW).unwrap_err().0[0].code, "no-plan");
}

#[test]
fn the_shared_folders_are_read() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/formats");
    if !dir.is_dir() {
        eprintln!("NOT CHECKED: the shared cases are not here");
        return;
    }
    for (format, folder) in [
        ("sqitch", "sqitch"),
        ("liquibase", "liquibase"),
        ("liquibase", "liquibase/changelog"),
        ("alembic", "alembic/migrations"),
        ("alembic", "alembic/migrations/versions"),
        ("django", "django/shop/migrations"),
    ] {
        let files = Files::read(&dir.join(folder)).unwrap();
        let found = crate::detect(&files).unwrap().unwrap();
        assert_eq!(found.name(), format, "{folder}");
        let there = found.read(&files).unwrap();
        let alone: Vec<bool> = there.iter().map(|m| m.transaction).collect();
        assert_eq!(alone, [true, true, false, false, true, true, true], "{folder}");
    }
}
