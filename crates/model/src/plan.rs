//! A plan: stages of batches of steps, with all that running it needs.

use crate::{Diagnostic, Fingerprint};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How risky changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Rewritten into steps that a running application survives.
    Online,
    /// Plain DDL.
    Direct,
}

/// What the deployer waits between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Adds; the old application keeps running.
    Expand,
    /// Fills what was added.
    Backfill,
    /// Takes away what no application uses any more.
    Contract,
}

/// How a step is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Run {
    /// Plain statements.
    Sql,
    /// A short strong lock, taken with a timeout and tried again.
    Locked,
    /// A long build that takes no strong lock and must not be cut short (a concurrent index build, a validation).
    Build,
    /// Rows changed in batches.
    Backfill,
    /// A check that must hold before the plan goes on.
    Assert,
    /// Something that another program does.
    External,
}

/// The work that a step makes the server do while it holds its locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Work {
    /// Only the catalog changes.
    Instant,
    /// Every row is read.
    Scan,
    /// Every row is written anew, or an index is built.
    Rewrite,
}

/// A table-level lock mode (manual, 13.3.1), from the weakest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LockMode {
    /// `ACCESS SHARE`.
    AccessShare,
    /// `ROW SHARE`.
    RowShare,
    /// `ROW EXCLUSIVE`.
    RowExclusive,
    /// `SHARE UPDATE EXCLUSIVE`: stops other schema changes and vacuum.
    ShareUpdateExclusive,
    /// `SHARE`: stops writes.
    Share,
    /// `SHARE ROW EXCLUSIVE`: stops writes.
    ShareRowExclusive,
    /// `EXCLUSIVE`: stops writes and `SELECT … FOR UPDATE`.
    Exclusive,
    /// `ACCESS EXCLUSIVE`: stops reads and writes.
    AccessExclusive,
}

impl LockMode {
    /// The mode as `pg_locks` prints it (`AccessExclusiveLock`).
    #[must_use]
    pub fn from_pg_locks(name: &str) -> Option<Self> {
        Some(match name {
            "AccessShareLock" => Self::AccessShare,
            "RowShareLock" => Self::RowShare,
            "RowExclusiveLock" => Self::RowExclusive,
            "ShareUpdateExclusiveLock" => Self::ShareUpdateExclusive,
            "ShareLock" => Self::Share,
            "ShareRowExclusiveLock" => Self::ShareRowExclusive,
            "ExclusiveLock" => Self::Exclusive,
            "AccessExclusiveLock" => Self::AccessExclusive,
            _ => return None,
        })
    }

    /// The mode in the manual's words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::AccessShare => "ACCESS SHARE",
            Self::RowShare => "ROW SHARE",
            Self::RowExclusive => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }

    /// Whether a plain `SELECT` has to wait for it.
    #[must_use]
    pub fn blocks_reads(self) -> bool {
        self == Self::AccessExclusive
    }

    /// Whether `INSERT`, `UPDATE` and `DELETE` have to wait for it.
    #[must_use]
    pub fn blocks_writes(self) -> bool {
        self >= Self::Share
    }
}

/// A lock on one relation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RelationLock {
    /// The relation, qualified and quoted as SQL writes it.
    pub relation: String,
    /// How strong.
    pub mode: LockMode,
}

/// The kinds of harm that policy judges by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HazardKind {
    /// Rows or values are gone afterwards.
    DataLoss,
    /// Reads wait for longer than a change of the catalog takes.
    BlocksReads,
    /// Writes wait for longer than a change of the catalog takes.
    BlocksWrites,
    /// Something that applications rely on changes its name or goes.
    BreaksApplication,
}

impl HazardKind {
    /// Every kind, in order.
    pub const ALL: [Self; 4] = [Self::DataLoss, Self::BlocksReads, Self::BlocksWrites, Self::BreaksApplication];

    /// The name that `--allow` takes.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DataLoss => "data-loss",
            Self::BlocksReads => "blocks-reads",
            Self::BlocksWrites => "blocks-writes",
            Self::BreaksApplication => "breaks-application",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|k| k.name() == name)
    }
}

/// Harm that a step does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hazard {
    /// Which kind.
    pub kind: HazardKind,
    /// What exactly, in a sentence.
    pub message: String,
}

/// Where in the desired SQL a step has its origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

/// Limits in milliseconds; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// `lock_timeout`: the longest that an attempt may wait for a lock.
    pub lock_ms: u64,
    /// `statement_timeout`.
    pub statement_ms: u64,
}

/// Rows that are changed in batches, each with its own commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backfill {
    /// The table whose rows are walked, qualified and quoted. It holds rows itself: no partitioned table without a key.
    pub table: String,
    /// The quoted columns of a unique index without NULLs, in its order: the walk is along them. Empty where the table has
    /// none; the walk is then along its pages.
    pub key: Vec<String>,
    /// The statement for one batch, with [`Backfill::RANGE`] where the condition on the walk's columns goes. Run again, it
    /// changes nothing more.
    pub statement: String,
    /// What holds for a row of the table that is not right yet; after the walk it must hold for none.
    pub wrong: Option<String>,
}

impl Backfill {
    /// What stands in a statement for the range of a batch.
    pub const RANGE: &'static str = "{range}";

    /// The statement for all rows at once.
    #[must_use]
    pub fn whole(&self) -> String {
        self.statement.replace(Self::RANGE, "true")
    }
}

/// What another program does, as far as this one knows of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct External {
    /// Statements that come to the same, under whatever locks they take: the proof runs them.
    pub statements: Vec<String>,
    /// A query with one row that is true where it was done.
    pub done: String,
    /// One that is true where there are no rows for whose sake another program does it: the statements may be run then.
    pub needless: String,
}

/// What tells that the old application still writes: a sequence whose last value is the time of its last write, in seconds
/// since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OldSide {
    /// The sequence, qualified and quoted.
    pub sequence: String,
    /// What is written by the old side, in words.
    pub what: String,
}

/// Something to run, with all that running it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// A name that is unique in the plan (`s001`).
    pub id: String,
    /// How it is run.
    pub run: Run,
    /// The statements, in order, without semicolons. For a backfill: the same in one go. For a step of [`Run::External`]: its
    /// commands, for a shell.
    pub sql: Vec<String>,
    /// How a step of [`Run::Backfill`] goes in batches.
    pub backfill: Option<Backfill>,
    /// What a step of [`Run::External`] comes to.
    pub external: Option<External>,
    /// The changes that it serves, in words.
    pub changes: Vec<String>,
    /// Why it is there, where a change alone does not tell.
    pub reason: Option<String>,
    /// The recipe that made it.
    pub recipe: Option<String>,
    /// Where it has its origin.
    pub source: Option<Source>,
    /// The locks that its replay took on relations that were there before.
    pub locks: Vec<RelationLock>,
    /// The work done under them.
    pub work: Work,
    /// The harm that it does.
    pub hazards: Vec<Hazard>,
    /// Statements that take it back, where they can.
    pub undo: Option<Vec<String>>,
    /// Its limits.
    pub timeouts: Timeouts,
}

impl Step {
    /// A step with nothing but what it runs: no limits, an instant's work.
    #[must_use]
    pub fn new(id: impl Into<String>, run: Run, sql: Vec<String>) -> Self {
        Self {
            id: id.into(),
            run,
            sql,
            backfill: None,
            external: None,
            changes: Vec::new(),
            reason: None,
            recipe: None,
            source: None,
            locks: Vec::new(),
            work: Work::Instant,
            hazards: Vec::new(),
            undo: None,
            timeouts: Timeouts { lock_ms: 0, statement_ms: 0 },
        }
    }
}

/// Steps of one transaction, or one step that must stand alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Whether the steps run in one transaction; without it there is one step, outside every transaction.
    pub transaction: bool,
    /// The steps in order.
    pub steps: Vec<Step>,
}

/// Batches of one phase, behind one gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The phase.
    pub phase: Phase,
    /// What the application must have deployed before, in one sentence.
    pub gate: Option<String>,
    /// What must be quiet before it starts, behind a gate.
    pub old_sides: Vec<OldSide>,
    /// The state of what it touches when it may start.
    pub fingerprint: Fingerprint,
    /// The printed addresses over which the fingerprint is taken.
    pub touches: BTreeSet<String>,
    /// The batches in order.
    pub batches: Vec<Batch>,
}

/// A road from one schema to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// `postgres`, `sqlite`, `mysql` or `mariadb`.
    pub dialect: String,
    /// The server's version as it prints it.
    pub server: String,
    /// How risky changes are made.
    pub strategy: Strategy,
    /// The whole schema at the start.
    pub from: Fingerprint,
    /// The whole schema at the end.
    pub to: Fingerprint,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// What a person should know.
    pub diagnostics: Vec<Diagnostic>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stages.iter().all(|s| s.batches.is_empty())
    }

    /// All steps in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps)
    }

    /// The hazards that `allowed` does not name, each with its step. Data loss is refused unless it is named; what an
    /// online plan could not avoid is refused too; a direct plan was asked for as it is.
    pub fn refused<'a>(&'a self, allowed: &'a BTreeSet<HazardKind>) -> impl Iterator<Item = (&'a Step, &'a Hazard)> {
        let online = self.strategy == Strategy::Online;
        self.steps().flat_map(|s| s.hazards.iter().map(move |h| (s, h))).filter(move |(_, h)| {
            !allowed.contains(&h.kind)
                && match h.kind {
                    HazardKind::DataLoss => true,
                    HazardKind::BlocksReads | HazardKind::BlocksWrites | HazardKind::BreaksApplication => online,
                }
        })
    }
}
