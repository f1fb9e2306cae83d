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
                let owner = match object {
                    PgObject::Index(index) => Some(index.on.clone()),
                    PgObject::Statistics(statistics) => Some(statistics.on.clone()),
                    PgObject::SequenceOwner(owner) => {
                        if let Some(sequence) = id.target(0) {
                            map.insert(sequence, owner.column.prefix(PgKind::Table, 2));
                        }
                        None
                    }
                    _ => None,
                };
                if let Some(owner) = owner {
                    map.insert(id.clone(), owner);
                }
            }
            let apart =
                catalog.objects.iter().filter(|(id, o)| is_aside(id) && o.parent(id).is_none_or(|p| !is_aside(&p)));
            let apart =
                apart.map(|(id, _)| id).filter(|id| id.of.is_none() && !map.contains_key(*id)).collect::<Vec<_>>();
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
