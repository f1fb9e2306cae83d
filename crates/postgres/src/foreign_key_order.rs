//! When a foreign key comes.

use crate::objects::{Constraint, ConstraintKind};
use crate::recipes::ties::referred;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeSet, HashMap, HashSet};
use underpin_model::Strategy;
use underpin_planner::{Action, Verb};
use underpin_sql::quote;

impl Postgres<'_> {
    /// A foreign key comes after the indexes over its columns: without one, each row that is deleted from the other table has all
    /// rows of this one read, while an application waits (manual, 5.5.5 Foreign Keys).
    pub(crate) fn foreign_keys_after_indexes(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        if self.strategy != Strategy::Online {
            return Vec::new();
        }
        let made = || actions.iter().enumerate().filter(|(_, action)| action.verb == Verb::Make);
        // By table: the columns that each index is over.
        let mut indexes: HashMap<PgId, Vec<(usize, HashSet<String>)>> = HashMap::new();
        for (n, action) in made() {
            let table = match self.to.objects.get(&action.id) {
                Some(PgObject::Index(index)) => index.on.clone(),
                Some(PgObject::Constraint(c)) if c.has_index() => action.id.prefix(PgKind::Table, 2),
                _ => continue,
            };
            let columns = self.to.needs(&action.id).filter(|n| n.kind == PgKind::Column);
            let over =
                columns.filter(|n| n.prefix(PgKind::Table, 2) == table).map(|n| quote::ident(n.last())).collect();
            indexes.entry(table).or_default().push((n, over));
        }
        let mut pairs = Vec::new();
        for (m, action) in made() {
            let Some(PgObject::Constraint(key)) = self.to.objects.get(&action.id) else { continue };
            let referring = referring_columns(key);
            for (n, over) in indexes.get(&action.id.prefix(PgKind::Table, 2)).into_iter().flatten() {
                if !referring.is_empty() && referring.iter().all(|column| over.contains(*column)) {
                    pairs.push((*n, m));
                }
            }
        }
        pairs
    }

    /// A logged table refers to no unlogged one ("constraints on permanent tables may reference only permanent tables"): foreign keys go
    /// before their tables change in that, and come after. Where one stays, the table that refers becomes unlogged first, and logged
    /// last.
    pub(crate) fn foreign_keys_around_logging(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let becomes = |id: &PgId| match (self.from.objects.get(id), self.to.objects.get(id)) {
            (Some(PgObject::Table(old)), Some(PgObject::Table(new))) if old.unlogged != new.unlogged => {
                Some(new.unlogged)
            }
            _ => None,
        };
        let altered = |(n, a): (usize, &Action<Self>)| {
            let becomes = if a.verb == Verb::Alter { becomes(&a.id) } else { None };
            becomes.map(|unlogged| (a.id.clone(), (n, unlogged)))
        };
        let tables: HashMap<PgId, (usize, bool)> = actions.iter().enumerate().filter_map(altered).collect();
        if tables.is_empty() {
            return Vec::new();
        }
        let mut pairs = Vec::new();
        for (m, action) in actions.iter().enumerate() {
            let (catalog, ends) = match action.verb {
                Verb::Make => (self.to, false),
                Verb::End => (self.from, true),
                Verb::Alter | Verb::Park | Verb::Save | Verb::Fill => continue,
            };
            for table in tied(catalog, &action.id) {
                if let Some((n, _)) = tables.get(&table) {
                    pairs.push(if ends { (m, *n) } else { (*n, m) });
                }
            }
        }
        for id in self.to.objects.keys().filter(|id| self.from.objects.contains_key(*id)) {
            let own = id.prefix(PgKind::Table, 2);
            let Some((m, unlogged)) = tables.get(&own) else { continue };
            for table in tied(self.to, id).into_iter().filter(|table| *table != own) {
                if let Some((n, _)) = tables.get(&table) {
                    pairs.push(if *unlogged { (*m, *n) } else { (*n, *m) });
                }
            }
        }
        pairs
    }
}

/// The tables of a foreign key: its own, and that which it refers to.
fn tied(catalog: &PgCatalog, id: &PgId) -> BTreeSet<PgId> {
    match catalog.objects.get(id) {
        Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Foreign => {
            referred(catalog, id).into_iter().chain([Constraint::table(id)]).collect()
        }
        _ => BTreeSet::new(),
    }
}

/// The quoted columns that refer to others; none where it is no foreign key.
fn referring_columns(key: &Constraint) -> Vec<&str> {
    let columns = key.definition.strip_prefix("FOREIGN KEY (").and_then(|rest| rest.split_once(") REFERENCES "));
    match (key.kind, columns) {
        (ConstraintKind::Foreign, Some((columns, _))) => columns.split(", ").collect(),
        _ => Vec::new(),
    }
}
