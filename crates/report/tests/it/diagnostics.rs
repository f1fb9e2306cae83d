//! Diagnostics as text.

use crate::examples::{USERS_SQL, diagnostics};
use crate::{golden, written};
use underpin_model::{Diagnostic, Severity, Span};
use underpin_report::{View, write_diagnostics};

fn text(diagnostics: &[Diagnostic], color: bool, source: &str) -> String {
    let source = |file: &str| (file == "schema/users.sql").then(|| source.to_owned());
    written(|out| write_diagnostics(out, diagnostics, &View { color, source: &source }))
}

#[test]
fn the_gravest_come_first_with_their_lines() {
    golden("diagnostics.txt", &text(&diagnostics(), false, USERS_SQL));
    golden("diagnostics-color.txt", &text(&diagnostics(), true, USERS_SQL).replace('\u{1b}', "␛"));
}

fn at(start: usize, end: usize) -> Diagnostic {
    let span = Span { file: "schema/users.sql".to_owned(), line: 1, column: 1, start, end };
    Diagnostic::new(Severity::Error, "x", "wrong").at(Some(span))
}

#[test]
fn a_span_that_does_not_fit_the_file_still_names_its_place() {
    for (start, end, source) in [(5, 500, "short"), (9, 3, "a longer text"), (1, 2, "é"), (700, 800, "")] {
        let shown = text(&[at(start, end)], false, source);
        assert!(shown.contains("at schema/users.sql:1:1"), "{shown}");
    }
    // The end of a file is a place: something is missing there.
    assert!(text(&[at(5, 5)], false, "short").contains("short"));
    assert!(text(&[at(0, 0)], false, "").contains("wrong"));
}

#[test]
fn only_the_first_line_of_a_long_statement_is_shown() {
    let statement = "CREATE TABLE t (\n".to_owned() + &"  c int,\n".repeat(50) + ");";
    assert!(text(&[at(0, statement.len())], false, &statement).lines().count() < 12);
}

#[test]
fn a_terminal_obeys_nothing_in_a_file() {
    let source = "SELECT '\u{1b}[2J\u{9b}2J\u{202e}';";
    let shown = text(&[at(0, source.len())], false, source);
    assert!(!shown.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{shown}");
}
