//! What `underpin_sql::quote` writes, read by a real server: names and values come back as they were.

mod common;

use common::{Databases, words};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use underpin_sql::quote::{dollar, ident, literal, qualified};

/// How many texts are made; the same ones in every run.
const TEXTS: usize = 400;

/// Marks that quoting has to get right, words that need quotes, and any character but the zero byte.
fn texts() -> Vec<String> {
    let marks =
        ["'", "''", "\"", "\\", "\\'", "$", "$$", "$body$", "$body", "E'", "U&", ";", "--", "/*", "\n", " ", "."];
    let words = ["select", "Table", "user", "between", "merge_action", "end", "_x", "1a", "é", "İ", "\u{feff}"];
    let any = prop::char::any().prop_filter("no zero byte", |c| *c != '\0').prop_map(String::from);
    let piece = prop_oneof![
        3 => prop::sample::select(marks.to_vec()).prop_map(str::to_owned),
        2 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        2 => any,
    ];
    let strategy = vec(piece, 1..14).prop_map(|pieces| pieces.concat());
    let mut runner =
        TestRunner::new_with_rng(ProptestConfig::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let text = |_| strategy.new_tree(&mut runner).expect("nothing is rejected for long").current();
    (0..TEXTS).map(text).collect()
}

/// A name as far as the server keeps it: 63 bytes, whole characters.
fn kept(name: &str) -> &str {
    let end = (0..=name.len().min(63)).rev().find(|&i| name.is_char_boundary(i)).unwrap_or(0);
    &name[..end]
}

#[test]
fn a_server_reads_what_was_quoted() {
    let mut databases = Databases::start(false);
    let mut client = databases.build("CREATE SCHEMA s").expect("an empty database");
    for settings in ["SET standard_conforming_strings = on", "SET standard_conforming_strings = off"] {
        client.batch_execute(settings).expect("the setting is known");
        client.batch_execute("SET escape_string_warning = off").expect("the setting is known");
        for text in texts() {
            let name = kept(&text);
            let sql = format!("SELECT {} AS {}, {}", literal(&text), ident(name), dollar(&text));
            let row = client.query_one(&sql, &[]).unwrap_or_else(|e| panic!("{settings}: {sql}: {}", words(&e)));
            assert_eq!(row.get::<_, String>(0), text, "{sql}");
            assert_eq!(row.columns()[0].name(), name, "{sql}");
            assert_eq!(row.get::<_, String>(1), text, "{sql}");
            // The server's own quoting means the same.
            let own =
                client.query_one("SELECT quote_ident($1), quote_literal($2)", &[&name, &text]).expect("it quotes");
            let (own_name, own_text): (String, String) = (own.get(0), own.get(1));
            let row = client.query_one(&format!("SELECT {own_text} = {} AS {own_name}", literal(&text)), &[]);
            let row = row.unwrap_or_else(|e| panic!("{sql}: {}", words(&e)));
            assert!(row.get::<_, bool>(0), "{sql}");
            assert_eq!(row.columns()[0].name(), name, "{sql}");
        }
    }
    // A name that needs its quotes is found again.
    for (n, text) in texts().iter().enumerate().step_by(8) {
        let (name, table) = (kept(text), format!("t{n}"));
        let sql = format!(
            "CREATE TABLE {0} ({1} integer DEFAULT {n}); INSERT INTO {0} DEFAULT VALUES",
            qualified(&["s", &table]),
            ident(name)
        );
        client.batch_execute(&sql).unwrap_or_else(|e| panic!("{sql}: {}", words(&e)));
        let found = client.query_one(&format!("SELECT {}.{} FROM s.{table}", table, ident(name)), &[]);
        assert_eq!(found.expect("the column is there").get::<_, i32>(0), i32::try_from(n).expect("small"));
    }
}
