//! The legs of a road: the schemas that a plan passes through, as a server says them, and what is done between any two.

use crate::EngineError;
use crate::desired::read_back;
use crate::dev::DevDatabase;
use crate::privileged::Trust;
use crate::proof::load;
use crate::side::Workshop;
use std::collections::BTreeSet;
use underpin_model::{OldSide, Phase};
use underpin_postgres::recipes::{Check, Move, Road, Walk, walks};
use underpin_postgres::{PgCatalog, PgId, PgObject, Server, create_script};
use underpin_sql::quote;

/// One leg.
pub(crate) struct Leg {
    pub phase: Phase,
    /// What must have been deployed before.
    pub gate: Option<String>,
    pub old_sides: Vec<OldSide>,
    /// What must hold before it begins.
    pub checks: Vec<Check>,
    /// Rows that are changed or copied first.
    pub walks: Vec<Walk>,
    /// What is done first, in one transaction with what is planned.
    pub moves: Vec<Move>,
    /// The schema that the leg begins with.
    pub start: PgCatalog,
    /// The schema after the moves.
    pub base: PgCatalog,
    /// The schema that it ends with.
    pub to: PgCatalog,
    /// Objects of that which come after others, though the server does not say so: the first before the second.
    pub first: Vec<(PgId, PgId)>,
    /// Statements at the end: statistics are gathered.
    pub analyze: Vec<String>,
    /// What is done last, in one transaction, and the schema after that.
    pub after: Vec<Move>,
    pub end: Option<PgCatalog>,
    /// Whether tables were renamed on a leg before.
    pub after_renames: bool,
}

impl Leg {
    /// Whether nothing is done on it.
    pub fn is_empty(&self) -> bool {
        self.walks.is_empty()
            && self.moves.is_empty()
            && self.after.is_empty()
            && underpin_diff::diff(&self.base, &self.to).is_empty()
    }
}

/// What the legs are made with.
pub(crate) struct Ground<'a> {
    pub dev: &'a Workshop<'a>,
    pub server: &'a Server,
    pub user: &'a str,
    pub trust: bool,
}

impl Ground<'_> {
    /// A database with that schema and what stands beside it.
    fn database(&self, catalog: &PgCatalog, beside: &[&[String]]) -> Result<DevDatabase<'_>, EngineError> {
        let mut database = self.dev.dev()?.database()?;
        load(&mut database, &create_script(self.server, self.user, catalog)?, Trust::in_live(self.trust))?;
        for statements in beside {
            load(&mut database, statements, Trust::in_live(self.trust))?;
        }
        Ok(database)
    }

    /// That schema after statements, as a server says it.
    pub fn elaborated(&self, catalog: &PgCatalog, sql: &[&[String]]) -> Result<PgCatalog, EngineError> {
        let mut database = self.database(catalog, sql)?;
        self.read(&mut database)
    }

    fn read(&self, database: &mut DevDatabase<'_>) -> Result<PgCatalog, EngineError> {
        let mut catalog = read_back(database)?;
        catalog.diagnostics.clear();
        for object in catalog.objects.values_mut() {
            if let PgObject::Owner(owner) = object {
                owner.implicit = false;
            }
        }
        Ok(catalog)
    }
}

/// The legs of a road from `from` to `to`.
pub(crate) fn legs(ground: &Ground<'_>, from: &PgCatalog, to: &PgCatalog, road: Road) -> Result<Vec<Leg>, EngineError> {
    let stands = road.has_beside() || !road.switch.is_empty() || !road.settle.is_empty();
    let after = |database: &mut DevDatabase<'_>, moves: &[Move]| -> Result<PgCatalog, EngineError> {
        let sql: Vec<String> = moves.iter().flat_map(|m| m.sql.clone()).collect();
        load(database, &sql, Trust::in_live(ground.trust))?;
        ground.read(database)
    };
    let mut swapped = None;
    let (expanded, filled_to, settled, switched) = if stands {
        let mut first = ground.database(&road.expanded, &[&road.beside, &road.beside_expanded])?;
        let expanded = ground.read(&mut first)?;
        drop(first);
        let mut last = ground.database(&road.filled, &[&road.beside, &road.beside_filled])?;
        let filled_to = ground.read(&mut last)?;
        let settled = if road.settle.is_empty() { filled_to.clone() } else { after(&mut last, &road.settle)? };
        let mut before_switch = settled.clone();
        if let Some(swap) = &road.swap {
            let base = after(&mut last, &swap.moves)?;
            last = ground.database(&swap.swapped, &[&road.beside, &swap.beside])?;
            before_switch = ground.read(&mut last)?;
            swapped = Some((base, before_switch.clone()));
        }
        let switched = if road.switch.is_empty() { before_switch } else { after(&mut last, &road.switch)? };
        (expanded, filled_to, settled, switched)
    } else {
        (road.expanded.clone(), road.filled.clone(), road.filled.clone(), road.filled.clone())
    };
    let walks = walks(&expanded, &road.fills);
    let gate = gate_of(&road.gates);
    let analyze = road
        .analyzed
        .iter()
        .map(|(table, columns)| {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
            format!("ANALYZE {}{columns}", quote::qualified(&table.parts()))
        })
        .collect();
    let leg = |phase, start: PgCatalog, base: PgCatalog, to: PgCatalog| Leg {
        phase,
        gate: None,
        old_sides: Vec::new(),
        checks: Vec::new(),
        walks: Vec::new(),
        moves: Vec::new(),
        start,
        base,
        to,
        first: Vec::new(),
        analyze: Vec::new(),
        after: Vec::new(),
        end: None,
        after_renames: false,
    };
    let base = road.base.unwrap_or_else(|| from.clone());
    let first = leg(Phase::Expand, from.clone(), base, expanded.clone());
    let second = leg(Phase::Backfill, expanded.clone(), expanded, filled_to);
    let mut list = vec![
        Leg { first: road.first, moves: road.begin, ..first },
        Leg { walks, analyze, end: (!road.settle.is_empty()).then(|| settled.clone()), after: road.settle, ..second },
    ];
    let mut begins = settled;
    if let (Some(swap), Some((base, end))) = (road.swap, swapped) {
        let gate = gate_of(&swap.gates);
        let phase = if gate.is_some() { Phase::Contract } else { Phase::Backfill };
        let third = leg(phase, begins, base, end.clone());
        list.push(Leg { gate, checks: swap.checks, moves: swap.moves, ..third });
        begins = end;
    }
    let last = leg(Phase::Contract, begins, switched, to.clone());
    list.push(Leg { gate, old_sides: road.old_sides, checks: road.checks, moves: road.switch, ..last });
    Ok(list)
}

/// The sentence that the clauses complete.
fn gate_of(clauses: &BTreeSet<String>) -> Option<String> {
    let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
    (!clauses.is_empty()).then(|| format!("every running version of the application {}", join(&clauses)))
}

fn join(clauses: &[&str]) -> String {
    match clauses {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [head @ .., last] => format!("{}, and {last}", head.join(", ")),
    }
}
