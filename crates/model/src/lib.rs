//! The shared vocabulary: addresses of objects, catalogs, changes, plans, hazards and diagnostics.
//!
//! Nothing here reads a file, talks to a server or knows a dialect.

mod catalog;
mod change;
mod diagnostic;
mod fingerprint;
mod id;
mod plan;
mod recipe;
mod status;

pub use catalog::{Catalog, IdOf};
pub use change::Change;
pub use diagnostic::{Diagnostic, Severity, Span};
pub use fingerprint::Fingerprint;
pub use id::{Kind, ObjectId};
pub use plan::{
    Backfill, Batch, External, Hazard, HazardKind, LockMode, OldSide, Phase, Plan, RelationLock, Run, Source, Stage,
    Step, Strategy, Timeouts, Work,
};
pub use recipe::Recipe;
pub use status::{BackfillState, LastRun, OldSideSeen, Status, StoppedStep, WaitingGate};

use serde::Serialize;

/// One object of a schema as a dialect models it: its attributes without its address.
///
/// An object holds neither OIDs nor physical positions, so two equal objects are equal for a user.
pub trait Object: Clone + PartialEq + Serialize {
    /// The dialect's own enumeration of kinds.
    type Kind: Kind;
    /// A difference in one attribute.
    type Attribute: Clone + std::fmt::Debug + std::fmt::Display;

    /// What differs from `self` (what is there) to `to` (what is wanted), one entry an attribute. Empty when equal.
    fn compare(&self, to: &Self) -> Vec<Self::Attribute>;

    /// The object that this one is a part of: it goes when the other goes.
    fn parent(&self, id: &ObjectId<Self::Kind>) -> Option<ObjectId<Self::Kind>>;
}
