//! Parents, heirs and partitions: what has to go or come together with them, and when.

use crate::objects::{ConstraintKind, partition_stays};
use crate::{Effect, PgCatalog, PgId, PgKind, PgObject, PgOp, Postgres};
use std::collections::{HashMap, HashSet};
use underpin_planner::{Action, Verb};

/// The parent's index or key that this one of a partition is a part of.
pub(crate) fn part_of(object: &PgObject) -> Option<&PgId> {
    match object {
        PgObject::Index(index) => index.part_of.as_ref(),
        PgObject::Constraint(constraint) => constraint.part_of.as_ref(),
        _ => None,
    }
}

impl Postgres<'_> {
    /// What goes with an index or a key of a partitioned table, or with that of a partition: the parts with the whole, the
    /// whole with a part, as long as the partition stays.
    pub(crate) fn parts_and_whole(&self, from: &PgCatalog, id: &PgId) -> Vec<PgId> {
        let table = |part: &PgId| match from.objects.get(part) {
            Some(PgObject::Index(index)) => index.on.clone(),
            _ => part.prefix(PgKind::Table, 2),
        };
        let stays = |part: &PgId| partition_stays(&table(part), from, self.to);
        let whole = from.objects.get(id).and_then(part_of).filter(|_| stays(id));
        let parts = self.parts.get(id).into_iter().flatten().filter(|part| stays(part));
        whole.into_iter().chain(parts).cloned().collect()
    }

    /// A table leaves a parent before, and gets one after, the columns and constraints of both change.
    pub(crate) fn around_inheritance(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let mut turns: HashMap<PgId, Vec<(usize, bool)>> = HashMap::new();
        for (n, action) in actions.iter().enumerate() {
            let Some(PgOp::Statements { effect, .. }) = &action.op else { continue };
            let leaves = *effect == Effect::Disinherit;
            if !leaves && *effect != Effect::Inherit {
                continue;
            }
            let parents = |catalog: &PgCatalog| match catalog.objects.get(&action.id) {
                Some(PgObject::Table(table)) => table.inherits.clone(),
                _ => Vec::new(),
            };
            let (before, after) = (parents(self.from), parents(self.to));
            let (those, others) = if leaves { (before, after) } else { (after, before) };
            let family = those.into_iter().filter(|p| !others.contains(p)).chain([action.id.clone()]);
            family.for_each(|table| turns.entry(table).or_default().push((n, leaves)));
        }
        let mut pairs = Vec::new();
        if turns.is_empty() {
            return pairs;
        }
        for (m, action) in actions.iter().enumerate() {
            if !matches!(action.id.kind, PgKind::Column | PgKind::Constraint) {
                continue;
            }
            let retyped = matches!(action.op, Some(PgOp::ColumnType | PgOp::ColumnRetype));
            for (n, leaves) in turns.get(&action.id.prefix(PgKind::Table, 2)).into_iter().flatten() {
                match (leaves, action.verb) {
                    (true, Verb::End) => pairs.push((*n, m)),
                    (true, Verb::Alter) if retyped => pairs.push((*n, m)),
                    (true, Verb::Alter | Verb::Make | Verb::Park) => {}
                    (false, _) => pairs.push((m, *n)),
                }
            }
        }
        pairs
    }

    /// A foreign key of a partitioned table goes before a partition is detached, which would take a copy along.
    pub(crate) fn foreign_keys_before_detaching(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let ends = |kind: PgKind| {
            let ends = actions.iter().enumerate().filter(move |(_, a)| a.verb == Verb::End && a.id.kind == kind);
            ends.filter_map(|(n, a)| Some((n, a, self.from.objects.get(&a.id)?)))
        };
        let gone: HashSet<&PgId> = ends(PgKind::Table).map(|(_, a, _)| &a.id).collect();
        let mut detached: HashMap<&PgId, Vec<usize>> = HashMap::new();
        for (n, _, object) in ends(PgKind::Partition) {
            if let PgObject::Partition(partition) = object
                && !gone.contains(&partition.parent)
            {
                detached.entry(&partition.parent).or_default().push(n);
            }
        }
        let mut pairs = Vec::new();
        for (m, action, object) in ends(PgKind::Constraint) {
            if matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign) {
                let partitions = detached.get(&action.id.prefix(PgKind::Table, 2));
                pairs.extend(partitions.into_iter().flatten().map(|n| (m, *n)));
            }
        }
        pairs
    }

    /// The checks that a partition shall have as its parent has them are there before it is attached.
    pub(crate) fn checks_before_attaching(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let made = |kind: PgKind| {
            let made = actions.iter().enumerate().filter(move |(_, a)| a.verb == Verb::Make && a.id.kind == kind);
            made.filter_map(|(n, a)| Some((n, a, self.to.objects.get(&a.id)?)))
        };
        let attached: HashMap<PgId, usize> =
            made(PgKind::Partition).filter_map(|(n, a, _)| Some((a.id.target(0)?, n))).collect();
        let checks = made(PgKind::Constraint)
            .filter(|(_, _, o)| matches!(o, PgObject::Constraint(c) if c.kind == ConstraintKind::Check));
        checks.filter_map(|(m, a, _)| Some((m, *attached.get(&a.id.prefix(PgKind::Table, 2))?))).collect()
    }
}
