//! Knex: folders written and read back, escaping, and what is wrong with some.

use super::Knex;
use crate::formats::trial::{NASTY, NOW, by, cannot, codes_of, detected, folder, plan, step};
use crate::{Dialect, Files, Format, Mode, New};

const BOTH: &str = "exports.up = async function (knex) {};\nexports.down = async function (knex) {};\n";

fn written(files: &Files, new: &[New]) -> Vec<crate::Written> {
    let there = Knex.read(files).unwrap();
    Knex.write(files, &there, new, NOW).unwrap()
}

#[test]
fn a_folder_is_read_in_the_order_of_names() {
    let alone = format!("{BOTH}exports.config = {{ transaction: false }};\n");
    let files = folder(&[("20260102000000_b.js", &alone), ("20260101000000_a.js", BOTH), ("README.md", "")]);
    let read = Knex.read(&files).unwrap();
    let seen: Vec<_> = read.iter().map(|m| (m.version.as_str(), m.name.as_str(), m.transaction)).collect();
    assert_eq!(seen, [("20260101000000", "a", true), ("20260102000000", "b", false)]);
    assert!(read.iter().all(|m| m.up.is_empty() && m.down.as_ref().is_some_and(Vec::is_empty)));
    assert_eq!(detected(&files), Some("knex"));
}

#[test]
fn others_of_the_same_form_are_not_taken_for_it() {
    let files = folder(&[("1_a.js", "exports.up = (pgm) => {};\nexports.down = (pgm) => {};")]);
    assert!(!Knex.recognises(&files));
}

#[test]
fn what_is_written_is_read_back_with_its_transactions() {
    let files = folder(&[]);
    let files = files.with(&written(&files, &plan()));
    let read = Knex.read(&files).unwrap();
    let sides: Vec<_> = read.iter().map(|m| (m.name.clone(), m.transaction)).collect();
    let planned: Vec<_> = plan().into_iter().map(|n| (n.slug, n.mode == Mode::Whole)).collect();
    assert_eq!(sides, planned);
    assert!(!read[2].down_transaction && !read[9].down_transaction && read[0].down_transaction);
    assert_eq!(read[0].version, "20261122103000");
    assert_eq!(detected(&files), Some("knex"));
}

#[test]
fn a_migration_alone_needs_no_transaction_of_its_own() {
    let files = folder(&[("20270101000000_a.js", BOTH)]);
    let down = cannot("data is gone: it's 'users'");
    let written = written(&files, &[step("base", true, &["SELECT 1", "SELECT 2"], down)]);
    assert_eq!(written[0].path, "20270101000001_base.js");
    let text = written[0].text.as_str();
    assert!(!text.contains("exports.config"), "{text}");
    assert!(text.contains("  await knex.raw(`SELECT 1`);\n  await knex.raw(`SELECT 2`);\n"), "{text}");
    let refusal = r"throw new Error('this migration cannot be taken back: data is gone: it\'s \'users\'');";
    assert!(text.contains(refusal), "{text}");
}

#[test]
fn what_knex_and_javascript_read_is_escaped() {
    let down = by(true, &[]);
    let files = folder(&[]);
    let written = written(
        &files,
        &[step("base", false, &["SELECT '`', '${x}', '?', ':x', '\\n', $$ %s; $$ -- ?"], down.clone())],
    );
    let text = &written[0].text;
    let expected = r"await knex.raw(`SELECT '\`', '\${x}', '\?', ':x', '\\n', $$ %s; $$ -- \?`);";
    assert!(text.contains(&expected.replace("\\?", "\\\\?")), "{text}");
    // Knex takes a backslash before a question mark away, whatever is done.
    let written = super::program(Dialect::Postgres, &step("base", true, &[NASTY], down), true, super::Style::Types);
    assert!(written.contains("    await asItStands(trx, `CREATE FUNCTION nasty"), "{written}");
    assert!(written.contains("async function asItStands(knex: Knex, sql: string): Promise<void> {"), "{written}");
    assert!(written.contains("export async function down(_knex: Knex): Promise<void> {"), "{written}");
}

#[test]
fn each_trouble_is_told() {
    let files = folder(&[
        ("20260101000000_a.js", BOTH),
        ("20260101000000_a.ts", BOTH),
        ("20260102000000_b.d.ts", "export {};"),
        ("20260103000000_c.sql", "SELECT 1;"),
        ("20260104000000_d.mjs", BOTH),
        ("helpers.js", "module.exports = {};"),
        ("old/20250101000000_e.js", BOTH),
    ]);
    let trouble = Knex.read(&files).unwrap_err();
    assert_eq!(
        codes_of(&trouble),
        [
            "ignored-migration",
            "ignored-migration",
            "ignored-migration",
            "duplicate-version",
            "bad-migration",
            "bad-migration",
            "bad-migration"
        ]
    );
    assert!(trouble.0.iter().all(|d| d.span.is_some() && d.help.is_some()));
    let files =
        Files::of("db".as_ref(), Dialect::Postgres, [("20260101000000_a.js".to_owned(), vec![b'a', b'\n', 0xff])]);
    let trouble = Knex.read(&files).unwrap_err();
    assert_eq!((codes_of(&trouble), trouble.0[0].span.as_ref().map(|s| s.line)), (vec!["not-utf8"], Some(2)));
}

#[test]
fn sql_that_a_program_reads_is_no_trouble() {
    let reads = format!("{BOTH}// read('20260103000000_c.sql')\n");
    let files = folder(&[("20260101000000_a.js", &reads), ("20260103000000_c.sql", ""), ("20260101000000_a.sql", "")]);
    assert_eq!(Knex.read(&files).unwrap().len(), 1);
}

#[test]
fn a_name_that_no_time_comes_behind_is_told() {
    let files = folder(&[("create_users.js", BOTH)]);
    let there = Knex.read(&files).unwrap();
    let trouble = Knex.write(&files, &there, &plan(), NOW).unwrap_err();
    assert_eq!(codes_of(&trouble), ["no-later-version"]);
}

#[test]
fn a_database_is_told_by_names_with_their_endings() {
    let files = folder(&[("20260101000000_it's.js", BOTH)]);
    let done = Knex.read(&files).unwrap();
    let sql = Knex.baseline(&files, &done, NOW).unwrap().sql;
    assert_eq!(sql.len(), 4);
    assert!(sql[3].contains("(VALUES (0, '20260101000000_it''s.js'))"), "{}", sql[3]);
}
