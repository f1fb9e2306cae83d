//! Renames by hint, and names that differ in case only: done first, by ALTER, which follows them through indexes, triggers, views and
//! foreign keys. The rest is planned from what SQLite itself says after them.

use super::desired::{Renamed, Said};
use super::pairs::{Names, Pair, Settled, not_followed, settle, undecided};
use super::trial::{Stopped, carry_out, is_less};
use crate::EngineError;
use std::collections::BTreeMap;
use underpin_model::{Change, Diagnostic, Severity, Source as Origin};
use underpin_sql::sqlite::ident;
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
    /// What is lost by it, in words.
    pub loses: Option<String>,
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

/// A table or virtual table of that name, in any case.
fn find<'c>(catalog: &'c LiteCatalog, name: &str) -> Option<(&'c str, &'c LiteObject)> {
    let mut tables =
        catalog.objects.iter().filter(|(id, _)| matches!(id.kind, LiteKind::Table | LiteKind::VirtualTable));
    tables.find(|(id, _)| id.part(0).eq_ignore_ascii_case(name)).map(|(id, object)| (id.part(0), object))
}

/// The names of the columns.
fn columns_of(object: &LiteObject) -> Vec<String> {
    match object {
        LiteObject::Table(table) => table.columns.iter().map(|c| c.name.clone()).collect(),
        LiteObject::VirtualTable(table) => table.columns.clone().unwrap_or_default(),
        LiteObject::Index(_) | LiteObject::View(_) | LiteObject::Trigger(_) => Vec::new(),
    }
}

/// Why what is in a column cannot come to be in another table's; none where it can.
fn cannot_move(live: &LiteObject, wanted: &LiteObject) -> Option<&'static str> {
    match (live, wanted) {
        (LiteObject::VirtualTable(old), LiteObject::VirtualTable(new)) if !old.gives_rows_to(new) => {
            Some("a virtual table gives its values only to one of its sort, and only where both keep rows of their own")
        }
        (LiteObject::Table(_), LiteObject::VirtualTable(_)) | (LiteObject::VirtualTable(_), LiteObject::Table(_)) => {
            Some("a table and a virtual table take over nothing from each other")
        }
        _ => None,
    }
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
        match is_less((from, to), &all((from, to), &tables.pairs, &none), &all((from, to), &with, &none)) {
            Some(true) => tables.pairs = with,
            Some(false) => {}
            None => findings.push(undecided("tables ", &round)),
        }
    }
    let mut by_table: BTreeMap<String, Vec<Pair>> = BTreeMap::new();
    let mut moved = BTreeMap::new();
    for (table, mut columns) in columns(from, to, &tables.pairs, &said.renames) {
        findings.append(&mut columns.findings);
        by_table.insert(table.clone(), columns.pairs);
        for round in columns.rounds {
            let mut with = by_table.clone();
            with.entry(table.clone()).or_default().extend(round.clone());
            let all = |columns| all((from, to), &tables.pairs, columns);
            match is_less((from, to), &all(&by_table), &all(&with)) {
                Some(true) => by_table = with,
                Some(false) => {}
                None => findings.push(undecided(&format!("columns of {table} "), &round)),
            }
        }
    }
    loop {
        let mut pending = all((from, to), &tables.pairs, &by_table);
        if pending.is_empty() {
            return Ok(Followed { pending, base: None, findings, moved });
        }
        match carry_out(from, to, &pending) {
            Ok((first, base)) => {
                for id in pending.iter_mut().flat_map(|r| &mut r.objects) {
                    let of_virtual = LiteId::new(LiteKind::VirtualTable, [id.part(0)]);
                    if [from, to].iter().any(|c| c.objects.contains_key(&of_virtual)) {
                        *id = of_virtual;
                    }
                }
                pending.splice(0..0, first);
                return Ok(Followed { pending, base: Some(base), findings, moved });
            }
            // The columns of that table are renamed by making it anew.
            Err(Stopped { of_columns: Some(table), .. }) if by_table.contains_key(&table) => {
                let pairs = by_table.remove(&table).unwrap_or_default();
                moved.extend(pairs.into_iter().map(|p| (Wishes::key(&table, &p.new), p.old)));
            }
            Err(stopped) => return Err(stopped.error),
        }
    }
}

/// All renames in order: tables, and then columns under the new names of their tables.
fn all(
    (from, to): (&LiteCatalog, &LiteCatalog),
    tables: &[Pair],
    columns: &BTreeMap<String, Vec<Pair>>,
) -> Vec<Rename> {
    // The names of columns are looked at wherever they stand: they are few that begin so.
    let is_taken = |name: &str| {
        let has_column = |object: &LiteObject| match object {
            LiteObject::Table(table) => table.column(name).is_some(),
            LiteObject::VirtualTable(_) | LiteObject::Index(_) | LiteObject::View(_) | LiteObject::Trigger(_) => false,
        };
        [from, to].iter().any(|c| underpin_sqlite::is_taken(c, name) || c.objects.values().any(has_column))
    };
    let mut list = in_order("table ", tables, &is_taken, |old, new| {
        format!("ALTER TABLE {} RENAME TO {}", ident(old), ident(new))
    });
    for (table, pairs) in columns {
        let sql = |old: &str, new: &str| {
            format!("ALTER TABLE {} RENAME COLUMN {} TO {}", ident(table), ident(old), ident(new))
        };
        let renames = in_order(&format!("column {table}."), pairs, &is_taken, sql);
        list.extend(renames.into_iter().map(|rename| Rename { objects: [id(table), id(table)], ..rename }));
    }
    list
}

/// What the hints say of tables, and names that are written in another case.
fn tables(from: &LiteCatalog, to: &LiteCatalog, hints: &[Renamed]) -> Settled {
    let names = |catalog: &'_ LiteCatalog| -> Vec<String> {
        // Most modules follow a rename; where one does not, the trial tells.
        let tables = catalog.objects.keys().filter(|id| matches!(id.kind, LiteKind::Table | LiteKind::VirtualTable));
        tables.map(|id| id.part(0).to_owned()).collect()
    };
    let (live, wanted) = (names(from), names(to));
    let is_wanted = |name: &str| wanted.iter().any(|w| w.eq_ignore_ascii_case(name));
    let said = hints.iter().filter(|h| h.column.is_none() && is_wanted(&h.table));
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
        let why = cannot_move(live, wanted);
        let (live, wanted) = (columns_of(live), columns_of(wanted));
        let list = Names {
            live: live.iter().map(String::as_str).collect(),
            wanted: wanted.iter().map(String::as_str).collect(),
            kind: format!("column {table}."),
        };
        let mut settled = settle(pairs, &list);
        if let Some(why) = why {
            let pairs = std::mem::take(&mut settled.pairs);
            let pairs = pairs.into_iter().chain(std::mem::take(&mut settled.rounds).into_iter().flatten());
            settled.findings.extend(pairs.map(|pair| {
                not_followed(&list, &pair, why, "put the rows of the new one in yourself, or take the hint away")
            }));
        }
        out.insert(table.to_owned(), settled);
    }
    out
}

/// Renames in an order in which no name is taken before it is free: what waits for another goes away first.
fn in_order(
    kind: &str,
    pairs: &[Pair],
    is_taken: &dyn Fn(&str) -> bool,
    sql: impl Fn(&str, &str) -> String,
) -> Vec<Rename> {
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
        loses: None,
    };
    let takes_old = |pair: &Pair| pairs.iter().any(|p| p.old.eq_ignore_ascii_case(&pair.new));
    let (mut out, mut late) = (Vec::new(), Vec::new());
    let mut free = (0..).map(|n| format!("{AWAY}{n}")).filter(|name| !is_taken(name));
    for pair in pairs {
        if takes_old(pair)
            && let Some(away) = free.next()
        {
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
