//! Indexes that a statement made. Those that a constraint brings are part of it.

use super::{Attribute, definition};
use serde::{Deserialize, Serialize};

/// An index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its table.
    pub table: String,
    /// The words of its statement.
    pub words: Vec<String>,
    /// Its statement, as the database keeps it.
    pub sql: String,
}

impl Index {
    pub(super) fn compare(&self, to: &Self) -> Vec<Attribute> {
        // The words name the table.
        let Self { table: _, words, sql } = self;
        definition((sql, words), (&to.sql, &to.words))
    }
}
