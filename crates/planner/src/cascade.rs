//! Cascades: what else must be touched because something is. Run to a fixpoint; nothing that need not be touched is.

use crate::{Alteration, Dialect, Reaction};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::collections::{BTreeMap, VecDeque};
use underpin_model::{Catalog, Change, IdOf, Object};

/// What happens to one object.
#[derive(Debug, Clone)]
pub enum Fate<Op> {
    /// It is made.
    Make,
    /// It is ended for good.
    End {
        /// Moved aside under another name until its users have moved over, since something else takes its name.
        parked: bool,
    },
    /// It is ended and made again.
    Rebuild {
        /// Moved aside under another name until its users have moved over.
        parked: bool,
        /// Why, for people.
        reason: String,
    },
    /// It is altered in place by these operations.
    Alter(Vec<Op>),
}

/// The fate of every object that is touched.
pub struct Fates<D: Dialect> {
    /// By address.
    pub by_id: BTreeMap<IdOf<D::Object>, Fate<D::Op>>,
    /// The differences in words, by address.
    pub words: BTreeMap<IdOf<D::Object>, Vec<String>>,
}

/// Decides the fate of every object that `changes` touch, directly or through what rests on it.
pub fn cascade<D: Dialect>(
    dialect: &D,
    from: &Catalog<D::Object>,
    to: &Catalog<D::Object>,
    changes: &[Change<D::Object>],
) -> Fates<D> {
    let mut run = Cascade {
        dialect,
        from,
        to,
        dependents: from.dependents(),
        children: from.children(),
        taken: HashSet::default(),
        fates: BTreeMap::new(),
        queue: VecDeque::new(),
    };
    let mut attributes: BTreeMap<&IdOf<D::Object>, Vec<<D::Object as Object>::Attribute>> = BTreeMap::new();
    let mut words: BTreeMap<IdOf<D::Object>, Vec<String>> = BTreeMap::new();
    let taken: HashSet<String> = changes
        .iter()
        .filter_map(|change| {
            if let Change::Create(id) = change { to.objects.get(id).map(|o| dialect.slots(id, o)) } else { None }
        })
        .flatten()
        .collect();
    for change in changes {
        match change {
            Change::Create(id) => {
                run.taken.extend(to.objects.get(id).map(|o| dialect.slots(id, o)).unwrap_or_default());
                run.set(id, Fate::Make);
            }
            Change::Drop(id) => {
                let parked = dialect.parks(from, id)
                    && from
                        .objects
                        .get(id)
                        .is_some_and(|o| dialect.slots(id, o).iter().any(|slot| taken.contains(slot)));
                run.set(id, Fate::End { parked });
            }
            Change::Alter { id, attribute } => {
                attributes.entry(id).or_default().push(attribute.clone());
                words.entry(id.clone()).or_default().push(attribute.to_string());
            }
            // A rename is carried out by itself before anything is compared.
            Change::Rename { .. } => {}
        }
    }
    for (id, attributes) in attributes {
        let (Some(old), Some(new)) = (from.objects.get(id), to.objects.get(id)) else { continue };
        match dialect.alter(id, old, new, &attributes) {
            Alteration::InPlace(ops) => run.set(id, Fate::Alter(ops)),
            Alteration::Replace(reason) => run.rebuild(id, reason),
        }
    }
    run.settle();
    Fates { by_id: run.fates, words }
}

struct Cascade<'a, D: Dialect> {
    dialect: &'a D,
    from: &'a Catalog<D::Object>,
    to: &'a Catalog<D::Object>,
    dependents: HashMap<&'a IdOf<D::Object>, Vec<&'a IdOf<D::Object>>>,
    children: HashMap<IdOf<D::Object>, Vec<&'a IdOf<D::Object>>>,
    /// The names that new objects take.
    taken: HashSet<String>,
    fates: BTreeMap<IdOf<D::Object>, Fate<D::Op>>,
    queue: VecDeque<IdOf<D::Object>>,
}

impl<'a, D: Dialect> Cascade<'a, D> {
    fn set(&mut self, id: &IdOf<D::Object>, fate: Fate<D::Op>) {
        self.fates.insert(id.clone(), fate);
        self.queue.push_back(id.clone());
    }

    /// Whether something new takes a name of the object: it has to go before that is made.
    fn makes_room(&self, id: &IdOf<D::Object>) -> bool {
        self.from.objects.get(id).is_some_and(|o| self.dialect.slots(id, o).iter().any(|s| self.taken.contains(s)))
    }

    fn rebuild(&mut self, id: &IdOf<D::Object>, reason: String) {
        let parked = self.dialect.parks(self.from, id);
        self.set(id, Fate::Rebuild { parked, reason });
    }

    fn is_ended(&self, id: &IdOf<D::Object>) -> bool {
        matches!(self.fates.get(id), Some(Fate::End { .. } | Fate::Rebuild { .. }))
    }

    /// Follows the consequences of every fate until there are no new ones. Each object is ended at most once and altered
    /// by a bounded number of operations, so this ends.
    fn settle(&mut self) {
        while let Some(id) = self.queue.pop_front() {
            match self.fates.get(&id) {
                Some(Fate::End { .. }) => self.follow_end(&id, false),
                Some(Fate::Rebuild { .. }) => {
                    self.follow_end(&id, true);
                    self.follow_make(&id);
                }
                Some(Fate::Alter(ops)) => {
                    let ops = ops.clone();
                    self.follow_alter(&id, &ops);
                }
                Some(Fate::Make) => self.follow_make(&id),
                None => {}
            }
        }
    }

    fn follow_make(&mut self, id: &IdOf<D::Object>) {
        for displaced in self.dialect.displaces(self.from, self.to, id) {
            let stays = self.from.objects.contains_key(&displaced) && self.to.objects.contains_key(&displaced);
            if stays && !self.is_ended(&displaced) {
                self.rebuild(&displaced, format!("it cannot take {id} as it is"));
            }
        }
    }

    fn follow_end(&mut self, id: &IdOf<D::Object>, again: bool) {
        let parts: Vec<&'a IdOf<D::Object>> = self.children.get(id).into_iter().flatten().copied().collect();
        for part in parts {
            if !self.is_ended(part) && self.to.objects.contains_key(part) {
                self.rebuild(part, format!("{id} is made again"));
            }
        }
        for dragged in self.dialect.drags(self.from, id) {
            let stays = self.from.objects.contains_key(&dragged) && self.to.objects.contains_key(&dragged);
            if stays && !self.is_ended(&dragged) {
                self.rebuild(&dragged, format!("{id} {}", if again { "is made again" } else { "goes" }));
            }
        }
        let dependents: Vec<&'a IdOf<D::Object>> = self.dependents.get(id).into_iter().flatten().copied().collect();
        let makes_room = self.makes_room(id);
        for dependent in dependents {
            if self.is_ended(dependent) || !self.to.objects.contains_key(dependent) {
                continue;
            }
            if self.dialect.is_only_order(self.from, dependent, id) {
                continue;
            }
            let leaves = !self.to.needs(dependent).any(|n| n == id);
            if !again && leaves && !makes_room && matches!(self.fates.get(dependent), Some(Fate::Alter(_))) {
                // It is altered so that it no longer rests on what goes; the order takes care of it. Where something new
                // takes the name, the altered one may rest on that, and would have to wait for both.
                continue;
            }
            match self.dialect.reaction(self.from, id, again, dependent) {
                Reaction::Rebuild => {
                    self.rebuild(dependent, format!("{id} {}", if again { "is made again" } else { "goes" }))
                }
                Reaction::Alter(ops) => self.add_ops(dependent, ops),
                Reaction::Keep => {}
            }
        }
    }

    fn add_ops(&mut self, id: &IdOf<D::Object>, more: Vec<D::Op>) {
        match self.fates.get_mut(id) {
            None => self.set(id, Fate::Alter(more)),
            Some(Fate::Alter(ops)) => {
                // An operation that is there already makes the same thing.
                let known: Vec<String> = ops.iter().map(|o| format!("{o:?}")).collect();
                let new: Vec<D::Op> = more.into_iter().filter(|o| !known.contains(&format!("{o:?}"))).collect();
                if !new.is_empty() {
                    ops.extend(new);
                    self.queue.push_back(id.clone());
                }
            }
            Some(Fate::Make | Fate::End { .. } | Fate::Rebuild { .. }) => {}
        }
    }

    fn follow_alter(&mut self, id: &IdOf<D::Object>, ops: &[D::Op]) {
        let dependents: Vec<&'a IdOf<D::Object>> = self.dependents.get(id).into_iter().flatten().copied().collect();
        for dependent in dependents {
            if self.is_ended(dependent) || !self.to.objects.contains_key(dependent) {
                continue;
            }
            let Some(object) = self.from.objects.get(dependent) else { continue };
            if ops.iter().any(|op| self.dialect.invalidates(id, op, dependent, object)) {
                self.rebuild(dependent, format!("it stands in the way of a change to {id}"));
            }
        }
    }
}
