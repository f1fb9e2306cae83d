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

    /// A column and those that inherit it.
    pub(crate) fn with_heirs(&self, column: &PgId) -> Vec<PgId> {
        let mut all = vec![column.clone()];
        let mut at = 0;
        while let Some(next) = all.get(at) {
            let heirs: Vec<PgId> = self.heirs.get(next).into_iter().flatten().cloned().collect();
            all.extend(heirs);
            at += 1;
        }
        all
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
            let own = self.is_refused_for_inherited(action);
            for (n, leaves) in turns.get(&action.id.prefix(PgKind::Table, 2)).into_iter().flatten() {
                match (leaves, action.verb) {
                    (true, Verb::End) => pairs.push((*n, m)),
                    (true, Verb::Alter) if own => pairs.push((*n, m)),
                    (true, Verb::Alter | Verb::Make | Verb::Park | Verb::Save | Verb::Fill) => {}
                    (false, _) => pairs.push((m, *n)),
                }
            }
        }
        pairs
    }

    /// Whether it is the tie of a partition to a table that stays and that foreign keys refer to.
    pub(crate) fn is_referred_partition(&self, from: &PgCatalog, id: &PgId) -> bool {
        match from.objects.get(id) {
            Some(PgObject::Partition(tie)) => {
                self.referred.contains(&tie.parent) && self.to.objects.contains_key(&tie.parent)
            }
            _ => false,
        }
    }

    /// Whether the server refuses the operation for what comes from a parent: a change of type, the end of NOT NULL, and, of a
    /// column that leaves its parent, another name of its NOT NULL constraint (18) and the like.
    fn is_refused_for_inherited(&self, action: &Action<Self>) -> bool {
        let inherits = |catalog: &PgCatalog| matches!(catalog.objects.get(&action.id), Some(PgObject::Column(c)) if c.inherits.is_some());
        match &action.op {
            Some(PgOp::ColumnType | PgOp::ColumnRetype | PgOp::DropNotNull) => true,
            Some(PgOp::Implicit) | None => false,
            Some(_) => inherits(self.from) && !inherits(self.to),
        }
    }

    /// What happens to a partitioned table and its partitions alike happens before one of these is detached, be it for a moment:
    /// it would not come to that one then, and what goes would stay there.
    pub(crate) fn before_detaching(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        // By parent: the detaching, and whether the partition comes back.
        let mut detached: HashMap<&PgId, Vec<(usize, bool)>> = HashMap::new();
        // What is to go from a table that is a partition no longer is its own only then.
        let mut alone: HashMap<PgId, usize> = HashMap::new();
        let gone: HashSet<&PgId> =
            actions.iter().filter(|a| a.verb == Verb::End && a.id.kind == PgKind::Table).map(|a| &a.id).collect();
        for (n, action) in actions.iter().enumerate().filter(|(_, a)| a.verb == Verb::End) {
            if let Some(PgObject::Partition(tie)) = self.from.objects.get(&action.id) {
                let back = self.to.objects.contains_key(&action.id);
                if !gone.contains(&tie.parent) {
                    detached.entry(&tie.parent).or_default().push((n, back));
                }
                if !back {
                    alone.insert(action.id.prefix(PgKind::Table, 2), n);
                }
            }
        }
        let mut pairs = Vec::new();
        if detached.is_empty() && alone.is_empty() {
            return pairs;
        }
        for (m, action) in actions.iter().enumerate() {
            let id = &action.id;
            let object = if action.verb == Verb::Make { self.to.objects.get(id) } else { self.from.objects.get(id) };
            let own = matches!(object, Some(PgObject::Column(_) | PgObject::Constraint(_)));
            // It may keep a foreign key of the parent's under that name.
            let foreign = matches!(object, Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Foreign);
            let goes = action.verb == Verb::End
                || self.is_refused_for_inherited(action)
                || (foreign && action.verb == Verb::Make);
            if let Some(n) = alone.get(&id.prefix(PgKind::Table, 2)).filter(|_| own && goes) {
                pairs.push((*n, m));
            }
            // A copy of a foreign key would go along with one that does not come back, too.
            let (table, comes_along, foreign) = match object {
                Some(PgObject::Column(_)) => (id.prefix(PgKind::Table, 2), true, false),
                Some(PgObject::Constraint(c)) => {
                    let (ends, check) = (action.verb == Verb::End, c.kind == ConstraintKind::Check);
                    (id.prefix(PgKind::Table, 2), ends || check, ends && c.kind == ConstraintKind::Foreign)
                }
                Some(PgObject::Index(index)) => (index.on.clone(), action.verb == Verb::End, false),
                _ => continue,
            };
            for (n, back) in detached.get(&table).into_iter().flatten() {
                if foreign || (comes_along && *back) {
                    pairs.push((m, *n));
                } else if comes_along && action.verb != Verb::End {
                    // It is none of the one that leaves for good.
                    pairs.push((*n, m));
                }
            }
        }
        pairs
    }

    /// A partition is attached when its columns and checks, and its parent's, are what they shall be: they have to be the same.
    pub(crate) fn before_attaching(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let mut attached: HashMap<PgId, Vec<usize>> = HashMap::new();
        for (n, action) in actions.iter().enumerate().filter(|(_, a)| a.verb == Verb::Make) {
            if let Some(PgObject::Partition(tie)) = self.to.objects.get(&action.id) {
                attached.entry(tie.parent.clone()).or_default().push(n);
                attached.entry(action.id.prefix(PgKind::Table, 2)).or_default().push(n);
            }
        }
        let mut pairs = Vec::new();
        if attached.is_empty() {
            return pairs;
        }
        for (m, action) in actions.iter().enumerate() {
            let object = if action.verb == Verb::End {
                self.from.objects.get(&action.id)
            } else {
                self.to.objects.get(&action.id)
            };
            let shared = match object {
                Some(PgObject::Column(_)) => true,
                Some(PgObject::Constraint(c)) => c.kind == ConstraintKind::Check,
                _ => false,
            };
            // No partition with a check that is NOT VALID can be attached: it gets it from its parent after.
            let unproved = matches!(object, Some(PgObject::Constraint(c)) if c.enforced && !c.valid);
            let table = action.id.prefix(PgKind::Table, 2);
            if shared && unproved && action.verb == Verb::Make {
                // It goes down to the partitions of partitions at once.
                let mut above = vec![table];
                while let Some(parent) = above.pop() {
                    for n in attached.get(&parent).into_iter().flatten() {
                        let partition = actions[*n].id.prefix(PgKind::Table, 2);
                        if partition != parent && self.is_unproved_too(&actions[*n].id, &action.id) {
                            pairs.push((*n, m));
                            above.push(partition);
                        }
                    }
                }
            } else if shared {
                pairs.extend(attached.get(&table).into_iter().flatten().map(|n| (m, *n)));
            }
        }
        pairs
    }

    /// Whether the partition that is tied has its parent's check as one that is NOT VALID.
    fn is_unproved_too(&self, tie: &PgId, check: &PgId) -> bool {
        let own = PgId::new(PgKind::Constraint, [tie.part(0), tie.part(1), check.last()]);
        matches!(self.to.objects.get(&own), Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Check && c.enforced && !c.valid)
    }
}
