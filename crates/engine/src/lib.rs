//! The pipeline: sources, the desired side, plan, proof, drift. Each command is a short composition of these stages.

mod baseline;
mod before;
mod belonging;
mod beside;
mod building;
mod cache;
mod day;
mod desired;
mod dev;
mod dialect;
mod drift;
mod error;
mod files;
mod generate;
mod ground;
mod history;
mod impact;
mod judged;
mod legs;
mod live;
mod loader;
mod locks;
mod majors;
mod messages;
mod moved;
mod new_files;
mod pending;
mod plan;
mod privileged;
mod program;
mod proof;
mod renames;
mod repack;
mod rights;
mod run;
mod scene;
mod scope;
mod side;
mod size;
mod slice;
mod source;
mod sqlite;
mod stages;
mod status;
mod strict;
mod swaps;
mod taken_back;
mod values;
mod veil;
mod verify;
mod versions;

pub use baseline::baseline;
pub use beside::clean_up;
pub use dev::DevDb;
pub use dialect::Dialect;
pub use drift::drift;
pub use error::EngineError;
pub use files::FileTexts;
pub use generate::{Generated, Request, contract, generate};
pub use plan::{Made, plan, undo};
pub use run::{apply, check_state};
pub use scope::{Patterns, Switch};
pub use side::{Inspected, inspect};
pub use source::{MigrationsDir, Source};
pub use status::status;
pub use strict::{GAPS, refuse_gaps};
pub use verify::{Verified, verify};

use std::path::PathBuf;
use underpin_model::{Recipe, Strategy};

/// Every recipe of every dialect.
pub fn recipes() -> impl Iterator<Item = &'static Recipe> {
    underpin_postgres::recipes::RECIPES.iter().chain(underpin_sqlite::RECIPES)
}

/// What every command needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The side that is there.
    pub db: Source,
    /// The side that is wanted.
    pub schema: Option<Source>,
    /// Where the desired SQL is elaborated.
    pub dev_db: DevDb,
    /// How risky changes are made.
    pub strategy: Strategy,
    /// Whether owners are compared.
    pub owners: Switch,
    /// Whether privileges are compared.
    pub privileges: Switch,
    /// Which objects are in scope.
    pub patterns: Patterns,
    /// Whether it is an error that something of a schema is not known or not taken.
    pub strict: bool,
    /// Whether the desired SQL may do what a stranger's must not: reach files, programs and the network.
    pub trust_sql: bool,
    /// Whether the elaborated desired side may be taken from the cache and kept there.
    pub use_cache: bool,
    /// The folder for what is kept between runs; the user's cache folder where nothing is said.
    pub cache_dir: Option<PathBuf>,
    /// For how many days what goes is put aside before it is dropped; none where it is dropped at once.
    pub quarantine: Option<u32>,
    /// Whether pg_repack moves tables to other tablespaces, by commands that a person runs.
    pub pg_repack: bool,
    /// The version of the application for which views are made that show its shape of the tables; none where none are.
    pub versioned_views: Option<String>,
    /// The command that runs a folder of migrations that are programs; empty where none was named.
    pub migrations_program: Vec<String>,
    /// Which kind of database both sides are of, where neither says so itself.
    pub dialect: Option<Dialect>,
    /// Whether tables of which no database tells are taken to have rows.
    pub assume_rows: bool,
    /// Whether the proof replays the whole live schema instead of the part that the plan touches.
    pub full_proof: bool,
}
