//! Virtual tables that are made anew with their rows: beside the old one, whose place they then take. What can be read of those is copied,
//! and with it what is told beside the columns: the language of each row (manual, "SQLite FTS3 and FTS4 Extensions", 6.5), and the
//! settings that a table was given by `INSERT INTO f (f, rank)` ("SQLite FTS5 Extension", 6).

use crate::objects::{LiteObject, VirtualTable};
use crate::rebuild::legacy;
use underpin_sql::sqlite::{ident, toks};

/// A virtual table made anew, written down.
pub(crate) struct Copied {
    /// The statements in order.
    pub sql: Vec<String>,
    /// Columns whose values are gone after it.
    pub lost: Vec<String>,
}

/// The statements that make a virtual table anew, under the name `aside` on the way; none where its statement cannot be taken apart.
/// `taken` are its columns that get values, each with the one that these come from.
pub(crate) fn copied(
    (name, aside): (&str, &str),
    taken: &[(String, String)],
    (old, new): (&VirtualTable, &VirtualTable),
) -> Option<Copied> {
    let list = toks(&new.sql);
    // CREATE VIRTUAL TABLE name
    let at = list.get(3)?;
    let mut create = new.sql.clone();
    create.replace_range(at.start..at.end, &ident(aside));
    let (theirs, ours) = (columns(old), columns(new));
    let mut pairs: Vec<(String, String)> = taken.iter().map(|(to, from)| (ident(to), ident(from))).collect();
    if new.module.starts_with("fts") {
        pairs.insert(0, ("rowid".to_owned(), "rowid".to_owned()));
        if let (Some(from), Some(to)) = (language(old), language(new)) {
            pairs.push((ident(&to), ident(&from)));
        }
    } else if let (Some(to), Some(from)) = (ours.first(), theirs.first())
        && !to.eq_ignore_ascii_case(from)
    {
        // The first column of an R-tree is the number of the row.
        pairs.retain(|(c, d)| *c != ident(to) && *d != ident(from));
        pairs.insert(0, (ident(to), ident(from)));
    }
    let (into, values): (Vec<String>, Vec<String>) = pairs.into_iter().unzip();
    let lost = theirs.into_iter().filter(|c| !values.contains(&ident(c))).collect();
    let (table, beside) = (ident(name), ident(aside));
    let mut sql =
        vec![create, format!("INSERT INTO {beside} ({}) SELECT {} FROM {table}", into.join(", "), values.join(", "))];
    if old.module == "fts5" && new.module == "fts5" {
        sql.push(format!("INSERT INTO {beside} ({beside}, rank) {}", settings(name)));
    }
    sql.push(format!("DROP TABLE {table}"));
    sql.extend(legacy([format!("ALTER TABLE {beside} RENAME TO {table}")]));
    Some(Copied { sql, lost })
}

/// The query of what a table of fts5 was told. The version is that of how it is kept, which its module knows.
fn settings(name: &str) -> String {
    format!("SELECT k, v FROM {} WHERE k <> 'version'", ident(&format!("{name}_config")))
}

/// Whether a virtual table is dropped and made again with settings that can be put aside and back.
pub(crate) fn has_settings(old: Option<&LiteObject>, new: Option<&LiteObject>) -> bool {
    match (old, new) {
        (Some(LiteObject::VirtualTable(old)), Some(LiteObject::VirtualTable(new))) => {
            old.module == "fts5" && new.module == "fts5"
        }
        _ => false,
    }
}

/// The statement that puts the settings of a table of fts5 into one of that name.
pub(crate) fn settings_aside(name: &str, aside: &str) -> String {
    format!("CREATE TABLE {} AS {}", ident(aside), settings(name))
}

/// The statements that give a new table of fts5 what was put aside.
pub(crate) fn settings_back(name: &str, aside: &str) -> [String; 2] {
    let (name, aside) = (ident(name), ident(aside));
    [format!("INSERT INTO {name} ({name}, rank) SELECT k, v FROM {aside}"), format!("DROP TABLE {aside}")]
}

/// The columns of a virtual table, with the hidden one that holds the language of a row.
fn columns(table: &VirtualTable) -> Vec<String> {
    table.columns.iter().flatten().cloned().chain(language(table)).collect()
}

/// The hidden column that holds the language of a row.
fn language(table: &VirtualTable) -> Option<String> {
    // To fts3 that is no option.
    (table.module == "fts4").then(|| table.option("languageid")).flatten().filter(|name| !name.is_empty())
}
