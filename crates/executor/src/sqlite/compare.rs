//! Whether all rows came over into a table that is made anew.
//!
//! Both tables are read in the order of what their rows are known by, and `EXCEPT` walks along both at once, as SQLite
//! merges two queries that are in order already: of the ways that were tried on 1,000,000 rows of 6 columns it and a join
//! by the row's number are the fastest (0.2 s, where the copy takes 0.3 s and the three indexes 1.2 s), two cursors that
//! are walked together from outside take twice as long, and only the join gets slower where numbers are missing. The rows
//! of the old table differ from each other, so that none of them is without its like in the new one, and both have as
//! many, only where both hold the same.
//!
//! Values are held against each other without regard to collations. Whole numbers and others count as the same where they
//! are equal; a column that keeps values as they are has its types compared too.

use super::rebuild::{Copied, Rebuild};
use super::statement::whole;
use super::tables::{Affinity, Table};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Result, params_from_iter};
use underpin_sql::sqlite::ident;

/// The most columns that are compared: with their types they are columns of one query, which SQLite limits to 2000.
const MOST: usize = 900;

/// What is read of both tables.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Gives the first row of the old table that the new one has not, from its key on; none where only rows are counted.
    pub(super) sql: Option<String>,
    /// The columns by which a row is known, first in the query.
    key: Vec<Copied>,
    /// The other columns.
    others: Vec<Copied>,
}

/// How many rows a table has.
pub(super) fn count(connection: &Connection, table: &str) -> Result<u64> {
    connection.query_row(&format!("SELECT count(*) FROM {}", ident(table)), [], |row| whole(row, 0))
}

/// How the rows of a rebuild are compared.
pub(super) fn comparison(connection: &Connection, rebuild: &Rebuild) -> Result<Comparison> {
    let nothing = Comparison { sql: None, key: Vec::new(), others: Vec::new() };
    let (old, new) = (Table::read(connection, &rebuild.table)?, Table::read(connection, &rebuild.new)?);
    let (Some(old), Some(new)) = (old, new) else { return Ok(nothing) };
    // What is converted on the way cannot be held against what it was.
    let is_same = |c: &&Copied| old.affinity(&c.from).is_some_and(|a| new.affinity(&c.to) == Some(a));
    let same: Vec<Copied> = rebuild.copied.iter().filter(is_same).cloned().collect();
    if same.is_empty() || same.len() > MOST {
        return Ok(nothing);
    }
    let key = key(&same, &old, &new);
    let others: Vec<Copied> = same.into_iter().filter(|c| !key.contains(c)).collect();
    let typed = |c: &Copied| old.affinity(&c.from) == Some(Affinity::Blob);
    let read = |name: fn(&Copied) -> &String, is_number: &dyn Fn(&str) -> bool| {
        let plain = key.iter().chain(&others).map(|c| match name(c) {
            number if is_number(number) => ident(number),
            column => format!("{} COLLATE BINARY", ident(column)),
        });
        let types = key.iter().chain(&others).filter(|c| typed(c)).map(|c| format!("typeof({})", ident(name(c))));
        plain.chain(types).collect::<Vec<_>>()
    };
    let from = read(|c| &c.from, &|n| old.is_number(n));
    let to = read(|c| &c.to, &|n| new.is_number(n));
    let query = |columns: &[String], table: &str| {
        let list = columns.join(", ");
        if key.is_empty() {
            // Rows that are the same are counted.
            format!("SELECT {list}, count(*) FROM {} GROUP BY {list}", ident(table))
        } else {
            format!("SELECT {list} FROM {}", ident(table))
        }
    };
    let sql = format!("{} EXCEPT {} LIMIT 1", query(&from, &rebuild.table), query(&to, &rebuild.new));
    Ok(Comparison { sql: Some(sql), key, others })
}

/// The columns by which no two rows of the old table are the same, where they are taken over as they are.
fn key(same: &[Copied], old: &Table, new: &Table) -> Vec<Copied> {
    let number = |c: &&Copied| old.is_number(&c.from) && new.is_number(&c.to);
    let number = same.iter().find(number).or_else(|| same.iter().find(|c| old.is_number(&c.from)));
    if let Some(number) = number {
        return vec![number.clone()];
    }
    let key: Option<Vec<Copied>> = old
        .only_key()
        .into_iter()
        .map(|name| same.iter().find(|c| c.from.eq_ignore_ascii_case(name)).cloned())
        .collect();
    key.unwrap_or_default()
}

impl Comparison {
    /// What is different, in words; none where nothing is.
    pub(super) fn difference(&self, connection: &Connection, rebuild: &Rebuild) -> Result<Option<String>> {
        let Some(sql) = &self.sql else { return Ok(None) };
        let first = connection
            .query_row(sql, [], |row| (0..self.key.len()).map(|n| row.get::<_, Value>(n)).collect::<Result<Vec<_>>>())
            .optional()?;
        let Some(values) = first else { return Ok(None) };
        if self.key.is_empty() {
            return Ok(Some("a row is another".to_owned()));
        }
        let row: Vec<String> =
            self.key.iter().zip(&values).map(|(c, v)| format!("{} {}", c.from, in_words(v))).collect();
        let row = format!("the row with {}", row.join(", "));
        let columns: Vec<String> = self
            .others
            .iter()
            .map(|c| {
                let (from, to) = (format!("o.{}", ident(&c.from)), format!("n.{}", ident(&c.to)));
                format!("{from} COLLATE BINARY IS {to} AND typeof({from}) = typeof({to})")
            })
            .collect();
        let matches = |table: &str, name: fn(&Copied) -> &String| {
            let each = self.key.iter().enumerate();
            each.map(|(n, c)| format!("{table}.{} COLLATE BINARY IS ?{}", ident(name(c)), n + 1))
                .collect::<Vec<_>>()
                .join(" AND ")
        };
        let sql = format!(
            "SELECT {} FROM {} o, {} n WHERE {} AND {}",
            if columns.is_empty() { "1".to_owned() } else { columns.join(", ") },
            ident(&rebuild.table),
            ident(&rebuild.new),
            matches("o", |c| &c.from),
            matches("n", |c| &c.to)
        );
        let same = connection
            .query_row(&sql, params_from_iter(&values), |row| {
                (0..columns.len()).map(|n| row.get(n)).collect::<Result<Vec<bool>>>()
            })
            .optional()?;
        let Some(same) = same else { return Ok(Some(format!("{row} is missing"))) };
        let others: Vec<&str> =
            self.others.iter().zip(same).filter(|(_, same)| !same).map(|(c, _)| c.from.as_str()).collect();
        Ok(Some(format!("{row} has another value in {}", others.join(", "))))
    }
}

/// A value of a key, in a message.
fn in_words(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) => n.to_string(),
        Value::Text(text) => format!("'{}'", crate::secrets::head(text, 60)),
        Value::Blob(bytes) => format!("of {} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::{Run, Step};

    /// What is found after these statements, the last two of which are the step's INSERT and what was done to the new
    /// table behind it.
    fn difference(old: &str, new: &str, insert: &str, done: &str) -> Option<String> {
        let connection = Connection::open_in_memory().unwrap();
        let new = new.replacen("n (", "\"_underpin_new_t\" (", 1);
        let insert = insert.replacen("n (", "\"_underpin_new_t\" (", 1);
        connection.execute_batch(&format!("{old}; {new}; {insert}; {done}")).unwrap();
        let sql = vec![new, insert, "DROP TABLE \"t\"".to_owned()];
        let rebuild = Rebuild::of(&Step::new("s001", Run::Sql, sql)).unwrap();
        let comparison = comparison(&connection, &rebuild).unwrap();
        comparison.difference(&connection, &rebuild).unwrap()
    }

    const OLD: &str = "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b, c INTEGER);
        INSERT INTO t VALUES (1, 'x', 1, 1), (3, 'y', x'00', NULL), (4, NULL, 'z', 9)";
    const NEW: &str = "CREATE TABLE n (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE, b, c TEXT)";
    const INSERT: &str = "INSERT INTO n (\"id\", \"a\", \"b\", \"c\") SELECT \"id\", \"a\", \"b\", \"c\" FROM \"t\"";

    fn after(done: &str) -> Option<String> {
        difference(OLD, NEW, INSERT, &done.replace(" n ", " \"_underpin_new_t\" "))
    }

    #[test]
    fn nothing_differs_after_a_copy() {
        assert_eq!(after(""), None);
        // It is converted on the way.
        assert_eq!(after("UPDATE n SET c = 'other'"), None);
    }

    #[test]
    fn any_other_value_is_found_and_named() {
        let other = |done: &str| after(done).unwrap();
        assert_eq!(other("UPDATE n SET a = 'X' WHERE id = 1"), "the row with id 1 has another value in a");
        assert_eq!(other("UPDATE n SET b = 1.0 WHERE id = 1"), "the row with id 1 has another value in b");
        assert_eq!(other("UPDATE n SET b = '1', a = 'w' WHERE id = 1"), "the row with id 1 has another value in a, b");
        assert_eq!(other("UPDATE n SET a = '' WHERE id = 4"), "the row with id 4 has another value in a");
        assert_eq!(other("UPDATE n SET b = x'0000' WHERE id = 3"), "the row with id 3 has another value in b");
        assert_eq!(other("DELETE FROM n WHERE id = 3"), "the row with id 3 is missing");
        assert_eq!(other("UPDATE n SET id = 2 WHERE id = 3"), "the row with id 3 is missing");
    }

    #[test]
    fn rows_are_known_by_number_by_key_or_by_all_they_hold() {
        let old = "CREATE TABLE t (a TEXT, b); INSERT INTO t VALUES ('x', 1), ('x', 1), ('y', 2)";
        let numbered = "INSERT INTO n (rowid, \"a\", \"b\") SELECT rowid, \"a\", \"b\" FROM \"t\"";
        let bare = "INSERT INTO n (\"a\", \"b\") SELECT \"a\", \"b\" FROM \"t\"";
        let new = "CREATE TABLE n (a TEXT, b)";
        let done = "UPDATE \"_underpin_new_t\" SET a = 'y', b = 2 WHERE rowid = 1";
        assert_eq!(difference(old, new, numbered, ""), None);
        assert_eq!(difference(old, new, bare, ""), None);
        assert_eq!(difference(old, new, numbered, done).unwrap(), "the row with rowid 1 has another value in a, b");
        assert_eq!(difference(old, new, bare, done).unwrap(), "a row is another");
        let old = "CREATE TABLE t (a TEXT COLLATE NOCASE, b INT, c, PRIMARY KEY (b, a)) WITHOUT ROWID;
            INSERT INTO t VALUES ('x', 1, 0), ('y', 1, 0), ('a', 2, 0)";
        let all = "INSERT INTO n (\"a\", \"b\", \"c\") SELECT \"a\", \"b\", \"c\" FROM \"t\"";
        for new in
            ["CREATE TABLE n (c, a TEXT, b INT, PRIMARY KEY (a, b)) WITHOUT ROWID", "CREATE TABLE n (a TEXT, b INT, c)"]
        {
            assert_eq!(difference(old, new, all, ""), None);
            let found = difference(old, new, all, "UPDATE \"_underpin_new_t\" SET c = 7 WHERE a = 'y'");
            assert_eq!(found.unwrap(), "the row with b 1, a 'y' has another value in c");
            let found = difference(old, new, all, "UPDATE \"_underpin_new_t\" SET a = 'Y' WHERE a = 'y'");
            assert_eq!(found.unwrap(), "the row with b 1, a 'y' is missing");
        }
    }

    #[test]
    fn both_tables_are_walked_along_in_order() {
        let connection = Connection::open_in_memory().unwrap();
        let plan = |old: &str, new: &str, insert: &str| {
            connection.execute_batch(&format!("{old}; {new}")).unwrap();
            let sql = vec![new.to_owned(), insert.to_owned(), "DROP TABLE \"t\"".to_owned()];
            let rebuild = Rebuild::of(&Step::new("s001", Run::Sql, sql)).unwrap();
            let sql = comparison(&connection, &rebuild).unwrap().sql.unwrap();
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let plan: Vec<String> = plan.query_map([], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
            connection.execute_batch("DROP TABLE t; DROP TABLE \"_underpin_new_t\"").unwrap();
            // "… FOR LAST TERM" sorts rows with the same key, of which there is one.
            assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY")), "{sql}: {plan:?}");
            assert!(plan.iter().any(|line| line == "MERGE (EXCEPT)"), "{sql}: {plan:?}");
        };
        let insert = "INSERT INTO \"_underpin_new_t\" (\"id\", \"a\") SELECT \"id\", \"a\" FROM \"t\"";
        plan(
            "CREATE TABLE t (a TEXT COLLATE NOCASE UNIQUE, id INTEGER PRIMARY KEY)",
            "CREATE TABLE \"_underpin_new_t\" (id INTEGER PRIMARY KEY, a TEXT COLLATE NOCASE)",
            insert,
        );
        plan(
            "CREATE TABLE t (id TEXT PRIMARY KEY, a) WITHOUT ROWID",
            "CREATE TABLE \"_underpin_new_t\" (id TEXT PRIMARY KEY, a) WITHOUT ROWID",
            insert,
        );
        plan(
            "CREATE TABLE t (id, a)",
            "CREATE TABLE \"_underpin_new_t\" (id, a)",
            "INSERT INTO \"_underpin_new_t\" (rowid, \"id\", \"a\") SELECT rowid, \"id\", \"a\" FROM \"t\"",
        );
    }
}
