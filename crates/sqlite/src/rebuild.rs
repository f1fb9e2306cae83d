//! # A table of SQLite is made anew
//!
//! ALTER TABLE of SQLite can rename, add a column of most sorts, drop one of some, and since 3.53 add and drop NOT NULL and CHECK.
//! Everything else, another type, default, key, foreign key or collation, STRICT and WITHOUT ROWID, is made by a new table that takes the
//! place of the old one. All changes of one table are one such step.
//!
//! Steps, in the one transaction of the plan, with `foreign_keys` off (it is switched off before the transaction begins: within one that has no effect,
//! and with it on `DROP TABLE` deletes the rows, and by `ON DELETE CASCADE` those that refer to them):
//!
//! 1. `CREATE TABLE _underpin_new_NAME`, as the desired SQL writes it; `_underpin_new2_NAME` and so on where that name is taken.
//! 2. `INSERT INTO … SELECT`: all rows with their numbers (`rowid`), which full-text tables and applications may know. A column that
//!    becomes NOT NULL gets what `-- underpin: backfill EXPR` says, or its default, where it has NULL; one that changes its type gets what
//!    `-- underpin: using EXPR` says, or what SQLite makes of the value.
//! 3. The highest number that AUTOINCREMENT ever gave is carried over in `sqlite_sequence`.
//! 4. `underpin apply` counts the rows on both sides and compares the values of columns that stay as they are.
//! 5. `DROP TABLE` of the old one, which takes its indexes and triggers along.
//! 6. `ALTER TABLE … RENAME TO` with `legacy_alter_table` on. Without it SQLite looks through all views and triggers, finds the
//!    table missing in those that read it, and refuses (found on 3.40 and 3.54); a program that commits nevertheless has lost the table. With it
//!    they are left alone, and are as they were when the table has its name. Foreign keys of other tables say the name too, and so stay.
//! 7. Its indexes and triggers are made again.
//! 8. `underpin apply` puts back what ANALYZE told of the table (`sqlite_stat1`, `sqlite_stat4`), which `DROP TABLE` deletes, for indexes that are
//!    the same, and names the others. A script or a file of migrations cannot, for such a statement fails where nobody has run ANALYZE: run
//!    ANALYZE behind it.
//! 9. `underpin apply` looks for rows that refer to nothing (`foreign_key_check`) and holds them against those that there were before; one more, and all is
//!    rolled back.
//!
//! A table whose own text says its name before a column (`CHECK (notes.id > 0)`) cannot be made under another name. Its rows are put into a
//! table without types instead, it is dropped and made again, and the rows are put back: each is written twice.
//!
//! While it runs others wait to write. In WAL mode they read on; in the other modes they wait to read while it ends. The plan tells rows, bytes and
//! about how long, from the real size; from a second on that is the hazard `blocks-writes`.
//!
//! It loses values only where a hazard says so: columns that go, and conversions that cannot be taken back for some row that is there.
//!
//! After a crash: nothing is left. The transaction is rolled back by whoever opens the database next, from its journal or its log.
//!
//! Sources: manual, ALTER TABLE (7, "Making Other Kinds Of Table Schema Changes"), Foreign Key Support (5), PRAGMA
//! `legacy_alter_table`, release notes of 3.53.0; trials on 3.40.1 and 3.54.1.

use crate::dialect::Wishes;
use crate::objects::{Affinity, Column, Generated, LiteCatalog, LiteObject, Table};
use crate::reading::{read_table, says_itself};
use std::collections::BTreeSet;
use std::ops::Range;
use underpin_model::Step;
use underpin_sql::sqlite::{TokKind, ident, keyword, literal, toks};

/// The name of this recipe.
pub(crate) const NAME: &str = "table-made-anew";

/// What the name of a table begins with while it is made; behind it comes a number where that name is taken, and `_`.
const NEW: &str = "_underpin_new";

/// A rebuild, written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuild {
    /// The statements in order.
    pub sql: Vec<String>,
    /// Columns whose values are gone after it.
    pub lost: Vec<String>,
    /// Columns some of whose values may be others after it.
    pub converted: Vec<Converted>,
    /// New columns that are NOT NULL and get no value from anything that was said.
    pub valueless: Vec<String>,
    /// Columns that become NOT NULL, where nothing says what rows with NULL get.
    pub unfilled: Vec<String>,
    /// Columns in lower case whose values may be others after it, or that are new; all of them where rows get other numbers.
    pub others: BTreeSet<String>,
}

/// A column whose values move to another affinity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// Its name.
    pub column: String,
    /// What becomes of them, in words.
    pub how: &'static str,
    /// What holds for a row whose value could not be had back, with `{column}` for the quoted column.
    pub changes: &'static str,
}

/// The name under which a table is made anew: one that is not taken.
#[must_use]
pub fn new_name(table: &str, is_taken: &dyn Fn(&str) -> bool) -> String {
    free_name(NEW, table, is_taken)
}

/// A name that is not taken: a head, a number where there has to be one, and the name of the table that it is about.
pub(crate) fn free_name(head: &str, table: &str, is_taken: &dyn Fn(&str) -> bool) -> String {
    let names = (2..).map(|n| format!("{head}{n}_{table}"));
    let mut names = std::iter::once(format!("{head}_{table}")).chain(names);
    // Somewhere the numbers are higher than what is there.
    names.find(|name| !is_taken(name)).unwrap_or_default()
}

/// Whether a schema has something of that name, or of one that the tables of a virtual table of that name would have.
#[must_use]
pub fn is_taken(catalog: &LiteCatalog, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let is_it = |taken: &str| {
        let taken = taken.to_ascii_lowercase();
        taken.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    catalog.objects.iter().any(|(id, object)| match object {
        LiteObject::VirtualTable(table) => is_it(id.part(0)) || table.shadows.iter().any(|s| is_it(s)),
        LiteObject::Table(_) | LiteObject::Index(_) | LiteObject::View(_) | LiteObject::Trigger(_) => is_it(id.part(0)),
    })
}

/// The table that is made anew under a name.
fn made_anew(name: &str) -> Option<&str> {
    name.strip_prefix(NEW)?.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('_')
}

/// The statements that make `table` from what it is to what it shall be, beside a table `new`.
#[must_use]
pub fn rebuild((table, new): (&str, &str), from: &Table, to: &Table, wishes: &Wishes) -> Rebuild {
    let mut out = Rebuild {
        sql: Vec::new(),
        lost: Vec::new(),
        converted: Vec::new(),
        valueless: Vec::new(),
        unfilled: Vec::new(),
        others: BTreeSet::new(),
    };
    // What is computed takes no values.
    let fed = to.columns.iter().filter(|c| c.generated == Generated::No);
    let taken: Vec<&str> = fed.filter_map(|c| wishes.origin(table, from, &c.name)).map(|c| c.name.as_str()).collect();
    let gone = from.columns.iter().filter(|c| c.generated == Generated::No && !taken.contains(&c.name.as_str()));
    out.lost.extend(gone.map(|c| c.name.clone()));
    let (mut into, mut values) = (Vec::new(), Vec::new());
    let alias = to.rowid_alias();
    let alias_is_new = alias.is_some_and(|a| wishes.origin(table, from, &a.name).is_none());
    let number = from.rowid_name().map(str::to_owned).or_else(|| from.rowid_alias().map(|a| ident(&a.name)));
    if let Some(read) = number {
        // Rows keep their numbers: full-text tables and applications may know them.
        match (alias, to.rowid_name()) {
            (Some(alias), _) if alias_is_new && wishes.value(table, &alias.name).is_none() => {
                into.push(ident(&alias.name));
                values.push(read);
            }
            (None, Some(write)) => {
                into.push(write.to_owned());
                values.push(read);
            }
            _ => {}
        }
    }
    for column in to.columns.iter().filter(|c| c.generated == Generated::No) {
        if into.contains(&ident(&column.name)) {
            continue;
        }
        let Some(value) = value((table, from, to), column, wishes, &mut out) else { continue };
        into.push(ident(&column.name));
        values.push(value);
    }
    if into.is_empty()
        && let Some(column) = to.columns.iter().find(|c| c.generated == Generated::No)
    {
        // None of its columns was there before; its rows stay all the same.
        into.push(ident(&column.name));
        values.push(default(column).unwrap_or_else(|| "NULL".to_owned()));
    }
    let stays = alias.is_none_or(|a| alias_is_new || wishes.origin(table, from, &a.name) == from.rowid_alias());
    let has_number = from.rowid_name().is_some() && to.rowid_name().is_some();
    out.others = to
        .columns
        .iter()
        .filter(|c| match into.iter().position(|name| *name == ident(&c.name)) {
            Some(at) => {
                let is_same = wishes.origin(table, from, &c.name).is_some_and(|old| values[at] == ident(&old.name) && old.name.eq_ignore_ascii_case(&c.name));
                !is_same || out.converted.iter().any(|x| x.column == c.name)
            }
            // What is computed anew is so from the same, or not.
            None => from.column(&c.name).is_none_or(|old| old.generated != c.generated || old.rules != c.rules),
        } || !(stays && has_number))
        .map(|c| c.name.to_ascii_lowercase())
        .collect();
    // Rows without a number get the next one that is free, which is known when all others have theirs.
    let last = alias
        .and_then(|a| wishes.origin(table, from, &a.name))
        .filter(|old| !old.not_null && from.rowid_alias() != Some(old))
        .map(|old| ident(&old.name))
        .filter(|old| values.contains(old));
    let copied = Copied { table, new, into, values, last };
    let name = read_table(&to.sql).map(|t| t.name);
    let keeps_numbers = from.is_autoincrement() && to.is_autoincrement();
    out.sql = match &name {
        Some(name) if says_itself(&to.sql, name) => copied.out_and_back(to, keeps_numbers),
        name => copied.beside(to, name.as_ref(), keeps_numbers),
    };
    out
}

/// What goes from the old table to the new one: columns, and what each gets out of an old row.
struct Copied<'a> {
    table: &'a str,
    /// What the other table is called.
    new: &'a str,
    into: Vec<String>,
    values: Vec<String>,
    /// The column of which rows with NULL come last.
    last: Option<String>,
}

impl Copied<'_> {
    fn order(&self) -> String {
        self.last.as_ref().map(|column| format!(" ORDER BY {column} IS NULL")).unwrap_or_default()
    }

    /// The new table is made beside the old one, and takes its name.
    fn beside(&self, to: &Table, name: Option<&Range<usize>>, keeps_numbers: bool) -> Vec<String> {
        let new = self.new;
        let create = match name {
            Some(name) => format!("{}{}{}", &to.sql[..name.start], ident(new), &to.sql[name.end..]),
            // Its statement could not be taken apart, but how it begins SQLite itself has written.
            None => format!("CREATE TABLE {} {}", ident(new), &to.sql[to.sql.find('(').unwrap_or(to.sql.len())..]),
        };
        let (into, values) = (self.into.join(", "), self.values.join(", "));
        let mut sql = vec![create, insert(to, new, &into, &values, self.table) + &self.order()];
        if keeps_numbers {
            // The highest number that was ever given, which may be that of a row long gone.
            sql.push(format!("DELETE FROM sqlite_sequence WHERE name = {}", literal(new)));
            sql.push(format!(
                "INSERT INTO sqlite_sequence (name, seq) SELECT {}, seq FROM sqlite_sequence WHERE name = {}",
                literal(new),
                literal(self.table)
            ));
        }
        sql.push(format!("DROP TABLE {}", ident(self.table)));
        sql.extend(legacy([format!("ALTER TABLE {} RENAME TO {}", ident(new), ident(self.table))]));
        sql
    }

    /// The rows are put aside and back. A table whose text says the table's own name before a column cannot be made under another
    /// name, and to follow that name in a rename SQLite would look through all views and triggers, of which those that read
    /// the table cannot be understood just then.
    fn out_and_back(&self, to: &Table, keeps_numbers: bool) -> Vec<String> {
        let aside = self.new;
        // Without types, so that no value becomes another.
        let columns: Vec<String> = (1..=self.into.len()).map(|n| format!("v{n}")).collect();
        let columns = columns.join(", ");
        let rename = |from: &str, to: &str| {
            format!("UPDATE sqlite_sequence SET name = {} WHERE name = {}", literal(to), literal(from))
        };
        let mut sql = vec![
            format!("CREATE TABLE {} ({columns})", ident(aside)),
            format!(
                "INSERT INTO {} ({columns}) SELECT {} FROM {}{}",
                ident(aside),
                self.values.join(", "),
                ident(self.table),
                self.order()
            ),
        ];
        if keeps_numbers {
            // What is dropped takes its highest number along.
            sql.push(rename(self.table, aside));
        }
        sql.push(format!("DROP TABLE {}", ident(self.table)));
        sql.push(to.sql.clone());
        sql.push(insert(to, self.table, &self.into.join(", "), &columns, aside));
        if keeps_numbers {
            sql.push(format!("DELETE FROM sqlite_sequence WHERE name = {}", literal(self.table)));
            sql.push(rename(aside, self.table));
        }
        sql.push(format!("DROP TABLE {}", ident(aside)));
        sql
    }
}

/// What stands before the table in a statement that changes rows of one whose constraints say what is done on conflict. That is meant for the
/// application: here no row may be left out or pushed out, and the transaction stays one.
#[must_use]
pub fn or_abort(sql: &str) -> &'static str {
    if toks(sql).iter().any(|t| t.is(sql, "CONFLICT")) { "OR ABORT " } else { "" }
}

/// Rows from one table into another.
fn insert(to: &Table, table: &str, into: &str, values: &str, from: &str) -> String {
    let or = or_abort(&to.sql);
    format!("INSERT {or}INTO {} ({into}) SELECT {values} FROM {}", ident(table), ident(from))
}

/// Statements for which SQLite does not look through views and triggers.
#[must_use]
pub fn legacy(sql: impl IntoIterator<Item = String>) -> Vec<String> {
    std::iter::once("PRAGMA legacy_alter_table = ON".to_owned())
        .chain(sql)
        .chain(["PRAGMA legacy_alter_table = OFF".to_owned()])
        .collect()
}

/// What a column gets out of an old row; none where its default does.
fn value(
    (table, from, to): (&str, &Table, &Table),
    column: &Column,
    wishes: &Wishes,
    out: &mut Rebuild,
) -> Option<String> {
    let said = wishes.value(table, &column.name);
    let default = default(column);
    let is_alias = |of: &Table, name: &str| of.rowid_alias().is_some_and(|a| a.name.eq_ignore_ascii_case(name));
    // Another name for the number of the row gets one of its own where it has none.
    let needs_value = column.not_null && !is_alias(to, &column.name);
    let Some(old) = wishes.origin(table, from, &column.name) else {
        if said.is_none() && needs_value && default.is_none() {
            out.valueless.push(column.name.clone());
        }
        return said.map(|said| format!("({said})"));
    };
    let name = ident(&old.name);
    // Where it was followed before it may stay, and rows that have the new value do not get it anew.
    if let Some(using) = wishes.usings.get(&Wishes::key(table, &column.name))
        && changes_type((old, from.strict), (column, to.strict))
    {
        return Some(format!("({using})"));
    }
    if let Some(how) = conversion((old, from.strict), (column, to.strict)) {
        out.converted.push(Converted { column: column.name.clone(), how: how.0, changes: how.1 });
    }
    let takes_null = !old.not_null && !is_alias(from, &old.name);
    if needs_value && takes_null {
        let fill = wishes.backfills.get(&Wishes::key(table, &column.name)).map(|b| format!("({b})")).or(default);
        if let Some(fill) = fill {
            return Some(format!("coalesce({name}, {fill})"));
        }
        out.unfilled.push(column.name.clone());
    }
    Some(name)
}

/// Whether a column changes its type, so that what was said with `using` is meant for its values. A table that becomes STRICT takes values of
/// the type only.
#[must_use]
pub fn changes_type((old, was_strict): (&Column, bool), (new, strict): (&Column, bool)) -> bool {
    !old.declared.eq_ignore_ascii_case(&new.declared) || (strict && !was_strict)
}

/// A column's default as an expression; none where it has none, or NULL.
#[must_use]
pub fn default(column: &Column) -> Option<String> {
    let text = column.default.as_ref()?;
    let list = toks(text);
    // A name is a string here, in quotes or without, unless it is one of the words that SQLite knows.
    let known = ["true", "false", "current_timestamp", "current_date", "current_time"];
    let text = match list.as_slice() {
        [only] if only.is(text, "NULL") => return None,
        [only] if only.kind == TokKind::Quoted => literal(&only.name(text).unwrap_or_default()),
        [only] if only.kind == TokKind::Word && !known.contains(&keyword(Some(only), text).as_str()) => {
            literal(only.text(text))
        }
        _ => text.clone(),
    };
    Some(format!("({text})"))
}

/// Texts that read as numbers and are not how SQLite would write these: `'007'`, `' 1'`, `'1e2'`.
const TEXT_LOST: &str = "typeof({column}) = 'text' AND ltrim({column}, char(9, 10, 11, 12, 13, 32)) GLOB '[-+.0-9]*' AND CAST(CAST({column} AS NUMERIC) AS TEXT) <> {column}";

/// Whole numbers that have no equal among those with a point.
const INTEGER_LOST: &str = "typeof({column}) = 'integer' AND CAST(CAST({column} AS REAL) AS INTEGER) <> {column}";

/// Numbers whose text, of 15 digits, reads as another.
const REAL_LOST: &str = "typeof({column}) = 'real' AND CAST(CAST({column} AS TEXT) AS REAL) <> {column}";

/// How values become others when they move to a column of another affinity, and which; none where all can be had back.
fn conversion(
    (old, was_strict): (&Column, bool),
    (new, strict): (&Column, bool),
) -> Option<(&'static str, &'static str)> {
    use Affinity::{Blob, Integer, Numeric, Real, Text};
    match (old.affinity(was_strict), new.affinity(strict)) {
        // A STRICT column of text takes no number as it is.
        (_, Text) if strict => None,
        (Text | Blob, Integer | Numeric | Real) => {
            Some(("texts that read as numbers become numbers, '007' becomes 7", TEXT_LOST))
        }
        (Integer | Numeric, Real) => Some(("whole numbers beyond 2^53 are rounded", INTEGER_LOST)),
        (Integer | Real | Numeric | Blob, Text) => Some(("numbers become texts of 15 digits", REAL_LOST)),
        (Integer, Integer) | (Text, Text) | (Real, Real) | (Numeric, Numeric) => None,
        (_, Blob) | (Integer, Numeric) | (Numeric, Integer) | (Real, Numeric | Integer) => None,
    }
}

/// The table that a step makes anew, by how such steps are written.
#[must_use]
pub fn rebuilt_table(step: &Step) -> Option<String> {
    let first = step.sql.first()?;
    let list = toks(first);
    let is_table = keyword(list.first(), first) == "create" && list.iter().take(3).any(|t| t.is(first, "TABLE"));
    let name = list.iter().take(4).find_map(|t| t.name(first).filter(|name| made_anew(name).is_some()))?;
    let table = made_anew(&name).filter(|_| is_table)?;
    // A table of the user's may have such a name too.
    let drops = |sql: &String| {
        let list = toks(sql);
        keyword(list.first(), sql) == "drop" && list.get(2).and_then(|t| t.name(sql)).is_some_and(|name| name == table)
    };
    step.sql.iter().any(drops).then(|| table.to_owned())
}
