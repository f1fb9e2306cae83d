//! What a statement of a plan does to tables, as far as its first words tell.
//!
//! It is asked whose references have to be looked at, so that what is not understood counts as everything.

use underpin_sql::sqlite::{Tok, keyword, toks};

/// What a statement touches. Names are as they are written, without quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Touch {
    /// No rows of any table, and no key that others refer to.
    Nothing,
    /// The rows of a table, or what it asks of them.
    Table(String),
    /// The index of that name goes: it may be the key that others refer to.
    Index(String),
    /// A table gets another name.
    Renamed {
        /// The old one.
        from: String,
        /// The new one.
        to: String,
    },
    /// A column gets another name.
    Column {
        /// Its table.
        table: String,
        /// The old name.
        from: String,
        /// The new one.
        to: String,
    },
    /// It cannot be told.
    Everything,
}

/// Goes through the tokens of a statement.
struct Reader<'a> {
    text: &'a str,
    toks: &'a [Tok],
}

impl Reader<'_> {
    /// Passes over the next token where it is one of these keywords, in upper case.
    fn passes(&mut self, keywords: &[&str]) -> bool {
        match self.toks {
            [first, rest @ ..] if keywords.iter().any(|k| first.is(self.text, k)) => {
                self.toks = rest;
                true
            }
            _ => false,
        }
    }

    /// Passes over all these keywords where they come next, one after the other.
    fn passes_all(&mut self, keywords: &[&str]) -> bool {
        let come = self.toks.len() >= keywords.len()
            && keywords.iter().zip(self.toks).all(|(keyword, tok)| tok.is(self.text, keyword));
        if come {
            self.toks = &self.toks[keywords.len()..];
        }
        come
    }

    /// The next name, without the schema that it may be said with.
    fn name(&mut self) -> Option<String> {
        let (first, rest) = self.toks.split_first()?;
        let mut name = first.name(self.text)?;
        self.toks = rest;
        if let [dot, second, rest @ ..] = self.toks
            && dot.text(self.text) == "."
        {
            name = second.name(self.text)?;
            self.toks = rest;
        }
        Some(name)
    }
}

/// What `sql`, one statement, touches.
pub(super) fn touch(sql: &str) -> Touch {
    let all = toks(sql);
    let mut read = Reader { text: sql, toks: &all };
    let verb = keyword(all.first(), sql);
    read.toks = all.get(1..).unwrap_or_default();
    let table = |name: Option<String>| name.map_or(Touch::Everything, Touch::Table);
    match verb.as_str() {
        "create" => {
            read.passes(&["TEMP", "TEMPORARY"]);
            if read.passes(&["TABLE"]) {
                read.passes_all(&["IF", "NOT", "EXISTS"]);
                return table(read.name());
            }
            if read.passes(&["UNIQUE", "INDEX", "VIEW", "TRIGGER", "VIRTUAL"]) {
                Touch::Nothing
            } else {
                Touch::Everything
            }
        }
        "drop" => {
            if read.passes(&["VIEW", "TRIGGER"]) {
                return Touch::Nothing;
            }
            let is_index = read.passes(&["INDEX"]);
            if !is_index && !read.passes(&["TABLE"]) {
                return Touch::Everything;
            }
            read.passes_all(&["IF", "EXISTS"]);
            if is_index { read.name().map_or(Touch::Everything, Touch::Index) } else { table(read.name()) }
        }
        "alter" => altered(&mut read).unwrap_or(Touch::Everything),
        "insert" | "replace" | "update" => {
            if read.passes(&["OR"]) {
                read.passes(&["ROLLBACK", "ABORT", "REPLACE", "FAIL", "IGNORE"]);
            }
            read.passes(&["INTO"]);
            table(read.name())
        }
        "delete" => {
            read.passes(&["FROM"]);
            table(read.name())
        }
        "pragma" | "select" | "values" | "reindex" | "analyze" | "vacuum" | "explain" | "" => Touch::Nothing,
        _ => Touch::Everything,
    }
}

fn altered(read: &mut Reader<'_>) -> Option<Touch> {
    if !read.passes(&["TABLE"]) {
        return None;
    }
    let table = read.name()?;
    if !read.passes(&["RENAME"]) {
        return Some(Touch::Table(table));
    }
    if read.passes(&["TO"]) {
        return Some(Touch::Renamed { from: table, to: read.name()? });
    }
    read.passes(&["COLUMN"]);
    let from = read.name()?;
    if !read.passes(&["TO"]) {
        return None;
    }
    Some(Touch::Column { table, from, to: read.name()? })
}

/// The table whose rows a statement reads from end to end, where that is clear: that of a new index, of an update, of
/// a column that comes or goes.
pub(super) fn read_through(sql: &str) -> Option<String> {
    let all = toks(sql);
    let mut read = Reader { text: sql, toks: all.get(1..).unwrap_or_default() };
    if keyword(all.first(), sql) != "create" {
        return match touch(sql) {
            Touch::Table(table) => Some(table),
            Touch::Nothing | Touch::Index(_) | Touch::Renamed { .. } | Touch::Column { .. } | Touch::Everything => None,
        };
    }
    read.passes(&["UNIQUE"]);
    if !read.passes(&["INDEX"]) {
        return None;
    }
    read.passes_all(&["IF", "NOT", "EXISTS"]);
    read.name()?;
    if read.passes(&["ON"]) { read.name() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_table(sql: &str) -> String {
        match touch(sql) {
            Touch::Table(name) => name,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn the_table_is_found_behind_the_first_words() {
        for sql in [
            "CREATE TABLE t (a)",
            "create temp table if not exists main.\"t\" (a)",
            "DROP TABLE IF EXISTS [t]",
            "ALTER TABLE t ADD COLUMN b REFERENCES p",
            "INSERT OR IGNORE INTO `t` VALUES (1)",
            "REPLACE INTO t VALUES (1)",
            "UPDATE OR FAIL main.t SET a = 1",
            "/* x */ DELETE FROM t -- y",
        ] {
            assert_eq!(of_table(sql), "t", "{sql}");
        }
        assert_eq!(of_table("DROP TABLE \"a \"\" b\""), "a \" b");
    }

    #[test]
    fn names_that_change_are_followed() {
        let (from, to) = ("a".to_owned(), "b c".to_owned());
        assert_eq!(touch("ALTER TABLE a RENAME TO \"b c\""), Touch::Renamed { from: from.clone(), to: to.clone() });
        for word in ["COLUMN ", ""] {
            let sql = format!("ALTER TABLE t RENAME {word}a TO \"b c\"");
            assert_eq!(touch(&sql), Touch::Column { table: "t".to_owned(), from: from.clone(), to: to.clone() });
        }
        assert_eq!(touch("DROP INDEX main.i"), Touch::Index("i".to_owned()));
    }

    #[test]
    fn what_is_not_understood_touches_everything() {
        for sql in ["PRAGMA legacy_alter_table = ON", "CREATE UNIQUE INDEX i ON t (a)", "CREATE VIEW v AS SELECT 1", ""]
        {
            assert_eq!(touch(sql), Touch::Nothing, "{sql}");
        }
        for sql in ["WITH x AS (SELECT 1) UPDATE t SET a = 1", "ATTACH 'x' AS y", "DROP", "ALTER t", "BEGIN"] {
            assert_eq!(touch(sql), Touch::Everything, "{sql}");
        }
    }

    #[test]
    fn long_work_is_on_a_table() {
        let table = |sql: &str| read_through(sql);
        assert_eq!(table("CREATE UNIQUE INDEX IF NOT EXISTS main.i ON \"T\" (a)"), Some("T".to_owned()));
        assert_eq!(table("UPDATE t SET a = 1"), Some("t".to_owned()));
        assert_eq!(table("CREATE TABLE t (a)"), None);
        assert_eq!(table("PRAGMA x"), None);
    }
}
