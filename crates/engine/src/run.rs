//! Applying a plan: the checks before the first step, and the executor with the connections that it needs.

use crate::error::server_words;
use crate::{Dialect, EngineError, Source, before};
use postgres::Client;
use std::collections::HashMap;
use underpin_executor::{Cancel, ChangedState, ExecutorError, Options, Outcome, Progress};
use underpin_model::{Phase, Plan, Stage};
use underpin_postgres::{PgCatalog, Server, introspect, server_of};

/// Whether what a stage touches is still what it was planned for.
///
/// # Errors
/// When it is not, or when the database cannot be asked.
pub fn check_state(client: &mut Client, stage: &Stage) -> Result<(), ChangedState> {
    as_planned(client, stage).map(|_| ())
}

/// The schema, where what a stage touches is what it was planned for.
fn as_planned(client: &mut Client, stage: &Stage) -> Result<(Server, PgCatalog), ChangedState> {
    let server = server_of(client).map_err(|e| ChangedState::Failed(Box::new(e)))?;
    let catalog = introspect(client, &server, &HashMap::new()).map_err(|e| ChangedState::Failed(Box::new(e)))?;
    if catalog.fingerprint(&stage.touches) == stage.fingerprint {
        return Ok((server, catalog));
    }
    Err(ChangedState::Changed(vec![
        "something that the plan touches, or that this rests on, has changed since the plan was made".to_owned(),
    ]))
}

/// How many stages of a plan that was kept are done already: those that the journal tells of, where the database is not as it was
/// before them.
fn begun(client: &mut Client, plan: &Plan) -> Result<usize, EngineError> {
    let done = underpin_executor::stages_done(client, plan).map_err(|e| EngineError::Failure(server_words(&e)))?;
    let Some(first) = plan.stages.first().filter(|_| done > 0) else { return Ok(0) };
    match check_state(client, first) {
        Err(ChangedState::Changed(_)) => Ok(done),
        // What failed fails again where it is told.
        Ok(()) | Err(ChangedState::Failed(_)) => Ok(0),
    }
}

/// Runs a plan on the database. Where it `goes_on`, earlier runs may have done its first stages.
///
/// # Errors
/// When it cannot be reached, has changed, or a step fails.
pub fn apply(
    source: &Source,
    (plan, goes_on): (&Plan, bool),
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, EngineError> {
    let of = match source {
        Source::Database(_) => Dialect::Postgres,
        Source::Sqlite(_) => Dialect::Sqlite,
        Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
            return Err(EngineError::Usage("a plan is run on a database; give its URL in --db".to_owned()));
        }
    };
    if plan.dialect != of.name() {
        return Err(EngineError::Usage(format!(
            "the plan is for {} and {} is of {}; it was not run",
            plan.dialect,
            source.words(),
            of.name()
        )));
    }
    let target = match source {
        Source::Database(target) => target,
        Source::Sqlite(file) => return crate::sqlite::apply(file, plan, options, progress, cancel),
        Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
            unreachable!("told above")
        }
    };
    let mut client = target.connect("underpin")?;
    let mut options = options.clone();
    if goes_on && plan.stages.len() > 1 {
        options.stages_done = begun(&mut client, plan)?;
    }
    let again = || target.connect("underpin").map_err(|e| Box::new(e) as Box<dyn std::error::Error + Send + Sync>);
    let mut lacks = None;
    // What is before the first stage is what an undo goes back to, until the contract has changed something.
    let mut check = |client: &mut Client, stage: &Stage| {
        let (server, catalog) = as_planned(client, stage)?;
        match stage.phase {
            Phase::Expand if plan.stages.first() == Some(stage) => {
                lacks = before::remember(client, &server, &catalog, plan);
            }
            Phase::Expand | Phase::Backfill => {}
            Phase::Contract => before::at_contract(client),
        }
        Ok(before::ending(client))
    };
    let mut outcome = underpin_executor::apply(&mut client, &again, plan, &mut check, &options, progress, cancel);
    if let Ok(outcome) = &mut outcome {
        outcome.warnings.extend(lacks);
        if outcome.left.is_empty() && outcome.steps_run > 0 {
            before::forget(&mut client);
        }
    }
    outcome.map_err(|error| match &error {
        ExecutorError::Connect { .. } | ExecutorError::Standby { unreachable: true, .. } => {
            EngineError::Unreachable(error.to_string())
        }
        ExecutorError::Pooled | ExecutorError::Standby { unreachable: false, .. } => {
            EngineError::Usage(error.to_string())
        }
        ExecutorError::Changed { left, .. } if left.committed.is_empty() && left.partly.is_none() => {
            EngineError::Outdated(error.to_string())
        }
        e if e.stopped_on_the_way() => EngineError::Stopped(error.to_string()),
        _ => EngineError::Failure(error.to_string()),
    })
}
