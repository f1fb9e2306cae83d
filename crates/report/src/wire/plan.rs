//! The format of a plan: `underpin-plan-v1`.

use super::{DiagnosticV1, Document, HazardKindV1, LockModeV1, PhaseV1, RunV1, StrategyV1, WorkV1};
use crate::Summary;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Batch, Plan, Stage, Step};

/// A plan: the road from one schema to another. `underpin plan --output json` writes it and `underpin apply --plan`
/// runs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-plan-v1"))]
    pub format: String,
    /// `postgres`, `sqlite`, `mysql` or `mariadb`.
    pub dialect: String,
    /// The server's version as it prints it.
    pub server: String,
    /// How risky changes are made.
    pub strategy: StrategyV1,
    /// Fingerprint of the whole schema at the start.
    pub from: String,
    /// Fingerprint of the whole schema at the end.
    pub to: String,
    /// The stages in order.
    pub stages: Vec<StageV1>,
    /// What it amounts to; for readers, and not read back.
    #[serde(default)]
    pub summary: SummaryV1,
    /// What a person should know.
    #[serde(default)]
    pub diagnostics: Vec<DiagnosticV1>,
}

/// Batches of one phase, behind one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageV1 {
    /// The phase.
    pub phase: PhaseV1,
    /// What the application must have deployed before, in one sentence.
    pub gate: Option<String>,
    /// What must be quiet before it starts, behind a gate.
    #[serde(default)]
    pub old_sides: Vec<OldSideV1>,
    /// Fingerprint of what it touches when it may start.
    pub fingerprint: String,
    /// The printed addresses of the objects over which the fingerprint is taken.
    pub touches: BTreeSet<String>,
    /// The batches in order.
    pub batches: Vec<BatchV1>,
}

/// Steps of one transaction, or one step that stands alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchV1 {
    /// Whether the steps run in one transaction; without it there is one step, outside every transaction.
    pub transaction: bool,
    /// The steps in order.
    pub steps: Vec<StepV1>,
}

/// Something to run, with all that running it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepV1 {
    /// A name that is unique in the plan.
    pub id: String,
    /// How it is run.
    pub run: RunV1,
    /// The statements, in order, without semicolons; of a step that another program does its commands, for a shell.
    pub sql: Vec<String>,
    /// How a backfill goes in batches.
    #[serde(default)]
    pub backfill: Option<BackfillV1>,
    /// What comes of a step that another program does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalV1>,
    /// The changes that it serves, in words.
    #[serde(default)]
    pub changes: Vec<String>,
    /// Why it is there, where a change alone does not tell.
    pub reason: Option<String>,
    /// The recipe that made it.
    pub recipe: Option<String>,
    /// Where in the desired SQL it has its origin.
    pub source: Option<SourceV1>,
    /// The locks that it takes on relations that were there before.
    pub locks: Vec<LockV1>,
    /// The work done under them.
    pub work: WorkV1,
    /// The harm that it does.
    pub hazards: Vec<HazardV1>,
    /// Statements that take it back, where they can.
    pub undo: Option<Vec<String>>,
    /// Its limits.
    pub timeouts: TimeoutsV1,
}

/// Rows that are changed in batches, each with its own commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BackfillV1 {
    /// The table whose rows are walked, qualified and quoted.
    pub table: String,
    /// The quoted columns of a unique index along which the walk goes; empty: along the table's pages.
    pub key: Vec<String>,
    /// The statement for one batch, with `{range}` where the condition on the walk's columns goes.
    pub statement: String,
    /// What holds for a row that is not right yet; after the walk it must hold for none.
    pub wrong: Option<String>,
}

/// What comes of a step that another program does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExternalV1 {
    /// Statements that come to the same, under whatever locks they take; the plan was proved with them.
    pub statements: Vec<String>,
    /// A query with one row that is true where it was done.
    pub done: String,
    /// One that is true where there are no rows for whose sake another program does it: the statements may be run then.
    pub needless: String,
}

/// What tells that the old application still writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OldSideV1 {
    /// A sequence, qualified and quoted, whose last value is the time of the last such write, in seconds since 1970.
    pub sequence: String,
    /// What is written, in words.
    pub what: String,
}

/// A place in the desired SQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceV1 {
    /// The file as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// A lock on one relation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LockV1 {
    /// The relation, qualified and quoted as SQL writes it.
    pub relation: String,
    /// How strong.
    pub mode: LockModeV1,
}

/// Harm that a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HazardV1 {
    /// Which kind.
    pub kind: HazardKindV1,
    /// What exactly, in a sentence.
    pub message: String,
}

/// Limits in milliseconds; 0 is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimeoutsV1 {
    /// How long to wait for a lock.
    pub lock_ms: u64,
    /// How long a statement may run.
    pub statement_ms: u64,
}

/// Counts over a plan. A change that several steps serve counts once, and a part that comes or goes with its whole in
/// one step (the columns of a table that is made) does not count.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SummaryV1 {
    /// All changes.
    pub changes: usize,
    /// Objects that are made.
    pub creates: usize,
    /// Attributes of objects that change.
    pub alters: usize,
    /// Objects that go.
    pub drops: usize,
    /// Objects that get another name.
    pub renames: usize,
    /// Stages with something to run.
    pub stages: usize,
    /// Stages that wait for something.
    pub gates: usize,
    /// Steps.
    pub steps: usize,
    /// Hazards of each kind that occurs, by the name that `--allow` takes.
    pub hazards: BTreeMap<String, usize>,
}

impl Document for PlanV1 {
    const FORMAT: &'static str = "underpin-plan-v1";
    const WHAT: &'static str = "plan";
}

impl From<&Plan> for PlanV1 {
    fn from(plan: &Plan) -> Self {
        let summary = SummaryV1::from(&Summary::of(plan));
        let Plan { dialect, server, strategy, from, to, stages, diagnostics } = plan;
        Self {
            format: Self::FORMAT.to_owned(),
            dialect: dialect.clone(),
            server: server.clone(),
            strategy: (*strategy).into(),
            from: from.0.clone(),
            to: to.0.clone(),
            stages: stages.iter().map(StageV1::from).collect(),
            summary,
            diagnostics: diagnostics.iter().map(DiagnosticV1::from).collect(),
        }
    }
}

impl From<&Stage> for StageV1 {
    fn from(Stage { phase, gate, old_sides, fingerprint, touches, batches }: &Stage) -> Self {
        Self {
            phase: (*phase).into(),
            gate: gate.clone(),
            old_sides: old_sides
                .iter()
                .map(|o| OldSideV1 { sequence: o.sequence.clone(), what: o.what.clone() })
                .collect(),
            fingerprint: fingerprint.0.clone(),
            touches: touches.clone(),
            batches: batches.iter().map(BatchV1::from).collect(),
        }
    }
}

impl From<&Batch> for BatchV1 {
    fn from(Batch { transaction, steps }: &Batch) -> Self {
        Self { transaction: *transaction, steps: steps.iter().map(StepV1::from).collect() }
    }
}

impl From<&Step> for StepV1 {
    fn from(step: &Step) -> Self {
        let Step {
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
        } = step.clone();
        Self {
            id,
            run: run.into(),
            sql,
            backfill: backfill.map(|b| BackfillV1 {
                table: b.table,
                key: b.key,
                statement: b.statement,
                wrong: b.wrong,
            }),
            external: external.map(|e| ExternalV1 { statements: e.statements, done: e.done, needless: e.needless }),
            changes,
            reason,
            recipe,
            source: source.map(|s| SourceV1 { file: s.file, line: s.line }),
            locks: locks.into_iter().map(|l| LockV1 { relation: l.relation, mode: l.mode.into() }).collect(),
            work: work.into(),
            hazards: hazards.into_iter().map(|h| HazardV1 { kind: h.kind.into(), message: h.message }).collect(),
            undo,
            timeouts: TimeoutsV1 { lock_ms: timeouts.lock_ms, statement_ms: timeouts.statement_ms },
        }
    }
}

impl From<&Summary> for SummaryV1 {
    fn from(summary: &Summary) -> Self {
        let Summary { creates, alters, drops, renames, others: _, stages, gates, steps, hazards } = summary;
        Self {
            changes: summary.changes(),
            creates: *creates,
            alters: *alters,
            drops: *drops,
            renames: *renames,
            stages: *stages,
            gates: *gates,
            steps: *steps,
            hazards: hazards.iter().map(|(kind, n)| (kind.name().to_owned(), *n)).collect(),
        }
    }
}
