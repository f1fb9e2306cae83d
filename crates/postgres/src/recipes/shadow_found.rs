//! Which tables go the road of `shadow_table.rs`.

use super::road::{Wishes, is_aside};
use super::shadow_table::Shadow;
use super::{carried, domain_check, type_remade};
use crate::objects::{Column, Constraint, ConstraintKind, Table, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::BTreeSet;
use underpin_model::Object;

/// The tables that go this road.
pub(super) fn shadows(dialect: &Postgres<'_>, wishes: &Wishes) -> Vec<Shadow> {
    let mut list = Vec::new();
    for (id, object) in &dialect.to.objects {
        if let (PgObject::Table(new), Some(PgObject::Table(old))) = (object, dialect.from.objects.get(id))
            && needs_new_files((dialect, wishes), id, old, new)
            && is_alone(dialect, id, old, new)
            && columns_stay(dialect, wishes, id)
            && let Some((constraint, key)) = key(dialect, id)
        {
            list.push(Shadow { table: id.clone(), place: Shadow::of(id), key, constraint });
        }
    }
    if list.is_empty() || is_published_or_subscribed(dialect) {
        return Vec::new();
    }
    // Each that cannot go takes none with it: what is tied to it is made again in its own way.
    list.retain(|shadow| can_be_made_again(dialect, shadow));
    list
}

/// Whether a copy of the table could take its place.
pub(super) fn could_be_copied(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId) -> bool {
    let (Some(PgObject::Table(old)), Some(PgObject::Table(new))) =
        (dialect.from.objects.get(id), dialect.to.objects.get(id))
    else {
        return false;
    };
    let shadow = |(constraint, key)| Shadow { table: id.clone(), place: Shadow::of(id), key, constraint };
    is_alone(dialect, id, old, new)
        && columns_stay(dialect, wishes, id)
        && !is_published_or_subscribed(dialect)
        && key(dialect, id).map(shadow).is_some_and(|shadow| can_be_made_again(dialect, &shadow))
}

/// Whether something of the table changes that only new files hold.
fn needs_new_files((dialect, wishes): (&Postgres<'_>, &Wishes), id: &PgId, old: &Table, new: &Table) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    if old.unlogged != new.unlogged || old.tablespace != new.tablespace || old.access_method != new.access_method {
        return true;
    }
    let mut columns = parts_of(to, PgKind::Column, &id.parts()).into_iter().map(|(column, _)| column);
    let generated = columns.any(|column| {
        is_held(dialect, column)
            || only_a_copy_retypes(dialect, wishes, column)
            || domain_check::comes_by_copy(dialect, wishes, column)
    });
    let excluded = parts_of(to, PgKind::Constraint, &id.parts()).into_iter().any(|(constraint, object)| {
        matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Exclude && c.enforced)
            && from.objects.get(constraint).is_none_or(|old| !old.compare(object).is_empty())
    });
    generated || excluded
}

/// Whether a column is a stored generated one that only the new table has so.
pub(super) fn is_held(dialect: &Postgres<'_>, id: &PgId) -> bool {
    let Some(PgObject::Column(new)) = dialect.to.objects.get(id) else { return false };
    if !new.generated.as_ref().is_some_and(|g| g.stored) {
        return false;
    }
    match dialect.from.objects.get(id) {
        Some(PgObject::Column(old)) => old.generated != new.generated || old.type_name != new.type_name,
        _ => true,
    }
}

/// Whether the table is an ordinary one that is tied to no other by inheritance or a type, on both sides.
fn is_alone(dialect: &Postgres<'_>, id: &PgId, old: &Table, new: &Table) -> bool {
    let sides = [(dialect.from, old), (dialect.to, new)];
    let alone = |(catalog, table): (&PgCatalog, &Table)| {
        table.foreign.is_none()
            && table.partition_by.is_none()
            && table.inherits.is_empty()
            && !table.force_row_security
            && !catalog.objects.contains_key(&id.attached(PgKind::Partition, &[]))
            && !catalog.objects.contains_key(&id.attached(PgKind::TypedTable, &[]))
            && !catalog.objects.values().any(|o| match o {
                PgObject::Partition(p) => p.parent == *id,
                PgObject::Table(t) => t.inherits.contains(id),
                _ => false,
            })
    };
    // What no object stands for would be lost with the old table.
    let parts = id.parts();
    let unknown = |d: &underpin_model::Diagnostic| d.about.iter().map(String::as_str).take(2).eq(parts.iter().copied());
    sides.into_iter().all(alone) && !dialect.from.diagnostics.iter().any(unknown)
}

/// Whether the values of the columns can be copied: no other road is taken, and where a type changes, an expression says how.
fn columns_stay(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    let in_flight = parts_of(from, PgKind::Column, &id.parts()).into_iter().any(|(column, _)| is_aside(column));
    !in_flight
        && parts_of(to, PgKind::Column, &id.parts()).into_iter().all(|(column, object)| {
            let PgObject::Column(new) = object else { return true };
            let Some(PgObject::Column(old)) = from.objects.get(column) else {
                return new.identity.is_none();
            };
            old.identity.is_some() >= new.identity.is_some()
                && (old.generated.is_some() || new.generated.is_none())
                && (is_held(dialect, column)
                    || !is_retyped(dialect, wishes, column)
                    || carried::carried(dialect, wishes, column, (old, new)).is_some())
                && !type_remade::is_made_anew(dialect, column)
        })
}

/// Whether a column changes its type so that the rows are written anew.
pub(super) fn is_retyped(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId) -> bool {
    match (dialect.from.objects.get(id), dialect.to.objects.get(id)) {
        (Some(PgObject::Column(old)), Some(PgObject::Column(new))) => {
            carried::is_carried(dialect, wishes, id, old, new)
        }
        _ => false,
    }
}

/// Whether no other recipe gives a column its new type: it is part of an exclusion constraint, or something is computed from it.
fn only_a_copy_retypes(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId) -> bool {
    let bound = |catalog: &PgCatalog| {
        catalog.objects.iter().any(|(other, object)| {
            let binds = match object {
                PgObject::Constraint(c) => c.kind == ConstraintKind::Exclude,
                PgObject::Column(c) => c.generated.is_some(),
                _ => false,
            };
            binds && catalog.needs(other).any(|n| n == id)
        })
    };
    is_retyped(dialect, wishes, id) && (bound(dialect.from) || bound(dialect.to))
}

/// A key that both tables have.
fn key(dialect: &Postgres<'_>, id: &PgId) -> Option<(PgId, Vec<String>)> {
    let (from, to) = (dialect.from, dialect.to);
    super::road::keys_of(from, id).into_iter().find(|(constraint, _)| {
        match (from.objects.get(constraint), to.objects.get(constraint)) {
            (Some(PgObject::Constraint(a)), Some(PgObject::Constraint(b))) => {
                let columns: Vec<&PgId> = Constraint::own_columns(constraint, to).collect();
                let plain = |id: &&PgId| match (from.objects.get(*id), to.objects.get(*id)) {
                    (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
                        a.generated.is_none() && b.generated.is_none() && a.type_name == b.type_name && b.not_null
                    }
                    _ => false,
                };
                (a.kind, &a.definition, b.deferrable) == (b.kind, &b.definition, false) && columns.iter().all(plain)
            }
            _ => false,
        }
    })
}

/// Whether changes of every table are sent to others, or rows come from others: a new table would be sent, or not be written to.
fn is_published_or_subscribed(dialect: &Postgres<'_>) -> bool {
    [dialect.from, dialect.to].into_iter().flat_map(|catalog| catalog.objects.values()).any(|object| match object {
        PgObject::Publication(p) => p.all_tables,
        PgObject::Subscription(_) => true,
        _ => false,
    })
}

/// All that rests on a table or its parts, directly or through others, and is no part of it.
pub(super) fn resting(catalog: &PgCatalog, table: &PgId) -> BTreeSet<PgId> {
    let (dependents, children) = (catalog.dependents(), catalog.children());
    let is_part = |id: &PgId| match catalog.objects.get(id) {
        Some(PgObject::Index(index)) => index.on == *table,
        Some(PgObject::Statistics(statistics)) => statistics.on == *table,
        Some(PgObject::SequenceOwner(owner)) => Column::table(&owner.column) == *table,
        _ => id.prefix(PgKind::Table, 2) == *table && !is_callable(id.kind),
    };
    let mut seen: BTreeSet<PgId> = BTreeSet::from([table.clone()]);
    let mut queue = vec![table.clone()];
    while let Some(id) = queue.pop() {
        let more = dependents.get(&id).into_iter().chain(children.get(&id)).flatten();
        for next in more {
            // A sequence that a column owns is let go before.
            if next.kind != PgKind::SequenceOwner && !seen.contains(*next) {
                seen.insert((*next).clone());
                queue.push((*next).clone());
            }
        }
    }
    seen.retain(|id| !is_part(id));
    seen
}

/// Whether the first two parts of such an address may be those of a table that it has nothing to do with.
fn is_callable(kind: PgKind) -> bool {
    matches!(
        kind,
        PgKind::Function
            | PgKind::Procedure
            | PgKind::Aggregate
            | PgKind::Sequence
            | PgKind::View
            | PgKind::MaterializedView
    )
}

/// Whether all that rests on the table can be ended and made again in one short transaction.
fn can_be_made_again(dialect: &Postgres<'_>, shadow: &Shadow) -> bool {
    let made_again = |catalog: &PgCatalog, id: &PgId| match catalog.objects.get(id) {
        Some(PgObject::Constraint(c)) => {
            let holder = id.prefix(PgKind::Table, 2);
            c.kind == ConstraintKind::Foreign
                && !c.inherited
                && c.part_of.is_none()
                && matches!(catalog.objects.get(&holder), Some(PgObject::Table(t)) if t.partition_by.is_none())
        }
        Some(PgObject::Index(index)) => index.on.kind == PgKind::MaterializedView,
        Some(PgObject::Statistics(statistics)) => statistics.on.kind == PgKind::MaterializedView,
        Some(PgObject::Column(_) | PgObject::Default(_)) => {
            matches!(catalog.objects.get(&PgId::new(PgKind::View, &id.parts()[..2])), Some(PgObject::View(_)))
        }
        _ => matches!(
            id.kind,
            PgKind::View
                | PgKind::MaterializedView
                | PgKind::Function
                | PgKind::Procedure
                | PgKind::Rule
                | PgKind::Trigger
                | PgKind::Policy
                | PgKind::Comment
                | PgKind::Owner
                | PgKind::Grant
                | PgKind::PublicationTable
                | PgKind::SecurityLabel
        ),
    };
    let all = |catalog: &PgCatalog| resting(catalog, &shadow.table).iter().all(|id| made_again(catalog, id));
    // A neighbour whose columns take another road has foreign keys of its own by then.
    let neighbours_stay = [dialect.from, dialect.to].into_iter().all(|catalog| {
        catalog.objects.iter().all(|(id, object)| {
            let PgObject::Constraint(c) = object else { return true };
            let own = id.prefix(PgKind::Table, 2);
            let ends: Vec<&PgId> = catalog.needs(id).filter(|n| n.kind == PgKind::Column).collect();
            c.kind != ConstraintKind::Foreign
                || (own != shadow.table && !ends.iter().any(|c| Column::table(c) == shadow.table))
                || !ends.iter().any(|column| retypes(dialect, column))
        })
    });
    all(dialect.from) && all(dialect.to) && neighbours_stay
}

fn retypes(dialect: &Postgres<'_>, column: &PgId) -> bool {
    match (dialect.from.objects.get(column), dialect.to.objects.get(column)) {
        (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => a.type_name != b.type_name,
        _ => false,
    }
}
