//! Running one statement, and reading what it gives.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result, Row};

/// A number that is never below zero; 0 for NULL.
pub(super) fn whole(row: &Row<'_>, column: usize) -> Result<u64> {
    let number: Option<i64> = row.get(column)?;
    Ok(number.and_then(|n| u64::try_from(n).ok()).unwrap_or(0))
}

/// Runs one statement to its end. What it gives is not looked at.
pub(super) fn run(connection: &Connection, sql: &str) -> Result<()> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.raw_query();
    while rows.next()?.is_some() {}
    Ok(())
}

/// What speaks against an assertion: it holds where its query gives one row whose first value is true. None where it holds.
pub(super) fn against(connection: &Connection, sql: &str) -> Result<Option<String>> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.raw_query();
    let Some(row) = rows.next()? else { return Ok(Some("no row".to_owned())) };
    let said = match row.get_ref(0) {
        // As SQLite takes a value where it asks for true or false.
        Ok(ValueRef::Integer(n)) if n != 0 => None,
        Ok(ValueRef::Integer(n)) => Some(n.to_string()),
        Ok(ValueRef::Null) => Some("NULL".to_owned()),
        Ok(ValueRef::Real(n)) => Some(n.to_string()),
        Ok(ValueRef::Text(text)) => Some(format!("'{}'", crate::secrets::head(&String::from_utf8_lossy(text), 200))),
        Ok(ValueRef::Blob(bytes)) => Some(format!("{} bytes", bytes.len())),
        // A statement that gives nothing is no query.
        Err(Error::InvalidColumnIndex(_)) => Some("no value".to_owned()),
        Err(error) => return Err(error),
    };
    match said {
        None if rows.next()?.is_some() => Ok(Some("more than one row".to_owned())),
        said => Ok(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assertion_holds_by_one_true_value() {
        let connection = Connection::open_in_memory().unwrap();
        let against = |sql: &str| against(&connection, sql).unwrap();
        assert_eq!(against("SELECT 1"), None);
        assert_eq!(against("SELECT NOT EXISTS (SELECT 1 WHERE 0), 'other columns'"), None);
        for (sql, said) in [
            ("SELECT 0", "0"),
            ("SELECT NULL", "NULL"),
            ("SELECT 'true'", "'true'"),
            ("SELECT 1.0", "1"),
            ("SELECT x'00'", "1 bytes"),
            ("SELECT 1 WHERE 0", "no row"),
            ("SELECT 1 UNION ALL SELECT 1", "more than one row"),
        ] {
            assert_eq!(against(sql).as_deref(), Some(said), "{sql}");
        }
    }

    #[test]
    fn a_statement_runs_to_its_end_and_alone() {
        let connection = Connection::open_in_memory().unwrap();
        run(&connection, "CREATE TABLE t (a)").unwrap();
        run(&connection, "INSERT INTO t VALUES (1), (2) RETURNING a").unwrap();
        assert_eq!(connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)), Ok(2));
        assert!(matches!(run(&connection, "DELETE FROM t; DROP TABLE t"), Err(Error::MultipleStatement)));
        assert_eq!(connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0)), Ok(2));
    }
}
