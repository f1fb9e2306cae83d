//! Triggers.

use super::{Attribute, LiteKind, definition};
use serde::{Deserialize, Serialize};

/// A trigger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// The table or view that it is on.
    pub on: String,
    /// What that is.
    pub on_kind: LiteKind,
    /// The words of its statement.
    pub words: Vec<String>,
    /// Its statement, as the database keeps it.
    pub sql: String,
}

impl Trigger {
    pub(super) fn compare(&self, to: &Self) -> Vec<Attribute> {
        // The words name what it is on.
        let Self { on: _, on_kind: _, words, sql } = self;
        definition((sql, words), (&to.sql, &to.words))
    }
}
