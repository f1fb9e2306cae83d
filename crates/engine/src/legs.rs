//! The legs of a road: the schemas that a plan passes through, as a server says them, and what is done between any two.

use crate::EngineError;
use crate::dev::DevDatabase;
use crate::ground::{Ground, as_built};
use std::collections::BTreeSet;
use underpin_model::{Change, OldSide, Phase};
use underpin_postgres::recipes::{Check, Move, Road, Walk, Waypoint, walks};
use underpin_postgres::{PgId, PgObject};
use underpin_sql::quote;

/// One leg.
pub(crate) struct Leg<'a> {
    pub phase: Phase,
    /// What must have been deployed before: clauses that complete "every running version of the application …".
    pub gates: BTreeSet<String>,
    pub old_sides: Vec<OldSide>,
    /// What is done before the checks, each in a transaction of its own.
    pub ready: Vec<Move>,
    /// What must hold before it goes on.
    pub checks: Vec<Check>,
    /// Rows that are changed or copied first.
    pub walks: Vec<Walk>,
    /// What is done first, in one transaction with what is planned.
    pub moves: Vec<Move>,
    /// The schema that the leg begins with.
    pub start: Waypoint<'a>,
    /// The schema after the moves.
    pub base: Waypoint<'a>,
    /// The schema that it ends with.
    pub to: Waypoint<'a>,
    /// Objects of that which come after others, though the server does not say so: the first before the second.
    pub first: Vec<(PgId, PgId)>,
    /// Objects that go on it, the second behind the first, though the server does not say so.
    pub last: Vec<(PgId, PgId)>,
    /// Statements at the end: statistics are gathered.
    pub analyze: Vec<String>,
    /// What is done last, in one transaction, and the schema after that.
    pub after: Vec<Move>,
    pub end: Option<Waypoint<'a>>,
    /// Whether tables were renamed on a leg before.
    pub after_renames: bool,
}

impl<'a> Leg<'a> {
    /// One on which nothing is done.
    pub fn idle(phase: Phase, at: Waypoint<'a>) -> Self {
        Self::between(phase, at.clone(), at.clone(), at)
    }

    /// One on which nothing is done but what is planned.
    pub fn between(phase: Phase, start: Waypoint<'a>, base: Waypoint<'a>, to: Waypoint<'a>) -> Self {
        Self {
            phase,
            gates: BTreeSet::new(),
            old_sides: Vec::new(),
            ready: Vec::new(),
            checks: Vec::new(),
            walks: Vec::new(),
            moves: Vec::new(),
            start,
            base,
            to,
            first: Vec::new(),
            last: Vec::new(),
            analyze: Vec::new(),
            after: Vec::new(),
            end: None,
            after_renames: false,
        }
    }

    /// Whether nothing is done on it.
    pub fn is_empty(&self) -> bool {
        self.is_idle() && self.changes().is_empty()
    }

    /// Whether there is nothing to do but what is left to the planner.
    pub fn is_idle(&self) -> bool {
        let Self { phase: _, gates: _, old_sides: _, ready, checks, walks, moves, .. } = self;
        let Self { start: _, base: _, to: _, first: _, last: _, analyze, after, end: _, after_renames: _, .. } = self;
        ready.is_empty()
            && checks.is_empty()
            && walks.is_empty()
            && moves.is_empty()
            && analyze.is_empty()
            && after.is_empty()
    }

    /// What is left to the planner.
    pub fn changes(&self) -> Vec<Change<PgObject>> {
        if self.base.is_same(&self.to) { Vec::new() } else { underpin_diff::diff(&self.base, &self.to) }
    }
}

/// The legs of a road from `from` to `to`.
pub(crate) fn legs<'a>(
    ground: &Ground<'_>,
    from: &Waypoint<'a>,
    to: &Waypoint<'a>,
    road: Road<'a>,
) -> Result<Vec<Leg<'a>>, EngineError> {
    let mut swapped = None;
    let (expanded, filled_to, settled, switched) =
        if road.has_beside() || !road.switch.is_empty() || !road.settle.is_empty() {
            let expanded = ground.elaborated(&road.expanded, &[&road.beside, &road.beside_expanded])?;
            let mut database = ground.database(&road.filled, &[&road.beside, &road.beside_filled])?;
            let filled_to = Waypoint::from(as_built(&mut database)?);
            let after = |database: &mut DevDatabase<'_>, moves: &[Move], before: &Waypoint<'a>| {
                if moves.is_empty() {
                    return Ok::<Waypoint<'a>, EngineError>(before.clone());
                }
                let sql: Vec<String> = moves.iter().flat_map(|m| m.sql.clone()).collect();
                ground.run(database, &sql)?;
                as_built(database).map(Waypoint::from)
            };
            let settled = after(&mut database, &road.settle, &filled_to)?;
            let mut before_switch = settled.clone();
            if let Some(swap) = &road.swap {
                let base = after(&mut database, &swap.moves, &settled)?;
                database = ground.database(&swap.swapped, &[&road.beside, &swap.beside])?;
                before_switch = Waypoint::from(as_built(&mut database)?);
                swapped = Some((base, before_switch.clone()));
            }
            let last: Vec<Move> = road.unbound.iter().chain(&road.switch).cloned().collect();
            let switched = after(&mut database, &last, &before_switch)?;
            (Waypoint::from(expanded), filled_to, settled, switched)
        } else {
            (road.expanded, road.filled.clone(), road.filled.clone(), road.filled)
        };
    let walks = walks(&expanded, &road.fills);
    let analyze = road
        .analyzed
        .iter()
        .map(|(table, columns)| {
            let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
            let columns = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
            format!("ANALYZE {}{columns}", quote::qualified(&table.parts()))
        })
        .collect();
    let base = road.base.map_or_else(|| from.clone(), Waypoint::from);
    let first = Leg::between(Phase::Expand, from.clone(), base, expanded.clone());
    let second = Leg::between(Phase::Backfill, expanded.clone(), expanded, filled_to);
    let mut list = vec![
        Leg { first: road.first, moves: road.begin, ..first },
        Leg { walks, analyze, end: (!road.settle.is_empty()).then(|| settled.clone()), after: road.settle, ..second },
    ];
    let mut begins = settled;
    if let (Some(swap), Some((base, end))) = (road.swap, swapped) {
        let phase = if swap.gates.is_empty() { Phase::Backfill } else { Phase::Contract };
        let third = Leg::between(phase, begins, base, end.clone());
        list.push(Leg { gates: swap.gates, checks: swap.checks, moves: swap.moves, ..third });
        begins = end;
    }
    let last = Leg::between(Phase::Contract, begins, switched, to.clone());
    list.push(Leg {
        gates: road.gates,
        old_sides: road.old_sides,
        ready: road.ready.into_iter().chain(road.unbound).collect(),
        checks: road.checks,
        moves: road.switch,
        last: road.last,
        ..last
    });
    Ok(list)
}
