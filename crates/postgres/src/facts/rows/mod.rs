//! The rows, by what they are about.

mod column;
mod constraint;
mod index;
mod other;
mod partition;
mod table;

use super::Fact;

const ALTER_TABLE: &str = "manual, ALTER TABLE";
const LOCKING: &str = "manual, 13.3.1";
const TABLECMDS: &str = "commands/tablecmds.c";

/// Every row, in the order of the documentation.
pub fn rows() -> impl Iterator<Item = &'static Fact> {
    [column::ROWS, constraint::ROWS, table::ROWS, partition::ROWS, index::ROWS, other::ROWS].into_iter().flatten()
}
