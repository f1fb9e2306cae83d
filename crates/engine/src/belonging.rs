//! What belongs to a table, so that a pattern that names the table is about it too.

use std::collections::HashMap;
use underpin_model::Object;
use underpin_postgres::recipes::{beside, is_aside};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject};

/// For each object of its own that belongs to a table or to another object, that one: indexes, statistics, sequences of columns, and
/// what stands beside while a plan is in flight.
#[derive(Debug, Default)]
pub(crate) struct Belonging(HashMap<PgId, PgId>);

impl Belonging {
    /// Of all objects of the catalogs.
    pub(crate) fn of(catalogs: &[&PgCatalog]) -> Self {
        let mut map = HashMap::new();
        for catalog in catalogs {
            for (id, object) in &catalog.objects {
                match object {
                    PgObject::Index(index) => _ = map.insert(id.clone(), index.on.clone()),
                    PgObject::Statistics(statistics) => _ = map.insert(id.clone(), statistics.on.clone()),
                    PgObject::SequenceOwner(owner) => {
                        map.extend(id.target(0).map(|sequence| (sequence, owner.column.prefix(PgKind::Table, 2))));
                    }
                    _ => {}
                }
            }
            let is_whole = |id: &PgId, object: &PgObject| {
                id.of.is_none() && is_aside(id) && object.parent(id).is_none_or(|p| !is_aside(&p))
            };
            let wholes = catalog.objects.iter().filter(|(id, object)| is_whole(id, object)).map(|(id, _)| id);
            let apart: Vec<&PgId> = wholes.filter(|id| !map.contains_key(*id)).collect();
            map.extend(beside(catalog, &apart));
        }
        Self(map)
    }

    /// What an object, or what is said of it, belongs to.
    pub(crate) fn owner(&self, id: &PgId) -> Option<&PgId> {
        let wholes = [id.target(0), id.target(1), Some(id.prefix(PgKind::Table, 2))];
        self.0.get(id).or_else(|| wholes.iter().flatten().find_map(|whole| self.0.get(whole)))
    }
}
