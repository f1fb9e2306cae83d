//! The laws of the splitter and of quoting, on texts made to disturb them. `PROPTEST_CASES=N` runs more of them; the fuzz
//! targets in `fuzz/` run the same laws.

use proptest::prelude::*;
use underpin_sql::laws;

/// Pieces of SQL that are likely to disturb each other.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "CREATE ",
            "TABLE ",
            "t",
            " ",
            "\n",
            "\r\n",
            ";",
            "(",
            ")",
            ",",
            ".",
            "'",
            "\"",
            "E'",
            "U&'",
            "U&\"",
            "$$",
            "$a$",
            "$1",
            "--",
            "/*",
            "*/",
            "\\",
            "\\.\n",
            "\\g",
            "::",
            ":",
            "BEGIN ",
            "ATOMIC ",
            "CASE ",
            "END ",
            "FUNCTION ",
            "COPY t FROM stdin;\n",
            "-- underpin: using x\n",
            "-- underpin: map 'a' => 'b'\n",
            "AS ENUM (",
            "ALTER ",
            "ADD ",
            "GRANT ",
            "ON ",
            "SET search_path = a;",
            "SELECT ",
            "FROM ",
            "WITH ",
            "1.5e3",
            "é",
            "\u{feff}",
            "=>",
            "%TYPE",
            "DECLARE ",
            "LANGUAGE sql AS $$",
            "COMMENT ",
            "DROP ",
            "DO ",
            "INDEX ",
            "SET standard_conforming_strings = off;",
            "[",
            "]",
            "OPERATOR ",
            "CONSTRAINT ",
            "REFERENCES ",
        ])
        .prop_map(str::to_owned),
        "\\PC{0,6}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Text made of what quoting has to get right, and of anything else but the zero byte.
fn value() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "'", "\"", "\\", "$", "$$", "$body$", "$body", "E", "U&", "a", "A", "é", "\n", ";", "--", "."
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec!["select", "table", "user", "t", "x1"]).prop_map(str::to_owned),
        prop::char::any().prop_filter("no zero byte", |c| *c != '\0').prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..16).prop_map(|pieces| pieces.concat())
}

/// As many texts as `PROPTEST_CASES` says.
fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_splitter_keeps_its_laws(text in text()) {
        laws::splitter(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn quoting_keeps_its_laws(text in value()) {
        laws::quoting(&text).map_err(TestCaseError::fail)?;
    }
}
