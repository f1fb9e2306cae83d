//! Fates taken apart into things to do.

use crate::{Dialect, Fate, Fates};
use underpin_model::IdOf;

/// What an action does to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Moves it aside under another name.
    Park,
    /// Puts what it holds aside, before it is ended and made again.
    Save,
    /// Makes it.
    Make,
    /// Puts back what it held.
    Fill,
    /// Alters it.
    Alter,
    /// Ends it.
    End,
}

/// One thing to do to one object.
pub struct Action<D: Dialect> {
    /// The object.
    pub id: IdOf<D::Object>,
    /// What is done.
    pub verb: Verb,
    /// The place among several alterations of one object.
    pub part: usize,
    /// The operation, for an alteration.
    pub op: Option<D::Op>,
    /// For what is parked: ending it comes after making it anew.
    pub parked: bool,
}

/// The actions that carry out the fates, in the order of addresses.
pub(crate) fn actions<D: Dialect>(dialect: &D, fates: &Fates<D>) -> Vec<Action<D>> {
    let mut actions = Vec::new();
    for (id, fate) in &fates.by_id {
        let mut push = |verb, part, op, parked| actions.push(Action { id: id.clone(), verb, part, op, parked });
        match fate {
            Fate::Make => push(Verb::Make, 0, None, false),
            Fate::End { parked } => {
                if *parked {
                    push(Verb::Park, 0, None, true);
                }
                push(Verb::End, 0, None, *parked);
            }
            Fate::Rebuild { parked, .. } => {
                if *parked {
                    push(Verb::Park, 0, None, true);
                }
                let holds = dialect.holds(id);
                if holds {
                    push(Verb::Save, 0, None, false);
                }
                push(Verb::End, 0, None, *parked);
                push(Verb::Make, 0, None, *parked);
                if holds {
                    push(Verb::Fill, 0, None, false);
                }
            }
            Fate::Alter(ops) => {
                for (part, op) in ops.iter().enumerate() {
                    push(Verb::Alter, part, Some(op.clone()), false);
                }
            }
        }
    }
    actions
}
