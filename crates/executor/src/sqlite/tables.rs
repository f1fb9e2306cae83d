//! What the file says of a table: its columns and how its rows are known.

use super::rebuild::is_row_number;
use rusqlite::{Connection, OptionalExtension as _, Result};
use underpin_sql::sqlite::ident;

/// What a column does to values that are put into it (manual, "Datatypes In SQLite", 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Affinity {
    Integer,
    Text,
    Real,
    Numeric,
    /// Values stay what they are: a declared type of BLOB or none, and ANY in a STRICT table.
    Blob,
}

impl Affinity {
    fn of(declared: &str, strict: bool) -> Self {
        let upper = declared.to_ascii_uppercase();
        let has = |words: &[&str]| words.iter().any(|w| upper.contains(w));
        if strict && upper == "ANY" {
            Self::Blob
        } else if has(&["INT"]) {
            Self::Integer
        } else if has(&["CHAR", "CLOB", "TEXT"]) {
            Self::Text
        } else if has(&["BLOB"]) || upper.is_empty() {
            Self::Blob
        } else if has(&["REAL", "FLOA", "DOUB"]) {
            Self::Real
        } else {
            Self::Numeric
        }
    }
}

/// A column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) affinity: Affinity,
    /// Its place in the primary key, from 1; 0 where it has none.
    key: u32,
}

/// A table of the file.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    /// Whether it has no row numbers, so that its primary key is what rows are known by.
    without_rowid: bool,
    /// The column that is another name of the row's number.
    alias: Option<String>,
}

impl Table {
    /// Reads a table of the schema `main`; none where there is none of that name.
    pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<Self>> {
        let kind = "SELECT wr, strict FROM pragma_table_list(?1) WHERE schema = 'main'";
        let of_table: Option<(bool, bool)> =
            connection.query_row(kind, [name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((without_rowid, strict)) = of_table else { return Ok(None) };
        let mut columns =
            connection.prepare("SELECT name, type, pk FROM pragma_table_xinfo(?1, 'main') ORDER BY cid")?;
        let columns: Vec<(Column, String)> = columns
            .query_map([name], |row| {
                let declared: String = row.get(1)?;
                let affinity = Affinity::of(&declared, strict);
                Ok((Column { name: row.get(0)?, affinity, key: row.get(2)? }, declared))
            })?
            .collect::<Result<_>>()?;
        let mut of_key = columns.iter().filter(|(column, _)| column.key > 0);
        let alias = match (of_key.next(), of_key.next()) {
            (Some((column, declared)), None) if !without_rowid && declared.eq_ignore_ascii_case("INTEGER") => {
                // `INTEGER PRIMARY KEY DESC` is none, for which it has an index.
                let index = "SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'";
                let has_index = connection.query_row(index, [name], |_| Ok(())).optional()?.is_some();
                (!has_index).then(|| column.name.clone())
            }
            _ => None,
        };
        Ok(Some(Self { columns: columns.into_iter().map(|(column, _)| column).collect(), without_rowid, alias }))
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether a name stands for the row's number: a column that does, or a name of it that no column has.
    pub(super) fn is_number(&self, name: &str) -> bool {
        let is_alias = self.alias.as_ref().is_some_and(|a| a.eq_ignore_ascii_case(name));
        is_alias || (!self.without_rowid && is_row_number(name) && self.column(name).is_none())
    }

    /// The affinity of what a name stands for; none where it stands for nothing.
    pub(super) fn affinity(&self, name: &str) -> Option<Affinity> {
        if self.is_number(name) { Some(Affinity::Integer) } else { self.column(name).map(|c| c.affinity) }
    }

    /// The columns of the primary key, where rows are known by that alone.
    pub(super) fn only_key(&self) -> Vec<&str> {
        let mut key: Vec<&Column> = self.columns.iter().filter(|c| self.without_rowid && c.key > 0).collect();
        key.sort_by_key(|c| c.key);
        key.into_iter().map(|c| c.name.as_str()).collect()
    }

    /// A name by which the row's number can be read; none where there is none, or columns have all its names.
    pub(super) fn number(&self) -> Option<String> {
        let free = ["rowid", "_rowid_", "oid"].into_iter().find(|n| self.is_number(n)).map(str::to_owned);
        free.or_else(|| self.alias.as_ref().map(|a| ident(a)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(sql: &str) -> Table {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(sql).unwrap();
        Table::read(&connection, "t").unwrap().unwrap()
    }

    #[test]
    fn affinities_are_those_of_the_manual() {
        use Affinity::{Blob, Integer, Numeric, Real, Text};
        let of = |declared: &str| Affinity::of(declared, false);
        let all = [("INTEGER", Integer), ("CHARINT", Integer), ("VARCHAR(9)", Text), ("clob", Text), ("", Blob)];
        let more = [("BLOB", Blob), ("DOUBLE PRECISION", Real), ("DECIMAL(9,2)", Numeric), ("ANY", Numeric)];
        for (declared, affinity) in all.into_iter().chain(more) {
            assert_eq!(of(declared), affinity, "{declared}");
        }
        assert_eq!(Affinity::of("ANY", true), Blob);
        // What SQLite itself makes of them: a table that is made of a query says the affinity as a type.
        let connection = Connection::open_in_memory().unwrap();
        for (declared, affinity) in all.into_iter().chain(more) {
            connection
                .execute_batch(&format!("CREATE TABLE t (a {declared}); CREATE TABLE u AS SELECT a FROM t"))
                .unwrap();
            assert_eq!(Table::read(&connection, "u").unwrap().unwrap().columns[0].affinity, affinity, "{declared}");
            connection.execute_batch("DROP TABLE t; DROP TABLE u").unwrap();
        }
    }

    #[test]
    fn rows_are_known_by_their_number_or_by_their_key() {
        let plain = table("CREATE TABLE t (a, oid)");
        assert!(plain.is_number("rowid") && plain.is_number("_ROWID_") && !plain.is_number("oid"));
        assert_eq!(plain.number().as_deref(), Some("rowid"));
        let alias = table("CREATE TABLE t (Id INTEGER PRIMARY KEY, rowid, _rowid_, oid)");
        assert!(alias.is_number("id") && !alias.is_number("rowid"));
        assert_eq!(alias.number().as_deref(), Some("\"Id\""));
        assert!(!table("CREATE TABLE t (id INTEGER PRIMARY KEY DESC)").is_number("id"));
        assert!(!table("CREATE TABLE t (id INT PRIMARY KEY)").is_number("id"));
        assert_eq!(table("CREATE TABLE t (rowid, _rowid_, oid)").number(), None);
        let keyed = table("CREATE TABLE t (a, b, c, PRIMARY KEY (c, a)) WITHOUT ROWID");
        assert_eq!(keyed.only_key(), ["c", "a"]);
        assert_eq!((keyed.number(), keyed.is_number("rowid")), (None, false));
        assert!(plain.only_key().is_empty());
    }
}
