//! Views.

use super::{Attribute, definition};
use serde::{Deserialize, Serialize};

/// A view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// The words of its statement.
    pub words: Vec<String>,
    /// Its statement, as the database keeps it.
    pub sql: String,
    /// Its columns, as those who read it see them; none where SQLite cannot tell them, since what it reads is missing.
    pub columns: Option<Vec<String>>,
}

impl View {
    pub(super) fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { words, sql, columns } = self;
        let found = definition((sql, words), (&to.sql, &to.words));
        // `SELECT a AS "Total"` and `… AS total` have the same words and other columns. With `*` columns come and go with the
        // table, and nothing is to be done.
        let other_case = |(a, b): (&Vec<String>, &Vec<String>)| {
            a != b && a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.eq_ignore_ascii_case(b))
        };
        if found.is_empty() && columns.as_ref().zip(to.columns.as_ref()).is_some_and(other_case) && *sql != to.sql {
            return vec![Attribute::Definition { from: sql.clone(), to: to.sql.clone() }];
        }
        found
    }
}
