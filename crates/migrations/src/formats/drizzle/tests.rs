//! Drizzle: both layouts written and read back, and what is wrong with some folders.

use super::{Drizzle, JOURNAL};
use crate::formats::trial::{NOW, assert_same, cannot, codes_of, detected, folder, plan, shared};
use crate::{Files, Format, Mode, New, Trouble};

const PLAIN: Drizzle = Drizzle::Plain;

fn journal(entries: &[(i64, i64, &str)]) -> String {
    let entry = |(idx, when, tag): &(i64, i64, &str)| {
        format!(r#"{{"idx": {idx}, "version": "7", "when": {when}, "tag": "{tag}", "breakpoints": true}}"#)
    };
    let entries: Vec<String> = entries.iter().map(entry).collect();
    format!("{{\"version\": \"7\", \"dialect\": \"postgresql\", \"entries\": [\n{}\n]}}", entries.join(",\n"))
}

fn written(files: &Files, new: &[New]) -> Result<Vec<crate::Written>, Trouble> {
    PLAIN.write(files, &PLAIN.read(files)?, new, NOW)
}

/// What was planned comes back, statement by statement, with its transactions.
fn assert_round_trip(files: &Files, there: usize) -> Vec<crate::Migration> {
    let files = files.with(&written(files, &plan()).unwrap());
    let read = PLAIN.read(&files).unwrap();
    assert_eq!(read.len(), there + plan().len());
    for (is, planned) in read[there..].iter().zip(plan()) {
        assert_same(is, &planned);
        assert_eq!((is.transaction, is.name.as_str()), ((planned.mode == Mode::Whole), planned.slug.as_str()));
        assert!(is.down.is_none());
    }
    read
}

#[test]
fn the_journal_tells_the_order() {
    let files = folder(&[
        (JOURNAL, &journal(&[(0, 10, "0001_b"), (1, 20, "0000_a")])),
        (
            "0000_a.sql",
            "-- a\nCOMMIT;\r\n--> statement-breakpoint\r\nSELECT 1;\r\n--> statement-breakpoint\r\nBEGIN;\r\n",
        ),
        ("0001_b.sql", "SELECT 1; SELECT 2;--> statement-breakpoint\n\nSELECT 3;\n--> statement-breakpoint\n"),
    ]);
    let read = PLAIN.read(&files).unwrap();
    let seen: Vec<_> = read.iter().map(|m| (m.version.as_str(), m.name.as_str(), m.transaction)).collect();
    assert_eq!(seen, [("0001", "b", true), ("0000", "a", false)]);
    let up: Vec<_> = read[0].up.iter().map(|m| (m.sql.as_str(), m.line)).collect();
    assert_eq!(up, [("SELECT 1; SELECT 2;", 1), ("SELECT 3;", 3)]);
    assert_eq!((read[1].up[0].sql.as_str(), read[1].up[0].line), ("SELECT 1;", 4));
    assert_eq!(detected(&files), Some("drizzle"));
}

#[test]
fn what_is_written_is_read_back() {
    let read = assert_round_trip(&folder(&[]), 0);
    assert_eq!(read[0].file, "0000_base.sql");
    let later = journal(&[(4, 1_999_999_999_999, "0004_x")]);
    let files = folder(&[(JOURNAL, &later), ("0004_x.sql", "SELECT 1;")]);
    assert_eq!(assert_round_trip(&files, 1)[1].file, "0005_base.sql");
    let text = written(&files, &plan()[..1]).unwrap().pop().unwrap().text;
    let entry = serde_json::from_str::<serde_json::Value>(&text).unwrap()["entries"][1].clone();
    assert_eq!(
        entry.to_string(),
        r#"{"idx":5,"version":"7","when":2000000000000,"tag":"0005_base","breakpoints":true}"#
    );
}

#[test]
fn tags_go_on_as_the_last_one() {
    for (last, next) in [
        ("20270101000000_x", "20270101000001_base.sql"),
        ("1895343400_x", "1895343401_base.sql"),
        ("plain_x", "base.sql"),
    ] {
        let files = folder(&[(JOURNAL, &journal(&[(0, 1, last)])), (&format!("{last}.sql"), "SELECT 1;")]);
        assert_eq!(written(&files, &plan()[..1]).unwrap()[0].path, next);
    }
    let files = folder(&[(JOURNAL, &journal(&[(0, 1, "base")])), ("base.sql", "SELECT 1;")]);
    assert_eq!(codes_of(&written(&files, &plan()[..1]).unwrap_err()), ["name-taken"]);
}

#[test]
fn folders_are_of_1_0() {
    let files = folder(&[
        ("20260101000000_b/migration.sql", "SELECT 1;"),
        ("20260101000000_B_c/migration.sql", "SELECT 1;"),
        ("20260101000000_b/snapshot.json", "{}"),
    ]);
    assert_eq!(detected(&files), Some("drizzle"));
    let read = assert_round_trip(&files, 2);
    let names: Vec<_> = read[..3].iter().map(|m| m.file.as_str()).collect();
    assert_eq!(
        names,
        ["20260101000000_b/migration.sql", "20260101000000_B_c/migration.sql", "20261122103000_base/migration.sql"]
    );
    let sql = PLAIN.baseline(&files, &read[..1], NOW).unwrap().sql;
    assert!(sql[2].contains("1767225600000, '20260101000000_b' WHERE"), "{}", sql[2]);
    let prisma = folder(&[("20260101000000_b/migration.sql", ""), ("migration_lock.toml", "")]);
    assert!(!PLAIN.recognises(&prisma));
}

#[test]
fn each_trouble_of_a_journal_is_told() {
    let entries = [(0, 10, "0000_a"), (1, 10, "0001_b"), (1, 30, "0002_c"), (3, 40, "0003_d"), (4, 50, "0003_d")];
    let files = folder(&[
        (JOURNAL, &journal(&entries)),
        ("0000_a.sql", "\u{feff}SELECT 1;"),
        ("0001_b.sql", "SELECT 1;"),
        ("0002_c.sql", "SELECT 1;"),
        ("0009_z.sql", "SELECT 1;"),
        ("20260101000000_b/migration.sql", "SELECT 1;"),
    ]);
    let trouble = PLAIN.read(&files).unwrap_err();
    let mut seen = codes_of(&trouble);
    seen.dedup();
    assert_eq!(
        seen,
        ["out-of-order", "duplicate-version", "unknown-migration", "byte-order-mark", "missing-migration"]
    );
    assert_eq!(trouble.0[0].span.as_ref().map(|s| s.line), Some(3));
    assert!(trouble.0.iter().all(|d| d.help.is_some()));
}

#[test]
fn a_journal_that_cannot_be_read_is_told() {
    for (text, line) in [
        ("{\"entries\":\n<<<<<<< HEAD\n[]}", 2),
        ("[]", 1),
        ("{\"dialect\": \"mysql\", \"entries\": []}", 1),
        ("{\"dialect\": \"postgresql\"}", 1),
        ("{\"entries\": [{\"tag\": \"x\"}]}", 1),
        ("\u{feff}{\"entries\": []}", 1),
    ] {
        let trouble = PLAIN.read(&folder(&[(JOURNAL, text)])).unwrap_err();
        assert_eq!(codes_of(&trouble), ["bad-journal"], "{text}");
        assert_eq!(trouble.0[0].span.as_ref().map(|s| s.line), Some(line), "{text}");
    }
}

#[test]
fn each_trouble_of_folders_is_told() {
    let files = folder(&[
        ("20260101000000_a/migration.sql", "SELECT 1;"),
        ("20260201000000_b/snapshot.json", "{}"),
        ("20261301000000_c/migration.sql", "SELECT 1;"),
        ("0001_d.sql", "SELECT 1;"),
    ]);
    let trouble = PLAIN.read(&files).unwrap_err();
    assert_eq!(codes_of(&trouble), ["ignored-migration", "ignored-migration", "bad-name"]);
}

#[test]
fn the_mark_of_the_tool_inside_a_statement_is_refused() {
    let new = New { up: vec!["SELECT '--> statement-breakpoint'".to_owned()], ..plan()[0].clone() };
    let trouble = written(&folder(&[]), &[new]).unwrap_err();
    assert_eq!(codes_of(&trouble), ["marker-in-sql"]);
}

#[test]
fn what_cannot_be_taken_back_is_said_at_the_head() {
    let new = New { down: cannot("data is gone"), ..plan()[1].clone() };
    let written = written(&folder(&[]), &[new]).unwrap();
    assert!(written[0].text.contains("-- This cannot be taken back: data is gone\n"), "{}", written[0].text);
    assert!(written[0].text.ends_with("\nALTER TABLE users ADD COLUMN email_norm text;\n"), "{}", written[0].text);
}

#[test]
fn the_shared_cases_are_read() {
    for path in ["drizzle/drizzle", "drizzle/v1rc/drizzle"] {
        let Some(files) = shared(path) else { return };
        let read = PLAIN.read(&files).unwrap();
        let sql = PLAIN.baseline(&files, &read[1..2], NOW).unwrap().sql;
        // Of the file that both hold, by sha256sum.
        assert!(sql[2].contains(HASH), "{}", sql[2]);
    }
}

const HASH: &str = "e58303f20f797ea1c6306d29386c10054391a564f0125692fd4d577a45aacd2f";
