//! Virtual tables, each with its shadow tables as one whole: its module makes and fills those (manual, "The Virtual Table Mechanism").

use super::{Attribute, definition};
use serde::{Deserialize, Serialize};

/// A virtual table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualTable {
    /// Its module in lower case: `fts5`, `rtree`.
    pub module: String,
    /// The words of its statement.
    pub words: Vec<String>,
    /// Its statement, as the database keeps it.
    pub sql: String,
    /// Its columns that are not hidden; none where the module is not there to tell them.
    pub columns: Option<Vec<String>>,
    /// The tables that its module keeps its rows in.
    pub shadows: Vec<String>,
}

/// Modules that keep rows of their own, which can be read back as they were put in.
const KEEPERS: &[&str] = &["fts3", "fts4", "fts5", "rtree", "rtree_i32"];

impl VirtualTable {
    pub(super) fn compare(&self, to: &Self) -> Vec<Attribute> {
        // The module is one of the words, and the rest is the module's doing.
        let Self { module: _, words, sql, columns: _, shadows: _ } = self;
        definition((sql, words), (&to.sql, &to.words))
    }

    /// Whether its rows are its own and can be read back: they can be copied to another one.
    #[must_use]
    pub fn keeps_rows(&self) -> bool {
        KEEPERS.contains(&self.module.as_str()) && !self.words.iter().any(|w| w == "content") && self.columns.is_some()
    }

    /// Whether it indexes rows of another table and can read them anew (`content='table'`).
    #[must_use]
    pub fn reads_rows(&self) -> bool {
        let place = self.words.iter().position(|w| w == "content");
        // `content=''` keeps nothing at all.
        let named = place.and_then(|n| self.words.get(n + 2)).is_some_and(|w| !matches!(w.as_str(), "''" | "\"\""));
        self.module.starts_with("fts") && named
    }
}
