//! Renames by hint, and names that differ in case only: done first, by ALTER, which follows them through indexes, triggers, views and
//! foreign keys. The rest is planned from what SQLite itself says after them.

use super::desired::{Renamed, Said};
use super::memory::{Memory, words};
use crate::EngineError;
use std::collections::BTreeMap;
use underpin_model::{Change, Diagnostic, Severity, Source as Origin};
use underpin_sql::sqlite::ident;
use underpin_sqlite::objects::Table;
use underpin_sqlite::{Attribute, LiteCatalog, LiteId, LiteKind, LiteObject};

/// A rename that is still to be done.
#[derive(Debug, Clone)]
pub(crate) struct Rename {
    pub words: String,
    pub sql: Vec<String>,
    pub reason: &'static str,
    pub origin: Option<Origin>,
    /// Whether applications know the name.
    pub breaks: bool,
    /// The object, before and after.
    pub objects: [LiteId; 2],
}

/// What a name is called while two change places.
const AWAY: &str = "_underpin_away_";

/// What comes of the hints.
pub(crate) struct Followed {
    pub pending: Vec<Rename>,
    /// The schema after them; none where there are none.
    pub base: Option<LiteCatalog>,
    pub findings: Vec<Diagnostic>,
}

fn id(name: &str) -> LiteId {
    LiteId::new(LiteKind::Table, [name])
}

fn find<'c>(catalog: &'c LiteCatalog, name: &str) -> Option<(&'c str, &'c Table)> {
    catalog.objects.iter().find_map(|(id, object)| match object {
        LiteObject::Table(table) if id.part(0).eq_ignore_ascii_case(name) => Some((id.part(0), table)),
        _ => None,
    })
}

/// The renames between two schemas, done on a copy of the first.
pub(crate) fn follow(from: &LiteCatalog, to: &LiteCatalog, said: &Said) -> Result<Followed, EngineError> {
    let mut findings = Vec::new();
    let tables = tables(from, to, &said.renames, &mut findings);
    // The old names of tables by their new ones, in lower case.
    let was: BTreeMap<String, &str> = tables.iter().map(|t| (t.new.to_ascii_lowercase(), t.old.as_str())).collect();
    let mut pending =
        in_order(&tables, |old, new| vec![format!("ALTER TABLE {} RENAME TO {}", ident(old), ident(new))]);
    let mut columns: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    for hint in &said.renames {
        let Some(column) = &hint.column else { continue };
        let place = format!("{}:{}", hint.origin.file, hint.origin.line);
        let Some((table, _)) = find(to, &hint.table) else { continue };
        let old_table = was.get(&table.to_ascii_lowercase()).copied().unwrap_or(table);
        // A table that is not there yet is made with its columns.
        let Some((_, live)) = find(from, old_table) else { continue };
        match (live.column(&hint.old), live.column(column)) {
            (Some(old), _) if !old.name.eq_ignore_ascii_case(column) => {
                let is_wanted = find(to, table).is_some_and(|(_, t)| t.column(&hint.old).is_some());
                let is_moved = said.renames.iter().any(|h| {
                    h.table == hint.table && h.column.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(&hint.old))
                });
                if is_wanted && !is_moved {
                    findings.push(still_wanted(&place, &format!("column {table}.{}", hint.old)));
                } else if live.column(column).is_none() || is_taken_away(said, hint, column) {
                    columns.entry(table.to_owned()).or_default().push(Pair {
                        old: old.name.clone(),
                        new: column.clone(),
                        origin: Some(hint.origin.clone()),
                        kind: "column",
                    });
                } else {
                    findings.push(both_there(&place, &format!("column {table}.{}", hint.old), column));
                }
            }
            // Done before.
            (_, Some(_)) => {}
            (_, None) => findings.push(not_there(&place, &format!("column {table}.{}", hint.old))),
        }
    }
    for (table, pairs) in &columns {
        let sql = |old: &str, new: &str| {
            vec![format!("ALTER TABLE {} RENAME COLUMN {} TO {}", ident(table), ident(old), ident(new))]
        };
        let mut list = in_order(pairs, sql);
        for rename in &mut list {
            rename.words = rename.words.replacen("rename column ", &format!("rename column {table}."), 1);
            rename.objects = [id(table), id(table)];
        }
        pending.extend(list);
    }
    if pending.is_empty() {
        return Ok(Followed { pending, base: None, findings });
    }
    let failed = |e: &rusqlite::Error, sql: &str| {
        EngineError::Unproved(vec![
            Diagnostic::new(
                Severity::Error,
                "step-fails",
                format!("a rename fails on a copy of the schema: {}", words(e)),
            )
            .note(format!("the statement: {sql}"))
            .note("ALTER TABLE looks through every view and trigger, and refuses where one of them is broken already")
            .help("mend or drop what it names first; nothing was changed in the database"),
        ])
    };
    let memory = Memory::of(from).map_err(|e| failed(&e, "the schema as it is"))?;
    for sql in pending.iter().flat_map(|r| &r.sql) {
        memory.run(sql).map_err(|e| failed(&e, sql))?;
    }
    let base = memory.read().map_err(|e| EngineError::Failure(words(&e)))?;
    Ok(Followed { pending, base: Some(base), findings })
}

/// One name for another.
struct Pair {
    old: String,
    new: String,
    origin: Option<Origin>,
    kind: &'static str,
}

fn is_taken_away(said: &Said, hint: &Renamed, name: &str) -> bool {
    said.renames.iter().any(|h| {
        h.table == hint.table && h.column.is_some() == hint.column.is_some() && h.old.eq_ignore_ascii_case(name)
    })
}

fn tables(from: &LiteCatalog, to: &LiteCatalog, hints: &[Renamed], findings: &mut Vec<Diagnostic>) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for hint in hints.iter().filter(|h| h.column.is_none()) {
        let place = format!("{}:{}", hint.origin.file, hint.origin.line);
        let leaves = |name: &str| hints.iter().any(|h| h.column.is_none() && h.old.eq_ignore_ascii_case(name));
        match (find(from, &hint.old), find(from, &hint.table)) {
            (Some((old, _)), there) if !old.eq_ignore_ascii_case(&hint.table) => {
                let is_moved = hints.iter().any(|h| h.column.is_none() && h.table.eq_ignore_ascii_case(&hint.old));
                if find(to, &hint.old).is_some() && !is_moved {
                    findings.push(still_wanted(&place, &format!("table {}", hint.old)));
                } else if there.is_none() || leaves(&hint.table) {
                    pairs.push(Pair {
                        old: old.to_owned(),
                        new: hint.table.clone(),
                        origin: Some(hint.origin.clone()),
                        kind: "table",
                    });
                } else {
                    findings.push(both_there(&place, &format!("table {}", hint.old), &hint.table));
                }
            }
            (_, Some(_)) => {}
            (_, None) => findings.push(not_there(&place, &format!("table {}", hint.old))),
        }
    }
    // To SQLite names are equal in any case; a table that goes and comes would lose its rows.
    for wanted in to.objects.iter().filter(|(_, o)| matches!(o, LiteObject::Table(_))).map(|(id, _)| id.part(0)) {
        if let Some((there, _)) = find(from, wanted)
            && there != wanted
            && !pairs.iter().any(|p: &Pair| p.old == there)
        {
            pairs.push(Pair { old: there.to_owned(), new: wanted.to_owned(), origin: None, kind: "table" });
        }
    }
    pairs
}

fn not_there(place: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "rename-not-found",
        format!(
            "{place}: {what}, which a hint says something was renamed from, is not there, and neither is its new name"
        ),
    )
    .help("take the hint away where the rename was done long ago, or correct the old name")
}

fn still_wanted(place: &str, what: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "rename-not-found",
        format!(
            "{place}: {what} is said to have another name now, but the desired SQL still has it, so nothing is renamed"
        ),
    )
    .help("take the hint away, or what has the old name")
}

fn both_there(place: &str, what: &str, new: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "rename-not-found",
        format!("{place}: {what} and {new} are both there, so nothing is renamed, and the old one goes"),
    )
    .help("move what the old one holds first, or take the hint away")
}

/// Renames in an order in which no name is taken before it is free: what waits for another goes away first.
fn in_order(pairs: &[Pair], sql: impl Fn(&str, &str) -> Vec<String>) -> Vec<Rename> {
    let made = |pair: &Pair, sql: Vec<String>| Rename {
        words: format!("rename {} {} to {}", pair.kind, pair.old, pair.new),
        sql,
        reason: if pair.origin.is_some() {
            "a hint says so: what it holds is kept"
        } else {
            "the name is written in another case"
        },
        origin: pair.origin.clone(),
        breaks: !pair.old.eq_ignore_ascii_case(&pair.new),
        objects: [id(&pair.old), id(&pair.new)],
    };
    let takes_old = |pair: &Pair| pairs.iter().any(|p| p.old.eq_ignore_ascii_case(&pair.new));
    let (mut out, mut late) = (Vec::new(), Vec::new());
    for (n, pair) in pairs.iter().enumerate() {
        if takes_old(pair) {
            let away = format!("{AWAY}{n}");
            out.push(made(pair, sql(&pair.old, &away)));
            late.push(made(pair, sql(&away, &pair.new)));
        } else {
            out.push(made(pair, sql(&pair.old, &pair.new)));
        }
    }
    // Whose new name is nobody's old one can go at once, but not before that one has left; all that leave have by now.
    out.extend(late);
    out
}

/// What looks like a rename and is said to be none.
pub(crate) fn likely(from: &LiteCatalog, to: &LiteCatalog, changes: &[Change<LiteObject>]) -> Vec<Diagnostic> {
    let shape = |catalog: &LiteCatalog, id: &LiteId| match catalog.objects.get(id) {
        Some(LiteObject::Table(table)) => {
            let columns: Vec<String> =
                table.columns.iter().map(|c| format!("{} {} {:?}", c.name, c.declared, c.rules)).collect();
            Some(format!("{columns:?} {:?}", table.rules))
        }
        _ => None,
    };
    let mut list: Vec<(String, String, String)> = underpin_diff::likely_renames(from, to, changes, shape)
        .into_iter()
        .map(|r| (r.from.to_string(), r.to.to_string(), r.from.last().to_owned()))
        .collect();
    let mut by_table: BTreeMap<&LiteId, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
    for change in changes {
        let Change::Alter { id, attribute } = change else { continue };
        match attribute {
            Attribute::ColumnGoes { name } => by_table.entry(id).or_default().0.push(name),
            Attribute::ColumnComes { name, text: _ } => by_table.entry(id).or_default().1.push(name),
            _ => {}
        }
    }
    for (id, (goes, comes)) in by_table {
        let (Some(LiteObject::Table(old)), Some(LiteObject::Table(new))) = (from.objects.get(id), to.objects.get(id))
        else {
            continue;
        };
        let ([gone], [come]) = (goes.as_slice(), comes.as_slice()) else { continue };
        if let (Some(a), Some(b)) = (old.column(gone), new.column(come))
            && a.declared == b.declared
            && a.rules == b.rules
        {
            let column = |name: &str| format!("column {}.{name}", id.part(0));
            list.push((column(gone), column(come), (*gone).to_owned()));
        }
    }
    list.into_iter()
        .map(|(from, to, old)| {
            Diagnostic::new(
                Severity::Warning,
                "likely-rename",
                format!("{from} goes and {to} comes, and they are otherwise the same: is this a rename?"),
            )
            .note("without a hint it is a drop and a create, and what the old one holds is lost")
            .help(format!(
                "if it is a rename, write `-- underpin: renamed-from {old}` on or above it in the desired SQL"
            ))
        })
        .collect()
}
