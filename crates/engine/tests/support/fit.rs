//! Whether rows can be had in another schema at all: they are put into a new database that was built from it.

use super::renames::Renamed;
use super::rows::{Column, Rows, Table, keeps_numbers};
use super::schema::{entries, orphans};
use super::{built, q, text};
use rusqlite::Connection;
use std::path::Path;

/// A column's default as an expression; none where it is NULL.
fn default(column: &Column) -> Option<String> {
    let said = column.default.as_ref()?;
    if let Some(inner) = said.strip_prefix('"').and_then(|s| s.strip_suffix('"')) {
        return Some(text(&inner.replace("\"\"", "\"")));
    }
    // What cannot be read without a table is a bare word, which is a string.
    let memory = built("").ok()?;
    let value = memory.query_row(&format!("SELECT {said}"), [], |row| row.get::<_, rusqlite::types::Value>(0));
    match value {
        Ok(rusqlite::types::Value::Null) => None,
        Ok(_) => Some(format!("({said})")),
        Err(_) => Some(text(said)),
    }
}

/// What a hint gives to rows that are there: table, column and expression.
pub type Filled = (String, String, String);

fn put(new: &Table, old: &Table, renamed: &Renamed, filled: &[Filled]) -> Option<String> {
    let (mut into, mut values) = (Vec::new(), Vec::new());
    let is_fed = |alias: &String| renamed.column(&new.name, alias).is_some();
    if keeps_numbers(old, new, renamed) && !new.alias.as_ref().is_some_and(is_fed) {
        into.extend(new.number.as_ref().map(|n| q(n)));
        values.extend(old.number.as_ref().map(|n| q(n)));
    }
    for column in new.columns.iter().filter(|c| !c.is_computed) {
        if into.contains(&q(&column.name)) {
            continue;
        }
        let said =
            filled.iter().find(|(t, c, _)| t.eq_ignore_ascii_case(&new.name) && c.eq_ignore_ascii_case(&column.name));
        let said = said.map(|(_, _, value)| value.clone());
        let value = match (renamed.column(&new.name, &column.name), said) {
            (Some(was), said) => match said.or_else(|| default(column)).filter(|_| column.not_null) {
                Some(fill) => format!("coalesce({}, {fill})", q(&was)),
                None => q(&was),
            },
            (None, Some(said)) => said,
            (None, None) => continue,
        };
        into.push(q(&column.name));
        values.push(value);
    }
    let (into, values) = (into.join(", "), values.join(", "));
    (!into.is_empty()).then(|| {
        format!("INSERT OR ABORT INTO main.{} ({into}) SELECT {values} FROM live.{}", q(&new.name), q(&old.name))
    })
}

/// Puts the rows of a database into the wanted schema.
///
/// # Errors
/// Why they do not fit it.
pub fn fits(live: &Path, wanted: &Connection, renamed: &Renamed, filled: &[Filled]) -> Result<(), String> {
    let words = |e: rusqlite::Error| e.to_string();
    let (before, shall) = (Rows::of(&super::open(live).map_err(words)?), Rows::of(wanted));
    let (before, shall) = (before.map_err(words)?, shall.map_err(words)?);
    let plain = |name: &str| shall.table(name).is_some_and(|t| t.module.is_none());
    let made = entries(wanted).map_err(words)?;
    let made = made.iter().filter(|e| matches!(e.kind.as_str(), "table" | "index") && plain(&e.on));
    let memory = built(&made.map(|e| format!("{};\n", e.sql)).collect::<String>()).map_err(words)?;
    memory.execute("ATTACH ?1 AS live", [live.to_string_lossy()]).map_err(words)?;
    let mut old_orphans = orphans(&super::open(live).map_err(words)?).map_err(words)?;
    for new in shall.0.values().filter(|t| t.module.is_none()) {
        let Some(old) = renamed.table(&new.name).and_then(|name| before.table(&name)) else { continue };
        if old.module.is_some() || old.rows.is_empty() {
            continue;
        }
        match put(new, old, renamed, filled) {
            Some(sql) => memory.execute_batch(&sql).map_err(|e| format!("{}: {e}", new.name))?,
            None => {
                for _ in &old.rows {
                    let sql = format!("INSERT OR ABORT INTO {} DEFAULT VALUES", q(&new.name));
                    memory.execute_batch(&sql).map_err(|e| format!("{}: {e}", new.name))?;
                }
            }
        }
    }
    for (table, count) in orphans(&memory).map_err(words)? {
        let was = renamed.table(&table).and_then(|name| old_orphans.remove(&name.to_ascii_lowercase()));
        if count > was.unwrap_or(0) {
            return Err(format!("{count} rows of {table} refer to nothing"));
        }
    }
    Ok(())
}
