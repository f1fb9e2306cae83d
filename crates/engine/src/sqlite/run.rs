//! Applying a plan: the executor, told what the schema has to be before the first statement and before the commit.

use crate::EngineError;
use rusqlite::Connection;
use underpin_connect::SqliteFile;
use underpin_executor::sqlite::{Checks, SqliteError, apply as run};
use underpin_executor::{Cancel, ChangedState, Options, Outcome, Progress};
use underpin_model::{Fingerprint, Plan};
use underpin_sqlite::{fingerprint, introspect};

/// Runs a plan on a database file.
pub(crate) fn apply(
    file: &SqliteFile,
    plan: &Plan,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, EngineError> {
    let mut connection = file.open_to_write()?;
    let mut check = |connection: &Connection| {
        is(connection, &plan.from, "something of its schema has changed since the plan was made")
    };
    let mut verify = |connection: &Connection| is(connection, &plan.to, "its schema is another than the desired one");
    let checks = Checks { check: &mut check, verify: &mut verify };
    run(&mut connection, plan, checks, options, progress, cancel).map_err(|error| match &error {
        SqliteError::Changed { left, .. } if left.committed.is_empty() => EngineError::Outdated(error.to_string()),
        error if error.stopped_on_the_way() => EngineError::Stopped(error.to_string()),
        SqliteError::Dialect { .. } => EngineError::Usage(error.to_string()),
        _ => EngineError::Failure(error.to_string()),
    })
}

/// Whether the schema is that one.
fn is(connection: &Connection, wanted: &Fingerprint, otherwise: &str) -> Result<(), ChangedState> {
    let now = introspect(connection).map_err(|e| ChangedState::Failed(Box::new(e)))?;
    if fingerprint(&now) == *wanted { Ok(()) } else { Err(ChangedState::Changed(vec![otherwise.to_owned()])) }
}
