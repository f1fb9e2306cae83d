//! Virtual tables, each with its shadow tables as one whole: its module makes and fills those (manual, "The Virtual Table Mechanism").

use super::{Attribute, definition};
use serde::{Deserialize, Serialize};
use underpin_sql::sqlite::{TokKind, toks};

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

/// Modules whose tables show what stands elsewhere and hold nothing (manual, "SQLite FTS5 Extension", 7; "SQLite FTS3 and FTS4
/// Extensions", 5 and 8.2; "The DBSTAT Virtual Table").
const SHOWERS: &[&str] = &["fts5vocab", "fts4aux", "fts3tokenize", "dbstat"];

impl VirtualTable {
    pub(super) fn compare(&self, to: &Self) -> Vec<Attribute> {
        // The module is one of the words, and its tables are its doing.
        let Self { module: _, words, sql, columns, shadows: _ } = self;
        let found = definition((sql, words), (&to.sql, &to.words));
        if found.is_empty() && columns.is_some() && to.columns.is_some() && *columns != to.columns {
            // Its columns are written in another case, and programs see that.
            return vec![Attribute::Definition { from: sql.clone(), to: to.sql.clone() }];
        }
        found
    }

    /// Whether its rows are its own and can be read back: they can be copied to another one.
    #[must_use]
    pub fn keeps_rows(&self) -> bool {
        KEEPERS.contains(&self.module.as_str()) && self.content().is_none() && self.columns.is_some()
    }

    /// Whether another virtual table can take its rows over. A row of a full-text table of one version is one of every other.
    #[must_use]
    pub fn gives_rows_to(&self, other: &Self) -> bool {
        let is_full_text = |table: &Self| table.module.starts_with("fts");
        let are_alike = self.module == other.module || is_full_text(self) && is_full_text(other);
        self.keeps_rows() && other.keeps_rows() && are_alike
    }

    /// Whether it is a full-text index of rows that stand elsewhere (`content='table'`), and can be told to read them anew.
    #[must_use]
    pub fn reads_rows(&self) -> bool {
        // `content=''` keeps nothing at all.
        self.module.starts_with("fts") && self.content().is_some_and(|name| !name.is_empty())
    }

    /// Whether rows are deleted with it.
    #[must_use]
    pub fn has_rows_to_lose(&self) -> bool {
        !self.reads_rows() && !SHOWERS.contains(&self.module.as_str())
    }

    /// What its option `content` names: the table or view whose rows it indexes.
    #[must_use]
    pub fn content(&self) -> Option<String> {
        self.option("content")
    }

    /// The value of an option, `name=value`, without quotes.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<String> {
        option(&self.sql, name)
    }
}

/// The value of an option in the statement of a virtual table, `name=value`, without quotes.
#[must_use]
pub fn option(sql: &str, name: &str) -> Option<String> {
    let list = toks(sql);
    let at = list
        .windows(2)
        .position(|pair| pair[0].is(sql, name) && pair[1].kind == TokKind::Sign && pair[1].text(sql) == "=")?;
    Some(list.get(at + 2).and_then(|t| t.name(sql)).unwrap_or_default())
}
