//! Views of plans, drift and snapshots: for people, for scripts and for `psql`.
//!
//! Everything here writes to a [`std::io::Write`] that is handed in and reads nothing: neither a file nor the
//! environment nor a terminal. What the published formats hold is in [`wire`], apart from the model's own types, so
//! that the model can change while a plan file of last year is still read.

pub mod wire;

mod apply;
mod changes;
mod drift;
mod format;
mod locks;
mod sql;
mod summary;
mod text;
mod view;
mod words;

pub use apply::ApplyReport;
pub use drift::{DriftChange, DriftDifference, DriftReport};
pub use format::{FORMATS, Format};
pub use sql::write_plan as write_plan_sql;
pub use summary::Summary;
pub use text::{
    write_apply as write_apply_text, write_diagnostics, write_drift as write_drift_text, write_plan as write_plan_text,
    write_status as write_status_text,
};
pub use view::{View, color_wanted};
pub use wire::schemas;
