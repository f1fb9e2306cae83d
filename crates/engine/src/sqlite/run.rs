//! Applying a plan.

use super::memory::words;
use crate::EngineError;
use underpin_connect::SqliteFile;
use underpin_executor::{Cancel, Options, Outcome, Progress};
use underpin_model::Plan;
use underpin_sqlite::{fingerprint, introspect};

/// Runs a plan on a database file.
pub(crate) fn apply(
    file: &SqliteFile,
    plan: &Plan,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, EngineError> {
    let _ = (options, progress, cancel);
    let connection = file.open_to_write()?;
    let mut outcome = Outcome::default();
    let fail = |e: rusqlite::Error| EngineError::Failure(words(&e));
    connection.execute_batch("PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE").map_err(fail)?;
    for stage in &plan.stages {
        let now = introspect(&connection).map_err(fail)?;
        if fingerprint(&now) != stage.fingerprint {
            return Err(EngineError::Outdated("the database is not in the state that the plan starts from".to_owned()));
        }
        for step in stage.batches.iter().flat_map(|b| &b.steps) {
            for sql in &step.sql {
                connection.execute_batch(sql).map_err(fail)?;
            }
            outcome.steps_run += 1;
        }
    }
    connection.execute_batch("COMMIT").map_err(fail)?;
    Ok(outcome)
}
