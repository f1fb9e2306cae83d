//! How Liquibase cuts a changeset for SQLite, and how one is written so that it cuts it where a statement ends. Its driver runs
//! the first statement of a piece and passes over the others in silence, so that each has to be a piece.
//!
//! The tool goes by tokens of its own: it knows `'`, `"` and comments, but neither backticks nor brackets, and it does not cut between
//! a BEGIN and its END, for which it takes every BEGIN that the word TRANSACTION does not follow.
//!
//! Source: runs of 4.28.0 with sqlite-jdbc 3.45.3; `StringUtil.processMultiLineSQL` of the tool.

/// What stands between statements: the shortest run of `@` that is in none of them.
pub(super) fn delimiter<'s>(mut sql: impl Iterator<Item = &'s String> + Clone) -> String {
    (2..).map(|n| "@".repeat(n)).find(|mark| !sql.clone().any(|s| s.contains(mark.as_str()))).unwrap_or_else(|| {
        // Every run is in a text that is longer than it.
        sql.next().cloned().unwrap_or_default()
    })
}

/// The behind of the token that begins at byte `at`.
fn token(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let to = |mark: &str, from: usize| rest[from..].find(mark).map_or(rest.len(), |n| from + n + mark.len());
    let length = match rest.as_bytes() {
        [b'-', b'-', ..] => rest.find('\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => to("*/", 2),
        [b'\'', ..] => to("'", 1),
        [b'"', ..] => to("\"", 1),
        _ => {
            let is_word = |c: char| c.is_alphanumeric() || c == '_';
            let word = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
            word.max(rest.chars().next().map_or(1, char::len_utf8))
        }
    };
    at + length
}

/// The pieces of a text, each with the byte at which it begins.
pub(super) fn cut<'t>(text: &'t str, delimiter: &str) -> Vec<(usize, &'t str)> {
    let mut pieces = Vec::new();
    let (mut from, mut at, mut depth) = (0, 0, 0_usize);
    let mut add = |from: usize, to: usize| {
        let piece = &text[from..to];
        if !piece.trim().is_empty() {
            pieces.push((from + piece.len() - piece.trim_start().len(), piece.trim()));
        }
    };
    while at < text.len() {
        if depth == 0 && text[at..].starts_with(delimiter) {
            add(from, at);
            at += delimiter.len();
            from = at;
            continue;
        }
        let end = token(text, at);
        let is = |word: &str| text[at..end].eq_ignore_ascii_case(word);
        let next = || {
            let from = text.len() - text[end..].trim_start().len();
            text.get(from..token(text, from).min(text.len())).unwrap_or_default().to_ascii_lowercase()
        };
        let is_transaction = || ["transaction", "trans", "tran"].contains(&next().as_str());
        if is("begin") && !is_transaction() {
            depth += 1;
        } else if is("end") && !is_transaction() {
            depth = depth.saturating_sub(1);
        }
        at = end;
    }
    add(from, text.len());
    pieces
}

/// The statements as the SQL of a changeset, which the tool cuts into just these; none where it would not.
pub(super) fn script(sql: &[String], delimiter: &str) -> Option<String> {
    let text: String = sql.iter().map(|s| format!("{}\n{delimiter}\n", s.trim())).collect();
    let pieces = cut(&text, delimiter);
    pieces.iter().map(|p| p.1).eq(sql.iter().map(|s| s.trim())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(sql: &[&str]) -> Vec<String> {
        sql.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn pieces_end_at_the_delimiter_outside_of_quotes_and_bodies() {
        fn texts<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
            cut(text, mark).into_iter().map(|p| p.1).collect()
        }
        assert_eq!(texts("SELECT ';'; -- a;\nSELECT 2;\n", ";"), ["SELECT ';'", "-- a;\nSELECT 2"]);
        let trigger = "CREATE TRIGGER t INSERT ON a BEGIN SELECT 1; END";
        let text = format!("{trigger}; SELECT 2");
        assert_eq!(texts(&text, ";"), [trigger, "SELECT 2"]);
        assert_eq!(texts("BEGIN IMMEDIATE@@SELECT 1@@COMMIT", "@@").len(), 1);
        assert_eq!(texts("BEGIN TRANSACTION@@SELECT '@@' || \"@@\"@@COMMIT", "@@").len(), 3);
        assert_eq!(cut("a @@\n b", "@@")[1], (6, "b"));
    }

    #[test]
    fn what_the_tool_would_cut_elsewhere_is_not_written() {
        let sql = owned(&["SELECT 1", "CREATE TRIGGER t INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; END"]);
        assert_eq!(delimiter(sql.iter()), "@@");
        assert!(script(&sql, "@@").is_some());
        assert_eq!(delimiter(owned(&["SELECT '@@'", "SELECT '@@@'"]).iter()), "@@@@");
        // The tool sees a string begin in the brackets, and none end.
        assert_eq!(script(&owned(&["SELECT 1 AS [it's]", "SELECT 2"]), "@@"), None);
    }
}
