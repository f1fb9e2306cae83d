//! What a database is, as SQLite's pragmas and the words of its statements tell it, and what can be done with it.

use super::{column, q, text, words};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};

/// An object of the schema.
#[derive(Debug, Clone)]
pub struct Entry {
    pub kind: String,
    pub name: String,
    pub on: String,
    pub sql: String,
}

impl Entry {
    /// Whether it is a table that a module makes.
    pub fn is_virtual(&self) -> bool {
        let begin: Vec<String> = self.sql.split_whitespace().take(2).map(str::to_ascii_lowercase).collect();
        begin == ["create", "virtual"]
    }
}

/// The objects that people made, in the order in which they are kept.
pub fn entries(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL \
               AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY rowid";
    let entry =
        |row: &rusqlite::Row<'_>| Ok(Entry { kind: row.get(0)?, name: row.get(1)?, on: row.get(2)?, sql: row.get(3)? });
    connection.prepare(sql)?.query_map([], entry)?.collect()
}

/// All columns of all rows as texts; what SQLite says where it cannot.
fn told(connection: &Connection, sql: &str) -> Vec<String> {
    let rows = || -> rusqlite::Result<Vec<String>> {
        let mut query = connection.prepare(sql)?;
        let count = query.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values: rusqlite::Result<Vec<String>> =
                (0..count).map(|n| Ok(format!("{:?}", row.get::<_, rusqlite::types::Value>(n)?))).collect();
            Ok(values?.join(" "))
        };
        query.query_map([], row)?.collect()
    };
    rows().unwrap_or_else(|_| vec!["cannot be told".to_owned()])
}

fn sorted(mut list: Vec<String>) -> Vec<String> {
    list.sort();
    list
}

/// What the pragmas tell of a table or view. Neither the order of columns nor the names of SQLite's own indexes count: columns that were
/// added stand at the end.
fn shown(connection: &Connection, name: &str) -> Vec<String> {
    let t = text(name);
    let mut facts =
        told(connection, &format!("SELECT type, wr, strict FROM pragma_table_list({t}) WHERE schema = 'main'"));
    let columns = format!("SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo({t})");
    facts.extend(sorted(told(connection, &columns)).into_iter().map(|c| format!("column {c}")));
    let keys = format!(
        "SELECT id, seq, \"table\", \"from\", \"to\", on_update, on_delete, \"match\" FROM pragma_foreign_key_list({t})"
    );
    let mut by_id: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for key in told(connection, &keys) {
        let (id, rest) = key.split_once(' ').unwrap_or((&key, ""));
        by_id.entry(id.to_owned()).or_default().push(rest.to_owned());
    }
    facts.extend(sorted(by_id.into_values().map(|k| format!("foreign key {}", sorted(k).join(", "))).collect()));
    let indexes: Vec<String> =
        column(connection, &format!("SELECT name FROM pragma_index_list({t})")).unwrap_or_default();
    let index = |index: &String| {
        let head = format!(
            "SELECT CASE origin WHEN 'c' THEN name END, \"unique\", origin, partial FROM pragma_index_list({t}) WHERE name = {}",
            text(index)
        );
        let columns =
            format!("SELECT name, \"desc\", coll FROM pragma_index_xinfo({}) WHERE key ORDER BY seqno", text(index));
        format!("index {} over {}", told(connection, &head).join(" "), told(connection, &columns).join(", "))
    };
    facts.extend(sorted(indexes.iter().map(index).collect()));
    facts
}

/// What can be done with a table or view: triggers and views are looked into when they are used.
fn uses(connection: &Connection, name: &str) -> Vec<String> {
    let t = q(name);
    let columns: Vec<String> = column(
        connection,
        &format!("SELECT name FROM pragma_table_xinfo({}) WHERE hidden = 0 ORDER BY name", text(name)),
    )
    .unwrap_or_default();
    let mut tries = vec![format!("SELECT * FROM {t}"), format!("DELETE FROM {t}")];
    if !columns.is_empty() {
        let list: Vec<String> = columns.iter().map(|c| q(c)).collect();
        let values = vec!["NULL"; list.len()].join(", ");
        tries.push(format!("INSERT INTO {t} ({}) VALUES ({values})", list.join(", ")));
        tries.extend(list.iter().map(|c| format!("UPDATE {t} SET {c} = {c}")));
    }
    let works = |sql: &String| if connection.prepare(&format!("EXPLAIN {sql}")).is_ok() { "works" } else { "fails" };
    tries.iter().map(|sql| format!("{sql}: {}", works(sql))).collect()
}

/// A database as facts, by its objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts(BTreeMap<String, Vec<String>>);

impl Facts {
    /// Those of a database.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        // So that what can be done is what an application can do.
        connection.execute_batch("PRAGMA foreign_keys = ON")?;
        let entries = entries(connection)?;
        let mut known: BTreeSet<String> = entries.iter().map(|e| e.name.to_ascii_lowercase()).collect();
        for entry in entries.iter().filter(|e| e.kind == "table" || e.kind == "view") {
            let columns: rusqlite::Result<Vec<String>> =
                column(connection, &format!("SELECT name FROM pragma_table_xinfo({})", text(&entry.name)));
            known.extend(columns.unwrap_or_default().iter().map(|c| c.to_ascii_lowercase()));
        }
        let shadows: Vec<String> =
            column(connection, "SELECT name FROM pragma_table_list WHERE type = 'shadow' AND schema = 'main'")?;
        let is_known = |name: &str| known.contains(name);
        let mut found = BTreeMap::new();
        for entry in &entries {
            let mut facts = vec![format!("on {}", entry.on.to_ascii_lowercase())];
            let is_table = entry.kind == "table";
            if is_table || entry.kind == "view" {
                facts.extend(shown(connection, &entry.name));
                facts.extend(uses(connection, &entry.name));
            }
            facts.extend(match is_table && !entry.is_virtual() {
                // How a module writes its own tables is its matter.
                true if shadows.contains(&entry.name) => Vec::new(),
                true => words::table(&entry.sql, &is_known),
                false => words::plain(&entry.sql, &is_known),
            });
            found.insert(format!("{} {}", entry.kind, entry.name), facts);
        }
        Ok(Self(found))
    }

    /// What these have too much and lack beside those that are wanted.
    pub fn differences(&self, wanted: &Self) -> Vec<String> {
        let mut out = Vec::new();
        let names: BTreeSet<&String> = self.0.keys().chain(wanted.0.keys()).collect();
        for name in names {
            match (self.0.get(name), wanted.0.get(name)) {
                (Some(has), Some(shall)) => {
                    let only = |a: &[String], b: &[String]| -> Vec<String> {
                        a.iter().filter(|x| !b.contains(x)).cloned().collect()
                    };
                    if has != shall {
                        out.push(format!("{name} has {:?} and lacks {:?}", only(has, shall), only(shall, has)));
                    }
                }
                (Some(_), None) => out.push(format!("{name} is there and is not wanted")),
                (None, _) => out.push(format!("{name} is not there")),
            }
        }
        out
    }
}

/// What is wrong with a file.
pub fn ailments(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut found: Vec<String> = column(connection, "PRAGMA integrity_check")?;
    found.retain(|line| line != "ok");
    Ok(found)
}

/// How many rows refer to nothing, by table. Keys that fit no key of the other table cannot be looked at.
pub fn orphans(connection: &Connection) -> rusqlite::Result<BTreeMap<String, i64>> {
    let mut found = BTreeMap::new();
    for entry in entries(connection)?.iter().filter(|e| e.kind == "table") {
        let sql = format!("SELECT count(*) FROM pragma_foreign_key_check({})", text(&entry.name));
        let count = connection.query_row(&sql, [], |row| row.get::<_, i64>(0));
        found.insert(entry.name.to_ascii_lowercase(), count.unwrap_or(0));
    }
    Ok(found)
}
