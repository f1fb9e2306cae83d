//! Full-text tables over other tables: an index holds nothing but words, and has to be made again where the rows that it is over become
//! others (manual, "SQLite FTS5 Extension", 4.4.3 and 6.9; "SQLite FTS3 and FTS4 Extensions", 6.2.2). The triggers that keep it up to
//! date do not run when a table is made anew.

use crate::objects::{LiteCatalog, LiteKind, LiteObject, VirtualTable};
use underpin_model::Object as _;
use underpin_sql::sqlite::ident;

/// The statement that has a full-text table read what it is over.
#[must_use]
pub fn read_anew(name: &str) -> String {
    format!("INSERT INTO {0} ({0}) VALUES ('rebuild')", ident(name))
}

/// Whether a full-text table over another one has what it shall read: SQLite makes it also where that is missing.
#[must_use]
pub fn has_what_it_reads(table: &VirtualTable, to: &LiteCatalog) -> bool {
    let Some(content) = table.content().filter(|_| table.reads_rows()) else { return false };
    let read = to.objects.iter().find(|(id, _)| id.kind.is_relation() && id.part(0).eq_ignore_ascii_case(&content));
    let (columns, has_numbers) = match read.map(|(_, object)| object) {
        Some(LiteObject::Table(t)) => (t.columns.iter().map(|c| c.name.clone()).collect(), !t.without_rowid),
        Some(LiteObject::View(v)) => (v.columns.clone().unwrap_or_default(), false),
        // FTS5 finds no virtual table there (found by trial on 3.54).
        Some(LiteObject::VirtualTable(_)) if table.module == "fts5" => return false,
        Some(LiteObject::VirtualTable(v)) => (v.columns.clone().unwrap_or_default(), true),
        Some(LiteObject::Index(_) | LiteObject::Trigger(_)) | None => return false,
    };
    let has = |name: &str| columns.iter().any(|c: &String| c.eq_ignore_ascii_case(name));
    let number = table.option("content_rowid").unwrap_or_else(|| "rowid".to_owned());
    let is_number = ["rowid", "oid", "_rowid_"].iter().any(|n| number.eq_ignore_ascii_case(n));
    table.columns.iter().flatten().all(|c| has(c)) && (has(&number) || (is_number && has_numbers))
}

/// The statements behind a change to a table or view, for the full-text tables over it that stay as they are: those with a column of which
/// `becomes_another` says that its values may become others.
#[must_use]
pub fn read_anew_over(
    from: &LiteCatalog,
    to: &LiteCatalog,
    content: &str,
    becomes_another: &dyn Fn(&str) -> bool,
) -> Vec<String> {
    let tables = to.objects.iter().filter(|(id, _)| id.kind == LiteKind::VirtualTable);
    let stays = tables.filter(|(id, object)| from.objects.get(id).is_some_and(|old| old.compare(object).is_empty()));
    let over = stays.filter(|(_, object)| match object {
        LiteObject::VirtualTable(table) => {
            table.content().is_some_and(|name| name.eq_ignore_ascii_case(content))
                && has_what_it_reads(table, to)
                && table.columns.iter().flatten().any(|c| becomes_another(c))
        }
        _ => false,
    });
    over.map(|(id, _)| read_anew(id.part(0))).collect()
}
