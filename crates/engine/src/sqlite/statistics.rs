//! What becomes of what ANALYZE told of tables that are made anew: `DROP TABLE` deletes it. `underpin apply` puts it back; statements cannot,
//! for they would fail where nobody has run ANALYZE.

use super::values::Names;
use rusqlite::Connection;
use underpin_model::{Diagnostic, Plan, Severity};
use underpin_sqlite::rebuilt_table;

/// The note about a plan for a database where something was told of such tables.
pub(crate) fn told(live: &Connection, names: &Names<'_>, plan: &Plan) -> Option<Diagnostic> {
    let is_told = |table: &String| {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_stat1 WHERE tbl = ?1 COLLATE NOCASE)";
        // Where nobody has run ANALYZE there is no such table.
        live.query_row(sql, [names.table(table)], |row| row.get(0)).unwrap_or(false)
    };
    let tables: Vec<String> = plan.steps().filter_map(rebuilt_table).filter(is_told).collect();
    let message = format!(
        "what ANALYZE told of {} goes with the old table when it is made anew: `underpin apply` puts it back for indexes that stay the same, a script of the \
         plan does not",
        tables.join(", ")
    );
    let note = Diagnostic::new(Severity::Note, "statistics-lost", message);
    (!tables.is_empty()).then(|| note.help("run ANALYZE behind a script: without it queries may be slower"))
}

/// What to do behind a plan that is run by other programs.
pub(crate) fn advice(plan: &Plan) -> Option<String> {
    let tables: Vec<String> = plan.steps().filter_map(rebuilt_table).collect();
    (!tables.is_empty()).then(|| {
        format!(
            "What ANALYZE told of {} goes with the old table when it is made anew: where you use ANALYZE (there is a table sqlite_stat1), run it \
             behind the migration.",
            tables.join(", ")
        )
    })
}
