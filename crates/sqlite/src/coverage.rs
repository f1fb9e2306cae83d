//! What is covered of each kind of object, and how a difference is made good. A section of `docs/coverage.md` is written from it.

use crate::objects::LiteKind;
use std::fmt::Write;
use underpin_model::Kind;

/// What is covered of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Coverage {
    /// What of it is compared.
    pub compared: &'static str,
    /// What is made good by ALTER.
    pub altered: &'static str,
    /// What is made good by making it anew; rows are kept, but for what hazards tell.
    pub anew: &'static str,
    /// Cases that show it, as folders under `testdata/cases/sqlite`.
    pub shown_by: &'static [&'static str],
}

impl LiteKind {
    /// What is covered of the kind.
    #[must_use]
    pub fn coverage(self) -> Coverage {
        match self {
            Self::Table => Coverage {
                compared: "columns (name, declared type, NOT NULL, default, collation, CHECK, keys, REFERENCES, generated; conflict clauses and names of constraints), \
                           constraints of the table, STRICT, WITHOUT ROWID, AUTOINCREMENT; not the order of columns",
                altered: "columns that come, where ALTER takes them; up to two that go, where it lets them; names (by hint, or of another case); \
                          from 3.53 on NOT NULL, and CHECK of the table",
                anew: "all else",
                shown_by: TABLES,
            },
            Self::VirtualTable => Coverage {
                compared: "its statement, with its shadow tables as a whole",
                altered: "",
                anew: "its statement; fts3, fts4, fts5 (also one as another) and rtree keep their rows, and full-text tables over another table's content read that again",
                shown_by: VIRTUAL_TABLES,
            },
            Self::Index => Coverage {
                compared: "its statement (columns, expressions, order, collation, UNIQUE, WHERE)",
                altered: "",
                anew: "its statement",
                shown_by: INDEXES,
            },
            Self::View => Coverage {
                compared: "its statement, and the names of its columns",
                altered: "",
                anew: "its statement",
                shown_by: VIEWS,
            },
            Self::Trigger => {
                Coverage { compared: "its statement", altered: "", anew: "its statement", shown_by: TRIGGERS }
            }
        }
    }
}

const TABLES: &[&str] = &[
    "table/add_column",
    "table/drop_column",
    "table/becomes_strict",
    "table/becomes_without_rowid",
    "table/every_column_is_another",
    "table/odd_names",
    "column/type",
    "column/default_of_every_sort",
    "column/collation",
    "column/generated",
    "column/not_null_with_backfill",
    "constraint/check",
    "constraint/unique",
    "constraint/on_conflict_of_values",
    "key/autoincrement",
    "key/of_several_columns",
    "foreign_key/comes_and_goes",
    "foreign_key/of_several_columns",
    "foreign_key/cascade_deletes_nothing",
    "rename/table",
    "rename/two_columns_change_places",
];
const VIRTUAL_TABLES: &[&str] = &[
    "virtual_table/fts5",
    "virtual_table/fts5_over_a_table",
    "virtual_table/fts4_over_a_table_that_comes_again",
    "virtual_table/rtree",
    "rename/virtual_table",
];
const INDEXES: &[&str] = &["index/of_every_sort", "index/moves_to_another_table", "index/unique_over_duplicates"];
const VIEWS: &[&str] = &["view/of_all_columns", "view/over_views", "view/with_triggers"];
const TRIGGERS: &[&str] = &["trigger/of_every_sort", "view/with_triggers"];

/// The section of the page.
#[must_use]
pub fn section() -> String {
    let mut text = String::from(
        "## SQLite\n\nA table is one object with its columns and constraints: SQLite keeps it as one statement. Temporary objects, attached databases \
         and pragmas are no part of a schema and are named where the files have them. Written from `crates/sqlite/src/coverage.rs`.\n\n\
         | kind | what is compared | altered in place | made anew for | shown by |\n|---|---|---|---|---|\n",
    );
    for kind in LiteKind::ALL {
        let Coverage { compared, altered, anew, shown_by } = kind.coverage();
        let shown: Vec<String> =
            shown_by.iter().map(|path| format!("[{path}](../testdata/cases/sqlite/{path})")).collect();
        let _ = writeln!(text, "| {} | {compared} | {altered} | {anew} | {} |", kind.name(), shown.join(", "));
    }
    text
}
