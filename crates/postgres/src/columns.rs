//! Columns by their numbers, with what the server looks up to print an index or a key: names, types, collations.
//!
//! `pg_get_indexdef` and `pg_get_constraintdef` look all of it up anew for every index and key, which on a large schema is
//! most of what reading it costs the server. Here it is known once, and the definitions are put together from it.

use crate::Server;
use crate::results::Row;
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};

/// A column as `pg_attribute` has it.
#[derive(Debug)]
pub struct RawColumn {
    /// Its name.
    pub name: String,
    /// The OID of its type.
    pub type_oid: u32,
    /// The OID of its collation; 0 where its type has none.
    pub collation: u32,
}

/// What `pg_type` says of a type that a column has.
#[derive(Debug, Clone, Copy)]
pub struct TypeFacts {
    /// `typtype`: `b` base, `c` composite, `d` domain, `e` enum, `p` pseudo, `r` range, `m` multirange.
    pub kind: char,
    /// Whether it is an array as `ANYARRAY` takes it.
    pub is_array: bool,
    /// For a domain: the OID of the type under it.
    pub base: u32,
    /// `typcategory`.
    pub category: char,
    /// The OID of its collation; 0 where it has none.
    pub collation: u32,
    /// `typstorage`.
    pub storage: char,
}

impl TypeFacts {
    /// What a query selects of `pg_type t` for [`TypeFacts::read`].
    #[must_use]
    pub fn select(server: &Server) -> String {
        // From 14 on a type says how it is subscripted; before, an array was known by its length.
        let is_array = if server.has_type_subscript() {
            "t.typsubscript = 'array_subscript_handler'::regproc"
        } else {
            "t.typelem <> 0 AND t.typlen = -1"
        };
        format!("t.typtype, {is_array}, t.typbasetype, t.typcategory, t.typcollation, t.typstorage")
    }

    /// Takes six values of a row, from that place on.
    #[must_use]
    pub fn read(row: &Row<'_>, at: usize) -> Self {
        Self {
            kind: row.char(at),
            is_array: row.bool(at + 1),
            base: row.oid(at + 2),
            category: row.char(at + 3),
            collation: row.oid(at + 4),
            storage: row.char(at + 5),
        }
    }
}

/// The columns of all tables and materialized views that are read, those of extensions too.
#[derive(Debug, Default)]
pub struct Columns {
    columns: HashMap<(u32, u32), RawColumn>,
    types: HashMap<u32, TypeFacts>,
    /// Collations as the server prints them with an empty `search_path`.
    collations: HashMap<u32, String>,
    /// The words that this server's `quote_ident` puts into quotes (`pg_get_keywords`, all but the unreserved).
    keywords: HashSet<String>,
}

impl Columns {
    /// Adds the column of a relation with that number.
    pub fn add(&mut self, relation: u32, number: u32, column: RawColumn) {
        self.columns.insert((relation, number), column);
    }

    /// Adds a type.
    pub fn add_type(&mut self, oid: u32, facts: TypeFacts) {
        self.types.insert(oid, facts);
    }

    /// Adds a collation as the server prints it.
    pub fn add_collation(&mut self, oid: u32, printed: String) {
        self.collations.insert(oid, printed);
    }

    /// Adds a word that has to be quoted.
    pub fn add_keyword(&mut self, word: String) {
        self.keywords.insert(word);
    }

    /// The column of a relation with that number.
    #[must_use]
    pub fn get(&self, relation: u32, number: u32) -> Option<&RawColumn> {
        self.columns.get(&(relation, number))
    }

    /// A type that some column has.
    #[must_use]
    pub fn type_facts(&self, oid: u32) -> Option<TypeFacts> {
        self.types.get(&oid).copied()
    }

    /// A collation that some column has, as the server prints it.
    #[must_use]
    pub fn collation(&self, oid: u32) -> Option<&str> {
        self.collations.get(&oid).map(String::as_str)
    }

    /// A name as this server prints it (`quote_identifier` in `src/backend/utils/adt/ruleutils.c`). What is written into
    /// statements goes through `underpin_sql::quote` instead, which quotes the words of all versions.
    #[must_use]
    pub fn quoted(&self, name: &str) -> String {
        let plain = |c: char| c.is_ascii_lowercase() || c == '_';
        let safe = name.starts_with(plain)
            && name.chars().all(|c| plain(c) || c.is_ascii_digit())
            && !self.keywords.contains(name);
        if safe { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    }

    /// The names of a relation's columns, quoted and parted by commas; none where one is not known.
    #[must_use]
    pub fn list(&self, relation: u32, numbers: &[String]) -> Option<String> {
        let names: Option<Vec<String>> = numbers
            .iter()
            .map(|number| self.get(relation, number.parse().ok()?).map(|column| self.quoted(&column.name)))
            .collect();
        names.map(|names| names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_the_server_does() {
        let mut columns = Columns::default();
        columns.add_keyword("order".to_owned());
        for (name, quoted) in [
            ("a1_", "a1_"),
            ("_a", "_a"),
            ("1a", "\"1a\""),
            ("Ab", "\"Ab\""),
            ("order", "\"order\""),
            ("a\"b", "\"a\"\"b\""),
            ("é", "\"é\""),
            ("a$b", "\"a$b\""),
        ] {
            assert_eq!(columns.quoted(name), quoted);
        }
    }

    #[test]
    fn a_column_that_is_not_known_gives_no_list() {
        let mut columns = Columns::default();
        columns.add(1, 2, RawColumn { name: "b".to_owned(), type_oid: 23, collation: 0 });
        assert_eq!(columns.list(1, &["2".to_owned()]).as_deref(), Some("b"));
        assert_eq!(columns.list(1, &["2".to_owned(), "3".to_owned()]), None);
    }
}
