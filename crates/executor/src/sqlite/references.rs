//! Foreign keys: what they refer to has to be there after a plan as it was before.
//!
//! They are off while a plan runs, as dropping a table would delete what refers to it. So they are looked at before the
//! first statement and before the commit, in the tables that the plan touches and those that refer to them. What was
//! broken before is told, and may stay; what is broken only afterwards may not. A key that refers to no key of its parent is the schema's own
//! affair: it is told, and nothing can be said of its rows.

use super::rebuild::Rebuild;
use super::tables::Table;
use super::touch::{Touch, touch};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::Step;
use underpin_sql::sqlite::ident;

/// How many kinds of broken references are told.
const TOLD: usize = 10;

/// What steps touch, and the names that they change.
#[derive(Debug, Default)]
pub(super) struct Touched {
    /// The tables, in lower case.
    tables: BTreeSet<String>,
    indexes: BTreeSet<String>,
    everything: bool,
    /// The changes of names, in order, in lower case.
    renames: Vec<Renamed>,
}

#[derive(Debug)]
enum Renamed {
    Table { from: String, to: String },
    Column { table: String, from: String, to: String },
}

impl Touched {
    pub(super) fn by(steps: &[Step]) -> Self {
        let mut touched = Self::default();
        for step in steps {
            for sql in &step.sql {
                touched.add(touch(sql));
            }
            let Some(rebuild) = Rebuild::of(step) else { continue };
            for copied in rebuild.copied.iter().filter(|c| !c.to.eq_ignore_ascii_case(&c.from)) {
                let (from, to) = (copied.from.to_ascii_lowercase(), copied.to.to_ascii_lowercase());
                touched.renames.push(Renamed::Column { table: rebuild.table.to_ascii_lowercase(), from, to });
            }
        }
        touched
    }

    fn add(&mut self, touch: Touch) {
        match touch {
            Touch::Nothing => {}
            Touch::Table(name) => {
                self.tables.insert(name.to_ascii_lowercase());
            }
            Touch::Index(name) => {
                self.indexes.insert(name.to_ascii_lowercase());
            }
            Touch::Renamed { from, to } => {
                let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
                self.tables.extend([from.clone(), to.clone()]);
                self.renames.push(Renamed::Table { from, to });
            }
            Touch::Column { table, from, to } => {
                let table = table.to_ascii_lowercase();
                self.tables.insert(table.clone());
                let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
                self.renames.push(Renamed::Column { table, from, to });
            }
            Touch::Everything => self.everything = true,
        }
    }

    /// Takes the tables of indexes in: where one goes, the key that others refer to may go with it.
    fn with_indexes(&mut self, connection: &Connection) -> Result<()> {
        for index in &self.indexes {
            let table = "SELECT lower(tbl_name) FROM sqlite_schema WHERE type = 'index' AND lower(name) = ?1";
            self.tables.extend(connection.query_row(table, [index], |row| row.get(0)).optional()?);
        }
        Ok(())
    }

    fn has(&self, table: &str) -> bool {
        self.everything || self.tables.contains(&table.to_ascii_lowercase())
    }
}

/// A foreign key that is broken, and by what; tables and columns in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Broken {
    /// The table that refers.
    table: String,
    /// The table that it refers to.
    parent: String,
    /// The columns that refer.
    columns: Vec<String>,
    /// Their values as SQL writes them; none where the row could not be read again, as it has no number.
    values: Option<String>,
    /// What is wrong where not with a row, in SQLite's words.
    mismatch: Option<String>,
}

/// Broken foreign keys, and how many rows each has.
pub(super) type References = BTreeMap<Broken, u64>;

/// The foreign keys that are broken now, of the touched tables and of those that refer to them.
pub(super) fn broken(connection: &Connection, touched: &mut Touched) -> Result<References> {
    touched.with_indexes(connection)?;
    let tables = "SELECT DISTINCT m.name, lower(k.\"table\") FROM sqlite_schema m, pragma_foreign_key_list(m.name) k
        WHERE m.type = 'table' ORDER BY 1";
    let mut wanted = BTreeSet::new();
    let mut referring = connection.prepare(tables)?;
    let mut rows = referring.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(1)?);
        if touched.has(&table) || touched.has(&parent) {
            wanted.insert(table);
        }
    }
    let mut found = References::new();
    for table in wanted {
        look(connection, &table, &mut found)?;
    }
    Ok(found)
}

/// Looks at the foreign keys of one table.
fn look(connection: &Connection, table: &str, found: &mut References) -> Result<()> {
    let mut keys: BTreeMap<i64, (String, Vec<String>)> = BTreeMap::new();
    let mut list = connection
        .prepare("SELECT id, \"table\", \"from\" FROM pragma_foreign_key_list(?1, 'main') ORDER BY id, seq")?;
    let mut rows = list.query([table])?;
    while let Some(row) = rows.next()? {
        let key = keys.entry(row.get(0)?).or_insert((row.get(1)?, Vec::new()));
        key.1.push(row.get(2)?);
    }
    let number = Table::read(connection, table)?.and_then(|t| t.number());
    let lower = |name: &str| name.to_ascii_lowercase();
    let mut add = |broken: Broken| *found.entry(broken).or_default() += 1;
    let mut check = connection.prepare("SELECT rowid, fkid FROM pragma_foreign_key_check(?1, 'main')")?;
    let mut rows = check.query(params![table])?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => return Ok(()),
            // The key that is referred to is none: nothing can be said of rows.
            Err(error) if error.to_string().contains("foreign key mismatch") => {
                let (parent, columns) = (String::new(), Vec::new());
                let mismatch = Some(message(&error));
                add(Broken { table: lower(table), parent, columns, values: None, mismatch });
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let (rowid, id): (Option<i64>, i64) = (row.get(0)?, row.get(1)?);
        let (parent, columns) = keys.get(&id).cloned().unwrap_or_default();
        let values = match (&number, rowid) {
            (Some(number), Some(rowid)) => {
                let list: Vec<String> = columns.iter().map(|c| format!("quote({})", ident(c))).collect();
                let sql = format!("SELECT {} FROM {} WHERE {number} = ?1", list.join(" || ', ' || "), ident(table));
                connection.prepare_cached(&sql)?.query_row([rowid], |row| row.get(0)).optional()?
            }
            _ => None,
        };
        let columns = columns.iter().map(|c| lower(c)).collect();
        add(Broken { table: lower(table), parent: lower(&parent), columns, values, mismatch: None });
    }
}

/// SQLite's message without what the driver puts around it.
fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// What was broken before under the names that it has afterwards.
fn renamed(before: References, touched: &Touched) -> References {
    let mut after = References::new();
    for (mut broken, rows) in before {
        for renamed in &touched.renames {
            match renamed {
                Renamed::Table { from, to } => {
                    for name in [&mut broken.table, &mut broken.parent] {
                        if name == from {
                            name.clone_from(to);
                        }
                    }
                }
                Renamed::Column { table, from, to } if *table == broken.table => {
                    for column in broken.columns.iter_mut().filter(|c| *c == from) {
                        column.clone_from(to);
                    }
                }
                Renamed::Column { .. } => {}
            }
        }
        *after.entry(broken).or_default() += rows;
    }
    after
}

/// What a plan did to references.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// What is broken only since, in words.
    pub(super) new: Vec<String>,
    /// What was broken before and still is, in words.
    pub(super) old: Vec<String>,
    /// Keys that refer to what is no key, in SQLite's words. That is how the schema is said to be, and rows have no part in it.
    pub(super) keyless: Vec<String>,
}

/// Holds what is broken now against what was broken before.
pub(super) fn judge(before: References, now: &References, touched: &Touched) -> Judged {
    let before = renamed(before, touched);
    let (mut new, mut old) = (References::new(), References::new());
    let mut keyless = Vec::new();
    for (key, rows) in now {
        if let Some(mismatch) = &key.mismatch {
            keyless.push(mismatch.clone());
            continue;
        }
        let were = before.get(key).copied().unwrap_or(0);
        if *rows > were {
            new.insert(key.clone(), rows - were);
        }
        if were > 0 {
            old.insert(key.clone(), were.min(*rows));
        }
    }
    Judged { new: in_words(&new), old: in_words(&old), keyless }
}

/// One line for each foreign key.
fn in_words(references: &References) -> Vec<String> {
    let mut lines: BTreeMap<String, (u64, Vec<&str>)> = BTreeMap::new();
    for (Broken { table, parent, columns, values, mismatch: _ }, rows) in references {
        let line = lines.entry(format!("of {table} ({}) to {parent}", columns.join(", "))).or_default();
        line.0 += rows;
        line.1.extend(values.as_deref());
    }
    let all = lines.into_iter().map(|(key, (rows, values))| {
        let row = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        let shown = values.iter().take(3).map(|v| crate::secrets::head(v, 60)).collect::<Vec<_>>().join("; ");
        let more = if values.len() > 3 { "; …" } else { "" };
        let shown = if shown.is_empty() { shown } else { format!(": {shown}{more}") };
        format!("{row} {key}{shown}")
    });
    let mut all: Vec<String> = all.collect();
    if all.len() > TOLD {
        let rest = all.len() - TOLD;
        all.truncate(TOLD);
        all.push(format!("and {rest} more foreign keys"));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Run;

    fn judged(setup: &str, steps: &[&str]) -> Judged {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("PRAGMA foreign_keys = OFF; {setup}")).unwrap();
        let steps: Vec<Step> =
            steps.iter().map(|sql| Step::new("s", Run::Sql, sql.split("; ").map(str::to_owned).collect())).collect();
        let mut touched = Touched::by(&steps);
        let before = broken(&connection, &mut touched).unwrap();
        for sql in steps.iter().flat_map(|s| &s.sql) {
            connection.execute_batch(sql).unwrap();
        }
        let now = broken(&connection, &mut touched).unwrap();
        judge(before, &now, &touched)
    }

    const TABLES: &str = "CREATE TABLE p (id INTEGER PRIMARY KEY, a);
        CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p);
        INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1, 1), (2, 2), (3, NULL), (4, 40), (5, 40);";

    #[test]
    fn what_was_broken_before_is_told_and_not_new() {
        let found = judged(TABLES, &["ALTER TABLE p ADD COLUMN b"]);
        assert_eq!((found.new, found.old), (Vec::new(), vec!["2 rows of c (p) to p: 40".to_owned()]));
        let found = judged(TABLES, &["CREATE TABLE x (a)"]);
        assert_eq!(found, Judged::default());
    }

    #[test]
    fn what_is_broken_since_is_new() {
        assert_eq!(judged(TABLES, &["DELETE FROM p WHERE id = 2"]).new, ["1 row of c (p) to p: 2"]);
        assert_eq!(judged(TABLES, &["DROP TABLE p"]).new, ["2 rows of c (p) to p: 1; 2"]);
        assert_eq!(judged(TABLES, &["UPDATE c SET p = 40 WHERE id = 1"]).new, ["1 row of c (p) to p: 40"]);
        assert_eq!(judged(TABLES, &["UPDATE c SET p = 41 WHERE id = 5"]).new, ["1 row of c (p) to p: 41"]);
    }

    #[test]
    fn names_that_change_are_followed() {
        for steps in [
            &["ALTER TABLE c RENAME TO d"][..],
            &["ALTER TABLE p RENAME TO q"],
            &["ALTER TABLE c RENAME COLUMN p TO q"],
            &["ALTER TABLE c RENAME TO d", "ALTER TABLE d RENAME COLUMN p TO q"],
            &["CREATE TABLE \"_underpin_new_c\" (id INTEGER PRIMARY KEY, q INT REFERENCES p); \
               INSERT INTO \"_underpin_new_c\" (\"id\", \"q\") SELECT \"id\", \"p\" FROM \"c\"; \
               DROP TABLE \"c\"; ALTER TABLE \"_underpin_new_c\" RENAME TO \"c\""],
        ] {
            let found = judged(TABLES, steps);
            assert_eq!((found.new, found.old.len()), (Vec::new(), 1), "{steps:?}");
        }
    }

    #[test]
    fn rows_without_a_number_are_counted() {
        let tables = "CREATE TABLE p (id INT PRIMARY KEY); INSERT INTO p VALUES (1), (2);
            CREATE TABLE c (id INT PRIMARY KEY, p INT REFERENCES p (id)) WITHOUT ROWID;
            INSERT INTO c VALUES (1, 1), (2, 2), (3, 9);";
        assert_eq!(judged(tables, &["ALTER TABLE p ADD COLUMN x"]).old, ["1 row of c (p) to p"]);
        let found = judged(tables, &["DELETE FROM p WHERE id = 1"]);
        assert_eq!(
            (found.new, found.old),
            (vec!["1 row of c (p) to p".to_owned()], vec!["1 row of c (p) to p".to_owned()])
        );
    }

    #[test]
    fn a_key_that_is_none_is_told() {
        let tables = "CREATE TABLE p (id INT); CREATE UNIQUE INDEX i ON p (id); INSERT INTO p VALUES (1);
            CREATE TABLE c (p INT REFERENCES p (id)); INSERT INTO c VALUES (1);";
        for (tables, step) in
            [(tables.to_owned(), "DROP INDEX i"), (format!("{tables} DROP INDEX i;"), "ALTER TABLE p ADD COLUMN x")]
        {
            let found = judged(&tables, &[step]);
            assert_eq!((found.new, found.old), (Vec::new(), Vec::new()));
            assert_eq!(found.keyless, ["foreign key mismatch - \"c\" referencing \"p\""]);
        }
    }
}
