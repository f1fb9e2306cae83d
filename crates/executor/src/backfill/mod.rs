//! Rows changed in batches, each with a short transaction of its own.
//!
//! A walk goes along a key, or along a table's pages, from the beginning to an end that is fixed before the first batch:
//! rows that are written later are a trigger's matter. The place that it has reached is written in the transaction of the
//! batch, so that a run that was killed is gone on with exactly where it stopped. At the end the whole table is looked
//! through for rows that are not right.

mod batch;
mod bounds;
mod check;
mod failure;
mod monitor;
mod pace;
mod procedure;
mod run;
mod store;
mod table;
mod walker;

pub use failure::Unfilled;
pub use pace::Pace;
pub use procedure::{block, procedure};
pub use store::{BACKFILL_FORMAT, backfill_done};

pub(crate) use failure::Stop;
pub(crate) use run::{Fill, run};
pub(crate) use store::states;
