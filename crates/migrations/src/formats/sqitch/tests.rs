//! sqitch: folders written and read back, and what is wrong with some.

use super::*;
use crate::formats::trial::{NOW, by, cannot, codes, folder, sent, step};

const HEAD: &str = "%syntax-version=1.0.0\n%project=demo\n%uri=https://Example.com\n\n";

fn plan(lines: &str, files: &[(&str, &str)]) -> Files {
    let text = format!("{HEAD}{lines}");
    let all = [("sqitch.plan", text.as_str())].into_iter().chain(files.iter().copied());
    folder(&all.collect::<Vec<_>>())
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
    assert_eq!(codes(&Sqitch, &plan(A, &[])), ["missing-migration"]);
    assert_eq!(codes(&Sqitch, &plan(&b(""), &[a, ("deploy/b.sql", "SELECT 1;\n")])), ["duplicate-version"]);
    assert_eq!(codes(&Sqitch, &plan(&b("[c]"), &[a])), ["bad-plan"]);
    assert_eq!(codes(&Sqitch, &plan(&format!("{A}{A}"), &[a])), ["bad-plan"]);
    assert_eq!(codes(&Sqitch, &plan("a: 2026-11-21T00:00:00Z P <p@x>\nb\n", &[])), ["bad-plan", "bad-plan"]);
    assert_eq!(codes(&Sqitch, &plan(A, &[a, ("deploy/z.sql", "SELECT 2;\n")])), ["unknown-migration"]);
    assert_eq!(codes(&Sqitch, &plan(A, &[("deploy/a.sql", "SELECT 'x;\n")])), ["bad-sql"]);
    let bom = folder(&[("sqitch.plan", "\u{feff}%project=x\n\n")]);
    assert_eq!(codes(&Sqitch, &bom), ["bad-plan"]);
}

#[test]
fn what_is_written_is_read_back() {
    let up = ["SELECT a[1 :registry], ':x', $$ :y\n\\d ${z} % ? ` $$, b::int", "SELECT E'\\'' -- tail"];
    let all = [
        step("one", true, &up, cannot("gone")),
        step("a", false, &["CREATE INDEX CONCURRENTLY i ON t (a)"], by(true, &[])),
    ];
    let files = plan(A, &[("deploy/a.sql", "SELECT 1;\n")]);
    let there = Sqitch.read(&files).unwrap();
    let written = Sqitch.write(&files, &there, &all, NOW).unwrap();
    let lines = &written.last().unwrap().text;
    assert!(lines.ends_with(
        "one [a] 2026-11-22T10:30:00Z P <p@x> # one: what # it   does; don't `stop`, ${x} */ \"\"\" CREATE INDEX CONCURRENTLY\n\
         a_2 [one] 2026-11-22T10:30:01Z P <p@x> # a: what # it   does; don't `stop`, ${x} */ \"\"\" CREATE INDEX CONCURRENTLY\n"
    ));
    let files = files.with(&written);
    let back = Sqitch.read(&files).unwrap();
    let shape: Vec<(&str, bool)> = back.iter().map(|m| (m.version.as_str(), m.transaction)).collect();
    assert_eq!(shape, [("a", false), ("one", true), ("a_2", false)]);
    assert_eq!(sent(&back[1].up), [&up[0].replace(":registry", ": registry"), "SELECT E'\\''"]);
    assert_eq!(sent(&back[2].up), ["CREATE INDEX CONCURRENTLY i ON t (a)"]);
    assert!(sent(back[1].down.as_ref().unwrap())[0].contains("RAISE EXCEPTION"));
    assert_eq!(back[2].down, Some(Vec::new()));
    let missing = folder(&[("sqitch.conf", "")]);
    assert_eq!(Sqitch.write(&missing, &[], &all, NOW).unwrap_err().0[0].code, "no-plan");
}
