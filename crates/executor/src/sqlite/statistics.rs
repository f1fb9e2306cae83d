//! What ANALYZE told of a table that is made anew, or gets another name.
//!
//! `DROP TABLE` deletes the table's rows of `sqlite_stat1` and `sqlite_stat4`, by which queries are planned, and nothing would say so but
//! queries that are slower. They are put back for indexes that are the same afterwards: the rows are. No statement of the plan could do
//! that, since one that names these tables fails where nobody has run ANALYZE.

use rusqlite::types::Value;
use rusqlite::{Connection, Params, Result, Statement, params_from_iter};
use std::collections::{BTreeMap, BTreeSet};
use underpin_sql::sqlite::words;

/// Where ANALYZE writes, and whether values of rows stand there, which are of the types of their columns.
const TABLES: [(&str, bool); 2] = [("sqlite_stat1", false), ("sqlite_stat4", true)];

/// What an index is over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Shape {
    /// The words of its statement; none where a constraint brought it.
    words: Vec<String>,
    /// Its columns, with their order and collation.
    columns: Vec<(Option<String>, bool, String)>,
    /// The types of its columns.
    types: Vec<String>,
}

/// What is told of one table.
#[derive(Debug)]
struct Told {
    table: String,
    shapes: BTreeMap<String, Shape>,
    /// By place in [`TABLES`].
    rows: Vec<(usize, Vec<Value>)>,
}

/// What was told of tables before they were made anew.
#[derive(Debug, Default)]
pub(super) struct Statistics(Vec<Told>);

impl Statistics {
    /// Remembers what is told of a table, and of those that a virtual table keeps its rows in.
    pub(super) fn keep(&mut self, connection: &Connection, table: &str) -> Result<()> {
        let mut there = Vec::new();
        for (n, (name, _)) in TABLES.iter().enumerate() {
            if exists(connection, name)? {
                there.push(n);
            }
        }
        if there.is_empty() {
            return Ok(());
        }
        let mut query = connection.prepare(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND (name = ?1 COLLATE NOCASE \
             OR (type = 'shadow' AND lower(substr(name, 1, length(?1) + 1)) = lower(?1) || '_'))",
        )?;
        for table in all::<String>(&mut query, [table])? {
            let mut rows = Vec::new();
            for &n in &there {
                let (name, _) = TABLES[n];
                let mut query = connection.prepare(&format!("SELECT * FROM {name} WHERE tbl = ?1 COLLATE NOCASE"))?;
                let width = query.column_count();
                let found =
                    query.query_map([&table], |row| (0..width).map(|c| row.get(c)).collect::<Result<Vec<_>>>())?;
                for row in found {
                    rows.push((n, row?));
                }
            }
            if !rows.is_empty() {
                let shapes = shapes(connection, &table)?;
                self.0.push(Told { table, shapes, rows });
            }
        }
        Ok(())
    }

    /// Takes what is told of a table along when it gets another name, which ALTER TABLE does not (found by trial on 3.40 and 3.54).
    pub(super) fn follow(connection: &Connection, from: &str, to: &str) -> Result<()> {
        for (name, _) in TABLES {
            if exists(connection, name)? {
                connection.execute(
                    &format!(
                        "UPDATE {name} SET tbl = ?2, idx = CASE WHEN idx = ?1 COLLATE NOCASE THEN ?2 \
                         WHEN lower(substr(idx, 1, length(?1) + 18)) = 'sqlite_autoindex_' || lower(?1) || '_' \
                         THEN 'sqlite_autoindex_' || ?2 || substr(idx, length(?1) + 18) ELSE idx END WHERE tbl = ?1 COLLATE NOCASE"
                    ),
                    [from, to],
                )?;
            }
        }
        Ok(())
    }

    /// Puts back what still holds. Gives what does not, in words.
    pub(super) fn put_back(self, connection: &Connection) -> Result<Vec<String>> {
        let mut lost = Vec::new();
        for Told { table, shapes: before, rows } in self.0 {
            let now = shapes(connection, &table)?;
            let mut others = BTreeSet::new();
            // What is there already was never away.
            let mut is_there = BTreeSet::new();
            for (n, (name, _)) in TABLES.iter().enumerate() {
                if exists(connection, name)? {
                    let mut query =
                        connection.prepare(&format!("SELECT lower(idx) FROM {name} WHERE tbl = ?1 COLLATE NOCASE"))?;
                    is_there.extend(all::<Option<String>>(&mut query, [&table])?.into_iter().map(|idx| (n, idx)));
                }
            }
            for (n, row) in rows {
                let (name, holds_values) = TABLES[n];
                let index = match row.get(1) {
                    Some(Value::Text(index)) => Some(index.to_ascii_lowercase()),
                    _ => None,
                };
                if is_there.contains(&(n, index.clone())) {
                    continue;
                }
                if let Some(index) = index {
                    // One that goes has no more to tell.
                    let Some(shape) = now.get(&index) else { continue };
                    let is_same = before.get(&index).is_some_and(|old| {
                        let Shape { words, columns, types } = old;
                        *words == shape.words && *columns == shape.columns && (!holds_values || *types == shape.types)
                    });
                    if !is_same {
                        others.insert(index);
                        continue;
                    }
                }
                let places = vec!["?"; row.len()].join(", ");
                connection.execute(&format!("INSERT INTO {name} VALUES ({places})"), params_from_iter(row))?;
            }
            if !others.is_empty() {
                let list = others.into_iter().collect::<Vec<_>>().join(", ");
                lost.push(format!(
                    "what ANALYZE told of indexes of {table} ({list}) is gone in part, since their columns, or the types of these, are others now: run ANALYZE"
                ));
            }
        }
        Ok(lost)
    }
}

fn exists(connection: &Connection, table: &str) -> Result<bool> {
    connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)",
        [table],
        |row| row.get(0),
    )
}

fn all<T: rusqlite::types::FromSql>(query: &mut Statement<'_>, params: impl Params) -> Result<Vec<T>> {
    query.query_map(params, |row| row.get(0))?.collect()
}

/// The indexes of a table by their names in lower case, as ANALYZE calls them: the one by which rows are kept (WITHOUT ROWID) is called as
/// its table.
fn shapes(connection: &Connection, table: &str) -> Result<BTreeMap<String, Shape>> {
    let mut shapes = BTreeMap::new();
    let mut list = connection.prepare(
        "SELECT l.name, l.origin, (SELECT sql FROM sqlite_schema m WHERE m.type = 'index' AND m.name = l.name) FROM pragma_index_list(?1) l",
    )?;
    let indexes = list.query_map([table], |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
    })?;
    let mut columns = connection.prepare(
        "SELECT x.name, x.\"desc\", coalesce(x.coll, ''), coalesce((SELECT type FROM pragma_table_xinfo(?2) t WHERE t.cid = x.cid), '') \
         FROM pragma_index_xinfo(?1) x WHERE x.key ORDER BY x.seqno",
    )?;
    for index in indexes {
        let (name, origin, sql) = index?;
        let of = columns.query_map([&name, table], |row| {
            Ok(((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<_, String>(3)?.to_ascii_uppercase()))
        })?;
        let (columns, types) = of.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let shape = Shape { words: sql.as_deref().map(words).unwrap_or_default(), columns, types };
        if origin == "pk" {
            shapes.insert(table.to_ascii_lowercase(), shape.clone());
        }
        shapes.insert(name.to_ascii_lowercase(), shape);
    }
    Ok(shapes)
}
