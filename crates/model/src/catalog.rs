//! A schema as it was read back from a server: objects by address, and what rests on what.

use crate::{Diagnostic, Fingerprint, Object, ObjectId};
use rustc_hash::FxHashMap as HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The address type of a dialect's objects.
pub type IdOf<O> = ObjectId<<O as Object>::Kind>;

/// All objects of one schema, with the dependencies that the server itself reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(bound(
    serialize = "O: Serialize, O::Kind: Serialize",
    deserialize = "O: Deserialize<'de>, O::Kind: Deserialize<'de>"
))]
pub struct Catalog<O: Object> {
    /// Every object by its address.
    pub objects: BTreeMap<IdOf<O>, O>,
    /// For an object, what it rests on: each of these has to exist before it can.
    pub rests_on: BTreeMap<IdOf<O>, BTreeSet<IdOf<O>>>,
    /// The place of an object among its siblings, where a listing has an order (the columns of a table). It says how to
    /// write them down, and is no part of what they are: two catalogs that differ only here are equal.
    pub places: BTreeMap<IdOf<O>, u32>,
    /// What was found while reading that a person should know.
    #[serde(skip)]
    pub diagnostics: Vec<Diagnostic>,
}

impl<O: Object> Default for Catalog<O> {
    fn default() -> Self {
        Self { objects: BTreeMap::new(), rests_on: BTreeMap::new(), places: BTreeMap::new(), diagnostics: Vec::new() }
    }
}

impl<O: Object> Catalog<O> {
    /// What `id` rests on.
    pub fn needs(&self, id: &IdOf<O>) -> impl Iterator<Item = &IdOf<O>> {
        self.rests_on.get(id).into_iter().flatten()
    }

    /// Says that `dependent` rests on `needed`. An object does not rest on itself.
    pub fn add_dependency(&mut self, dependent: IdOf<O>, needed: IdOf<O>) {
        if dependent != needed {
            self.rests_on.entry(dependent).or_default().insert(needed);
        }
    }

    /// The place of an object among its siblings; what has none comes last.
    #[must_use]
    pub fn place(&self, id: &IdOf<O>) -> u32 {
        self.places.get(id).copied().unwrap_or(u32::MAX)
    }

    /// The reverse of the dependencies: for an object, what rests on it.
    #[must_use]
    pub fn dependents(&self) -> HashMap<&IdOf<O>, Vec<&IdOf<O>>> {
        let mut reverse: HashMap<&IdOf<O>, Vec<&IdOf<O>>> = HashMap::default();
        for (dependent, needs) in &self.rests_on {
            for needed in needs {
                reverse.entry(needed).or_default().push(dependent);
            }
        }
        reverse
    }

    /// For an object, its parts.
    #[must_use]
    pub fn children(&self) -> HashMap<IdOf<O>, Vec<&IdOf<O>>> {
        let mut children: HashMap<IdOf<O>, Vec<&IdOf<O>>> = HashMap::default();
        for (id, object) in &self.objects {
            if let Some(parent) = object.parent(id) {
                children.entry(parent).or_default().push(id);
            }
        }
        children
    }

    /// The part of this catalog whose objects `keep` accepts.
    #[must_use]
    pub fn filtered(&self, mut keep: impl FnMut(&IdOf<O>, &O) -> bool) -> Self {
        let objects: BTreeMap<_, _> =
            self.objects.iter().filter(|(id, o)| keep(id, o)).map(|(id, o)| (id.clone(), o.clone())).collect();
        let rests_on = self
            .rests_on
            .iter()
            .filter(|(id, _)| objects.contains_key(*id))
            .map(|(id, needs)| (id.clone(), needs.iter().filter(|n| objects.contains_key(*n)).cloned().collect()))
            .collect();
        let places =
            self.places.iter().filter(|(id, _)| objects.contains_key(*id)).map(|(id, p)| (id.clone(), *p)).collect();
        Self { objects, rests_on, places, diagnostics: self.diagnostics.clone() }
    }

    /// A hash over the named objects, whether they are there and what they are. Names are the printed addresses, so that
    /// they can stand in a plan's file.
    #[must_use]
    pub fn fingerprint(&self, names: &BTreeSet<String>) -> Fingerprint {
        let present = self.objects.iter().map(|(id, o)| (id.to_string(), o)).filter(|(name, _)| names.contains(name));
        Fingerprint::over(present)
    }

    /// A hash over the whole catalog.
    #[must_use]
    pub fn fingerprint_of_all(&self) -> Fingerprint {
        Fingerprint::over(self.objects.iter().map(|(id, o)| (id.to_string(), o)))
    }
}
