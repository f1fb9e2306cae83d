//! The judge of plans for SQLite: it looks at databases with a connection of its own, and knows nothing of how the program reads them.

#![allow(dead_code, reason = "each test uses a part of it")]

pub mod fit;
pub mod renames;
pub mod road;
pub mod rows;
pub mod schema;
pub mod words;

use rusqlite::Connection;
use std::path::Path;

/// A name in double quotes.
pub fn q(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A string in single quotes.
pub fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A database in memory with these statements run in it.
pub fn built(sql: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open_in_memory()?;
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    connection.execute_batch(sql)?;
    Ok(connection)
}

/// A connection to a file, with foreign keys off.
pub fn open(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA foreign_keys = OFF")?;
    Ok(connection)
}

/// The first column of all rows.
pub fn column<T: rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}
