//! What rows that are there need, asked of the database before anything is planned: values for columns that take no NULL, and whether a
//! conversion changes any.

use super::desired::Said;
use crate::EngineError;
use rusqlite::Connection;
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, Severity};
use underpin_sql::sqlite::ident;
use underpin_sqlite::{LiteCatalog, LiteObject, Wishes, rebuild};

/// What a table was called, where a rename is still to be done; columns likewise.
pub(crate) struct Names<'a> {
    pub from: &'a LiteCatalog,
    pub base: &'a LiteCatalog,
    pub to: &'a LiteCatalog,
    pub renames: &'a [super::renames::Rename],
}

impl Names<'_> {
    /// The name that a table has in the database.
    pub(super) fn table<'n>(&'n self, name: &'n str) -> &'n str {
        // Of a column the table is the same before and after.
        let tables = self.renames.iter().filter(|r| r.objects[0] != r.objects[1]);
        let renamed = tables.rev().find(|r| r.objects[1].part(0).eq_ignore_ascii_case(name));
        renamed.map_or(name, |r| r.objects[0].part(0))
    }

    /// The name that a column has there: columns keep their places when they are renamed.
    fn column(&self, table: &str, column: &str) -> Option<String> {
        let of = |catalog: &LiteCatalog, name: &str| {
            catalog.objects.iter().find_map(|(id, object)| match object {
                LiteObject::Table(t) if id.part(0).eq_ignore_ascii_case(name) => Some(t.clone()),
                _ => None,
            })
        };
        let place = of(self.base, table)?.columns.iter().position(|c| c.name.eq_ignore_ascii_case(column))?;
        Some(of(self.from, self.table(table))?.columns.get(place)?.name.clone())
    }
}

/// Whether there is a row `o` for which a condition holds; none where that cannot be asked.
fn exists(live: &Connection, table: &str, condition: &str) -> Option<bool> {
    let sql = format!("SELECT EXISTS (SELECT 1 FROM {} AS o WHERE {condition})", ident(table));
    live.query_row(&sql, [], |row| row.get(0)).ok()
}

/// A column of that row. With the row's name before it SQLite takes it for nothing else: `"x"` alone would be a string where there
/// is no such column.
fn of_row(column: &str) -> String {
    format!("o.{}", ident(column))
}

/// Asks of the tables that are made anew; conversions that change no value are noted in the wishes.
///
/// # Errors
/// Where rows lack a value that nothing is said of.
pub(crate) fn ask(
    live: Option<&Connection>,
    assume_rows: bool,
    names: &Names<'_>,
    (said, wishes): (&Said, &mut Wishes),
) -> Result<(), EngineError> {
    let mut list = Vec::new();
    let mut harmless = BTreeSet::new();
    for (id, object) in &names.base.objects {
        let (LiteObject::Table(old), Some(LiteObject::Table(new))) = (object, names.to.objects.get(id)) else {
            continue;
        };
        if underpin_model::Object::compare(object, &LiteObject::Table(new.clone())).is_empty() {
            continue;
        }
        let table = id.part(0);
        let there = names.table(table);
        // What it is called on the way is no matter here.
        let made = rebuild((table, "_"), old, new, wishes);
        let origin = said.origins.get(&table.to_ascii_lowercase());
        let place = origin.map(|o| format!("{}:{}: ", o.file, o.line)).unwrap_or_default();
        // What cannot be asked is told when the plan runs.
        let has = |condition: &str| live.map_or(assume_rows, |live| exists(live, there, condition) == Some(true));
        let old_name = |column: &String| {
            let moved = wishes.moved.get(&Wishes::key(table, column)).unwrap_or(column);
            names.column(table, moved).unwrap_or_else(|| moved.clone())
        };
        for column in &made.valueless {
            if has("1") {
                list.push(
                    Diagnostic::new(
                        Severity::Error,
                        "no-value",
                        format!("{place}{table}.{column} is new and NOT NULL, {table} has rows, and nothing says what they get"),
                    )
                    .help(
                        "give it a DEFAULT, or write the value for rows that are there on the column: `-- underpin: backfill EXPR`, \
                         with EXPR an expression over the row; if it is another column under a new name, write `-- underpin: renamed-from OLD`",
                    ),
                );
            }
        }
        for column in &made.unfilled {
            // Without a database nobody knows, and the statement itself refuses.
            if live.is_some() && has(&format!("{} IS NULL", of_row(&old_name(column)))) {
                list.push(
                    Diagnostic::new(
                        Severity::Error,
                        "no-value",
                        format!("{place}{table}.{column} becomes NOT NULL, rows have none, and nothing says what they get"),
                    )
                    .help("give it a DEFAULT, which they get then, or write on the column what they get: `-- underpin: backfill EXPR`"),
                );
            }
        }
        for converted in &made.converted {
            let condition = converted.changes.replace("{column}", &of_row(&old_name(&converted.column)));
            if live.is_some_and(|live| exists(live, there, &condition) == Some(false)) {
                harmless.insert(Wishes::key(table, &converted.column));
            }
        }
    }
    wishes.harmless = harmless;
    if list.is_empty() { Ok(()) } else { Err(EngineError::Input(list)) }
}
