//! The pipeline for SQLite: the same stages as for a server, with databases in memory for what a development server does. They are in
//! process, so that what ALTER can make of a table is asked of the library itself.

mod broken;
mod desired;
mod drift;
mod expressions;
mod generate;
mod hint_target;
mod history;
mod memory;
mod new_files;
mod pairs;
mod plan;
mod proof;
mod renames;
mod rows;
mod run;
mod scope;
mod side;
mod size;
mod statistics;
mod status;
mod toll;
mod trial;
mod values;
mod verify;

pub(crate) use drift::drift;
pub(crate) use generate::{baseline, generate};
pub(crate) use plan::plan;
pub(crate) use run::apply;
pub(crate) use side::inspect;
pub(crate) use status::status;
pub(crate) use verify::verify;

/// The dialect's name in plans and snapshots.
pub(crate) const DIALECT: &str = "sqlite";
