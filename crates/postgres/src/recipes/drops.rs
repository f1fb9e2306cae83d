//! # What goes stays until no application uses it
//!
//! A column, table, view, function, type, sequence or schema that the desired schema does not have any more is dropped
//! in the contract stage, behind a gate that names it. Until then the old application goes on using it.
//!
//! - A column that is NOT NULL and has no default loses its NOT NULL in the expand stage: the new application does not
//!   know the column and leaves it out.
//! - A default that goes stays until the contract stage too: the old application may leave the column out.
//! - What stands on what stays (indexes, constraints, triggers, comments, grants) stays with it.
//! - An index that goes is dropped in the contract stage without a gate: no statement fails without it, and the old
//!   application keeps its speed. One that a failed build left is used by nobody and dropped at once.
//! - Rules that go are taken away at once, for the new application may rely on it: constraints, unique indexes,
//!   policies, triggers, NOT NULL.
//!
//! With `--quarantine DAYS` columns and tables are renamed there instead, and dropped by a later plan (see
//! `quarantine`).
//!
//! Where something new takes the name of what goes, or calls an overload of it, the old one cannot stay: it is dropped
//! in the expand stage, and the step carries the hazard breaks-application. So it is with a partition where a new one
//! takes values of its bound, or cannot be told not to, and where constraints, indexes or columns of the partitioned
//! table change that all its partitions have; and with a column that has a default or a constraint over an enum that
//! loses values. A foreign key to a table that becomes unlogged goes before that.
//!
//! Locks: each drop is ACCESS EXCLUSIVE for a moment (no scan, no rewrite); dropping a table or a foreign key takes it
//! on the tables that its foreign keys refer to as well (manual, ALTER TABLE and DROP TABLE; 12 to 18).
//!
//! After a crash: what was dropped is gone, the rest is dropped by the next plan.

use super::road::{Road, Wishes, is_aside};
use super::{enum_shrunk, kept_keys, partition_gives_way, quarantine};
use crate::objects::{Column, ConstraintKind};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use underpin_model::Kind;

/// Whether what goes stays for the old application's sake.
fn is_used_by_name(id: &PgId, object: &PgObject) -> bool {
    match object {
        PgObject::Index(index) => !index.unique && index.part_of.is_none() && index.valid,
        PgObject::Default(default) => default.parent.kind == PgKind::Column,
        _ => matches!(
            id.kind,
            PgKind::Table
                | PgKind::Column
                | PgKind::View
                | PgKind::MaterializedView
                | PgKind::Sequence
                | PgKind::Function
                | PgKind::Procedure
                | PgKind::Aggregate
                | PgKind::Enum
                | PgKind::Domain
                | PgKind::Composite
                | PgKind::Range
                | PgKind::Schema
                | PgKind::Extension
        ),
    }
}

/// Whether an application notices that the object is gone, other than by its speed.
fn is_noticed(kind: PgKind) -> bool {
    kind != PgKind::Index
}

/// Keeps what goes in the schemas of the line until the contract stage.
pub(super) fn plan(dialect: &Postgres<'_>, wishes: &Wishes, road: &mut Road<'_>) {
    let from = dialect.from;
    // What is ours, or stands on it, is another recipe's.
    let ours = |id: &PgId| is_aside(id) || from.needs(id).any(is_aside);
    let gone: BTreeSet<&PgId> =
        from.objects.keys().filter(|id| !road.expanded.objects.contains_key(*id) && !ours(id)).collect();
    if gone.is_empty() {
        return;
    }
    let mut kept = closure(from, &gone, &road.expanded);
    without_conflicts(from, &road.expanded, &mut kept);
    if kept.is_empty() {
        return;
    }
    let relaxed = relaxed(from, &road.expanded, &kept);
    let rest = kept_keys::rest_on_the_old(from, &road.expanded, &kept);
    road.change_both(|catalog| {
        catalog.rests_on.extend(rest.iter().map(|(id, on)| (id.clone(), on.clone())));
        for id in &kept {
            Road::put_in(catalog, from, id);
        }
        for id in &relaxed {
            if let Some(PgObject::Column(column)) = catalog.objects.get_mut(id) {
                column.not_null = false;
                column.not_null_rule = None;
            }
        }
    });
    let own = |id: &PgId| {
        let parent = from.objects.get(id).and_then(|o| underpin_model::Object::parent(o, id));
        parent.is_none_or(|p| !kept.contains(&p))
    };
    quarantine::plan(dialect, wishes, road, &kept);
    let due = |id: &PgId| quarantine::quarantined_until(id).is_some();
    for id in kept.iter().filter(|id| id.of.is_none() && own(id) && !due(id)) {
        match from.objects.get(id) {
            Some(PgObject::Column(column)) if column.inherits.is_some() => {}
            Some(PgObject::Default(_)) => {
                let column = underpin_sql::quote::qualified(&id.parts());
                road.gates.insert(format!("gives {column} a value itself"));
            }
            Some(object) if is_used_by_name(id, object) && is_noticed(id.kind) => {
                road.gates.insert(format!("works without {} {}", id.kind.name(), words(id)));
            }
            _ => {}
        }
    }
}

fn words(id: &PgId) -> String {
    match id.kind {
        PgKind::Function | PgKind::Procedure | PgKind::Aggregate => {
            format!("{}({})", underpin_sql::quote::qualified(&id.parts()[..2]), id.last())
        }
        _ => underpin_sql::quote::qualified(&id.parts()),
    }
}

/// What goes and stays for now: what is used by name, with its parts and with what it rests on.
fn closure(from: &PgCatalog, gone: &BTreeSet<&PgId>, expanded: &PgCatalog) -> BTreeSet<PgId> {
    let children = from.children();
    let dependents = from.dependents();
    let giving_way = partition_gives_way::giving_way(from, gone, expanded);
    let is_typed = |id: &PgId| {
        id.kind == PgKind::Column && from.objects.contains_key(&Column::table(id).attached(PgKind::TypedTable, &[]))
    };
    let mut queue: Vec<PgId> = gone
        .iter()
        .filter(|id| from.objects.get(**id).is_some_and(|o| is_used_by_name(id, o)))
        .filter(|id| !giving_way.contains(*id) && !is_typed(id) && !is_of_what_changes(id, expanded))
        .map(|id| (*id).clone())
        .collect();
    let mut kept: BTreeSet<PgId> = BTreeSet::new();
    while let Some(id) = queue.pop() {
        if !gone.contains(&id) || kept.contains(&id) {
            continue;
        }
        queue.extend(children.get(&id).into_iter().flatten().map(|c| (*c).clone()));
        queue.extend(from.needs(&id).cloned());
        queue.extend(from.objects.get(&id).and_then(|o| underpin_model::Object::parent(o, &id)));
        if id.kind == PgKind::Column {
            // What is about the column: its indexes and constraints, the policies and triggers that read it.
            queue.extend(dependents.get(&id).into_iter().flatten().map(|d| (*d).clone()));
        }
        kept.insert(id);
    }
    let with = |id: &PgId| children.get(id).into_iter().chain(dependents.get(id)).flatten().copied();
    partition_gives_way::take_out(from, gone, giving_way, with, &mut kept);
    kept
}

/// Whether a default that goes belongs to a column that cannot have one any more.
fn is_of_what_changes(id: &PgId, expanded: &PgCatalog) -> bool {
    id.kind == PgKind::Default
        && matches!(expanded.objects.get(&id.prefix(PgKind::Column, 3)),
            Some(PgObject::Column(c)) if c.identity.is_some() || c.generated.is_some())
}

/// Takes out what cannot stay beside the new: whose name is taken, and what rests on that.
fn without_conflicts(from: &PgCatalog, expanded: &PgCatalog, kept: &mut BTreeSet<PgId>) {
    let slots = |catalog: &PgCatalog, id: &PgId| catalog.objects.get(id).map(|o| o.slots(id)).unwrap_or_default();
    let mut taken: BTreeMap<String, ()> = BTreeMap::new();
    for id in expanded.objects.keys() {
        taken.extend(slots(expanded, id).into_iter().map(|slot| (slot, ())));
    }
    let dependents = from.dependents();
    let children = from.children();
    let primaries: HashSet<PgId> = expanded
        .objects
        .iter()
        .filter(|(_, o)| matches!(o, PgObject::Constraint(c) if c.kind == ConstraintKind::Primary))
        .map(|(id, _)| id.prefix(PgKind::Table, 2))
        .collect();
    let second_primary = |id: &PgId| {
        matches!(from.objects.get(id), Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Primary)
            && primaries.contains(&id.prefix(PgKind::Table, 2))
    };
    // What calls a new overload, in a policy or a default, would call the old one as long as that is there.
    let is_routine = |id: &PgId| matches!(id.kind, PgKind::Function | PgKind::Procedure | PgKind::Aggregate);
    let leaned_on: HashSet<&PgId> = expanded.rests_on.values().flatten().collect();
    let overloaded: HashSet<Vec<&str>> = expanded
        .objects
        .keys()
        .filter(|id| id.of.is_none() && is_routine(id) && !from.objects.contains_key(*id) && leaned_on.contains(id))
        .map(|id| id.parts()[..2].to_vec())
        .collect();
    let is_called_for = |id: &PgId| id.of.is_none() && is_routine(id) && overloaded.contains(&id.parts()[..2]);
    // What says values of an enum that loses them cannot be said of the new one.
    let is_remade = |id: &PgId| match (from.objects.get(id), expanded.objects.get(id)) {
        (Some(PgObject::Enum(old)), Some(PgObject::Enum(new))) => enum_shrunk::is_remade(old, new),
        _ => false,
    };
    let says_values = |id: &PgId| {
        let mut said = dependents.get(id).into_iter().chain(children.get(id)).flatten();
        id.kind == PgKind::Column
            && from.needs(id).any(is_remade)
            && said.any(|d| matches!(d.kind, PgKind::Default | PgKind::Constraint))
    };
    // Whether a partition's place is taken has been looked at.
    let mut queue: Vec<PgId> = kept
        .iter()
        .filter(|id| id.kind != PgKind::Partition)
        .filter(|id| {
            slots(from, id).iter().any(|s| taken.contains_key(s))
                || second_primary(id)
                || kept_keys::loses_its_key(from, expanded, kept, id)
                || kept_keys::refers_to_unlogged(from, expanded, id)
                || is_called_for(id)
                || says_values(id)
        })
        .cloned()
        .collect();
    while let Some(id) = queue.pop() {
        if kept.remove(&id) {
            queue.extend(dependents.get(&id).into_iter().flatten().map(|d| (*d).clone()));
            queue.extend(children.get(&id).into_iter().flatten().map(|c| (*c).clone()));
        }
    }
}

/// The columns that stay in tables that stay, and that the new application leaves out.
fn relaxed(from: &PgCatalog, expanded: &PgCatalog, kept: &BTreeSet<PgId>) -> Vec<PgId> {
    let in_primary: HashSet<&PgId> = kept
        .iter()
        .filter(
            |id| matches!(from.objects.get(*id), Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Primary),
        )
        .flat_map(|id| from.needs(id))
        .collect();
    let leaves_out = |id: &&PgId| {
        let Some(PgObject::Column(column)) = from.objects.get(*id) else { return false };
        column.not_null
            && column.identity.is_none()
            && column.generated.is_none()
            && expanded.objects.contains_key(&Column::table(id))
            && !from.objects.contains_key(&id.prefix(PgKind::Default, 3))
            && !in_primary.contains(id)
    };
    kept.iter().filter(leaves_out).cloned().collect()
}
