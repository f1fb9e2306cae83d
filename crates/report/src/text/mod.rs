//! Reports for people, on a terminal or in a log.

mod apply;
mod diagnostics;
mod drift;
mod ink;
mod plan;
mod status;
mod step;

pub use apply::write_apply;
pub use diagnostics::write_diagnostics;
pub use drift::write_drift;
pub use plan::write_plan;
pub use status::write_status;
