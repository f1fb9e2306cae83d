//! Which object's statement carries out what happens to another one: a table's its columns', a column's its default's.

use crate::objects::{Column, ConstraintKind, DomainConstraint};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use underpin_model::Object;
use underpin_planner::Verb;

fn is_only_inherited(catalog: &PgCatalog, column: &PgId) -> bool {
    match catalog.objects.get(column) {
        Some(PgObject::Column(c)) => {
            c.inherits.is_some() && !c.local && !crate::objects::Table::is_partition(catalog, &Column::table(column))
        }
        _ => false,
    }
}

/// Whether the column comes to a table that is there from the table's parent, and its default is not the parent's.
fn differs_from_inherited(from: &PgCatalog, to: &PgCatalog, column: &PgId, default: &PgObject) -> bool {
    let Some(PgObject::Column(Column { inherits: Some(parent), .. })) = to.objects.get(column) else { return false };
    from.objects.contains_key(&Column::table(column))
        && !from.objects.contains_key(column)
        && match (default, to.objects.get(&parent.prefix(PgKind::Default, parent.depth()))) {
            (PgObject::Default(own), Some(PgObject::Default(theirs))) => own.expression != theirs.expression,
            _ => true,
        }
}

/// Whether the table has another key over the same columns that comes before this one.
fn is_second_key(catalog: &PgCatalog, id: &PgId, constraint: &crate::objects::Constraint) -> bool {
    let columns = |c: &crate::objects::Constraint| c.definition.split_once('(').map(|(_, rest)| rest.to_owned());
    if constraint.kind != ConstraintKind::Unique {
        return false;
    }
    let own = columns(constraint);
    crate::objects::parts_of(catalog, PgKind::Constraint, &id.parts()[..2]).into_iter().any(|(other, o)| match o {
        PgObject::Constraint(c) => match c.kind {
            ConstraintKind::Primary => columns(c) == own,
            ConstraintKind::Unique => other < id && columns(c) == own,
            _ => false,
        },
        _ => false,
    })
}

/// Whose statement can make the object as well: that of its table, or of its column.
pub(crate) fn fold_make(from: &PgCatalog, to: &PgCatalog, id: &PgId, object: &PgObject) -> Vec<(PgId, Verb)> {
    let made = |id: PgId| (id, Verb::Make);
    match object {
        PgObject::Column(column) => {
            let table = Column::table(id);
            // A table that gets the parent needs the column before.
            let gained = |p: &PgId| crate::objects::Table::leaves(to, from, &table, &Column::table(p));
            let mut into = vec![made(table.clone())];
            into.extend(column.inherits.clone().filter(|p| !gained(p)).map(made));
            into
        }
        // A column that a table only inherits is not written down with it.
        PgObject::Default(default) if is_only_inherited(to, &default.parent) => Vec::new(),
        // A column that comes by the parent's statement comes with the parent's default.
        PgObject::Default(default) if differs_from_inherited(from, to, &default.parent, object) => Vec::new(),
        PgObject::Default(default) if matches!(default.parent.kind, PgKind::Column | PgKind::Domain) => {
            vec![made(default.parent.clone())]
        }
        PgObject::DomainConstraint(constraint) if constraint.valid => vec![made(DomainConstraint::domain(id))],
        PgObject::Constraint(constraint) => {
            let foreign = constraint.kind == ConstraintKind::Foreign;
            // CREATE TABLE takes NOT VALID and forgets it.
            // And it takes two keys over the same columns for one.
            let unproved = !constraint.valid && constraint.enforced;
            let apart = foreign || unproved || constraint.comes_with_parent() || is_second_key(to, id, constraint);
            let mut into = if apart { Vec::new() } else { vec![made(id.prefix(PgKind::Table, 2))] };
            // A new partition has its own before it is attached.
            let table = id.prefix(PgKind::Table, 2);
            let partition = |c: &PgCatalog| c.objects.contains_key(&table.attached(PgKind::Partition, &[]));
            let comes_before = partition(to) && !partition(from);
            if constraint.inherited && !comes_before {
                into.extend(
                    to.needs(id).filter(|n| n.kind == PgKind::Constraint && n.last() == id.last()).cloned().map(made),
                );
            }
            into
        }
        PgObject::PublicationTable(_) | PgObject::PublicationSchema(_) => vec![made(id.prefix(PgKind::Publication, 1))],
        _ => Vec::new(),
    }
}

/// Whether the foreign key refers to its own table: then it rests on a key or an index of that, or on no other table.
pub(crate) fn refers_to_itself(catalog: &PgCatalog, id: &PgId) -> bool {
    let own = id.prefix(PgKind::Table, 2);
    catalog.needs(id).filter(|n| n.kind == PgKind::Column).all(|n| Column::table(n) == own)
}

/// Whose end ends the object as well.
pub(crate) fn fold_end(from: &PgCatalog, to: &PgCatalog, id: &PgId, object: &PgObject) -> Vec<(PgId, Verb)> {
    let mut into: Vec<PgId> = object.parent(id).into_iter().collect();
    into.extend(crate::objects::ends_with(from, id));
    match object {
        PgObject::Column(column) => {
            let table = Column::table(id);
            into.extend(
                column.inherits.clone().filter(|p| !crate::objects::Table::leaves(from, to, &table, &Column::table(p))),
            );
        }
        PgObject::Sequence(_) => {
            if let Some(PgObject::SequenceOwner(owner)) = from.objects.get(&id.attached(PgKind::SequenceOwner, &[])) {
                into.push(Column::table(&owner.column));
                into.push(owner.column.clone());
            }
        }
        PgObject::Constraint(c) => {
            // A foreign key to its own table is about columns that it refers to as well, which cannot take it with them.
            let refers = c.kind == ConstraintKind::Foreign && refers_to_itself(from, id);
            into.extend(crate::objects::Constraint::own_columns(id, from).filter(|_| !refers).cloned());
            into.extend(c.part_of.clone());
        }
        PgObject::Index(index) => {
            into.extend(from.needs(id).filter(|n| n.kind == PgKind::Column && Column::table(n) == index.on).cloned());
            into.extend(index.part_of.clone());
        }
        PgObject::PublicationTable(_) => into.push(crate::objects::PublicationTable::table(id)),
        PgObject::PublicationSchema(_) => into.push(PgId::new(PgKind::Schema, [id.last()])),
        PgObject::Statistics(statistics) => {
            into.push(statistics.on.clone());
            into.extend(from.needs(id).filter(|n| n.kind == PgKind::Column).cloned());
        }
        _ => {}
    }
    into.into_iter().map(|id| (id, Verb::End)).collect()
}
