//! Foreign keys beside keys that stay until the contract stage.

use super::ties::{Below, referred};
use crate::objects::{Constraint, ConstraintKind, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use std::collections::{BTreeMap, BTreeSet};

/// Whether an object is a key that a foreign key can rest on.
fn is_key(object: Option<&PgObject>) -> bool {
    match object {
        Some(PgObject::Constraint(c)) => matches!(c.kind, ConstraintKind::Primary | ConstraintKind::Unique),
        Some(PgObject::Index(index)) => index.unique,
        _ => false,
    }
}

/// The table that a key is of.
fn table(catalog: &PgCatalog, key: &PgId) -> Option<PgId> {
    match catalog.objects.get(key)? {
        PgObject::Index(index) => Some(index.on.clone()),
        PgObject::Constraint(_) => Some(Constraint::table(key)),
        _ => None,
    }
}

fn columns<'a>(catalog: &'a PgCatalog, key: &PgId) -> BTreeSet<&'a PgId> {
    catalog.needs(key).filter(|n| n.kind == PgKind::Column).collect()
}

/// Whether a foreign key that would stay rests on a key that is not what it was any more, or goes at once.
pub(super) fn loses_its_key(from: &PgCatalog, expanded: &PgCatalog, kept: &BTreeSet<PgId>, foreign: &PgId) -> bool {
    let is_other = |key: &PgId| {
        let (old, new) = (from.objects.get(key), expanded.objects.get(key));
        is_key(old)
            && match (old, new) {
                (Some(PgObject::Constraint(a)), Some(PgObject::Constraint(b))) => a.definition != b.definition,
                (Some(PgObject::Index(a)), Some(PgObject::Index(b))) => a.definition != b.definition,
                _ => !kept.contains(key),
            }
    };
    is_foreign(from.objects.get(foreign)) && from.needs(foreign).any(is_other)
}

/// Whether a foreign key that would stay refers to a table that becomes unlogged, from one that stays logged: the server takes none
/// ("constraints on permanent tables may reference only permanent tables").
pub(super) fn refers_to_unlogged(from: &PgCatalog, expanded: &PgCatalog, foreign: &PgId) -> bool {
    let is_unlogged =
        |id: &PgId| is_unlogged(expanded, id) || (is_unlogged(from, id) && !expanded.objects.contains_key(id));
    is_foreign(from.objects.get(foreign))
        && !is_unlogged(&Constraint::table(foreign))
        && referred(from, foreign).iter().any(is_unlogged)
}

/// The foreign keys of logged tables to this one that come when it is logged, where it is not yet.
pub(super) fn wait_for_logged(from: &PgCatalog, catalog: &PgCatalog, table: &PgId, below: &Below) -> Vec<PgId> {
    if !is_unlogged(catalog, table) {
        return Vec::new();
    }
    let columns = parts_of(catalog, PgKind::Column, &table.parts()).into_iter();
    let waits = |id: &&PgId| {
        is_foreign(catalog.objects.get(*id))
            && !from.objects.contains_key(*id)
            && !is_unlogged(catalog, &Constraint::table(id))
    };
    columns.flat_map(|(column, _)| below.get(column).into_iter().flatten()).filter(waits).cloned().collect()
}

fn is_foreign(object: Option<&PgObject>) -> bool {
    matches!(object, Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Foreign)
}

fn is_unlogged(catalog: &PgCatalog, table: &PgId) -> bool {
    matches!(catalog.objects.get(table), Some(PgObject::Table(t)) if t.unlogged)
}

/// For foreign keys whose table has a key that stays for now beside the one that they shall rest on, over the same columns: what
/// they rest on meanwhile. The server takes the older of the two (`transformFkeyCheckAttrs` in commands/tablecmds.c), and leaves
/// those alone that are there.
pub(super) fn rest_on_the_old(
    from: &PgCatalog,
    expanded: &PgCatalog,
    kept: &BTreeSet<PgId>,
) -> BTreeMap<PgId, BTreeSet<PgId>> {
    let mut keys: BTreeMap<PgId, Vec<&PgId>> = BTreeMap::new();
    for key in kept.iter().filter(|id| is_key(from.objects.get(*id))) {
        if let Some(table) = table(from, key) {
            keys.entry(table).or_default().push(key);
        }
    }
    let mut rests = BTreeMap::new();
    if keys.is_empty() {
        return rests;
    }
    for (foreign, _) in expanded.objects.iter().filter(|(id, o)| is_foreign(Some(o)) && !kept.contains(*id)) {
        let key = expanded.needs(foreign).find(|need| is_key(expanded.objects.get(*need)));
        let old = key.and_then(|key| {
            let over = columns(expanded, key);
            keys.get(&table(expanded, key)?)?.iter().find(|old| columns(from, old) == over).map(|old| (key, *old))
        });
        if let Some((key, old)) = old {
            let others = expanded.needs(foreign).filter(|need| *need != key).cloned();
            rests.insert(foreign.clone(), others.chain([old.clone()]).collect());
        }
    }
    rests
}
