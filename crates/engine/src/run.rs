//! Applying a plan: the checks before the first step, and the executor with the connections that it needs.

use crate::EngineError;
use postgres::Client;
use std::collections::HashMap;
use underpin_connect::Target;
use underpin_executor::{Cancel, ChangedState, ExecutorError, Options, Outcome, Progress};
use underpin_model::{Plan, Stage};
use underpin_postgres::{introspect, server_of};

/// Whether what a stage touches is still what it was planned for.
///
/// # Errors
/// When it is not, or when the database cannot be asked.
pub fn check_state(client: &mut Client, stage: &Stage) -> Result<(), ChangedState> {
    let server = server_of(client).map_err(|e| ChangedState::Failed(Box::new(e)))?;
    let catalog = introspect(client, &server, &HashMap::new()).map_err(|e| ChangedState::Failed(Box::new(e)))?;
    if catalog.fingerprint(&stage.touches) == stage.fingerprint {
        return Ok(());
    }
    Err(ChangedState::Changed(vec![
        "something that the plan touches, or that this rests on, has changed since the plan was made".to_owned(),
    ]))
}

/// Runs a plan on the database.
///
/// # Errors
/// When it cannot be reached, has changed, or a step fails.
pub fn apply(
    target: &Target,
    plan: &Plan,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, EngineError> {
    let mut client = target.connect("underpin")?;
    let again = || target.connect("underpin").map_err(|e| Box::new(e) as Box<dyn std::error::Error + Send + Sync>);
    let outcome =
        underpin_executor::apply(&mut client, &again, plan, &mut |c, s| check_state(c, s), options, progress, cancel);
    outcome.map_err(|error| match &error {
        ExecutorError::Connect { .. } | ExecutorError::Standby { unreachable: true, .. } => {
            EngineError::Unreachable(error.to_string())
        }
        ExecutorError::Pooled | ExecutorError::Standby { unreachable: false, .. } => {
            EngineError::Usage(error.to_string())
        }
        e if e.stopped_on_the_way() => EngineError::Stopped(error.to_string()),
        _ => EngineError::Failure(error.to_string()),
    })
}
