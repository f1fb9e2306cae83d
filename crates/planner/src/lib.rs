//! From changes to ordered steps: cascades, the step graph, order and batches. Generic: it knows no dialect.
//!
//! The road through this crate: [`cascade`] decides the fate of every object that is touched; [`actions`] takes the fates
//! apart into things to do; [`graph`] says what comes before what, and why; [`batches`] cuts the order into transactions.

mod actions;
mod batches;
mod cascade;
mod dialect;
mod graph;

pub use actions::{Action, Verb};
pub use batches::{Planned, PlannedBatch, PlannedStep};
pub use cascade::{Fate, Fates, cascade};
pub use dialect::{Alteration, Dialect, Draft, Group, Isolation, Reaction};
pub use graph::CycleError;

use underpin_model::{Catalog, Change};

/// Plans the road from one catalog to another along `changes`.
///
/// # Errors
/// A cycle that no split could break: a bug, reported with the reason on each edge.
pub fn plan<D: Dialect>(
    dialect: &D,
    from: &Catalog<D::Object>,
    to: &Catalog<D::Object>,
    changes: &[Change<D::Object>],
) -> Result<Planned<D>, CycleError> {
    let fates = cascade(dialect, from, to, changes);
    let actions = actions::actions(dialect, &fates);
    let ordered = graph::order(dialect, from, to, actions)?;
    batches::batches(dialect, from, to, &fates, ordered)
}
