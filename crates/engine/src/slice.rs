//! The part of a schema that a plan touches, closed over what it rests on and what rests on it.

use std::collections::{BTreeSet, VecDeque};
use underpin_model::Object;
use underpin_postgres::{PgCatalog, PgId, PgKind};

/// The addresses of the slice, over both sides.
pub(crate) fn slice(from: &PgCatalog, to: &PgCatalog, touched: &BTreeSet<PgId>) -> BTreeSet<PgId> {
    let sides = [from, to];
    let dependents: Vec<_> = sides.iter().map(|c| c.dependents()).collect();
    let children: Vec<_> = sides.iter().map(|c| c.children()).collect();
    let parent = |id: &PgId| -> Vec<PgId> {
        sides.iter().filter_map(|c| c.objects.get(id).and_then(|o| o.parent(id))).collect()
    };
    // First what rests on what is touched, and all parts of both, …
    let mut slice: BTreeSet<PgId> = BTreeSet::new();
    let mut queue: VecDeque<PgId> = VecDeque::new();
    for id in touched {
        let mut line = vec![id.clone()];
        while let Some(id) = line.pop() {
            line.extend(parent(&id));
            queue.push_back(id);
        }
    }
    while let Some(id) = queue.pop_front() {
        if !slice.insert(id.clone()) {
            continue;
        }
        // A schema's or an extension's dependents are no part of what happens to its parts.
        if matches!(id.kind, PgKind::Schema | PgKind::Extension) && !touched.contains(&id) {
            continue;
        }
        for side in &dependents {
            queue.extend(side.get(&id).into_iter().flatten().map(|d| (*d).clone()));
        }
        for side in &children {
            queue.extend(side.get(&id).into_iter().flatten().map(|c| (*c).clone()));
        }
    }
    // What the connecting role's new objects grant by default is told of by no dependency.
    let defaults = sides.iter().flat_map(|c| c.objects.keys()).filter(|id| id.kind == PgKind::DefaultPrivileges);
    slice.extend(defaults.cloned());
    // … then what all that rests on; of a table that is only rested on, the columns come along.
    let mut queue: VecDeque<PgId> = slice.iter().cloned().collect();
    while let Some(id) = queue.pop_front() {
        let mut next: Vec<PgId> = parent(&id);
        for side in sides {
            next.extend(side.needs(&id).cloned());
        }
        for side in &children {
            let parts = side.get(&id).into_iter().flatten();
            // Owners come along too: who may do what depends on them.
            next.extend(
                parts
                    .filter(|c| {
                        matches!(c.kind, PgKind::Column | PgKind::Owner | PgKind::Partition) || c.kind.is_part_of_type()
                    })
                    .map(|c| (*c).clone()),
            );
        }
        for n in next {
            if slice.insert(n.clone()) {
                queue.push_back(n);
            }
        }
    }
    slice
}
