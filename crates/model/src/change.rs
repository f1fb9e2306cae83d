//! A difference between two catalogs: one attribute of one object.

use crate::{IdOf, Object};
use std::fmt;

/// One difference, seen from what is there to what is wanted.
#[derive(Debug, Clone)]
pub enum Change<O: Object> {
    /// The object is wanted and not there.
    Create(IdOf<O>),
    /// The object is there and not wanted.
    Drop(IdOf<O>),
    /// The object is on both sides and differs in one attribute.
    Alter {
        /// Which object.
        id: IdOf<O>,
        /// In what it differs.
        attribute: O::Attribute,
    },
    /// The object has another name; said by a hint, never guessed.
    Rename {
        /// What it is called now.
        from: IdOf<O>,
        /// What it shall be called.
        to: IdOf<O>,
    },
}

impl<O: Object> Change<O> {
    /// The object that the change is about; for a rename, under its new name.
    pub fn id(&self) -> &IdOf<O> {
        match self {
            Self::Create(id) | Self::Drop(id) | Self::Alter { id, .. } | Self::Rename { to: id, .. } => id,
        }
    }
}

impl<O: Object> fmt::Display for Change<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(id) => write!(f, "create {id}"),
            Self::Drop(id) => write!(f, "drop {id}"),
            Self::Alter { id, attribute } => write!(f, "alter {id}: {attribute}"),
            Self::Rename { from, to } => write!(f, "rename {from} to {to}"),
        }
    }
}
