//! Renames by hint, and names that differ in case only: done first, by ALTER, which follows them through indexes, triggers, views and
//! foreign keys. The rest is planned from what SQLite itself says after them.

use super::desired::{Renamed, Said};
use super::memory::{Memory, words};
use super::pairs::{Names, Pair, Settled, settle, undecided};
use crate::EngineError;
use std::collections::BTreeMap;
use underpin_model::{Change, Diagnostic, Kind, Severity, Source as Origin};
use underpin_sql::sqlite::ident;
use underpin_sqlite::objects::Table;
use underpin_sqlite::{Attribute, LiteCatalog, LiteId, LiteKind, LiteObject, Wishes};

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
    /// Columns that ALTER cannot rename: by table and new name in lower case, the old name.
    pub moved: BTreeMap<(String, String), String>,
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
    let mut tables = tables(from, to, &said.renames);
    findings.append(&mut tables.findings);
    let none = BTreeMap::new();
    // Names that go round are followed where that leaves less to do.
    for round in std::mem::take(&mut tables.rounds) {
        let with = [tables.pairs.clone(), round.clone()].concat();
        match is_less((from, to), &all(&tables.pairs, &none), &all(&with, &none))? {
            Some(true) => tables.pairs = with,
            Some(false) => {}
            None => findings.push(undecided("tables ", &round)),
        }
    }
    let mut by_table: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    let mut moved = BTreeMap::new();
    for (table, mut columns) in columns(from, to, &tables.pairs, &said.renames) {
        findings.append(&mut columns.findings);
        if find(from, &was(&tables.pairs, &table)).is_some_and(|(_, t)| !t.without_rowid)
            && columns
                .pairs
                .iter()
                .chain(columns.rounds.iter().flatten())
                .any(|p| is_number(&p.old) || is_number(&p.new))
        {
            let rounds = columns.rounds.iter();
            findings.extend(rounds.map(|round| undecided(&format!("columns of {table} "), round)));
            moved.extend(columns.pairs.into_iter().map(|p| (Wishes::key(&table, &p.new), p.old)));
            continue;
        }
        by_table.insert(table.clone(), columns.pairs);
        for round in columns.rounds {
            let mut with = by_table.clone();
            with.entry(table.clone()).or_default().extend(round.clone());
            match is_less((from, to), &all(&tables.pairs, &by_table), &all(&tables.pairs, &with))? {
                Some(true) => by_table = with,
                Some(false) => {}
                None => findings.push(undecided(&format!("columns of {table} "), &round)),
            }
        }
    }
    let mut pending = all(&tables.pairs, &by_table);
    if pending.is_empty() {
        return Ok(Followed { pending, base: None, findings, moved });
    }
    let (broken, base) = carry_out(from, &pending)?;
    pending.splice(0..0, broken);
    Ok(Followed { pending, base: Some(base), findings, moved })
}

/// Whether SQLite takes a name for that of the row's number, and renames no column from it or to it (found by trial on 3.54).
fn is_number(name: &str) -> bool {
    ["rowid", "oid", "_rowid_"].iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// The name that a table has before the renames.
fn was(tables: &[Pair], new: &str) -> String {
    tables.iter().find(|p| p.new.eq_ignore_ascii_case(new)).map_or(new, |p| p.old.as_str()).to_owned()
}

/// All renames in order: tables, and then columns under the new names of their tables.
fn all(tables: &[Pair], columns: &BTreeMap<String, Vec<Pair>>) -> Vec<Rename> {
    let mut list =
        in_order("table ", tables, |old, new| format!("ALTER TABLE {} RENAME TO {}", ident(old), ident(new)));
    for (table, pairs) in columns {
        let sql = |old: &str, new: &str| {
            format!("ALTER TABLE {} RENAME COLUMN {} TO {}", ident(table), ident(old), ident(new))
        };
        let renames = in_order(&format!("column {table}."), pairs, sql);
        list.extend(renames.into_iter().map(|rename| Rename { objects: [id(table), id(table)], ..rename }));
    }
    list
}

/// Whether the second renames leave less to do than the first ones; none where that is the same.
fn is_less(
    (from, to): (&LiteCatalog, &LiteCatalog),
    first: &[Rename],
    second: &[Rename],
) -> Result<Option<bool>, EngineError> {
    let left = |(_, base): &(_, LiteCatalog)| underpin_diff::diff::<LiteObject>(base, to).len();
    let first = carry_out(from, first)?;
    // What cannot be done is not what was meant.
    let Ok(second) = carry_out(from, second) else { return Ok(Some(false)) };
    let (first, second) = (left(&first), left(&second));
    Ok((first != second).then_some(second < first))
}

/// Does the renames on a copy of the schema. Gives what had to go before them, and the schema after them.
fn carry_out(from: &LiteCatalog, pending: &[Rename]) -> Result<(Vec<Rename>, LiteCatalog), EngineError> {
    let failed = |e: &rusqlite::Error, sql: &str| {
        EngineError::Unproved(vec![
            Diagnostic::new(
                Severity::Error,
                "step-fails",
                format!("a rename fails on a copy of the schema: {}", words(e)),
            )
            .note(format!("the statement: {sql}"))
            .help("mend or drop what it names first; nothing was changed in the database"),
        ])
    };
    let mut gone: Vec<Rename> = Vec::new();
    'again: loop {
        let memory = Memory::of(from).map_err(|e| failed(&e, "the schema as it is"))?;
        for sql in gone.iter().chain(pending).flat_map(|r| &r.sql) {
            let Err(error) = memory.run(sql) else { continue };
            match in_the_way(from, &words(&error)).filter(|id| gone.iter().all(|g| g.objects[0] != **id)) {
                Some(id) => {
                    gone.push(dropped(id));
                    continue 'again;
                }
                None => return Err(failed(&error, sql)),
            }
        }
        let base = memory.read().map_err(|e| EngineError::Failure(words(&e)))?;
        return Ok((gone, base));
    }
}

/// The view or trigger of which a rename says that it is broken, for ALTER TABLE looks through all of them (manual, "ALTER TABLE", 2); or
/// the view or index that has the new name.
fn in_the_way<'c>(from: &'c LiteCatalog, text: &str) -> Option<&'c LiteId> {
    let says = |id: &LiteId, kind: &str| {
        let rest = text.strip_prefix("error in ").and_then(|t| t.strip_prefix(kind)).and_then(|t| t.strip_prefix(' '));
        let rest = rest.and_then(|t| t.strip_prefix(id.part(0)));
        rest.is_some_and(|t| t.starts_with(": ") || t.starts_with(" after "))
    };
    let taken = text.strip_prefix("there is already another table or index with this name: ");
    let has_name = |id: &LiteId| taken.is_some_and(|name| name.eq_ignore_ascii_case(id.part(0)));
    from.objects.keys().find(|id| match id.kind {
        LiteKind::View => says(id, "view") || has_name(id),
        LiteKind::Trigger => says(id, "trigger"),
        LiteKind::Index => has_name(id),
        LiteKind::Table | LiteKind::VirtualTable => false,
    })
}

/// A step that takes away what is in the way; where it is wanted, it is made again like anything that is missing.
fn dropped(id: &LiteId) -> Rename {
    let kind = id.kind.name().to_ascii_uppercase();
    Rename {
        words: format!("drop {id}"),
        sql: vec![format!("DROP {kind} {}", ident(id.part(0)))],
        reason: match id.kind {
            LiteKind::Index => "it has the new name of a table",
            _ => {
                "ALTER TABLE renames nothing while there is a view or trigger that it cannot follow, or a view has the new name"
            }
        },
        origin: None,
        breaks: false,
        objects: [id.clone(), id.clone()],
    }
}

/// What the hints say of tables, and names that are written in another case.
fn tables(from: &LiteCatalog, to: &LiteCatalog, hints: &[Renamed]) -> Settled {
    let names = |catalog: &'_ LiteCatalog| -> Vec<String> {
        let tables = catalog.objects.iter().filter(|(_, o)| matches!(o, LiteObject::Table(_)));
        tables.map(|(id, _)| id.part(0).to_owned()).collect()
    };
    let (live, wanted) = (names(from), names(to));
    let said = hints.iter().filter(|h| h.column.is_none() && find(to, &h.table).is_some());
    let pair = |h: &Renamed| Pair { old: h.old.clone(), new: h.table.clone(), origin: Some(h.origin.clone()) };
    let list = Names {
        live: live.iter().map(String::as_str).collect(),
        wanted: wanted.iter().map(String::as_str).collect(),
        kind: "table ".to_owned(),
    };
    let mut settled = settle(said.map(pair).collect(), &list);
    // To SQLite names are equal in any case; a table that goes and comes would lose its rows.
    let there: BTreeMap<String, &String> = live.iter().map(|n| (n.to_ascii_lowercase(), n)).collect();
    for wanted in &wanted {
        let moves = |p: &Pair| p.old.eq_ignore_ascii_case(wanted) || p.new.eq_ignore_ascii_case(wanted);
        if let Some(there) = there.get(&wanted.to_ascii_lowercase())
            && *there != wanted
            && !settled.pairs.iter().chain(settled.rounds.iter().flatten()).any(moves)
        {
            settled.pairs.push(Pair { old: (*there).clone(), new: wanted.clone(), origin: None });
        }
    }
    settled
}

/// What the hints say of columns, by tables under their new names.
fn columns(from: &LiteCatalog, to: &LiteCatalog, tables: &[Pair], hints: &[Renamed]) -> BTreeMap<String, Settled> {
    let mut by_table: BTreeMap<&str, Vec<Pair>> = BTreeMap::new();
    for hint in hints {
        if let (Some(column), Some((table, _))) = (&hint.column, find(to, &hint.table)) {
            let pair = Pair { old: hint.old.clone(), new: column.clone(), origin: Some(hint.origin.clone()) };
            by_table.entry(table).or_default().push(pair);
        }
    }
    let mut out = BTreeMap::new();
    for (table, pairs) in by_table {
        let renamed = tables.iter().find(|p| p.new.eq_ignore_ascii_case(table));
        let has_left = tables.iter().any(|p| p.old.eq_ignore_ascii_case(table));
        let was = match renamed {
            Some(pair) => Some(pair.old.as_str()),
            None => (!has_left).then_some(table),
        };
        // A table that is not there yet is made with its columns.
        let (Some((_, live)), Some((_, wanted))) = (was.and_then(|was| find(from, was)), find(to, table)) else {
            continue;
        };
        let names = |table: &'_ Table| -> Vec<String> { table.columns.iter().map(|c| c.name.clone()).collect() };
        let (live, wanted) = (names(live), names(wanted));
        let list = Names {
            live: live.iter().map(String::as_str).collect(),
            wanted: wanted.iter().map(String::as_str).collect(),
            kind: format!("column {table}."),
        };
        out.insert(table.to_owned(), settle(pairs, &list));
    }
    out
}

/// Renames in an order in which no name is taken before it is free: what waits for another goes away first.
fn in_order(kind: &str, pairs: &[Pair], sql: impl Fn(&str, &str) -> String) -> Vec<Rename> {
    let made = |pair: &Pair, sql: String| Rename {
        words: format!("rename {kind}{} to {}", pair.old, pair.new),
        sql: vec![sql],
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
pub(crate) fn likely(
    from: &LiteCatalog,
    to: &LiteCatalog,
    changes: &[Change<LiteObject>],
    wishes: &Wishes,
) -> Vec<Diagnostic> {
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
            && !wishes.moved.contains_key(&Wishes::key(id.part(0), come))
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
