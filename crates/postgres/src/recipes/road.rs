//! The frame of every road in several stages. A road is a line of schemas: what holds after the expand stage, what holds after
//! the backfill, and the desired one. Each recipe says what it changes of these, and what stands beside them meanwhile: columns
//! kept in step, triggers, names of old. Between two schemas of the line the planner works as it does between any two, so that
//! a plan from any state in between goes on from there.

use super::quarantine::quarantined_until;
use super::rows_moved::{self, RowsFrom};
use super::{Waypoint, domain_check, drops, fill, new_column, serial_identity, shadow_found, shadow_table};
use crate::objects::parts_of;
use crate::{PgCatalog, PgId, PgKind, Postgres};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Backfill, Diagnostic, Hazard, OldSide, Source};

/// What the user said that a catalog does not hold, by column.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// `using`: the new value out of the old row.
    pub usings: BTreeMap<PgId, String>,
    /// `down`: the old value out of the new row.
    pub downs: BTreeMap<PgId, String>,
    /// `backfill`: the value for rows that are there.
    pub backfills: BTreeMap<PgId, String>,
    /// `map`: what becomes of values of an enum that go, by type.
    pub maps: BTreeMap<PgId, Vec<(String, String)>>,
    /// Where the rows of tables come from.
    pub rows: Vec<RowsFrom>,
    /// Until which day what goes is put aside instead of dropped, as `20261231`; none where it is dropped.
    pub quarantine: Option<String>,
    /// Whether the new application writes to new columns while the old ones stand, through views of its own.
    pub both_ways: bool,
    /// The seals of copies that a crash of the server has emptied.
    pub emptied: BTreeSet<PgId>,
    /// The time zone in which local times are read, as the live session has it.
    pub time_zone: String,
}

/// Statements that are not planned but said, at the start of a stage and in one transaction with what follows.
#[derive(Debug, Clone)]
pub struct Move {
    /// What it does, in words.
    pub words: String,
    /// The statements.
    pub sql: Vec<String>,
    /// Why.
    pub reason: String,
    /// The recipe that made it; none for a plain rename.
    pub recipe: Option<&'static str>,
    /// The harm that it does.
    pub hazards: Vec<Hazard>,
    /// What takes it back.
    pub undo: Option<Vec<String>>,
    /// Where the desired SQL asks for it.
    pub source: Option<Source>,
}

/// A query that gives one true value before the contract stage may begin.
#[derive(Debug, Clone)]
pub struct Check {
    /// The query.
    pub sql: String,
    /// What it looks at, in words.
    pub words: String,
    /// Why, in words.
    pub reason: String,
}

/// Rows that are given a value, or are copied, between two schemas of the line.
#[derive(Debug, Clone)]
pub struct Fill {
    /// The table that is walked.
    pub table: PgId,
    /// What is done with its rows.
    pub work: FillWork,
    /// What holds for a row that it has not been done with, as SQL.
    pub wrong: String,
    /// What it does, in words.
    pub words: String,
    /// Why, in words.
    pub reason: String,
    /// The harm that it does.
    pub hazards: Vec<Hazard>,
    /// The recipe that made it.
    pub recipe: &'static str,
}

/// What is done with the rows of a table.
#[derive(Debug, Clone)]
pub enum FillWork {
    /// A column is given a value.
    Set {
        /// The quoted column.
        column: String,
        /// The value as SQL, which is assigned.
        value: String,
        /// The value as SQL of the column's own type, of any length; none where it goes with the column's anyway. Values that are
        /// given to some rows only stand beside the column's own.
        typed: Option<String>,
    },
    /// A statement of its own, as in [`Backfill::statement`].
    Statement(String),
}

/// A walk along a table's rows, with all that is done on it.
#[derive(Debug, Clone)]
pub struct Walk {
    /// The table.
    pub table: PgId,
    /// What is done, in words.
    pub words: Vec<String>,
    /// Why, in words.
    pub reason: String,
    /// The harm that it does.
    pub hazards: Vec<Hazard>,
    /// The recipe that made it.
    pub recipe: &'static str,
    /// How it goes.
    pub backfill: Backfill,
}

/// Tables that take the place of others after the rows are copied, in a transaction of their own.
#[derive(Debug, Clone)]
pub struct Swap<'a> {
    /// What must have been deployed before, as in [`Road::gates`]; it is a contract stage of its own then.
    pub gates: BTreeSet<String>,
    /// What must hold before.
    pub checks: Vec<Check>,
    /// What is done first.
    pub moves: Vec<Move>,
    /// What holds after, without what stands beside.
    pub swapped: Waypoint<'a>,
    /// Statements that make what stands beside that, besides [`Road::beside`].
    pub beside: Vec<String>,
}

/// The line of schemas and what happens between them.
pub struct Road<'a> {
    /// What the expand stage begins with.
    pub begin: Vec<Move>,
    /// The live side after that, where it is another one.
    pub base: Option<PgCatalog>,
    /// What holds after the expand stage, without what stands beside.
    pub expanded: Waypoint<'a>,
    /// What holds after the backfill stage, without what stands beside.
    pub filled: Waypoint<'a>,
    /// Statements that make what stands beside both.
    pub beside: Vec<String>,
    /// Statements that make what stands beside the expanded schema only: what tells that rows wait for their values.
    pub beside_expanded: Vec<String>,
    /// Statements that make what stands beside the filled schema only.
    pub beside_filled: Vec<String>,
    /// Objects of the expanded schema that come after others, the first before the second, though the server does not say so.
    pub first: Vec<(PgId, PgId)>,
    /// Objects that go with the contract stage, the second behind the first, though the server does not say so.
    pub last: Vec<(PgId, PgId)>,
    /// The rows that get values.
    pub fills: Vec<Fill>,
    /// Columns whose statistics are gathered after that, by table; none for all of them.
    pub analyzed: BTreeMap<PgId, BTreeSet<String>>,
    /// What the backfill stage ends with.
    pub settle: Vec<Move>,
    /// What comes between the backfill stage and the contract stage.
    pub swap: Option<Swap<'a>>,
    /// What the contract stage does before its checks, each in a transaction of its own.
    pub ready: Vec<Move>,
    /// What is looked at before the contract stage goes on.
    pub checks: Vec<Check>,
    /// Foreign keys of what is put aside, dropped one by one before the switch.
    pub unbound: Vec<Move>,
    /// What the contract stage begins with.
    pub switch: Vec<Move>,
    /// What must have been deployed before the contract stage: clauses that complete "every running version of the
    /// application …".
    pub gates: BTreeSet<String>,
    /// What must be quiet before the contract stage.
    pub old_sides: Vec<OldSide>,
    /// New columns that are NOT NULL and have no value for rows that are there: an error where there are rows.
    pub valueless: Vec<PgId>,
    /// Values of enums that go and of which nothing is said, by column: an error where a row has one.
    pub unmapped: Vec<(PgId, String)>,
    /// Columns of which the new application writes the new one, and nothing says what the old one gets: an error.
    pub no_way_back: Vec<PgId>,
    /// What a person should know.
    pub findings: Vec<Diagnostic>,
}

/// How the name of everything begins that stands beside a schema for a while.
pub const ASIDE: &str = "_underpin_";
/// How the names of our triggers begin: triggers fire in the order of their names, and ours come last.
pub const TRIGGER: &str = "zz_underpin_";

/// Whether an object is one of ours, or a part of one, that stands beside a schema for a while.
#[must_use]
pub fn is_aside(id: &PgId) -> bool {
    let ours = |part: &&str| part.starts_with(ASIDE) || part.starts_with(TRIGGER);
    id.parts().iter().any(ours) && quarantined_until(id).is_none()
}

/// The road from one schema to another; `to` is the dialect's desired one.
#[must_use]
pub fn road<'a>(dialect: &Postgres<'_>, wishes: &Wishes, to: &Waypoint<'a>) -> Road<'a> {
    let mut road = Road {
        begin: Vec::new(),
        base: None,
        expanded: to.clone(),
        filled: to.clone(),
        beside: Vec::new(),
        beside_expanded: Vec::new(),
        beside_filled: Vec::new(),
        first: Vec::new(),
        last: Vec::new(),
        fills: Vec::new(),
        analyzed: BTreeMap::new(),
        settle: Vec::new(),
        swap: None,
        ready: Vec::new(),
        checks: Vec::new(),
        unbound: Vec::new(),
        switch: Vec::new(),
        gates: BTreeSet::new(),
        old_sides: Vec::new(),
        valueless: Vec::new(),
        unmapped: Vec::new(),
        no_way_back: Vec::new(),
        findings: Vec::new(),
    };
    let shadows = shadow_found::shadows(dialect, wishes);
    new_column::plan(dialect, wishes, &shadows, &mut road);
    domain_check::checks_after_columns(dialect, &shadows, &mut road);
    fill::plan(dialect, wishes, &shadows, &mut road);
    serial_identity::plan(dialect, &mut road);
    rows_moved::plan(dialect, wishes, &mut road);
    drops::plan(dialect, wishes, &mut road);
    shadow_table::plan(dialect, wishes, &shadows, &mut road);
    road
}

impl Road<'_> {
    /// Whether anything stands beside the schemas, so that a server has to say what they are.
    #[must_use]
    pub fn has_beside(&self) -> bool {
        !(self.beside.is_empty() && self.beside_expanded.is_empty() && self.beside_filled.is_empty())
    }

    /// Changes what holds after the expand stage and what holds after the backfill. Where these are one, they stay one.
    pub(super) fn change_both(&mut self, mut change: impl FnMut(&mut PgCatalog)) {
        let are_one = self.expanded.is_same(&self.filled);
        if are_one {
            // With two owners a change would copy it.
            self.filled = PgCatalog::default().into();
        }
        change(&mut self.expanded);
        if are_one {
            self.filled = self.expanded.clone();
        } else {
            change(&mut self.filled);
        }
    }

    /// Takes objects, and all that stands on them there, out of a schema of the line.
    pub(super) fn take_out(catalog: &mut PgCatalog, ids: impl IntoIterator<Item = PgId>) {
        let mut queue: Vec<PgId> = ids.into_iter().collect();
        if queue.is_empty() {
            return;
        }
        let mut gone: BTreeSet<PgId> = BTreeSet::new();
        {
            let dependents = catalog.dependents();
            let children = catalog.children();
            while let Some(id) = queue.pop() {
                if gone.insert(id.clone()) {
                    queue.extend(dependents.get(&id).into_iter().flatten().map(|d| (*d).clone()));
                    queue.extend(children.get(&id).into_iter().flatten().map(|c| (*c).clone()));
                }
            }
        }
        for id in gone {
            catalog.objects.remove(&id);
            catalog.rests_on.remove(&id);
            catalog.places.remove(&id);
        }
    }

    /// Puts an object of one schema into another as it is there, with what it rests on.
    pub(super) fn put_in(catalog: &mut PgCatalog, source: &PgCatalog, id: &PgId) {
        if let Some(object) = source.objects.get(id) {
            catalog.objects.insert(id.clone(), object.clone());
            match source.rests_on.get(id) {
                Some(needs) => catalog.rests_on.insert(id.clone(), needs.clone()),
                None => catalog.rests_on.remove(id),
            };
            if let Some(place) = source.places.get(id) {
                catalog.places.insert(id.clone(), *place);
            }
        }
    }
}

/// The walks, in the order of tables: one for all values that a table is given, one for each other statement.
#[must_use]
pub fn walks(from: &PgCatalog, fills: &[Fill]) -> Vec<Walk> {
    type Works<'a> = (Vec<(&'a Fill, &'a str, [&'a str; 2])>, Vec<(&'a Fill, &'a str)>);
    let mut by_table: BTreeMap<&PgId, Works<'_>> = BTreeMap::new();
    for fill in fills {
        let (sets, others) = by_table.entry(&fill.table).or_default();
        match &fill.work {
            FillWork::Set { column, value, typed } => {
                sets.push((fill, column, [value, typed.as_ref().unwrap_or(value)]));
            }
            FillWork::Statement(statement) => others.push((fill, statement)),
        }
    }
    let mut list = Vec::new();
    for (table, (sets, others)) in by_table {
        let name = underpin_sql::quote::qualified(&table.parts());
        let walk = |fills: &[&Fill], statement: String, wrong: String| {
            let reasons: BTreeSet<&str> = fills.iter().map(|f| f.reason.as_str()).collect();
            Some(Walk {
                table: table.clone(),
                words: fills.iter().map(|f| f.words.clone()).collect(),
                reason: reasons.into_iter().collect::<Vec<_>>().join("; "),
                hazards: fills.iter().flat_map(|f| f.hazards.iter().cloned()).collect(),
                recipe: fills.first()?.recipe,
                backfill: Backfill { statement, table: name.clone(), key: key_of(from, table), wrong: Some(wrong) },
            })
        };
        // A row that lacks one value keeps the others that it has.
        let assignments: Vec<String> = match &sets[..] {
            [(_, column, [value, _])] => vec![format!("{column} = {value}")],
            many => {
                let each = many.iter();
                let value = |(f, c, [_, typed]): &(&Fill, &str, [&str; 2])| {
                    format!("{c} = CASE WHEN {} THEN {typed} ELSE {c} END", f.wrong)
                };
                each.map(value).collect()
            }
        };
        let wrong = sets.iter().map(|(f, _, _)| format!("({})", f.wrong)).collect::<Vec<_>>().join(" OR ");
        let update = format!("UPDATE {name} SET {} WHERE {} AND ({wrong})", assignments.join(", "), Backfill::RANGE);
        let set: Vec<&Fill> = sets.iter().map(|(f, _, _)| *f).collect();
        list.extend(walk(&set, update, wrong));
        list.extend(others.into_iter().filter_map(|(f, statement)| walk(&[f], statement.to_owned(), f.wrong.clone())));
    }
    list
}

/// The quoted columns of a key of the table along which it can be walked; empty where it has none.
fn key_of(catalog: &PgCatalog, table: &PgId) -> Vec<String> {
    keys_of(catalog, table).into_iter().next().map(|(_, list)| list).unwrap_or_default()
}

/// The keys of a table along which it can be walked, with their quoted columns: its primary key, then others without NULLs.
pub(super) fn keys_of(catalog: &PgCatalog, table: &PgId) -> Vec<(PgId, Vec<String>)> {
    use crate::PgObject;
    use crate::objects::ConstraintKind;
    let is_not_null = |column: &PgId| matches!(catalog.objects.get(column), Some(PgObject::Column(c)) if c.not_null);
    let mut keys: Vec<(bool, Vec<String>, PgId)> = Vec::new();
    for (id, object) in parts_of(catalog, PgKind::Constraint, &table.parts()) {
        let PgObject::Constraint(constraint) = object else { continue };
        if !matches!(constraint.kind, ConstraintKind::Primary | ConstraintKind::Unique) || constraint.deferrable {
            continue;
        }
        if constraint.definition.contains("WITHOUT OVERLAPS") {
            continue;
        }
        let columns: Vec<PgId> = crate::objects::Constraint::own_columns(id, catalog).cloned().collect();
        let Some(list) = first_list(&constraint.definition) else { continue };
        if columns.iter().all(is_not_null) || constraint.kind == ConstraintKind::Primary {
            keys.push((constraint.kind != ConstraintKind::Primary, list, id.clone()));
        }
    }
    keys.sort();
    keys.into_iter().map(|(_, list, id)| (id, list)).collect()
}

/// The items of the first list in parentheses, split outside quotes.
pub(super) fn first_list(definition: &str) -> Option<Vec<String>> {
    let inner = definition.split_once('(')?.1;
    let (mut items, mut item, mut quoted) = (Vec::new(), String::new(), false);
    for c in inner.chars() {
        match c {
            '"' => quoted = !quoted,
            ')' if !quoted => {
                items.push(item.trim().to_owned());
                return Some(items);
            }
            ',' if !quoted => {
                items.push(std::mem::take(&mut item).trim().to_owned());
                continue;
            }
            _ => {}
        }
        item.push(c);
    }
    None
}
