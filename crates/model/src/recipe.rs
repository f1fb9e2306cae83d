//! Recipes as they are listed and explained.

/// How one sort of change is made so that what is there survives it. Its page is the doc block of the file that makes it.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// The name that steps carry.
    pub name: &'static str,
    /// The text of its file, whose doc block explains it.
    source: &'static str,
}

impl Recipe {
    /// The recipe whose file has that text.
    #[must_use]
    pub const fn new(name: &'static str, source: &'static str) -> Self {
        Self { name, source }
    }

    /// Its page, in Markdown: the doc block of its file.
    #[must_use]
    pub fn page(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
    }
}
