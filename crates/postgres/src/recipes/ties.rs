//! What hangs together in a schema, looked up once where many tables are asked for it.

use crate::objects::{Column, ConstraintKind};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use underpin_model::Object;

/// For an object, what rests on it and what is a part of it.
pub(super) type Below = FxHashMap<PgId, Vec<PgId>>;

/// What is below each object of a schema.
pub(super) fn below(catalog: &PgCatalog) -> Below {
    let mut below = Below::default();
    for (id, needs) in &catalog.rests_on {
        for need in needs {
            below.entry(need.clone()).or_default().push(id.clone());
        }
    }
    for (id, object) in &catalog.objects {
        if let Some(parent) = object.parent(id) {
            below.entry(parent).or_default().push(id.clone());
        }
    }
    below
}

/// A schema with what it tells of each table when one of them is asked for the first time.
pub(super) struct Ties<'a> {
    catalog: &'a PgCatalog,
    below: OnceCell<Below>,
    about: OnceCell<FxHashMap<PgId, Vec<&'a PgId>>>,
    referring: OnceCell<FxHashMap<PgId, Vec<&'a PgId>>>,
    told: OnceCell<FxHashSet<Vec<&'a str>>>,
}

impl<'a> Ties<'a> {
    pub(super) fn of(catalog: &'a PgCatalog) -> Self {
        Self {
            catalog,
            below: OnceCell::new(),
            about: OnceCell::new(),
            referring: OnceCell::new(),
            told: OnceCell::new(),
        }
    }

    /// The schema.
    pub(super) fn catalog(&self) -> &'a PgCatalog {
        self.catalog
    }

    /// What rests on an object, and its parts.
    pub(super) fn below(&self, id: &PgId) -> &[PgId] {
        self.below.get_or_init(|| below(self.catalog)).get(id).map_or(&[], Vec::as_slice)
    }

    /// What is about a table without having its name: indexes, statistics, what ties its partitions to it, the
    /// sequences that its columns own, and its heirs.
    pub(super) fn about(&self, table: &PgId) -> &[&'a PgId] {
        let all = self.about.get_or_init(|| {
            let mut about: FxHashMap<PgId, Vec<&PgId>> = FxHashMap::default();
            for (id, object) in &self.catalog.objects {
                match object {
                    PgObject::Index(index) => about.entry(index.on.clone()).or_default().push(id),
                    PgObject::Statistics(statistics) => about.entry(statistics.on.clone()).or_default().push(id),
                    PgObject::Partition(tie) => about.entry(tie.parent.clone()).or_default().push(id),
                    PgObject::SequenceOwner(owner) => {
                        about.entry(Column::table(&owner.column)).or_default().push(id);
                    }
                    PgObject::Table(table) => {
                        for parent in &table.inherits {
                            about.entry(parent.clone()).or_default().push(id);
                        }
                    }
                    _ => {}
                }
            }
            about
        });
        all.get(table).map_or(&[], Vec::as_slice)
    }

    /// A table with its partitions and theirs, itself first.
    pub(super) fn family(&self, root: &PgId) -> Vec<PgId> {
        let mut all = vec![root.clone()];
        let mut at = 0;
        while let Some(next) = all.get(at) {
            let ties = self.about(next).iter().filter(|id| id.kind == PgKind::Partition);
            let below: Vec<PgId> = ties.filter_map(|tie| tie.target(0)).collect();
            all.extend(below);
            at += 1;
        }
        all
    }

    /// The foreign keys that refer to a table.
    pub(super) fn referring(&self, table: &PgId) -> &[&'a PgId] {
        let all = self.referring.get_or_init(|| {
            let mut referring: FxHashMap<PgId, Vec<&PgId>> = FxHashMap::default();
            for (id, object) in &self.catalog.objects {
                if matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign) {
                    for table in referred(self.catalog, id) {
                        referring.entry(table).or_default().push(id);
                    }
                }
            }
            referring
        });
        all.get(table).map_or(&[], Vec::as_slice)
    }

    /// Whether something is said of a table that no object stands for; it would be lost with it.
    pub(super) fn is_told_of(&self, table: &PgId) -> bool {
        let all = self.told.get_or_init(|| {
            let about = self.catalog.diagnostics.iter().map(|d| d.about.iter().map(String::as_str).take(2).collect());
            about.collect()
        });
        all.contains(&table.parts())
    }
}

/// The tables that a foreign key refers to.
pub(crate) fn referred(catalog: &PgCatalog, id: &PgId) -> BTreeSet<PgId> {
    let own = id.prefix(PgKind::Table, 2);
    let others: BTreeSet<PgId> =
        catalog.needs(id).filter(|n| n.kind == PgKind::Column).map(Column::table).filter(|t| *t != own).collect();
    if others.is_empty() { BTreeSet::from([own]) } else { others }
}
