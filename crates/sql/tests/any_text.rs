//! Properties that hold for any text: the lexer covers it, and the splitter loses nothing of it.

use proptest::prelude::*;
use underpin_sql::{Lexer, Statement, TokenKind, order, split};

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

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_lexer_covers_every_byte(text in text()) {
        let mut at = 0;
        for token in Lexer::new(&text) {
            prop_assert_eq!(token.start, at);
            prop_assert!(token.end > token.start);
            prop_assert!(text.get(token.span()).is_some());
            at = token.end;
        }
        prop_assert_eq!(at, text.len());
    }

    #[test]
    fn statements_stand_in_order_and_lose_nothing(text in text()) {
        let parts = split(&text);
        let mut at = 0;
        for statement in &parts.statements {
            prop_assert!(statement.span.start >= at && statement.span.end > statement.span.start);
            prop_assert!(text.get(statement.span.clone()).is_some());
            prop_assert_eq!(statement.line, 1 + text[..statement.span.start].matches('\n').count());
            at = statement.span.end;
        }
        // Where nothing was skipped, all tokens outside of statements are blank, comments or semicolons.
        if parts.skipped.is_empty() && !text.contains('\\') && !text.contains("standard") {
            for token in Lexer::new(&text) {
                let i = parts.statements.partition_point(|s| s.span.end <= token.start);
                let inside = parts.statements.get(i).is_some_and(|s| s.span.start <= token.start);
                prop_assert!(inside || token.kind.is_trivia() || token.kind == TokenKind::Semicolon);
            }
        }
        let all: Vec<(usize, &Statement)> = parts.statements.iter().map(|s| (0, s)).collect();
        let mut places = order(&all);
        places.sort_unstable();
        prop_assert!(places.into_iter().eq(0..all.len()));
    }
}
