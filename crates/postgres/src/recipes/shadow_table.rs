//! # A second table that grows beside and takes the old one's place
//!
//! Some changes need all rows in new files, and no statement writes these beside the traffic: LOGGED and UNLOGGED, another
//! tablespace or access method, a stored generated column that is new or has another expression, an exclusion constraint, another
//! type of a column that is part of one or that a generated column is computed from, a domain with checks as the type of a
//! column that is new or had another one; and partitions, where a table gets or loses them, or has another partition key, or one of
//! another type. In place each holds ACCESS EXCLUSIVE for as long as every row is written or compared. Instead the desired table
//! grows beside the old one, in a schema of its own (`_underpin_new_` before the schema's name), so that it, its partitions,
//! indexes, constraints and identity sequences have their final names from the first on.
//!
//! 1. Expand: the new table is made, with its key, its exclusion constraints and the checks that the old one has. A trigger on the
//!    old table brings each row that is written, as it stands when the trigger runs, into the new one, and takes away what is
//!    deleted; another one follows TRUNCATE. Adding them waits for all writers (SHARE ROW EXCLUSIVE), so that none without them
//!    is left.
//! 2. Backfill: the rows that were there are copied in batches, along the key. Each is locked FOR KEY SHARE while it is copied, so
//!    that one that is deleted meanwhile cannot come back. Then come the indexes (CONCURRENTLY), the other constraints, foreign
//!    keys (NOT VALID, then VALIDATE) and statistics. A sequence notes that the copy is whole.
//! 3. At the end of the backfill stage one short transaction that only touches the catalog drops the triggers, the old table and
//!    what rests on it, moves the new table into its place (`SET SCHEMA`), and makes again what stood on it: views, functions with a
//!    parsed body, triggers, policies, rules, publications, grants, comments. The counters of identity columns go over, sequences
//!    change their owner, and foreign keys to the table are added again NOT VALID and validated after. Where columns change their
//!    type, functions in PL/pgSQL that may read them are looked up again by every session (see `type-by-new-column`), before the locks.
//!
//! No application notices: it says the same names before and after, and columns keep their order. So the new application finds a
//! new generated column, and a new one of a domain with checks, after the backfill stage, and needs not be there for the switch. Where the type of a column changes with
//! it, the switch is a contract stage, behind a gate. All such changes of one table share one copy; what else changes of it goes on
//! as it does without, on the old table before the switch and on the new one after.
//!
//! A partitioned table's key has to hold its partition key, so that the two tables often have different ones: (id) and (id, day). Rows
//! are told from each other by the old one on both sides. Where the new key does not begin with its columns, an index on each new
//! partition stands for that until the switch. The batches lock rows FOR NO KEY UPDATE then: writers of a row wait until its batch
//! is over. A row whose partition key is changed moves to another partition, as it will after the switch; one that is deleted from
//! a partition, or goes with TRUNCATE of a partition alone, is followed. Where a partition of the old table comes or goes meanwhile
//! the copy begins anew. What the old table's key alone kept apart, the new one may hold twice from the switch on, and
//! `ON CONFLICT` has to name the new one's columns. Where names of partitions go, the switch is a contract stage, behind a gate.
//!
//! What the new table does not take (two rows that the exclusion constraint does not let stand side by side, a value that a
//! domain's check refuses, a row that fits no partition) stops the copy with the server's words, which name the rows. A partition
//! that comes to the desired schema for it lets the copy go on, unless another one takes all that fits nowhere else. A row of that
//! kind that is written while the copy is under way does not fail its
//! writer: its key is noted, and the switch does not begin as long as such a row is there. What was refused only because rows came
//! in another order is brought in the switch. A transaction of REPEATABLE READ or above that changes a row which was copied since
//! it began gets the error that it has to be ready for, 40001, as it would if anybody had changed the row.
//!
//! Locks: SHARE ROW EXCLUSIVE for the triggers; ACCESS EXCLUSIVE at the switch, on the table, on what foreign keys tie to it and on
//! what rests on it, all for an instant. Each write costs a second one meanwhile, and the rows take twice their room. Writers that
//! the exclusion constraint keeps apart wait for each other.
//!
//! It does not apply to a table without a key (a primary key or a unique constraint over columns that are NOT NULL) that stays as
//! it is, or, where partitions become others, that is part of a key of the new table, or holds one; to partitions, partitioned tables
//! that keep their partition key, heirs, tables with heirs, typed and foreign tables; with FORCE ROW LEVEL SECURITY, which may hide
//! rows from the copy; where a publication is FOR ALL TABLES, or the database subscribes to another; where a column becomes an
//! identity, or generated and was not, or has an enum that loses values; where the type of a column changes that a foreign key ties
//! to another table; where a column of the key changes its type, other than from one whole number or text to another; where
//! something rests on the table that cannot be made again in the switch: columns, domains or indexes of others that use its rows;
//! where something is said of the table that is not modelled; nor where a partition of the new table is there already elsewhere,
//! with rows of its own, or one of the old table stays as a table of its own. Materialized views over it are filled anew in the switch, which carries the hazard blocks-reads. In all
//! other cases the step of the direct way is left, with the hazard blocks-reads.
//!
//! After a crash: the copy is recognised by its names and gone on with; batches that were committed stay. A copy whose triggers
//! are not as they should be is thrown away and begun anew, and so is one that was unlogged and whole when the server itself crashed,
//! which leaves such tables empty: a row that is lost with it tells, and keeps the switch from beginning.
//!
//! Sources: manual, CREATE TRIGGER; 13.2 Transaction Isolation; 13.3.2 Row-Level Locks; ALTER TABLE; tried on 12, 15 and 18.

use super::kept_keys;
use super::looked_up_again::looked_up_again;
use super::road::{Check, Fill, FillWork, Move, Road, Swap, Wishes, is_aside};
use super::shadow_copy::{Copy, Fires};
use super::shadow_family;
use super::shadow_found::{is_held, is_retyped, resting, retypes};
use super::ties::{Below, Ties, below, referred};
use crate::objects::{
    Column, Constraint, ConstraintKind, Default, Index, Partition, Schema, Statistics, Table, parts_of,
};
use crate::render::name_aside;
use crate::roles::Roles;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use underpin_model::{Change, Hazard, HazardKind, Strategy};
use underpin_sql::{Sql, quote};

/// The recipe's name.
pub const NAME: &str = "shadow-table";

/// How the name of the schema begins in which new tables grow.
const SCHEMA: &str = "_underpin_new_";

/// A table that another one takes the place of.
pub(super) struct Shadow {
    /// The table.
    pub table: PgId,
    /// The new one, while it grows.
    pub place: PgId,
    /// The quoted columns of the key along which rows are told from each other.
    pub key: Vec<String>,
    /// The key of the new one by which the copy knows a row that is there already.
    pub constraint: PgId,
    /// The quoted columns of that.
    pub arbiter: Vec<String>,
    /// The table, and the partitions that it shall have.
    pub family: BTreeSet<PgId>,
    /// Whether its partitions become others, or it gets or loses them.
    pub parted: bool,
    /// Its columns that come with the copy for the sake of their domains' checks.
    pub checked: BTreeSet<PgId>,
}

impl Shadow {
    /// Where the new table grows.
    pub fn of(table: &PgId) -> PgId {
        PgId::new(PgKind::Table, [name_aside(SCHEMA, table.part(0)).as_str(), table.last()])
    }

    /// The schemas in which the new table and its partitions grow.
    fn schemas(&self) -> BTreeSet<PgId> {
        self.family.iter().map(|member| placed(member).prefix(PgKind::Schema, 1)).collect()
    }

    /// What stands for a part of a partition in the table that is partitioned.
    fn whole(&self, id: &PgId) -> PgId {
        PgId::new(id.kind, [self.table.part(0), self.table.part(1), id.last()])
    }
}

/// Where a part of a table, or of a partition of it, is while the new one grows.
pub(super) fn placed(id: &PgId) -> PgId {
    let schema = name_aside(SCHEMA, id.part(0));
    let mut parts = id.parts();
    if let Some(first) = parts.first_mut() {
        *first = &schema;
    }
    match id.of {
        Some(of) => PgId::new(of, parts).attached(id.kind, &[]),
        None => PgId::new(id.kind, parts),
    }
}

/// Whether a schema is one in which new tables grow.
#[must_use]
pub fn is_ours(schema: &str) -> bool {
    schema.starts_with(SCHEMA)
}

/// The schema whose tables grow in one of ours.
#[must_use]
pub fn schema_of(catalog: &PgCatalog, ours: &str) -> Option<String> {
    let first = PgId::new(PgKind::Schema, [""]);
    let mut schemas = catalog.objects.range(first..).map(|(id, _)| id).take_while(|id| id.kind == PgKind::Schema);
    schemas.find(|id| id.of.is_none() && name_aside(SCHEMA, id.last()) == ours).map(|id| id.last().to_owned())
}

/// A table with what its copy is made of.
struct Growing<'a> {
    shadow: &'a Shadow,
    copy: Copy,
    /// Whether what stands beside on the live side is kept in step and can be gone on with.
    is_kept: bool,
    /// Whether it is whole.
    is_done: bool,
}

/// Changes the line of schemas; after all other recipes, whose work on the old table is copied.
pub(super) fn plan(dialect: &Postgres<'_>, wishes: &Wishes, shadows: &[Shadow], road: &mut Road<'_>) {
    if shadows.is_empty() {
        return;
    }
    let mut swapped = road.filled.clone();
    let mut gates: BTreeSet<String> = BTreeSet::new();
    for shadow in shadows.iter().filter(|s| s.parted) {
        let gone = shadow_family::as_after_the_switch(dialect, &mut swapped, shadow);
        gates.extend(gone.iter().map(shadow_family::gate));
    }
    let beside = road.beside_filled.clone();
    let (mut list, mut sides) = (Vec::new(), Vec::new());
    let (from, wanted) = (Ties::of(dialect.from), Ties::of(&swapped));
    for shadow in shadows {
        // One schema for all: what is held back of the others is theirs.
        let Some(PgObject::Table(new)) = swapped.objects.get(&shadow.table) else { continue };
        hold_back_of_both((dialect, wishes), road, shadow, &mut sides);
        let copy = Copy::new((dialect, &from), wishes, shadow, (&wanted, &road.expanded), new);
        let there = dialect.from.objects.contains_key(&copy.done);
        let is_lost = there && wishes.emptied.contains(&copy.seal);
        let is_kept = copy.is_kept(dialect.from) && shadow_family::has_shape(&from, shadow, &swapped) && !is_lost;
        let is_done = is_kept && there;
        list.push(Growing { shadow, copy, is_kept, is_done });
    }
    if list.is_empty() {
        return;
    }
    begin_anew((dialect, &from), &list, road);
    let tables: BTreeSet<&PgId> = list.iter().flat_map(|g| &g.shadow.family).collect();
    let last = dialect.from.places.values().max().copied().unwrap_or(0);
    let mut checks = Vec::new();
    for growing in &list {
        grow((dialect, last), &wanted, growing, &tables, road);
        stand_beside(growing, road, &mut checks);
    }
    let moves = switch(dialect, &list, &wanted, &road.filled);
    let retyped = list.iter().flat_map(|g| &g.copy.retyped);
    // An application may name partitions; what it is told of the switch is not told of the contract again.
    road.gates.retain(|gate| !gates.contains(gate));
    gates.extend(retyped.filter_map(|id| match swapped.objects.get(id) {
        Some(PgObject::Column(c)) => Some(format!("works with {} as {}", quote::qualified(&id.parts()), c.type_name)),
        _ => None,
    }));
    road.swap = Some(Swap { gates, checks, moves, swapped, beside });
}

/// Holds back of a table in what holds after the expand stage, and after the backfill. What is below what there, in
/// `sides`, is looked up once for many tables: what is held back of one stands on nothing of the next that is not held
/// back with it.
fn hold_back_of_both(
    (dialect, wishes): (&Postgres<'_>, &Wishes),
    road: &mut Road<'_>,
    shadow: &Shadow,
    sides: &mut Vec<Below>,
) {
    // Partitions get what their tables have.
    if shadow.parted {
        sides.clear();
    }
    let mut side = 0;
    road.change_both(|catalog| {
        if sides.len() == side {
            sides.push(below(catalog));
        }
        hold_back((dialect, wishes), catalog, shadow, &sides[side]);
        side += 1;
    });
    if shadow.parted {
        sides.clear();
    }
}

/// The old table is as it was in what only new files can hold, with all that stands on that.
fn hold_back((dialect, wishes): (&Postgres<'_>, &Wishes), catalog: &mut PgCatalog, shadow: &Shadow, below: &Below) {
    let (from, id) = (dialect.from, &shadow.table);
    if let (Some(PgObject::Table(table)), Some(PgObject::Table(old))) =
        (catalog.objects.get_mut(id), from.objects.get(id))
    {
        table.unlogged = old.unlogged;
        table.tablespace.clone_from(&old.tablespace);
        table.access_method.clone_from(&old.access_method);
        table.partition_by.clone_from(&old.partition_by);
    }
    let columns = parts_of(catalog, PgKind::Column, &id.parts()).into_iter().map(|(column, _)| column);
    // No type of a partition key's column changes in place, however little that means to the rows.
    let changes = |column: &PgId| shadow.parted && dialect.type_differs(column);
    let anew = |column: &&PgId| {
        is_held(dialect, column)
            || is_retyped(dialect, wishes, column)
            || shadow.checked.contains(column)
            || changes(column)
    };
    let mut queue: Vec<PgId> = columns.filter(anew).cloned().collect();
    queue.extend(kept_keys::wait_for_logged(from, catalog, id, below));
    queue.extend(
        parts_of(catalog, PgKind::Constraint, &id.parts())
            .into_iter()
            .filter(|(_, o)| matches!(o, PgObject::Constraint(c) if c.kind == ConstraintKind::Exclude))
            .map(|(constraint, _)| constraint.clone()),
    );
    let [others, theirs] =
        if shadow.parted { shadow_family::held(from, catalog, id) } else { [BTreeSet::new(), BTreeSet::new()] };
    queue.extend(others);
    let mut held: BTreeSet<PgId> = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if held.insert(id.clone()) {
            queue.extend(below.get(&id).into_iter().flatten().cloned());
        }
    }
    if !theirs.is_empty() {
        let (parts, mut queue) = (from.children(), Vec::from_iter(theirs));
        while let Some(id) = queue.pop() {
            // What stands beside is made by statements of ours.
            if !is_aside(&id) && held.insert(id.clone()) {
                queue.extend(parts.get(&id).into_iter().flatten().map(|d| (*d).clone()));
            }
        }
    }
    for id in held {
        catalog.objects.remove(&id);
        catalog.rests_on.remove(&id);
        catalog.places.remove(&id);
        Road::put_in(catalog, from, &id);
    }
    if shadow.parted {
        shadow_family::spread(catalog, &shadow.table);
        shadow_family::spread_not_null(catalog, from, &shadow.table);
        shadow_family::spread_checks(catalog, &shadow.table);
    }
}

/// Copies that cannot be gone on with are taken away first.
fn begin_anew((dialect, ties): (&Postgres<'_>, &Ties<'_>), list: &[Growing<'_>], road: &mut Road<'_>) {
    let from = dialect.from;
    let mut gone: BTreeSet<PgId> = BTreeSet::new();
    for Growing { shadow, copy, .. } in list.iter().filter(|g| !g.is_kept) {
        let own = [&shadow.place, &copy.missed, &copy.seal, &copy.done, &copy.function];
        let family = ties.family(&shadow.place);
        let own = own.into_iter().chain(copy.triggers.iter().map(|(id, _)| id)).cloned().chain(family);
        gone.extend(own.filter(|id| from.objects.contains_key(id)));
    }
    if gone.is_empty() {
        return;
    }
    let mut base = from.clone();
    let sql = ended(dialect, &mut base, &gone);
    road.base = Some(base);
    road.begin.push(Move {
        words: "take away a copy that is not kept in step as it should be".to_owned(),
        sql,
        reason: "rows that were written meanwhile may be missing in it".to_owned(),
        recipe: Some(NAME),
        hazards: Vec::new(),
        source: None,
        undo: None,
    });
}

/// The statements that end objects with all that rests on them, which are out of the catalog then.
fn ended(dialect: &Postgres<'_>, catalog: &mut PgCatalog, ids: &BTreeSet<PgId>) -> Vec<String> {
    let before = catalog.clone();
    Road::take_out(catalog, ids.iter().cloned());
    let changes: Vec<Change<PgObject>> =
        before.objects.keys().filter(|id| !catalog.objects.contains_key(*id)).cloned().map(Change::Drop).collect();
    let direct = Postgres::new(dialect.server, Strategy::Direct, dialect.user, &before, catalog, dialect.usings);
    // Where there is no order, nothing is ended, and the proof tells that the plan does not go on.
    let planned = underpin_planner::plan(&direct, &before, catalog, &changes);
    let batches = planned.map(|p| p.batches).unwrap_or_default();
    batches.into_iter().flat_map(|b| b.steps).flat_map(|s| s.draft.sql).collect()
}

/// The new table in the schemas of the line.
fn grow(
    (dialect, last): (&Postgres<'_>, u32),
    ties: &Ties<'_>,
    growing: &Growing<'_>,
    tables: &BTreeSet<&PgId>,
    road: &mut Road<'_>,
) {
    let (shadow, from, wanted) = (growing.shadow, dialect.from, ties.catalog());
    let mut filled = Vec::new();
    for member in &shadow.family {
        for kind in [PgKind::Table, PgKind::Column, PgKind::Default, PgKind::Constraint] {
            let parts = parts_of(wanted, kind, &member.parts()).into_iter();
            filled.extend(parts.filter(|(id, object)| !is_late(wanted, tables, id, object)).map(|(id, _)| id));
        }
        filled.extend(ties.about(member).iter().filter(|id| match id.kind {
            PgKind::Index | PgKind::Partition => true,
            PgKind::Statistics => id.part(0) == member.part(0),
            _ => false,
        }));
    }
    for schema in shadow.schemas() {
        let object = PgObject::Schema(Schema {});
        road.change_both(|catalog| _ = catalog.objects.insert(schema.clone(), object.clone()));
    }
    for id in filled {
        let Some((object, needs)) = grown(wanted, shadow, id) else { continue };
        let placed = placed(id);
        // Of a partition it is what it is of the whole.
        let whole = if id.of.is_none() && id.depth() == 3 { shadow.whole(id) } else { id.clone() };
        // Columns keep their order, which statements without a list of columns go by; new ones come last.
        let place = from.places.get(&whole).copied().or_else(|| Some(last + 1 + wanted.places.get(&whole)?));
        let put = |catalog: &mut PgCatalog, object: PgObject| {
            catalog.objects.insert(placed.clone(), object);
            catalog.rests_on.insert(placed.clone(), needs.clone());
            if let Some(place) = place {
                catalog.places.insert(placed.clone(), place);
            }
        };
        put(&mut road.filled, object.clone());
        if growing.is_done {
            put(&mut road.expanded, object);
            continue;
        }
        let there = from.objects.get(&placed).filter(|_| growing.is_kept);
        let begun = match (&object, there) {
            (PgObject::Column(_), _) => None,
            // A build that was cut short is begun anew; what only has to be proved is proved.
            (PgObject::Constraint(wanted), Some(PgObject::Constraint(there))) => {
                let proved = Constraint { valid: wanted.valid, ..there.clone() };
                (proved == *wanted).then(|| PgObject::Constraint(there.clone()))
            }
            (_, Some(there)) => (*there == object).then(|| object.clone()),
            (_, None) => None,
        };
        let at_first = match &object {
            PgObject::Table(_) | PgObject::Default(_) | PgObject::Partition(_) => Some(object.clone()),
            PgObject::Column(column) => {
                // As long as rows wait for their values in the old table, they do in the new one.
                let mut column = column.clone();
                if matches!(road.expanded.objects.get(&whole), Some(PgObject::Column(old)) if !old.not_null) {
                    column.not_null = false;
                    column.not_null_rule = None;
                }
                Some(PgObject::Column(column))
            }
            PgObject::Constraint(c) => {
                let first = match c.kind {
                    ConstraintKind::Exclude => true,
                    ConstraintKind::Check if c.inherited || *id == whole => {
                        road.expanded.objects.get(&whole) == wanted.objects.get(&whole)
                    }
                    ConstraintKind::Check => true,
                    ConstraintKind::Primary | ConstraintKind::Unique => is_part(wanted, id, &shadow.constraint),
                    ConstraintKind::Foreign => false,
                };
                first.then(|| object.clone())
            }
            _ => None,
        };
        if let Some(object) = begun.or(at_first) {
            put(&mut road.expanded, object);
        }
    }
}

/// Whether a key is another one, or that of a partition which the other one is made of.
fn is_part(catalog: &PgCatalog, id: &PgId, whole: &PgId) -> bool {
    let mut next = Some(id);
    while let Some(id) = next {
        if id == whole {
            return true;
        }
        next = catalog.objects.get(id).and_then(crate::family::part_of);
    }
    false
}

/// Whether a foreign key comes at the switch only: one that is looked at by the end of a transaction would be looked at earlier
/// in the new table, and one to a table that changes too would be to the old one.
fn is_late(wanted: &PgCatalog, tables: &BTreeSet<&PgId>, id: &PgId, object: &PgObject) -> bool {
    let PgObject::Constraint(c) = object else { return false };
    let changes = |table: &PgId| tables.contains(table) || *table == id.prefix(PgKind::Table, 2);
    c.kind == ConstraintKind::Foreign && (c.deferrable || referred(wanted, id).iter().any(changes))
}

/// An object of the table as it is in the new one, and what it rests on there.
fn grown(wanted: &PgCatalog, shadow: &Shadow, id: &PgId) -> Option<(PgObject, BTreeSet<PgId>)> {
    let aside = |id: PgId| if is_own(wanted, shadow, &id) { placed(&id) } else { id };
    let object = match wanted.objects.get(id)?.clone() {
        PgObject::Table(table) => PgObject::Table(Table { row_security: false, force_row_security: false, ..table }),
        PgObject::Column(column) => {
            let inherits = column.inherits.clone().map(aside);
            let beside = super::shadow_copy::column_beside(&column, shadow.place.part(0));
            PgObject::Column(Column { inherits, ..beside })
        }
        PgObject::Default(default) => PgObject::Default(Default { parent: placed(&default.parent), ..default }),
        PgObject::Constraint(c) => PgObject::Constraint(Constraint { part_of: c.part_of.clone().map(aside), ..c }),
        PgObject::Index(index) => {
            let part_of = index.part_of.clone().map(aside);
            PgObject::Index(Index { on: placed(&index.on), part_of, ..index })
        }
        PgObject::Partition(tie) => PgObject::Partition(Partition { parent: placed(&tie.parent), ..tie }),
        PgObject::Statistics(statistics) => {
            // The table's name stands at the end.
            let (head, _) = statistics.definition.rsplit_once(" FROM ")?;
            let on = placed(&statistics.on);
            let definition = format!("{head} FROM {}", quote::qualified(&on.parts()));
            PgObject::Statistics(Statistics { on, definition, ..statistics })
        }
        other => other,
    };
    let needs = wanted.needs(id).map(|need| match need.kind {
        PgKind::Schema if need.last() == id.part(0) => placed(need),
        _ if is_own(wanted, shadow, need) => placed(need),
        _ => need.clone(),
    });
    Some((object, needs.collect()))
}

/// Whether an object is the table, a partition of it or a part of one.
fn is_own(wanted: &PgCatalog, shadow: &Shadow, id: &PgId) -> bool {
    match id.kind {
        PgKind::Table | PgKind::Column | PgKind::Constraint | PgKind::Default | PgKind::Partition => {
            shadow.family.contains(&id.prefix(PgKind::Table, 2))
        }
        PgKind::Index => {
            matches!(wanted.objects.get(id), Some(PgObject::Index(index)) if shadow.family.contains(&index.on))
        }
        _ => false,
    }
}

/// What keeps the new table in step, and the rows that go over.
fn stand_beside(growing: &Growing<'_>, road: &mut Road<'_>, checks: &mut Vec<Check>) {
    let Growing { shadow, copy, is_done, .. } = growing;
    let name = quote::qualified(&shadow.table.parts());
    for beside in [&mut road.beside_expanded, &mut road.beside_filled] {
        beside.extend(copy.make());
    }
    road.first.extend([(shadow.place.clone(), copy.function.clone()), (copy.missed.clone(), copy.function.clone())]);
    road.first.push((copy.seal.clone(), copy.function.clone()));
    // What is written before a partition is there would fit nowhere.
    let ties = shadow.family.iter().map(|member| placed(&member.attached(PgKind::Partition, &[])));
    road.first.extend(ties.map(|tie| (tie, copy.function.clone())));
    // Whoever empties a partition empties it of what was written since the first trigger was there.
    let firing = |fires: Fires| copy.triggers.iter().filter(move |(_, f)| *f == fires).map(|(id, _)| id.clone());
    let pairs = firing(Fires::PartEmptied).flat_map(|part| firing(Fires::Rows).map(move |rows| (part.clone(), rows)));
    road.first.extend(pairs);
    // The trigger reads columns that are new.
    let columns = parts_of(&road.expanded, PgKind::Column, &shadow.table.parts()).into_iter();
    road.first.extend(columns.map(|(column, _)| (column.clone(), copy.function.clone())).collect::<Vec<_>>());
    let done = Sql::new("CREATE SEQUENCE").name(&copy.done.parts()).build();
    if *is_done {
        road.beside_expanded.push(done.clone());
        road.beside_filled.push(done);
    } else {
        road.fills.push(Fill {
            table: shadow.table.clone(),
            work: FillWork::Statement(copy.batch()),
            wrong: copy.wrong(),
            words: format!("copy the rows of {name} into the table that takes its place"),
            reason: "in batches, each with its own commit, so that no row is locked for long".to_owned(),
            hazards: copy.losses.iter().map(|l| Hazard { kind: HazardKind::DataLoss, message: l.clone() }).collect(),
            recipe: NAME,
        });
        road.analyzed.insert(shadow.place.clone(), BTreeSet::new());
        let mut sql = vec![done];
        if copy.forgets {
            sql.push(format!("INSERT INTO {} DEFAULT VALUES", quote::qualified(&copy.seal.parts())));
        }
        road.settle.push(Move {
            words: format!("note that the copy of {name} is whole"),
            sql,
            reason: "a plan from here on goes on with the switch".to_owned(),
            recipe: Some(NAME),
            hazards: Vec::new(),
            source: None,
            undo: None,
        });
    }
    if copy.forgets {
        checks.push(Check {
            sql: format!("SELECT EXISTS (SELECT FROM {})", quote::qualified(&copy.seal.parts())),
            words: format!("look whether the server has crashed since {name} was copied"),
            reason: "an unlogged table is empty then; the next plan begins the copy anew".to_owned(),
        });
    }
    if let Some(sql) = copy.same_partitions() {
        checks.push(Check {
            sql,
            words: format!("look whether {name} has the partitions that were copied"),
            reason: "rows that came or went with one are not followed; the next plan begins the copy anew".to_owned(),
        });
    }
    if copy.refuses {
        checks.push(Check {
            sql: copy.nothing_refused(),
            words: format!("look whether the new table takes all rows of {name}"),
            reason: format!(
                "rows that it refuses were written since, and would be lost; their keys are in {}",
                quote::qualified(&copy.missed.parts())
            ),
        });
    }
}

/// The one short transaction in which the new tables take the place of the old ones.
fn switch(dialect: &Postgres<'_>, list: &[Growing<'_>], ties: &Ties<'_>, filled: &PgCatalog) -> Vec<Move> {
    let (wanted, filled_ties) = (ties.catalog(), Ties::of(filled));
    let tables: BTreeSet<&PgId> = list.iter().flat_map(|g| &g.shadow.family).collect();
    let mut sql: Vec<String> = Vec::new();
    for Growing { copy, .. } in list {
        for (trigger, _) in &copy.triggers {
            sql.push(Sql::new("DROP TRIGGER").ident(trigger.last()).kw("ON").name(&trigger.parts()[..2]).build());
        }
        sql.push(Sql::new("DROP FUNCTION").name(&copy.function.parts()[..2]).kw("()").build());
        sql.extend(copy.replay());
        sql.extend(copy.ways.iter().map(|(id, _)| Sql::new("DROP INDEX").name(&id.parts()).build()));
        let tables = [Some(&copy.missed), copy.forgets.then_some(&copy.seal)];
        sql.extend(tables.into_iter().flatten().map(|id| Sql::new("DROP TABLE").name(&id.parts()).build()));
        sql.push(Sql::new("DROP SEQUENCE").name(&copy.done.parts()).build());
    }
    let old = |shadow: &Shadow| filled_ties.family(&shadow.table).into_iter().collect();
    let rest: BTreeSet<PgId> = list.iter().flat_map(|g| resting(&filled_ties, &old(g.shadow))).collect();
    let hazards = rest.iter().filter(|id| id.kind == PgKind::MaterializedView).map(|id| Hazard {
        kind: HazardKind::BlocksReads,
        message: format!("{} is filled anew while the tables of the switch are locked", quote::qualified(&id.parts())),
    });
    let hazards = hazards.collect();
    sql.extend(ended(dialect, &mut filled.clone(), &rest));
    let (mut after, mut keys) = (Vec::new(), Vec::new());
    for Growing { shadow, .. } in list {
        let (mut before, own) = taken_over(dialect.user, &filled_ties, wanted, shadow);
        sql.append(&mut before);
        sql.push(Sql::new("DROP TABLE").name(&shadow.table.parts()).build());
        after.extend(own);
        let late = shadow.family.iter().flat_map(|member| {
            let own = parts_of(wanted, PgKind::Constraint, &member.parts()).into_iter();
            own.filter(|(id, object)| is_late(wanted, &tables, id, object)).map(|(id, _)| id)
        });
        let others = shadow.family.iter().flat_map(|member| ties.referring(member).iter().copied());
        for id in late.chain(others.filter(|id| !shadow.family.contains(&Column::table(id)))) {
            if let Some(PgObject::Constraint(c)) = wanted.objects.get(id) {
                let own = Column::table(id);
                let add = |table: &PgId| {
                    let clause = c.clause_without_validity(id).kw_if(c.enforced, "NOT VALID");
                    Sql::new("ALTER TABLE").name(&table.parts()).kw("ADD").then(clause).build()
                };
                let partitioned =
                    matches!(wanted.objects.get(&own), Some(PgObject::Table(t)) if t.partition_by.is_some());
                // Partition by partition where the whole takes it proved only.
                if partitioned && !dialect.server.has_unproved_of_partitioned() {
                    let below = ties.family(&own).into_iter().collect();
                    keys.extend(shadow_family::leaves(wanted, &below).iter().map(add));
                } else {
                    keys.push(add(&own));
                }
            }
        }
    }
    sql.append(&mut after);
    keys.sort();
    keys.dedup();
    sql.append(&mut keys);
    // A table that is out of scope may grow in the same one.
    let moved: BTreeSet<PgId> = tables.iter().map(|member| placed(member)).collect();
    let grows = |id: &PgId| id.kind == PgKind::Table && id.of.is_none() && !moved.contains(id);
    let others: BTreeSet<&str> = filled.objects.keys().filter(|id| grows(id)).map(|id| id.part(0)).collect();
    let schemas: BTreeSet<PgId> =
        list.iter().flat_map(|g| g.shadow.schemas()).filter(|schema| !others.contains(schema.last())).collect();
    sql.extend(schemas.iter().map(|id| Sql::new("DROP SCHEMA").name(&id.parts()).build()));
    let columns = tables.iter().flat_map(|member| parts_of(dialect.to, PgKind::Column, &member.parts()));
    let columns: HashSet<&PgId> = columns.map(|(id, _)| id).filter(|id| retypes(dialect, id)).collect();
    // Before the locks.
    let functions = if columns.is_empty() { None } else { looked_up_again(dialect, &[], &columns, &rest, NAME) };
    let names: Vec<String> = list.iter().map(|g| quote::qualified(&g.shadow.table.parts())).collect();
    let switch = Move {
        words: format!("put the new tables in the place of {}", names.join(", ")),
        sql,
        reason: "in one transaction that only touches the catalog".to_owned(),
        recipe: Some(NAME),
        hazards,
        source: None,
        undo: None,
    };
    functions.into_iter().chain([switch]).collect()
}

/// What is done before the old table goes, and what is done with the new one after: counters, sequences, owner, statistics.
fn taken_over(user: &str, ties: &Ties<'_>, wanted: &PgCatalog, shadow: &Shadow) -> (Vec<String>, Vec<String>) {
    let (table, filled) = (&shadow.table, ties.catalog());
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (id, object) in parts_of(wanted, PgKind::Column, &table.parts()) {
        if let (PgObject::Column(new), Some(PgObject::Column(old))) = (object, filled.objects.get(id))
            && let (Some(new), Some(old)) = (&new.identity, &old.identity)
        {
            let to = quote::literal(&quote::qualified(&[shadow.place.part(0), &new.sequence.1]));
            let from = quote::qualified(&[&old.sequence.0, &old.sequence.1]);
            before.push(format!("SELECT pg_catalog.setval({to}, last_value, is_called) FROM {from}"));
        }
    }
    for member in &shadow.family {
        let alter = Sql::new("ALTER TABLE").name(&placed(member).parts()).kw("SET SCHEMA");
        after.push(alter.ident(member.part(0)).build());
    }
    if let Some(PgObject::Owner(owner)) = filled.objects.get(&table.attached(PgKind::Owner, &[]))
        && owner.role != user
    {
        after.push(Sql::new("ALTER TABLE").name(&table.parts()).kw("OWNER TO").role(&owner.role).build());
    }
    let about = |at: &PgId, kind: PgKind| ties.about(at).iter().copied().filter(move |id| id.kind == kind);
    let sequences = about(table, PgKind::SequenceOwner).map(|id| (id, table));
    let statistics = shadow.family.iter().flat_map(|m| about(&placed(m), PgKind::Statistics).map(move |id| (id, m)));
    for (id, member) in sequences.chain(statistics).collect::<BTreeMap<_, _>>() {
        match filled.objects.get(id) {
            Some(PgObject::SequenceOwner(owner)) => {
                let Some(sequence) = id.target(0) else { continue };
                let alter = || Sql::new("ALTER SEQUENCE").name(&sequence.parts()).kw("OWNED BY");
                before.push(alter().kw("NONE").build());
                after.push(alter().name(&owner.column.parts()).build());
            }
            _ => {
                let alter = Sql::new("ALTER STATISTICS").name(&id.parts()).kw("SET SCHEMA");
                after.push(alter.ident(member.part(0)).build());
            }
        }
    }
    (before, after)
}
