//! The order cut into transactions.

use crate::graph::{CycleError, Ordered};
use crate::{Action, Dialect, Draft, Fate, Fates, Group, Isolation, Verb};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use underpin_model::{Catalog, IdOf};

/// A step with the objects that it is about.
#[derive(Debug, Clone)]
pub struct PlannedStep<I> {
    /// What to run.
    pub draft: Draft,
    /// What it does, in words.
    pub changes: Vec<String>,
    /// The objects that it touches.
    pub objects: Vec<I>,
}

/// Steps of one transaction, or one step outside.
#[derive(Debug, Clone)]
pub struct PlannedBatch<I> {
    /// Whether they share a transaction.
    pub transaction: bool,
    /// The steps in order.
    pub steps: Vec<PlannedStep<I>>,
}

/// Ordered batches, and what was touched.
pub struct Planned<D: Dialect> {
    /// In order.
    pub batches: Vec<PlannedBatch<IdOf<D::Object>>>,
    /// Every object with a fate.
    pub touched: BTreeSet<IdOf<D::Object>>,
}

fn words<D: Dialect>(fates: &Fates<D>, action: &Action<D>) -> String {
    let id = &action.id;
    match (action.verb, fates.by_id.get(id)) {
        (Verb::Park, _) => format!("move {id} aside"),
        (Verb::Save, _) => format!("put what {id} holds aside"),
        (Verb::Fill, _) => format!("put back what {id} held"),
        (Verb::Make, Some(Fate::Rebuild { reason, .. })) => format!("make {id} again ({reason})"),
        (Verb::End, Some(Fate::Rebuild { reason, .. })) => format!("end {id} for now ({reason})"),
        (Verb::Make, _) => format!("create {id}"),
        (Verb::End, _) => format!("drop {id}"),
        (Verb::Alter, _) => match fates.words.get(id) {
            Some(words) => format!("alter {id}: {}", words.join(", ")),
            None => format!("alter {id}"),
        },
    }
}

/// Cuts the ordered groups into batches. A step that must stand alone is put off to the end of the running transaction,
/// unless something later in it waits for the step.
pub(crate) fn batches<D: Dialect>(
    dialect: &D,
    from: &Catalog<D::Object>,
    to: &Catalog<D::Object>,
    fates: &Fates<D>,
    ordered: Ordered<D>,
) -> Result<Planned<D>, CycleError> {
    let mut cutter = Cutter {
        batches: Vec::new(),
        open: Vec::new(),
        alone: Vec::new(),
        uncommitted: BTreeSet::new(),
        aside: BTreeMap::new(),
        torn: Vec::new(),
        locked: BTreeSet::new(),
    };
    let whole = regions(from, to, &ordered);
    let remade = |fate: &Fate<D::Op>| matches!(fate, Fate::Make | Fate::Rebuild { .. });
    let made: HashSet<IdOf<D::Object>> =
        fates.by_id.iter().filter(|(_, f)| remade(f)).map(|(id, _)| id.clone()).collect();
    let mut waits: Vec<BTreeSet<usize>> = Vec::with_capacity(ordered.groups.len());
    let awaited: BTreeSet<usize> = ordered.before.iter().flatten().copied().collect();
    for (place, members) in ordered.groups.iter().enumerate() {
        let group = Group {
            made: &made,
            head: &ordered.actions[members[0]],
            folded: members[1..].iter().map(|n| &ordered.actions[*n]).collect(),
        };
        let mut changes: Vec<String> = Vec::new();
        for action in std::iter::once(group.head).chain(group.folded.iter().copied()) {
            // One change may take several operations; it is told once. What is folded into a new table, or goes with an
            // old one, is told by it.
            let told = words(fates, action);
            let part_of_head =
                !std::ptr::eq(action, group.head) && action.verb == group.head.verb && action.verb != Verb::Alter;
            if !part_of_head && !changes.contains(&told) {
                changes.push(told);
            }
        }
        let objects: Vec<_> = members.iter().map(|n| ordered.actions[*n].id.clone()).collect();
        // What this group waits for, also through others: only what still matters to the cutter is kept.
        let mut needs: BTreeSet<usize> = BTreeSet::new();
        for b in &ordered.before[place] {
            needs.insert(*b);
            needs.extend(waits[*b].iter().copied());
        }
        needs.retain(|n| cutter.matters(*n));
        cutter.settle(&needs);
        needs.retain(|n| cutter.matters(*n));
        let drafts = dialect.render(from, to, &group);
        // What others wait for is committed before the next thing begins, not in the middle of it.
        if !drafts.iter().any(|d| d.isolation == Isolation::CommitBeforeUse)
            && cutter.uncommitted.iter().any(|g| awaited.contains(g))
        {
            cutter.close();
        }
        let locked: BTreeSet<IdOf<D::Object>> =
            members.iter().flat_map(|n| dialect.locked(&ordered.actions[*n])).collect();
        if !whole[place] && !drafts.is_empty() {
            cutter.turn_to(&locked);
        }
        cutter.locked.extend(locked);
        for draft in drafts {
            let mut changes = changes.clone();
            // The whole alteration is told first of all; of several steps that make it each tells its own part.
            if let (Some(part), Some(first)) = (&draft.part, changes.first_mut()) {
                *first = format!("alter {}: {part}", group.head.id);
            }
            cutter.add(place, PlannedStep { draft, changes, objects: objects.clone() });
        }
        match group.head.verb {
            Verb::Save => _ = cutter.aside.insert(group.head.id.clone(), words(fates, group.head)),
            Verb::Fill => _ = cutter.aside.remove(&group.head.id),
            Verb::Park | Verb::Make | Verb::Alter | Verb::End => {}
        }
        waits.push(needs);
    }
    cutter.close();
    if cutter.torn.is_empty() {
        Ok(Planned { batches: cutter.batches, touched: fates.by_id.keys().cloned().collect() })
    } else {
        Err(CycleError { edges: cutter.torn })
    }
}

/// For each group, whether a commit right before it would show what nobody shall see: an object ended that is made again, a
/// name freed that is taken, rows aside.
fn regions<D: Dialect>(from: &Catalog<D::Object>, to: &Catalog<D::Object>, ordered: &Ordered<D>) -> Vec<bool> {
    let mut spans: HashMap<&IdOf<D::Object>, (usize, usize)> = HashMap::new();
    for (place, members) in ordered.groups.iter().enumerate() {
        for action in members.iter().map(|n| &ordered.actions[*n]) {
            let span = spans.entry(&action.id).or_insert((place, place));
            *span = (span.0.min(place), span.1.max(place));
        }
    }
    // One object's alterations can be seen one by one; what it is ended and made for cannot.
    let again = |id: &IdOf<D::Object>| from.objects.contains_key(id) && to.objects.contains_key(id);
    let ends: HashSet<&IdOf<D::Object>> =
        ordered.actions.iter().filter(|a| matches!(a.verb, Verb::End | Verb::Park)).map(|a| &a.id).collect();
    let of_objects = spans.iter().filter(|(id, _)| ends.contains(*id) && again(id)).map(|(_, span)| *span);
    let of_names = ordered.names.iter().copied();
    let mut whole = vec![false; ordered.groups.len()];
    for (begin, end) in of_objects.chain(of_names) {
        if begin < end {
            whole[begin + 1..=end].fill(true);
        }
    }
    whole
}

struct Cutter<I> {
    batches: Vec<PlannedBatch<I>>,
    open: Vec<PlannedStep<I>>,
    /// Steps that wait to stand alone after the open transaction, with the group that they are of where others may wait for it.
    alone: Vec<(Option<usize>, PlannedStep<I>)>,
    /// Groups in the open transaction whose effect can be used only after the commit.
    uncommitted: BTreeSet<usize>,
    /// What is put aside and not back yet, in words: a commit now would leave it there, and a plan from then on would not know
    /// of it.
    aside: BTreeMap<I, String>,
    /// Such commits.
    torn: Vec<String>,
    /// The relations that the open transaction locks.
    locked: BTreeSet<I>,
}

impl<I: Ord> Cutter<I> {
    fn matters(&self, group: usize) -> bool {
        self.uncommitted.contains(&group) || self.alone.iter().any(|(g, _)| *g == Some(group))
    }

    /// Closes the open transaction where the next group waits for something that needs its commit.
    fn settle(&mut self, needs: &BTreeSet<usize>) {
        if !needs.is_empty() {
            self.close();
        }
    }

    /// Closes the open transaction where it locks relations and the next group locks others.
    fn turn_to(&mut self, locked: &BTreeSet<I>) {
        if !locked.is_empty() && !self.locked.is_empty() && !self.open.is_empty() && *locked != self.locked {
            self.close();
        }
    }

    fn add(&mut self, group: usize, step: PlannedStep<I>) {
        match step.draft.isolation {
            Isolation::Shared => self.open.push(step),
            Isolation::CommitBeforeUse => {
                self.uncommitted.insert(group);
                self.open.push(step);
            }
            Isolation::OwnTransaction | Isolation::Outside => self.alone.push((Some(group), step)),
            Isolation::Afterwards => self.alone.push((None, step)),
        }
    }

    fn close(&mut self) {
        self.torn.extend(
            self.aside.values().map(|what| format!("  a commit is needed after this and before the way back: {what}")),
        );
        if !self.open.is_empty() {
            self.batches.push(PlannedBatch { transaction: true, steps: std::mem::take(&mut self.open) });
        }
        for (_, step) in std::mem::take(&mut self.alone) {
            let transaction = step.draft.isolation != Isolation::Outside;
            self.batches.push(PlannedBatch { transaction, steps: vec![step] });
        }
        self.uncommitted.clear();
        self.locked.clear();
    }
}
