//! Wordings that several reports share.

use underpin_model::{Phase, Severity};

/// `1 step`, `2 steps`.
pub(crate) fn counted(n: usize, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") }
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 5 more`: at most `limit` of them by name.
pub(crate) fn listed<S: AsRef<str>>(items: &[S], limit: usize) -> String {
    let words: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match words.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        // "and 1 more" would be no shorter than its name.
        [first @ .., last] if words.len() <= limit + 1 => format!("{} and {last}", first.join(", ")),
        _ => format!("{} and {} more", words[..limit].join(", "), words.len() - limit),
    }
}

/// The server as a headline names it: the version alone, without what the packager adds to it
/// (`15.4 (Debian 15.4-1.pgdg120+1)`).
pub(crate) fn short_version(server: &str) -> &str {
    server.split_once(" (").map_or(server, |(version, _)| version)
}

/// The statement with its semicolon. Behind a comment on the last line, where it would be a part of the comment, it gets
/// a line of its own.
pub(crate) fn terminated(sql: &str) -> String {
    let sql = sql.trim_end();
    let last = sql.rsplit(['\n', '\r']).next().unwrap_or_default();
    if last.contains("--") { format!("{sql}\n;") } else { format!("{sql};") }
}

/// A severity in a word, as the formats write it.
pub(crate) fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A phase's name, as `--phase` takes it.
pub(crate) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand",
        Phase::Backfill => "backfill",
        Phase::Contract => "contract",
    }
}

#[cfg(test)]
mod tests {
    use super::listed;

    #[test]
    fn a_list_names_the_first_and_counts_the_rest() {
        assert_eq!(listed(&["a"], 2), "a");
        assert_eq!(listed(&["a", "b"], 2), "a and b");
        assert_eq!(listed(&["a", "b", "c"], 2), "a, b and c");
        assert_eq!(listed(&["a", "b", "c", "d"], 2), "a, b and 2 more");
    }
}
