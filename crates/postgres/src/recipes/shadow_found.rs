//! Which tables go the road of `shadow_table.rs`.

use super::road::{Wishes, is_aside};
use super::shadow_family::{can_be_parted_anew, family, is_parted_anew, is_told_of};
use super::shadow_table::Shadow;
use super::{carried, domain_check, type_remade};
use crate::objects::{Column, ConstraintKind, Table, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeSet, HashSet};
use underpin_model::Object;
use underpin_sql::quote;

/// The tables that go this road.
pub(super) fn shadows(dialect: &Postgres<'_>, wishes: &Wishes) -> Vec<Shadow> {
    let mut list = Vec::new();
    let bound = bound(dialect);
    for (id, object) in &dialect.to.objects {
        if let (PgObject::Table(new), Some(PgObject::Table(old))) = (object, dialect.from.objects.get(id))
            && needs_new_files((dialect, wishes), &bound, id, (old, new))
        {
            list.extend(copied(dialect, wishes, id, old, new));
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
    !is_published_or_subscribed(dialect)
        && copied(dialect, wishes, id, old, new).is_some_and(|shadow| can_be_made_again(dialect, &shadow))
}

/// The copy of a table, where one can be made as far as the table itself goes.
fn copied(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId, old: &Table, new: &Table) -> Option<Shadow> {
    if !is_alone(dialect, id, old, new) || !columns_stay(dialect, wishes, id) {
        return None;
    }
    let parted = is_parted_anew(dialect, id, old, new);
    let Keys { key, constraint, arbiter } = keys((dialect, wishes), id, parted)?;
    let family = family(dialect.to, id).into_iter().collect();
    Some(Shadow { table: id.clone(), place: Shadow::of(id), key, constraint, arbiter, family, parted })
}

/// Whether something of the table changes that only new files hold.
fn needs_new_files(
    (dialect, wishes): (&Postgres<'_>, &Wishes),
    bound: &HashSet<&PgId>,
    id: &PgId,
    (old, new): (&Table, &Table),
) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    if old.unlogged != new.unlogged || old.tablespace != new.tablespace || old.access_method != new.access_method {
        return true;
    }
    if is_parted_anew(dialect, id, old, new) {
        return true;
    }
    let mut columns = parts_of(to, PgKind::Column, &id.parts()).into_iter().map(|(column, _)| column);
    let generated = columns.any(|column| {
        is_held(dialect, column)
            || (bound.contains(column) && is_retyped(dialect, wishes, column))
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

/// Whether the table is tied to no other by inheritance or a type, on both sides, and has no partitions, or other ones than before.
fn is_alone(dialect: &Postgres<'_>, id: &PgId, old: &Table, new: &Table) -> bool {
    let parted = is_parted_anew(dialect, id, old, new);
    let sides = [(dialect.from, old), (dialect.to, new)];
    let alone = |(catalog, table): (&PgCatalog, &Table)| {
        table.foreign.is_none()
            && (parted || table.partition_by.is_none())
            && table.inherits.is_empty()
            && !table.force_row_security
            && !catalog.objects.contains_key(&id.attached(PgKind::Partition, &[]))
            && !catalog.objects.contains_key(&id.attached(PgKind::TypedTable, &[]))
            && !catalog.objects.values().any(|o| match o {
                PgObject::Partition(p) => !parted && p.parent == *id,
                PgObject::Table(t) => t.inherits.contains(id),
                _ => false,
            })
    };
    // What no object stands for would be lost with the old table.
    sides.into_iter().all(alone)
        && !is_told_of(dialect.from, &BTreeSet::from([id.clone()]))
        && (!parted || can_be_parted_anew(dialect, id))
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

/// The columns to which no other recipe gives a new type: they are part of an exclusion constraint, or something is
/// computed from them.
fn bound<'a>(dialect: &Postgres<'a>) -> HashSet<&'a PgId> {
    let binds = |object: &PgObject| match object {
        PgObject::Constraint(c) => c.kind == ConstraintKind::Exclude,
        PgObject::Column(c) => c.generated.is_some(),
        _ => false,
    };
    let of = |catalog: &'a PgCatalog| {
        catalog.objects.iter().filter(move |(_, o)| binds(o)).flat_map(|(id, _)| catalog.needs(id))
    };
    of(dialect.from).chain(of(dialect.to)).collect()
}

/// By what the copy tells rows from each other.
struct Keys {
    /// The quoted columns of a key that the old table has.
    key: Vec<String>,
    /// A key of the new one, by which the copy knows a row that is there already.
    constraint: PgId,
    /// The quoted columns of that.
    arbiter: Vec<String>,
}

/// The keys of both tables: one that stays, or, where the partitions become others, one that holds the columns of the other, as that
/// of a partitioned table has to hold its partition key.
fn keys((dialect, wishes): (&Postgres<'_>, &Wishes), id: &PgId, parted: bool) -> Option<Keys> {
    let (from, to) = (dialect.from, dialect.to);
    let is_plain = |name: &String, is_held: bool| {
        let is_named = |column: &PgId| quote::ident(column.last()) == *name;
        let columns = parts_of(to, PgKind::Column, &id.parts()).into_iter().map(|(column, _)| column);
        columns.filter(|column| is_named(column)).any(|column| {
            match (from.objects.get(column), to.objects.get(column)) {
                (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
                    a.generated.is_none()
                        && b.generated.is_none()
                        && (b.not_null || is_held)
                        && is_comparable((dialect, wishes), column, a, b)
                }
                _ => false,
            }
        })
    };
    let (old, new) = (super::road::keys_of(from, id), super::road::keys_of(to, id));
    // A primary key that stays until the switch lets no NULL in, whatever comes then.
    let is_held = |id: &PgId| parted && matches!(from.objects.get(id), Some(PgObject::Constraint(c)) if c.is_primary());
    let plain = || old.iter().filter(|(id, key)| key.iter().all(|column| is_plain(column, is_held(id))));
    let stays =
        plain().find_map(|(constraint, key)| match (from.objects.get(constraint), to.objects.get(constraint)) {
            (Some(PgObject::Constraint(a)), Some(PgObject::Constraint(b)))
                if (a.kind, &a.definition, b.deferrable) == (b.kind, &b.definition, false) =>
            {
                Some(Keys { key: key.clone(), constraint: constraint.clone(), arbiter: key.clone() })
            }
            _ => None,
        });
    let within = |a: &[String], b: &[String]| a.iter().all(|column| b.contains(column));
    let wider = || {
        plain().find_map(|(_, key)| {
            let held = |(_, list): &&(PgId, Vec<String>)| within(key, list) || within(list, key);
            let (constraint, arbiter) = new.iter().find(held)?;
            Some(Keys { key: key.clone(), constraint: constraint.clone(), arbiter: arbiter.clone() })
        })
    };
    if parted { stays.or_else(wider) } else { stays }
}

/// Whether a value of the old column can be compared with that which becomes of it, and both are the same.
fn is_comparable((dialect, wishes): (&Postgres<'_>, &Wishes), id: &PgId, old: &Column, new: &Column) -> bool {
    if old.type_name == new.type_name {
        return true;
    }
    let whole = |c: &Column| matches!(c.type_name.as_str(), "smallint" | "integer" | "bigint");
    let words = |c: &Column| matches!(c.type_name.as_str(), "text" | "character varying");
    let short = |c: &Column| c.type_name.starts_with("character varying(");
    !wishes.usings.contains_key(id)
        && dialect.conversion(id, old, new).is_none()
        && old.collation == new.collation
        && ((whole(old) && whole(new)) || ((words(old) || short(old)) && words(new)))
}

/// Whether changes of every table are sent to others, or rows come from others: a new table would be sent, or not be written to.
fn is_published_or_subscribed(dialect: &Postgres<'_>) -> bool {
    [dialect.from, dialect.to].into_iter().flat_map(|catalog| catalog.objects.values()).any(|object| match object {
        PgObject::Publication(p) => p.all_tables,
        PgObject::Subscription(_) => true,
        _ => false,
    })
}

/// All that rests on tables or their parts, directly or through others, and is no part of them.
pub(super) fn resting(catalog: &PgCatalog, tables: &BTreeSet<PgId>) -> BTreeSet<PgId> {
    let (dependents, children) = (catalog.dependents(), catalog.children());
    let is_part = |id: &PgId| match catalog.objects.get(id) {
        Some(PgObject::Index(index)) => tables.contains(&index.on),
        Some(PgObject::Statistics(statistics)) => tables.contains(&statistics.on),
        Some(PgObject::SequenceOwner(owner)) => tables.contains(&Column::table(&owner.column)),
        _ => tables.contains(&id.prefix(PgKind::Table, 2)) && !is_callable(id.kind),
    };
    let mut seen: BTreeSet<PgId> = tables.clone();
    let mut queue: Vec<PgId> = tables.iter().cloned().collect();
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
            c.kind == ConstraintKind::Foreign
                && !c.inherited
                && c.part_of.is_none()
                && matches!(catalog.objects.get(&id.prefix(PgKind::Table, 2)), Some(PgObject::Table(_)))
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
    let all = |catalog: &PgCatalog| {
        let tables = family(catalog, &shadow.table).into_iter().collect();
        resting(catalog, &tables).iter().all(|id| made_again(catalog, id))
    };
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
