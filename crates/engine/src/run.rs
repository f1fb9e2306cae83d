//! Applying a plan: the checks before the first step, and the executor with the connections that it needs.

use crate::error::server_words;
use crate::{Dialect, EngineError, Source, before};
use postgres::Client;
use std::collections::HashMap;
use underpin_executor::{Cancel, ChangedState, ExecutorError, Options, Outcome, Progress};
use underpin_model::{Phase, Plan, Run, Stage};
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

/// Whether another program does all of a stage.
fn is_external(stage: &Stage) -> bool {
    stage.batches.iter().flat_map(|b| &b.steps).all(|step| step.run == Run::External)
}

/// How many stages of a plan that was kept are done already: first those that another program has done, by what the database has of
/// it, then those that the journal tells of, where the database is not as it was before them.
fn begun(client: &mut Client, plan: &Plan) -> Result<usize, EngineError> {
    let failed = |e: postgres::Error| EngineError::Failure(server_words(&e));
    let others = plan.stages.iter().take_while(|s| is_external(s)).count();
    let external = plan.stages[..others].iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    for external in external.filter_map(|step| step.external.as_ref()) {
        let row = client.query_one(&external.done, &[]).map_err(failed)?;
        if !row.try_get::<_, Option<bool>>(0).map_err(failed)?.unwrap_or_default() {
            return Ok(0);
        }
    }
    let done = underpin_executor::stages_done(client, plan).map_err(failed)?;
    let Some(first) = plan.stages.get(others).filter(|_| done > others) else { return Ok(others) };
    match check_state(client, first) {
        Err(ChangedState::Changed(_)) => Ok(done),
        // What failed fails again where it is told.
        Ok(()) | Err(ChangedState::Failed(_)) => Ok(others),
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
    if goes_on && (plan.stages.len() > 1 || plan.stages.iter().any(is_external)) {
        options.stages_done = begun(&mut client, plan)?;
    }
    let again = || target.connect("underpin").map_err(|e| Box::new(e) as Box<dyn std::error::Error + Send + Sync>);
    let mut lacks = None;
    // What is before the first stage is what an undo goes back to, until the contract has changed something.
    let mut check = |client: &mut Client, stage: &Stage| {
        let (server, catalog) = as_planned(client, stage)?;
        match stage.phase {
            Phase::Expand if plan.stages.iter().find(|s| !is_external(s)) == Some(stage) => {
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
        ExecutorError::External { .. } => EngineError::Stopped(error.to_string()),
        e if e.stopped_on_the_way() => EngineError::Stopped(error.to_string()),
        _ => EngineError::Failure(error.to_string()),
    })
}
