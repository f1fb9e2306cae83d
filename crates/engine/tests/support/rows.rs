//! The rows of a database, and whether they are there still after a change.

use super::renames::Renamed;
use super::schema::entries;
use super::{column, q, text};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a column makes of values (manual, "Datatypes In SQLite", 3.1, and "STRICT Tables").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    Integer,
    Text,
    Real,
    Numeric,
    None,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    pub name: String,
    pub affinity: Affinity,
    pub not_null: bool,
    pub default: Option<String>,
    pub is_computed: bool,
}

/// A row: its number, where it has one, and its values.
pub type Row = (Option<i64>, Vec<Value>);

/// A table with its rows.
#[derive(Debug, Clone)]
pub struct Table {
    pub name: String,
    /// The module, for a virtual table.
    pub module: Option<String>,
    pub sql: String,
    pub columns: Vec<Column>,
    /// The column that is another name for the number of the row.
    pub alias: Option<String>,
    /// A name by which the number of a row can be said.
    pub number: Option<String>,
    /// The highest number that was given, where numbers are never given again.
    pub sequence: Option<i64>,
    pub rows: Vec<Row>,
    /// The rows that a full-text search finds.
    pub found: BTreeMap<&'static str, Vec<i64>>,
}

/// Words that are looked for in full-text tables.
pub const SOUGHT: &[&str] = &["alpha", "beta", "gamma", "x", "7"];

fn affinity(declared: &str, strict: bool) -> Affinity {
    let declared = declared.to_ascii_uppercase();
    let has = |list: &[&str]| list.iter().any(|word| declared.contains(word));
    if strict && declared == "ANY" || declared.is_empty() {
        Affinity::None
    } else if has(&["INT"]) {
        Affinity::Integer
    } else if has(&["CHAR", "CLOB", "TEXT"]) {
        Affinity::Text
    } else if has(&["BLOB"]) {
        Affinity::None
    } else if has(&["REAL", "FLOA", "DOUB"]) {
        Affinity::Real
    } else {
        Affinity::Numeric
    }
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        self.columns.iter().enumerate().find(|(_, c)| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether it is a full-text table over another one, which it names.
    pub fn content(&self) -> Option<String> {
        let all = super::words::words(&self.sql, &|_| true);
        let at = all.iter().position(|w| w.text == "content")?;
        all.get(at + 2).map(|w| w.text.trim_matches('\'').to_owned())
    }

    /// The module, where the table keeps rows of its own.
    pub fn keeper(&self) -> Option<&str> {
        self.module.as_deref().filter(|_| self.content().is_none())
    }
}

fn read(connection: &Connection, name: &str, sql: &str) -> rusqlite::Result<Table> {
    let all = super::words::words(sql, &|_| true);
    let is_virtual = all.get(1).is_some_and(|w| w.text == "virtual");
    let using = all.iter().position(|w| w.text == "using").and_then(|n| all.get(n + 1));
    let module = using.filter(|_| is_virtual).map(|w| w.text.clone());
    let (without_rowid, strict): (bool, bool) = connection.query_row(
        &format!("SELECT wr, strict FROM pragma_table_list({}) WHERE schema = 'main'", text(name)),
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut query = connection.prepare(&format!(
        "SELECT name, type, \"notnull\", dflt_value, hidden, pk FROM pragma_table_xinfo({}) WHERE hidden <> 1",
        text(name)
    ))?;
    let mut keys = Vec::new();
    let mut columns = Vec::new();
    let mut list = query.query([])?;
    while let Some(row) = list.next()? {
        let (column, declared): (String, String) = (row.get(0)?, row.get(1)?);
        if row.get::<_, i64>(5)? > 0 {
            keys.push((column.clone(), declared.clone()));
        }
        columns.push(Column {
            name: column,
            affinity: affinity(&declared, strict),
            not_null: row.get(2)?,
            default: row.get(3)?,
            is_computed: row.get::<_, i64>(4)? > 0,
        });
    }
    let has_index: bool = connection.query_row(
        &format!("SELECT count(*) > 0 FROM pragma_index_list({}) WHERE origin = 'pk'", text(name)),
        [],
        |row| row.get(0),
    )?;
    let alias = match keys.as_slice() {
        [(name, declared)] if declared.eq_ignore_ascii_case("integer") && !has_index && !without_rowid => {
            Some(name.clone())
        }
        _ => None,
    };
    // The first column of an R-tree is the number of the row.
    let first = columns.first().filter(|_| module.as_ref().is_some_and(|m| m.starts_with("rtree")));
    let alias = alias.or_else(|| first.map(|c: &Column| c.name.clone()));
    let is_taken = |name: &str| columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
    let number = ["rowid", "_rowid_", "oid"].into_iter().find(|n| !is_taken(n)).filter(|_| !without_rowid);
    let number = alias.clone().or(number.map(str::to_owned));
    let picked: Vec<String> = columns.iter().map(|c| q(&c.name)).collect();
    let head = number.as_ref().map_or("NULL".to_owned(), |n| q(n));
    let all = format!(
        "SELECT {head}{}{} FROM {} ORDER BY 1",
        if picked.is_empty() { "" } else { ", " },
        picked.join(", "),
        q(name)
    );
    let row = |row: &rusqlite::Row<'_>| {
        let values: rusqlite::Result<Vec<Value>> = (0..columns.len()).map(|n| row.get(n + 1)).collect();
        Ok((row.get(0)?, values?))
    };
    let read = || -> rusqlite::Result<Vec<Row>> { connection.prepare(&all)?.query_map([], row)?.collect() };
    let rows = match read() {
        // One over another table, which may be missing, has no rows of its own.
        Err(_) if is_virtual => Vec::new(),
        rows => rows?,
    };
    let sequence = column::<i64>(connection, &format!("SELECT seq FROM sqlite_sequence WHERE name = {}", text(name)))
        .ok()
        .and_then(|list| list.first().copied());
    let mut found = BTreeMap::new();
    if module.as_ref().is_some_and(|m| m.starts_with("fts")) {
        for sought in SOUGHT {
            // A search that fails finds nothing.
            let sql = format!("SELECT rowid FROM {0} WHERE {0} MATCH {1} ORDER BY 1", q(name), text(sought));
            found.insert(*sought, column(connection, &sql).unwrap_or_default());
        }
    }
    Ok(Table { name: name.to_owned(), module, sql: sql.to_owned(), columns, alias, number, sequence, rows, found })
}

/// The tables of a database with their rows, by their names in lower case.
#[derive(Debug, Clone, Default)]
pub struct Rows(pub BTreeMap<String, Table>);

impl Rows {
    /// Those of a database. What a module keeps for itself is its own matter.
    pub fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let shadows: Vec<String> =
            column(connection, "SELECT name FROM pragma_table_list WHERE type = 'shadow' AND schema = 'main'")?;
        let mut found = BTreeMap::new();
        for entry in entries(connection)? {
            if entry.kind == "table" && !shadows.contains(&entry.name) {
                found.insert(entry.name.to_ascii_lowercase(), read(connection, &entry.name, &entry.sql)?);
            }
        }
        Ok(Self(found))
    }

    /// The table of that name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.0.get(&name.to_ascii_lowercase())
    }
}

/// Values that are written otherwise and mean the same: a number and its text.
fn same_meaning(a: &Value, b: &Value) -> bool {
    let shown = |v: &Value| match v {
        Value::Null => "null".to_owned(),
        Value::Integer(n) => n.to_string(),
        Value::Real(n) if *n == 0.0 => "0".to_owned(),
        Value::Real(n) => format!("{n:?}").trim_end_matches(".0").to_owned(),
        Value::Text(t) => t.strip_suffix(".0").unwrap_or(t).to_owned(),
        Value::Blob(b) => format!("{b:?}"),
    };
    // 1e300 and 1.0e+300 are one number.
    let large = |text: &str, n: f64| text.contains("e+") && text.parse() == Ok(n);
    let is_large = match (a, b) {
        (Value::Text(text), Value::Real(n)) | (Value::Real(n), Value::Text(text)) => large(text, *n),
        _ => false,
    };
    same(a, b) || shown(a) == shown(b) || is_large
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        _ => a == b,
    }
}

/// Whether the rows have the same numbers in both tables.
pub fn keeps_numbers(old: &Table, new: &Table, renamed: &Renamed) -> bool {
    let is_same = |alias: &String| match renamed.column(&new.name, alias) {
        // Its values are the numbers from then on.
        Some(was) => old.alias.as_ref().is_some_and(|a| a.eq_ignore_ascii_case(&was)),
        None => true,
    };
    old.number.is_some() && new.number.is_some() && new.alias.as_ref().is_none_or(is_same)
}

/// Looks whether the rows are there still. Gives the tables, by their old names, of which something is lost.
pub fn stay(
    before: &Rows,
    after: &Rows,
    renamed: &Renamed,
    filled: &[(String, String)],
) -> Result<BTreeSet<String>, String> {
    let mut lost = BTreeSet::new();
    let mut kept = BTreeSet::new();
    for new in after.0.values() {
        let Some(old) = renamed.table(&new.name).and_then(|name| before.table(&name)) else { continue };
        let same_sort = match (&old.module, &new.module) {
            (None, None) => true,
            // Full-text tables of all versions hold the same sort of rows.
            (Some(a), Some(b)) => {
                let is_like = a == b || a.starts_with("fts") && b.starts_with("fts");
                is_like && old.keeper().is_some() == new.keeper().is_some()
            }
            _ => false,
        };
        if !same_sort {
            continue;
        }
        let is_same = old.sql == new.sql;
        if new.module.is_some() && new.keeper().is_none() {
            // What it shows are the rows of another table, or none.
            if is_same && new.content().is_some_and(|c| c.is_empty()) && old.found != new.found {
                return Err(format!("{} found {:?} and finds {:?}", new.name, old.found, new.found));
            }
            if is_same {
                kept.insert(old.name.clone());
            }
            continue;
        }
        kept.insert(old.name.clone());
        if rows_of(old, new, renamed, filled)? {
            lost.insert(old.name.clone());
        }
        if is_same && old.found != new.found {
            return Err(format!("{} found {:?} and finds {:?}", new.name, old.found, new.found));
        }
        if let (Some(was), true) = (old.sequence, new.sql.to_ascii_lowercase().contains("autoincrement"))
            && new.sequence.is_none_or(|is| is < was)
        {
            return Err(format!("{} gave numbers up to {was}, and goes on from {:?}", new.name, new.sequence));
        }
    }
    let gone = before.0.values().filter(|t| !kept.contains(&t.name) && !t.rows.is_empty());
    // The rows of an index of another table are that one's.
    lost.extend(gone.filter(|t| t.content().is_none_or(|c| c.is_empty())).map(|t| t.name.clone()));
    Ok(lost)
}

/// Looks at the rows of one table; whether something of them is lost.
fn rows_of(old: &Table, new: &Table, renamed: &Renamed, filled: &[(String, String)]) -> Result<bool, String> {
    if old.rows.len() != new.rows.len() {
        return Err(format!("{} had {} rows and has {}", new.name, old.rows.len(), new.rows.len()));
    }
    let by_number = keeps_numbers(old, new, renamed);
    let numbers = |table: &Table| table.rows.iter().map(|r| r.0).collect::<Vec<_>>();
    if by_number && numbers(old) != numbers(new) {
        return Err(format!("the rows of {} had the numbers {:?} and have {:?}", new.name, numbers(old), numbers(new)));
    }
    let mut lost = false;
    let (mut left, mut went) = (vec![false; old.columns.len()], Vec::new());
    for (n, column) in new.columns.iter().enumerate().filter(|(_, c)| !c.is_computed) {
        let Some((m, was)) = renamed.column(&new.name, &column.name).and_then(|name| old.column(&name)) else {
            continue;
        };
        left[m] = true;
        let is_filled =
            filled.iter().any(|(t, c)| t.eq_ignore_ascii_case(&new.name) && c.eq_ignore_ascii_case(&column.name));
        if is_filled || new.alias.as_ref().is_some_and(|a| *a == column.name) && !by_number {
            continue;
        }
        // What was computed was not stored, and so was not converted.
        went.push((n, m, was.affinity == column.affinity && !was.is_computed, column));
    }
    for (column, _) in old.columns.iter().zip(&left).filter(|(c, left)| !**left && !c.is_computed) {
        let place = old.column(&column.name).map_or(0, |(n, _)| n);
        // The number of a row is had still where the new table has one.
        lost |= old.alias.as_ref() != Some(&column.name) && old.rows.iter().any(|r| r.1[place] != Value::Null);
    }
    let fits = |a: &Row, b: &Row| -> Result<bool, String> {
        let mut changed = false;
        for (n, m, same_affinity, column) in &went {
            let (was, is) = (&a.1[*m], &b.1[*n]);
            if *was == Value::Null && column.not_null && *is != Value::Null {
                continue;
            }
            if *same_affinity && !same(was, is) {
                return Err(format!("{}.{} was {was:?} and is {is:?}", new.name, column.name));
            }
            changed |= !same_meaning(was, is);
        }
        Ok(changed)
    };
    if by_number {
        for (a, b) in old.rows.iter().zip(&new.rows) {
            lost |= fits(a, b)?;
        }
        return Ok(lost);
    }
    // Without numbers each row has to find one that is like it.
    let mut free: Vec<&Row> = new.rows.iter().collect();
    for row in &old.rows {
        let Some(place) = free.iter().position(|b| fits(row, b).is_ok()) else {
            return Err(format!("{} has lost the row {row:?}", new.name));
        };
        lost |= fits(row, free.remove(place))?;
    }
    Ok(lost)
}

/// Whether full-text tables over other tables hold what these hold: they are built anew, and find the same.
pub fn indexes_of_others(connection: &Connection) -> rusqlite::Result<BTreeMap<String, bool>> {
    let mut agree = BTreeMap::new();
    for table in Rows::of(connection)?.0.values() {
        let is_index = table.module.as_ref().is_some_and(|m| m.starts_with("fts"))
            && table.content().is_some_and(|c| !c.is_empty());
        if is_index {
            connection.execute_batch("SAVEPOINT looked")?;
            let made = connection.execute_batch(&format!("INSERT INTO {0} ({0}) VALUES ('rebuild')", q(&table.name)));
            let again = read(connection, &table.name, &table.sql);
            connection.execute_batch("ROLLBACK TO looked; RELEASE looked")?;
            // What it is over may be missing, or lack a column.
            let holds = made.is_err() || again.is_ok_and(|again| again.found == table.found);
            agree.insert(table.name.to_ascii_lowercase(), holds);
        }
    }
    Ok(agree)
}
