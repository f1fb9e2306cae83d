//! What the planner made, as stages of a plan.

use crate::desired::Said;
use crate::legs::Leg;
use crate::renames;
use std::collections::BTreeSet;
use underpin_model::{Batch, Fingerprint, Object, Phase, Run, Source as Origin, Stage, Step, Timeouts, Work};
use underpin_planner::{Isolation, Planned, PlannedStep};
use underpin_postgres::recipes::Move;
use underpin_postgres::{PgCatalog, PgId, PgKind, Postgres};

/// The longest that an attempt may wait for a lock of a step; the first attempts wait for less.
const LOCK_MS: u64 = 1000;

/// Gives steps their names.
pub(crate) struct Numbers(usize);

impl Numbers {
    /// Numbers that go on behind the first steps.
    pub fn behind(steps: usize) -> Self {
        Self(steps)
    }

    pub fn next(&mut self) -> String {
        self.0 += 1;
        format!("s{:03}", self.0)
    }
}

fn plain(id: String, run: Run, sql: Vec<String>) -> Step {
    Step { timeouts: Timeouts { lock_ms: LOCK_MS, statement_ms: 0 }, ..Step::new(id, run, sql) }
}

/// The stage of one leg, if anything is to be done; `touched` is what its plan touches.
pub(crate) fn stage(
    leg: &Leg<'_>,
    planned: Planned<Postgres<'_>>,
    numbers: &mut Numbers,
    said: &Said,
    touched: &BTreeSet<PgId>,
) -> Option<Stage> {
    let mut batches: Vec<Batch> = Vec::new();
    let alone = |transaction, step| Batch { transaction, steps: vec![step] };
    batches.extend(leg.ready.iter().map(|m| alone(true, moved(m, numbers))));
    for check in &leg.checks {
        let mut step = plain(numbers.next(), Run::Assert, vec![check.sql.clone()]);
        step.changes = vec![check.words.clone()];
        step.work = Work::Scan;
        step.reason = Some(check.reason.clone());
        batches.push(alone(true, step));
    }
    for walk in &leg.walks {
        let mut step = plain(numbers.next(), Run::Backfill, vec![walk.backfill.whole()]);
        step.changes.clone_from(&walk.words);
        step.reason = Some(walk.reason.clone());
        step.recipe = Some(walk.recipe.to_owned());
        step.hazards.clone_from(&walk.hazards);
        step.backfill = Some(walk.backfill.clone());
        batches.push(alone(false, step));
    }
    let moves: Vec<Step> = leg.moves.iter().map(|m| moved(m, numbers)).collect();
    batches.extend(together(moves, planned, numbers, said));
    if !leg.analyze.is_empty() {
        let mut step = plain(numbers.next(), Run::Build, leg.analyze.clone());
        step.changes = vec!["gather statistics of what is new".to_owned()];
        step.reason = Some("without them plans may turn bad at the switch".to_owned());
        step.timeouts = Timeouts { lock_ms: 0, statement_ms: 0 };
        batches.push(alone(true, step));
    }
    let after: Vec<Step> = leg.after.iter().map(|m| moved(m, numbers)).collect();
    if !after.is_empty() {
        batches.push(Batch { transaction: true, steps: after });
    }
    if batches.is_empty() {
        return None;
    }
    let touched = touched.iter().filter(|id| !leg.after_renames || !is_reprinted(id.kind)).cloned().collect();
    let (touches, fingerprint) = print(&leg.start, leg.end.as_ref().unwrap_or(&leg.to), &touched);
    Some(Stage {
        phase: leg.phase,
        gate: gate(&leg.gates),
        old_sides: leg.old_sides.clone(),
        fingerprint,
        touches,
        batches,
    })
}

/// What must have been deployed, in one sentence.
fn gate(clauses: &BTreeSet<String>) -> Option<String> {
    let clauses: Vec<&str> = clauses.iter().map(String::as_str).collect();
    let all = match &clauses[..] {
        [] => return None,
        [one] => (*one).to_owned(),
        [head @ .., last] => format!("{}, and {last}", head.join(", ")),
    };
    Some(format!("every running version of the application {all}"))
}

/// Whether the server prints such an object in the words of the tables that it reads, as they are called and as they once were.
fn is_reprinted(kind: PgKind) -> bool {
    matches!(
        kind,
        PgKind::View | PgKind::MaterializedView | PgKind::Rule | PgKind::Policy | PgKind::Function | PgKind::Procedure
    )
}

fn moved(m: &Move, numbers: &mut Numbers) -> Step {
    let mut step = plain(numbers.next(), Run::Locked, m.sql.clone());
    step.changes = vec![m.words.clone()];
    step.reason = Some(m.reason.clone());
    step.recipe = m.recipe.map(str::to_owned);
    step.source.clone_from(&m.source);
    step.hazards.clone_from(&m.hazards);
    step.undo.clone_from(&m.undo);
    step
}

/// All in one stage.
pub(crate) fn single(
    from: &PgCatalog,
    to: &PgCatalog,
    planned: Planned<Postgres<'_>>,
    renames: &[renames::Rename],
    (said, mut numbers): (&Said, Numbers),
    touched: &BTreeSet<PgId>,
) -> Vec<Stage> {
    let renaming: Vec<Step> = renames
        .iter()
        .map(|r| {
            let mut step = plain(numbers.next(), Run::Locked, r.sql.clone());
            step.changes = vec![r.words.clone()];
            step.reason = Some(r.reason.to_owned());
            step.source.clone_from(&r.origin);
            step
        })
        .collect();
    let batches = together(renaming, planned, &mut numbers, said);
    if batches.is_empty() {
        return Vec::new();
    }
    let (touches, fingerprint) = print(from, to, touched);
    vec![Stage { phase: Phase::Expand, gate: None, old_sides: Vec::new(), fingerprint, touches, batches }]
}

/// What is done first shares the transaction of what follows it, where all of that may share one: else rows would be read under the
/// locks of the first.
fn together(first: Vec<Step>, planned: Planned<Postgres<'_>>, numbers: &mut Numbers, said: &Said) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut open = !first.is_empty();
    if open {
        batches.push(Batch { transaction: true, steps: first });
    }
    for batch in planned.batches {
        let may_share = |s: &PlannedStep<PgId>| match s.draft.isolation {
            Isolation::Shared | Isolation::CommitBeforeUse => true,
            Isolation::OwnTransaction | Isolation::Afterwards | Isolation::Outside => false,
        };
        let shares = open && batch.transaction && batch.steps.iter().all(may_share);
        let steps: Vec<Step> = batch.steps.into_iter().map(|s| step(numbers.next(), s, said)).collect();
        match batches.last_mut() {
            Some(before) if shares => before.steps.extend(steps),
            _ => batches.push(Batch { transaction: batch.transaction, steps }),
        }
        open = false;
    }
    batches
}

/// What is touched, what it is a part of, and what it rests on, before and after; and the state of all that.
pub(crate) fn print(from: &PgCatalog, to: &PgCatalog, touched: &BTreeSet<PgId>) -> (BTreeSet<String>, Fingerprint) {
    let around = |id: &PgId| -> Vec<PgId> {
        let parents = [from, to].into_iter().filter_map(|c| c.objects.get(id).and_then(|o| o.parent(id)));
        parents.chain(from.needs(id).cloned()).chain(to.needs(id).cloned()).chain([id.clone()]).collect()
    };
    let touches: BTreeSet<String> = touched.iter().flat_map(around).map(|id| id.to_string()).collect();
    let fingerprint = from.fingerprint(&touches);
    (touches, fingerprint)
}

fn step(id: String, planned: PlannedStep<PgId>, said: &Said) -> Step {
    let PlannedStep { draft, changes, objects } = planned;
    let lock_ms = match draft.run {
        Run::Build => 0,
        _ => LOCK_MS,
    };
    Step {
        id,
        run: draft.run,
        sql: draft.sql,
        backfill: draft.backfill,
        external: None,
        changes,
        reason: draft.reason,
        recipe: draft.recipe,
        source: objects.iter().find_map(|o| origin(o, said)),
        locks: Vec::new(),
        work: draft.work,
        hazards: draft.hazards,
        undo: draft.undo,
        timeouts: Timeouts { lock_ms, statement_ms: 0 },
    }
}

/// Where the desired SQL makes an object: by its own name, its column's, or that of what it is a part of.
pub(crate) fn origin(id: &PgId, said: &Said) -> Option<Origin> {
    let look =
        |schema: &str, name: &str, part: &str| said.origins.get(&(schema.to_owned(), name.to_owned(), part.to_owned()));
    let found = match id.depth() {
        0 => None,
        1 => look("public", id.part(0), "").or_else(|| look("", id.part(0), "")),
        2 => look(id.part(0), id.part(1), ""),
        _ => look(id.part(0), id.part(1), id.part(2))
            .or_else(|| look(id.part(0), id.part(2), ""))
            .or_else(|| look(id.part(0), &format!("{}.{}", id.part(1), id.part(2)), ""))
            .or_else(|| look(id.part(0), id.part(1), "")),
    };
    found.cloned()
}
