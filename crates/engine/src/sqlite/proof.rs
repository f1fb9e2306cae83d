//! Proof: the plan is run on a copy of the live schema in memory, and has to reach the desired one.

use super::memory::{Memory, NO_WORDS, words};
use crate::EngineError;
use std::collections::BTreeSet;
use underpin_model::{Batch, Change, Diagnostic, Severity};
use underpin_sqlite::{LiteCatalog, LiteId, LiteKind, LiteObject};

/// Why a plan is not proved.
pub(crate) enum Unproved {
    /// Tables, in lower case, that could be made anew instead.
    Anew(BTreeSet<String>),
    /// It is a bug, or something that cannot be.
    Wrong(EngineError),
}

/// Runs the batches and compares; gives whether that took stand-ins for what only the application brings. `base` is the schema after the renames; `about` are the objects of each step, in order.
pub(crate) fn prove(
    (from, base, to): (&LiteCatalog, &LiteCatalog, &LiteCatalog),
    batches: &[Batch],
    about: &[Vec<LiteId>],
    forced: &BTreeSet<String>,
) -> Result<bool, Unproved> {
    if batches.iter().all(|b| b.steps.is_empty()) {
        return Ok(false);
    }
    let wrong = |d: Diagnostic| Unproved::Wrong(EngineError::Unproved(vec![d]));
    let memory = Memory::of(from).map_err(|e| {
        wrong(
            Diagnostic::new(
                Severity::Error,
                "not-replayed",
                "the schema of the database could not be made again in memory, so the plan cannot be proved",
            )
            .note(words(&e))
            .note("nothing was changed in the database"),
        )
    })?;
    let tables = |ids: &[LiteId]| -> BTreeSet<String> {
        let tables = ids
            .iter()
            .filter(|id| id.kind == LiteKind::Table && to.objects.contains_key(id) && base.objects.contains_key(id));
        tables.map(|id| id.part(0).to_ascii_lowercase()).filter(|name| !forced.contains(name)).collect()
    };
    let mut at = 0;
    for batch in batches {
        if batch.transaction {
            memory.run("BEGIN IMMEDIATE").map_err(|e| wrong(failure("BEGIN IMMEDIATE", &e)))?;
        }
        for step in &batch.steps {
            for sql in &step.sql {
                if let Err(error) = memory.run(sql) {
                    let anew = about.get(at).map(|ids| tables(ids)).unwrap_or_default();
                    return Err(if anew.is_empty() { wrong(failure(sql, &error)) } else { Unproved::Anew(anew) });
                }
            }
            at += 1;
        }
        if batch.transaction {
            memory.run("COMMIT").map_err(|e| wrong(failure("COMMIT", &e)))?;
        }
    }
    let reached = memory.read().map_err(|e| Unproved::Wrong(EngineError::Failure(words(&e))))?;
    let left: Vec<Change<LiteObject>> = underpin_diff::diff(&reached, to);
    if left.is_empty() {
        return Ok(!memory.lack().is_empty());
    }
    let anew = tables(&left.iter().map(|c| c.id().clone()).collect::<Vec<_>>());
    if !anew.is_empty() {
        return Err(Unproved::Anew(anew));
    }
    let mut list = vec![
        Diagnostic::new(
            Severity::Error,
            "not-proved",
            format!(
                "the plan does not reach the desired schema: {} difference(s) are left after its replay",
                left.len()
            ),
        )
        .note("nothing was changed in the database; this is a bug in underpin, please report it with both schemas"),
    ];
    list.extend(left.iter().take(20).map(|c| Diagnostic::new(Severity::Error, "left-to-do", c.to_string())));
    Err(Unproved::Wrong(EngineError::Unproved(list)))
}

/// What is told of a proved plan that needs what only the application has: run without stand-ins it stops.
pub(crate) fn needs_application(from: &LiteCatalog, batches: &[Batch]) -> Result<Option<Diagnostic>, EngineError> {
    let failed = |e: rusqlite::Error| EngineError::Failure(words(&e));
    let memory = Memory::of(from).map_err(failed)?;
    // Where the schema of today needs none, that of tomorrow may, and that is tried in the same way.
    memory.without_stand_ins().map_err(failed)?;
    for step in batches.iter().flat_map(|b| &b.steps) {
        for sql in &step.sql {
            let Err(error) = memory.connection.execute_batch(sql) else { continue };
            let mut what = words(&error);
            if what == NO_WORDS {
                // With stand-ins it went on: these are what is missing.
                _ = memory.run(sql);
                what = format!("{what}: there is not {}", memory.lack());
            }
            return Ok(Some(
                Diagnostic::new(
                    Severity::Warning,
                    "application-needed",
                    format!(
                        "apply stops at step {}, with nothing changed, for it needs what only the application brings: {}",
                        step.id, what
                    ),
                )
                .note(format!("the statement: {sql}"))
                .help(
                    "have the application run the statements (plan --output sql, or generate) on a connection on which it is registered, \
                     or drop what uses it, apply, and make that again",
                ),
            ));
        }
    }
    Ok(None)
}

fn failure(sql: &str, error: &rusqlite::Error) -> Diagnostic {
    Diagnostic::new(
        Severity::Error,
        "step-fails",
        "a step of the plan fails on a copy of the schema, so the plan is not shown as one that works",
    )
    .note(format!("the statement: {sql}"))
    .note(words(error))
    .note("nothing was changed in the database")
}
