//! Colour, wrapping and safety of what is written to a terminal.

use anstyle::{AnsiColor, Style};
use std::borrow::Cow;

/// Columns at which prose is wrapped. SQL never is.
pub(super) const WIDTH: usize = 100;

/// What a piece of text is, from which its colour follows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Role {
    /// What a section or a step is about.
    Title,
    /// What can be skipped.
    Quiet,
    /// SQL.
    Sql,
    /// What needs a decision.
    Alarm,
    /// What should be known.
    Caution,
    /// What is fine.
    Good,
    /// A line that only the left side has.
    Removed,
    /// A line that only the right side has.
    Added,
}

/// Paints, or leaves as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    pub(super) color: bool,
}

impl Ink {
    /// The text in the colour of its role, a line at a time, and without anything that a terminal would obey.
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        let text = harmless(text);
        if !self.color {
            return text.into_owned();
        }
        let style = match role {
            Role::Title => Style::new().bold(),
            Role::Quiet => Style::new().dimmed(),
            Role::Sql => AnsiColor::Cyan.on_default(),
            Role::Alarm => AnsiColor::Red.on_default().bold(),
            Role::Caution => AnsiColor::Yellow.on_default(),
            Role::Good | Role::Added => AnsiColor::Green.on_default(),
            Role::Removed => AnsiColor::Red.on_default(),
        };
        format!("{style}{text}{style:#}")
    }
}

/// The text with its control characters made visible. A name in somebody's schema may hold an escape sequence, and
/// must not be able to rewrite what the reader sees; the same goes for marks that turn the direction of writing.
pub(super) fn harmless(text: &str) -> Cow<'_, str> {
    let harmful = |c: char| {
        (c.is_control() && c != '\n' && c != '\t') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(harmful) {
        return Cow::Borrowed(text);
    }
    // A line end of Windows is no attack.
    let text = text.replace("\r\n", "\n");
    Cow::Owned(text.chars().map(|c| if harmful(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect())
}

/// Prose under a label, the lines after the first indented to stand under it.
pub(super) fn labelled(indent: &str, label: &str, text: &str) -> String {
    let next = format!("{indent}{}", " ".repeat(label.chars().count()));
    let first = format!("{indent}{label}");
    let options = textwrap::Options::new(WIDTH)
        .initial_indent(&first)
        .subsequent_indent(&next)
        // A name or a path that is cut cannot be searched for.
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::fill(harmless(text).trim(), options)
}

#[cfg(test)]
mod tests {
    use super::{Ink, Role, harmless, labelled};

    #[test]
    fn an_escape_sequence_in_a_name_is_shown_and_not_obeyed() {
        assert_eq!(harmless("a\u{1b}[2Jb\tc\nd"), "a\\u{1b}[2Jb\tc\nd");
        assert_eq!(harmless("x\r\ny"), "x\ny");
        assert_eq!(harmless("x\ry"), "x\\u{d}y");
        assert_eq!(harmless("\u{202e}evil"), "\\u{202e}evil");
        assert_eq!(Ink { color: false }.paint(Role::Alarm, "\u{1b}[0m"), "\\u{1b}[0m");
    }

    #[test]
    fn prose_wraps_under_its_label() {
        let text = labelled("  ", "why: ", &"word ".repeat(30));
        assert!(text.lines().all(|l| l.chars().count() <= super::WIDTH));
        assert!(text.lines().nth(1).is_some_and(|l| l.starts_with("       word")));
    }
}
