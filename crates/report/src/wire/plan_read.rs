//! From the format of a plan back to the plan, with what a file must hold to be run.

use super::error::same_format;
use super::{BatchV1, Document, PlanV1, StageV1, StepV1, WireError};
use std::collections::HashSet;
use underpin_model::{
    Backfill, Batch, External, Fingerprint, Hazard, OldSide, Plan, RelationLock, Source, Stage, Step, Timeouts,
};

impl TryFrom<PlanV1> for Plan {
    type Error = WireError;

    fn try_from(plan: PlanV1) -> Result<Self, WireError> {
        // The summary is counted anew by whoever wants it.
        let PlanV1 { format, dialect, server, strategy, from, to, stages, summary: _, diagnostics } = plan;
        same_format::<PlanV1>(&format)?;
        check_ids(&stages)?;
        Ok(Self {
            dialect,
            server,
            strategy: strategy.into(),
            from: fingerprint("from", from)?,
            to: fingerprint("to", to)?,
            stages: stages.into_iter().map(stage).collect::<Result<_, _>>()?,
            diagnostics: diagnostics.into_iter().map(Into::into).collect(),
        })
    }
}

fn contradiction(problem: String) -> WireError {
    WireError::Contradiction { what: PlanV1::WHAT, problem }
}

/// The journal tells steps apart by their ids.
fn check_ids(stages: &[StageV1]) -> Result<(), WireError> {
    let mut seen = HashSet::new();
    for step in stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps) {
        if step.id.is_empty() {
            return Err(contradiction("a step has no id".to_owned()));
        }
        if !seen.insert(step.id.as_str()) {
            return Err(contradiction(format!("two steps have the id `{}`", step.id)));
        }
    }
    Ok(())
}

/// A fingerprint is what guards a changed database, so that an empty one is refused and not compared.
fn fingerprint(field: &str, text: String) -> Result<Fingerprint, WireError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(contradiction(format!("`{field}` is no fingerprint, which is in hexadecimal digits")));
    }
    Ok(Fingerprint(text))
}

fn stage(stage: StageV1) -> Result<Stage, WireError> {
    let StageV1 { phase, gate, old_sides, fingerprint: print, touches, batches } = stage;
    Ok(Stage {
        phase: phase.into(),
        gate,
        old_sides: old_sides.into_iter().map(|o| OldSide { sequence: o.sequence, what: o.what }).collect(),
        fingerprint: fingerprint("fingerprint", print)?,
        touches,
        batches: batches.into_iter().map(batch).collect::<Result<_, _>>()?,
    })
}

fn batch(BatchV1 { transaction, steps }: BatchV1) -> Result<Batch, WireError> {
    match steps.as_slice() {
        [] => return Err(contradiction("a batch has no steps".to_owned())),
        [first, second, ..] if !transaction => {
            let problem = format!("steps `{}` and `{}` share a batch that is no transaction", first.id, second.id);
            return Err(contradiction(problem));
        }
        _ => {}
    }
    Ok(Batch { transaction, steps: steps.into_iter().map(step).collect() })
}

fn step(step: StepV1) -> Step {
    let StepV1 {
        id,
        run,
        sql,
        backfill,
        external,
        changes,
        reason,
        recipe,
        source,
        locks,
        work,
        hazards,
        undo,
        timeouts,
    } = step;
    Step {
        id,
        run: run.into(),
        sql,
        backfill: backfill.map(|b| Backfill { table: b.table, key: b.key, statement: b.statement, wrong: b.wrong }),
        external: external.map(|e| External { statements: e.statements, done: e.done, needless: e.needless }),
        changes,
        reason,
        recipe,
        source: source.map(|s| Source { file: s.file, line: s.line }),
        locks: locks.into_iter().map(|l| RelationLock { relation: l.relation, mode: l.mode.into() }).collect(),
        work: work.into(),
        hazards: hazards.into_iter().map(|h| Hazard { kind: h.kind.into(), message: h.message }).collect(),
        undo,
        timeouts: Timeouts { lock_ms: timeouts.lock_ms, statement_ms: timeouts.statement_ms },
    }
}
