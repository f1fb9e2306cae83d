//! Tables with their partitions on the road of `shadow_table.rs`: which of them go it, and what of them is held back meanwhile.

use super::road::Road;
use super::shadow_table::{Shadow, placed};
use crate::objects::{Constraint, ConstraintKind, Table, parts_of, slot};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeMap, BTreeSet};
use underpin_sql::quote;

/// A table with its partitions and theirs, itself first.
pub(super) fn family(catalog: &PgCatalog, root: &PgId) -> Vec<PgId> {
    let mut branches: BTreeMap<&PgId, Vec<PgId>> = BTreeMap::new();
    for (id, object) in &catalog.objects {
        if let PgObject::Partition(tie) = object {
            branches.entry(&tie.parent).or_default().extend(id.target(0));
        }
    }
    let mut all = vec![root.clone()];
    let mut at = 0;
    while let Some(next) = all.get(at) {
        let below = branches.get(next).cloned().unwrap_or_default();
        all.extend(below);
        at += 1;
    }
    all
}

/// Those of a family that have rows of their own.
pub(super) fn leaves(catalog: &PgCatalog, family: &BTreeSet<PgId>) -> Vec<PgId> {
    let is_leaf = |id: &&PgId| matches!(catalog.objects.get(*id), Some(PgObject::Table(t)) if t.partition_by.is_none());
    family.iter().filter(is_leaf).cloned().collect()
}

/// Whether a table becomes a partitioned one, or one with another key or none.
pub(super) fn is_parted_anew(dialect: &Postgres<'_>, id: &PgId, old: &Table, new: &Table) -> bool {
    old.partition_by != new.partition_by || (old.partition_by.is_some() && dialect.is_replaced(id))
}

/// Whether the partitions of both sides can be copied and made: none brings rows of its own from elsewhere, keeps them for itself, or
/// is about more than rows of this database.
pub(super) fn can_be_parted_anew(dialect: &Postgres<'_>, id: &PgId) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    let [old, new] = [from, to].map(|catalog| family(catalog, id).into_iter().collect::<BTreeSet<_>>());
    let plain = |catalog: &PgCatalog, member: &PgId| match catalog.objects.get(member) {
        Some(PgObject::Table(t)) => {
            t.foreign.is_none()
                && t.inherits.is_empty()
                && !t.force_row_security
                && !catalog.objects.contains_key(&member.attached(PgKind::TypedTable, &[]))
        }
        _ => false,
    };
    // Their names have to be free when they come.
    let taken: BTreeSet<String> = from
        .objects
        .iter()
        .filter(|(other, _)| other.of.is_none() && other.depth() == 2 && !old.contains(other))
        .flat_map(|(other, object)| object.slots(other))
        .collect();
    let comes = |member: &&PgId| !old.contains(member);
    let stays = |member: &&PgId| to.objects.contains_key(*member);
    old.iter().all(|member| plain(from, member))
        && new.iter().all(|member| plain(to, member))
        && old.iter().filter(stays).all(|member| new.contains(member))
        && !new.iter().filter(comes).any(|member| taken.contains(&slot("relation", &member.parts())))
        && !is_told_of(from, &old)
}

/// Whether something is said of one of the tables that no object stands for; it would be lost with it.
pub(super) fn is_told_of(catalog: &PgCatalog, tables: &BTreeSet<PgId>) -> bool {
    let table = |about: &[String]| match about {
        [schema, name, ..] => Some(PgId::new(PgKind::Table, [schema, name])),
        _ => None,
    };
    catalog.diagnostics.iter().filter_map(|d| table(&d.about)).any(|table| tables.contains(&table))
}

/// Whether the new table on the live side, and its partitions, have the columns and the files that they shall have.
pub(super) fn has_shape(from: &PgCatalog, shadow: &Shadow, wanted: &PgCatalog) -> bool {
    let columns = |catalog: &PgCatalog, table: &PgId| -> BTreeMap<String, (String, Option<String>, Option<String>)> {
        let columns = parts_of(catalog, PgKind::Column, &table.parts()).into_iter();
        columns
            .filter_map(|(id, object)| match object {
                PgObject::Column(c) => {
                    let generated = c.generated.as_ref().map(|g| format!("{} {}", g.stored, g.expression));
                    Some((id.last().to_owned(), (c.type_name.clone(), c.collation.clone(), generated)))
                }
                _ => None,
            })
            .collect()
    };
    let same = |member: &PgId| {
        let place = placed(member);
        let (Some(PgObject::Table(there)), Some(PgObject::Table(new))) =
            (from.objects.get(&place), wanted.objects.get(member))
        else {
            return false;
        };
        there.unlogged == new.unlogged
            && there.tablespace == new.tablespace
            && there.access_method == new.access_method
            && there.partition_by == new.partition_by
            && columns(from, &place) == columns(wanted, member)
    };
    let bound = |catalog: &PgCatalog, member: &PgId| match catalog.objects.get(&member.attached(PgKind::Partition, &[]))
    {
        Some(PgObject::Partition(tie)) => Some(tie.bound.clone()),
        _ => None,
    };
    // A partition that is new takes rows that went nowhere before, unless one takes all of them.
    let there: BTreeSet<PgId> = family(from, &shadow.place).into_iter().collect();
    let takes_all = there.iter().any(|member| bound(from, member).as_deref() == Some("DEFAULT"));
    let wanted_there = shadow.family.iter().filter(|member| there.contains(&placed(member)));
    let (known, all) = (wanted_there.clone().count(), shadow.family.len());
    wanted_there.clone().all(|m| same(m) && bound(wanted, m) == bound(from, &placed(m)))
        && known == there.len()
        && (known == all || (known > 0 && !takes_all))
}

/// What of a table stays as it is until the new one, with other partitions, takes its place: its keys and indexes, which are others in
/// the new one, and the partitions of both. The first are those of a schema of the line, the second those of the live one.
pub(super) fn held(from: &PgCatalog, catalog: &PgCatalog, root: &PgId) -> [BTreeSet<PgId>; 2] {
    [catalog, from].map(|catalog| {
        let mut list: BTreeSet<PgId> = family(catalog, root).into_iter().skip(1).collect();
        let constraints = parts_of(catalog, PgKind::Constraint, &root.parts()).into_iter();
        let keys = constraints.filter(|(_, o)| matches!(o, PgObject::Constraint(c) if c.has_index()));
        list.extend(keys.map(|(id, _)| id.clone()));
        let indexes = catalog.objects.iter().filter(|(_, o)| matches!(o, PgObject::Index(i) if i.on == *root));
        list.extend(indexes.map(|(id, _)| id.clone()));
        list
    })
}

/// Makes a schema say what holds after the switch, as far as partitions go: those that the table shall not have are gone, what stays
/// for the old application's sake is in all of them, and has no indexes of its own any more. Handed back are the partitions that an
/// application may name and that are gone.
pub(super) fn as_after_the_switch(dialect: &Postgres<'_>, catalog: &mut PgCatalog, shadow: &Shadow) -> Vec<PgId> {
    let (from, to, root) = (dialect.from, dialect.to, &shadow.table);
    let gone: Vec<PgId> = family(from, root).into_iter().filter(|id| !to.objects.contains_key(id)).collect();
    let unwanted = |id: &PgId, object: &PgObject| match object {
        PgObject::Index(index) => index.on == *root && !to.objects.contains_key(id),
        PgObject::Constraint(_) => Constraint::table(id) == *root && !to.objects.contains_key(id),
        _ => false,
    };
    let left: Vec<PgId> = catalog.objects.iter().filter(|(id, o)| unwanted(id, o)).map(|(id, _)| id.clone()).collect();
    Road::take_out(catalog, gone.iter().cloned().chain(left));
    spread(catalog, root);
    gone
}

/// What a partitioned table has and a partition of it lacks: columns that are new, or stay a while longer, come to all of them.
pub(super) fn spread(catalog: &mut PgCatalog, root: &PgId) {
    let parts = |catalog: &PgCatalog, kind: PgKind| -> Vec<(PgId, PgObject)> {
        let parts = parts_of(catalog, kind, &root.parts()).into_iter();
        parts.map(|(id, object)| (id.clone(), object.clone())).collect()
    };
    let (columns, defaults) = (parts(catalog, PgKind::Column), parts(catalog, PgKind::Default));
    for member in family(catalog, root).into_iter().skip(1) {
        let Some(PgObject::Partition(tie)) = catalog.objects.get(&member.attached(PgKind::Partition, &[])) else {
            continue;
        };
        let parent = tie.parent.clone();
        let under = |table: &PgId, id: &PgId, kind: PgKind| PgId::new(kind, [table.part(0), table.part(1), id.last()]);
        let mut lacking = columns.clone();
        lacking.retain(|(id, _)| !catalog.objects.contains_key(&under(&member, id, PgKind::Column)));
        let lacks = |id: &PgId| lacking.iter().any(|(column, _)| column.last() == id.last());
        let with_defaults = defaults.iter().filter(|(id, _)| lacks(id)).cloned().collect::<Vec<_>>();
        for (id, object) in lacking.iter().chain(&with_defaults) {
            let column = under(&member, id, PgKind::Column);
            let (object, needs) = match object.clone() {
                PgObject::Column(mut own) => {
                    let above = under(&parent, id, PgKind::Column);
                    (own.inherits, own.local) = (Some(above.clone()), false);
                    (PgObject::Column(own), [member.clone(), above])
                }
                PgObject::Default(mut own) => {
                    own.parent = column.clone();
                    (PgObject::Default(own), [member.clone(), column.clone()])
                }
                _ => continue,
            };
            // What else it rests on, its type or a sequence, it rests on in every partition.
            let others = catalog.needs(id).filter(|need| need.prefix(PgKind::Table, 2) != *root);
            let needs = needs.into_iter().chain(others.cloned()).collect();
            let own = under(&member, id, id.kind);
            if let Some(place) = catalog.places.get(id).copied() {
                catalog.places.insert(own.clone(), place);
            }
            catalog.rests_on.insert(own.clone(), needs);
            catalog.objects.insert(own, object);
        }
    }
}

/// What changes of the checks of a partitioned table changes in its partitions, which are held back.
pub(super) fn spread_checks(catalog: &mut PgCatalog, root: &PgId) {
    let checks = |catalog: &PgCatalog, table: &PgId| -> Vec<(PgId, Constraint)> {
        let parts = parts_of(catalog, PgKind::Constraint, &table.parts()).into_iter();
        parts
            .filter_map(|(id, object)| match object {
                PgObject::Constraint(c)
                    if c.kind == ConstraintKind::Check && !c.definition.ends_with(" NO INHERIT") =>
                {
                    Some((id.clone(), c.clone()))
                }
                _ => None,
            })
            .collect()
    };
    let wanted = checks(catalog, root);
    for member in family(catalog, root).into_iter().skip(1) {
        let has = |id: &PgId| wanted.iter().any(|(check, _)| check.last() == id.last());
        let gone = checks(catalog, &member).into_iter().filter(|(id, c)| c.inherited && !has(id));
        Road::take_out(catalog, gone.map(|(id, _)| id).collect::<Vec<_>>());
        let Some(PgObject::Partition(tie)) = catalog.objects.get(&member.attached(PgKind::Partition, &[])) else {
            continue;
        };
        let parent = tie.parent.clone();
        for (id, check) in &wanted {
            let under = |table: &PgId, id: &PgId| PgId::new(id.kind, [table.part(0), table.part(1), id.last()]);
            let own = under(&member, id);
            // One of the partition's own stays that.
            let inherited = !matches!(catalog.objects.get(&own), Some(PgObject::Constraint(c)) if !c.inherited);
            let columns = catalog.needs(id).map(|need| match need.kind {
                PgKind::Column if Constraint::table(need) == *root => under(&member, need),
                PgKind::Table if need == root => member.clone(),
                _ => need.clone(),
            });
            let needs = columns.chain([under(&parent, id)]).collect();
            catalog.rests_on.insert(own.clone(), needs);
            let check = Constraint { inherited, ..check.clone() };
            catalog.objects.insert(own, PgObject::Constraint(check));
        }
    }
}

/// What changes of NOT NULL in a partitioned table changes in its partitions, which are held back. What the old primary key needs
/// stays as long as that does.
pub(super) fn spread_not_null(catalog: &mut PgCatalog, from: &PgCatalog, root: &PgId) {
    for (key, object) in parts_of(from, PgKind::Constraint, &root.parts()) {
        if !matches!(object, PgObject::Constraint(c) if c.is_primary()) {
            continue;
        }
        for id in Constraint::own_columns(key, from) {
            if let (Some(PgObject::Column(column)), Some(PgObject::Column(old))) =
                (catalog.objects.get_mut(id), from.objects.get(id))
            {
                column.not_null = old.not_null;
                column.not_null_rule.clone_from(&old.not_null_rule);
            }
        }
    }
    let not_null = |catalog: &PgCatalog, id: &PgId| match catalog.objects.get(id) {
        Some(PgObject::Column(c)) => Some((c.not_null, c.not_null_rule.as_ref().is_some_and(|rule| rule.unproved))),
        _ => None,
    };
    let columns = parts_of(catalog, PgKind::Column, &root.parts()).into_iter();
    let changed: Vec<(PgId, bool)> = columns
        .filter_map(|(id, _)| Some((id, not_null(catalog, id)?)))
        .filter(|(id, now)| not_null(from, id).is_some_and(|was| was != *now))
        .map(|(id, (now, _))| (id.clone(), now))
        .collect();
    for member in family(catalog, root).into_iter().skip(1) {
        for (id, now) in &changed {
            let own = PgId::new(PgKind::Column, [member.part(0), member.part(1), id.last()]);
            if let Some(PgObject::Column(column)) = catalog.objects.get_mut(&own) {
                column.not_null = *now;
                column.not_null_rule = None;
            }
        }
    }
}

/// What an application has to do without, in words that complete "every running version of the application …".
pub(super) fn gate(table: &PgId) -> String {
    format!("works without table {}", quote::qualified(&table.parts()))
}
