//! How something is to be shown: with colour or without, and where the text of a user's file comes from.

use std::ffi::OsStr;

/// What a writer of text has to know beside the thing that it writes.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Whether colour may be used. Nothing is said by colour alone. See [`color_wanted`].
    pub color: bool,
    /// The text of a file by the name that the user gave it, for the lines under a diagnostic; `None` where it cannot
    /// be had, and the place is named without its line.
    pub source: &'a dyn Fn(&str) -> Option<String>,
}

impl View<'_> {
    /// Without colour and without the text of any file.
    #[must_use]
    pub fn plain() -> Self {
        Self { color: false, source: &|_| None }
    }
}

impl std::fmt::Debug for View<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("color", &self.color).finish_non_exhaustive()
    }
}

/// Whether to use colour. `asked` is what the user said (`--color always` is `Some(true)`, `never` is `Some(false)`,
/// `auto` is `None`) and wins; else `no_color`, the variable `NO_COLOR`, forbids it where it is there and not empty
/// (no-color.org); else a terminal gets it and nothing else does.
#[must_use]
pub fn color_wanted(asked: Option<bool>, no_color: Option<&OsStr>, terminal: bool) -> bool {
    asked.unwrap_or(terminal && no_color.is_none_or(OsStr::is_empty))
}

#[cfg(test)]
mod tests {
    use super::color_wanted;
    use std::ffi::OsStr;

    #[test]
    fn what_the_user_said_wins_then_no_color_then_the_terminal() {
        let set = Some(OsStr::new("1"));
        assert!(color_wanted(Some(true), set, false));
        assert!(!color_wanted(Some(false), None, true));
        assert!(!color_wanted(None, set, true));
        assert!(color_wanted(None, Some(OsStr::new("")), true));
        assert!(!color_wanted(None, None, false));
    }
}
