//! Drops and creates that look like one rename. They are pointed out, never carried out: a hint says it, or it is none.

use std::collections::HashMap;
use underpin_model::{Catalog, Change, IdOf, Object};

/// A dropped and a created object of one kind and one parent that are otherwise the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LikelyRename<I> {
    /// What would be dropped.
    pub from: I,
    /// What would be created.
    pub to: I,
}

/// Pairs of a dropped and a created object that are equal but for their names and stand in the same place: the only such
/// pair there. `shape` gives what has to be equal, or nothing where a rename of that object is of no interest (a comment).
pub fn likely_renames<O: Object, S: std::hash::Hash + Eq>(
    from: &Catalog<O>,
    to: &Catalog<O>,
    changes: &[Change<O>],
    mut shape: impl FnMut(&Catalog<O>, &IdOf<O>) -> Option<S>,
) -> Vec<LikelyRename<IdOf<O>>> {
    let mut dropped: HashMap<S, Vec<&IdOf<O>>> = HashMap::new();
    let mut created: HashMap<S, Vec<&IdOf<O>>> = HashMap::new();
    for change in changes {
        match change {
            Change::Drop(id) => {
                if let Some(s) = shape(from, id) {
                    dropped.entry(s).or_default().push(id);
                }
            }
            Change::Create(id) => {
                if let Some(s) = shape(to, id) {
                    created.entry(s).or_default().push(id);
                }
            }
            Change::Alter { .. } | Change::Rename { .. } => {}
        }
    }
    let mut pairs: Vec<LikelyRename<IdOf<O>>> = dropped
        .into_iter()
        .filter_map(|(s, old)| match (old.as_slice(), created.get(&s).map(Vec::as_slice)) {
            ([a], Some([b])) => Some(LikelyRename { from: (*a).clone(), to: (*b).clone() }),
            _ => None,
        })
        .collect();
    pairs.sort_by(|a, b| a.from.cmp(&b.from));
    pairs
}
