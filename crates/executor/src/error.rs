//! Why a run ended before its plan did.

use crate::secrets;
use crate::{Blocker, BuildProblem, GateClosed, Holder, Left, Unfilled};
use postgres::Client;
use postgres::error::{DbError, Error};
use std::fmt;
use std::time::Duration;
use thiserror::Error;
use underpin_model::{Run, Stage, Step};

/// An error of a caller's own.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How many characters of a statement a message shows.
const STATEMENT_HEAD: usize = 300;

/// Why a run ended before its plan did.
#[derive(Debug, Error)]
pub enum ExecutorError {
    /// The second session could not be opened. Nothing was changed.
    #[error(
        "a second session to the database could not be opened: {0}\nA run needs two, one of which keeps other runs out. Nothing was changed. Check the limits on connections of the role and of the server, then run again."
    )]
    Connect(#[source] BoxError),

    /// The connection goes through a pooler that gives each transaction another server session. Nothing was changed.
    #[error(
        "the connection goes through a transaction pooler: two sessions were served by one server process, or one by several\nSettings, the lock that keeps a second run out, and concurrent builds need a session of their own, so nothing was done. Give the address of the server itself, or of a pool in session mode, in --db."
    )]
    Pooled,

    /// A standby that was named cannot be used. Nothing was changed.
    #[error(
        "the standby {url} cannot be looked at: {why}\nWithout a look, a strong lock could stop its queries for as long as its max_standby_streaming_delay. Nothing was changed. Correct its --replica, or leave it out."
    )]
    Standby {
        /// Its URL, without a password.
        url: String,
        /// What is wrong.
        why: String,
        /// Whether it could not be reached.
        unreachable: bool,
    },

    /// A later run has begun, and this one must not go on.
    #[error("another run has taken over{}\nThis one was held up until the other could begin, so it stopped before its next change. {left}", holder_text(.holder.as_ref()))]
    Replaced {
        /// Who it is, where that could be seen.
        holder: Option<Holder>,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// Something that is built, or detached, beside the traffic cannot be begun, or is not sound.
    #[error("step {step} cannot be done: {problem}. {left}")]
    Build {
        /// The step.
        step: String,
        /// What stands against it.
        problem: BuildProblem,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// Another run is under way. Nothing was changed.
    #[error("another run is changing this database{}\nTwo at a time would act on each other's half-done state, so this one did nothing. Wait until it has ended, then run again.", holder_text(.holder.as_ref()))]
    Busy {
        /// Who it is, where that could be seen.
        holder: Option<Holder>,
        /// How long this run asked.
        waited: Duration,
    },

    /// The plan has steps that another program does. Nothing was changed.
    #[error(
        "the plan waits for another program, which a person runs: {}\nNothing was changed. Run this, then apply again, which goes on \
         behind it:\n  {}",
        .steps.join(", "),
        .commands.join("\n  ")
    )]
    External {
        /// The steps.
        steps: Vec<String>,
        /// Their commands, for a shell.
        commands: Vec<String>,
    },

    /// The database is no longer the one that was planned for.
    #[error("the database is not in the state that the plan starts from{}\nThe plan was proved for that state only, so it was stopped. {left}", list(.objects))]
    Changed {
        /// What differs, in the caller's words; empty where it cannot be said.
        objects: Vec<String>,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// Whether the database has changed could not be found out.
    #[error("the state of the database could not be checked: {source}\n{left}")]
    Check {
        /// Why.
        source: BoxError,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// A lock was not to be had within the budget.
    #[error("{0}")]
    Locks(Box<LockFailure>),

    /// The server refused a statement.
    #[error("{0}")]
    Step(Box<StepFailure>),

    /// What a step asserts does not hold.
    #[error("{0}")]
    Assert(Box<AssertFailure>),

    /// The old application is still seen before a stage that takes away what it uses.
    #[error("{0}")]
    Gate(Box<GateClosed>),

    /// After a backfill there are rows that are not right.
    #[error("{0}")]
    Unfilled(Box<Unfilled>),

    /// What follows the server's changes stayed too far behind for a backfill to go on.
    #[error("step {step} waited {} s, as {what}\nFilling more rows would only add to it. Look after that, then run again; the step goes on where it stopped. {left}", .waited.as_secs())]
    Behind {
        /// The step.
        step: String,
        /// What it waited for, in words.
        what: String,
        /// How long.
        waited: Duration,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// The connection broke.
    #[error("the connection to the server broke in step {step}: {source}\n{left}")]
    ConnectionLost {
        /// The step.
        step: String,
        /// What the driver says.
        source: Error,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// The second session, which holds the lock that keeps other runs out, is gone.
    #[error(
        "the session that keeps a second run out was lost: {source}\nAnother run could begin now, so this one was stopped. {left}"
    )]
    GuardLost {
        /// What the driver says.
        source: Error,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// A person asked to stop.
    #[error("interrupted. {left}")]
    Interrupted {
        /// What the run leaves.
        left: Box<Left>,
    },

    /// The server refused something of the run's own, not of the plan's.
    #[error("{doing} failed: {}\nNo step of the plan was begun by it, so that it is safe to run again.", server_text(.source))]
    Server {
        /// What was being done.
        doing: &'static str,
        /// What the server says.
        source: Error,
    },
}

/// Why the caller does not let a stage begin.
#[derive(Debug)]
pub enum ChangedState {
    /// The database is not the one that was planned for; what differs, in words.
    Changed(Vec<String>),
    /// It could not be found out.
    Failed(BoxError),
}

/// Looks before a stage whether the database is as it was planned for; what it gives may join the transaction that ends the plan.
pub type CheckState<'a> = dyn FnMut(&mut Client, &Stage) -> Result<Option<String>, ChangedState> + 'a;

/// A batch that did not get its locks.
#[derive(Debug)]
pub struct LockFailure {
    /// The step that waited.
    pub step: String,
    /// How many attempts there were. None is made while somebody is in the way who has been there for long.
    pub attempts: u32,
    /// How long they took, with the waits for a gap and the pauses between them.
    pub waited: Duration,
    /// Who was in the way at the end, where that could be seen.
    pub blockers: Vec<Blocker>,
    /// What the run leaves.
    pub left: Left,
}

/// What sort of failure it is, as far as it matters for what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FailureKind {
    /// The role lacks a right (42501).
    PermissionDenied,
    /// Rows stand against it (classes 22 and 23).
    Data {
        /// The table, qualified, where the server names it.
        table: Option<String>,
        /// The constraint, where the server names it.
        constraint: Option<String>,
    },
    /// It took longer than its `statement_timeout`, or an administrator cancelled it (57014).
    TimeLimit,
    /// The server ran out of something: disk, memory, connections (class 53).
    Resources,
    /// The server, or the transaction, takes no changes (25006): a standby, or `default_transaction_read_only`.
    ReadOnly,
    /// A lock was not to be had, in a step that cannot be tried again (55P03, 40P01).
    Lock,
    /// Something else.
    Other,
}

/// A statement that the server refused. No text in it has a password.
#[derive(Debug)]
pub struct StepFailure {
    /// The step.
    pub step: String,
    /// The statement.
    pub statement: String,
    /// The five-letter code (manual, appendix A).
    pub code: String,
    /// The server's message.
    pub message: String,
    /// Its detail.
    pub detail: Option<String>,
    /// Its hint.
    pub hint: Option<String>,
    /// What sort of failure it is.
    pub kind: FailureKind,
    /// What the run leaves.
    pub left: Left,
}

/// An assertion that does not hold.
#[derive(Debug)]
pub struct AssertFailure {
    /// The step.
    pub step: String,
    /// Why the plan asks, where the step says so.
    pub reason: Option<String>,
    /// The statement.
    pub statement: String,
    /// The row that speaks against it.
    pub row: String,
    /// What the run leaves.
    pub left: Left,
}

impl ExecutorError {
    pub(crate) fn server(doing: &'static str) -> impl FnOnce(Error) -> Self {
        move |source| Self::Server { doing, source }
    }

    /// What the run leaves; none where it was refused before it began.
    #[must_use]
    pub fn left(&self) -> Option<&Left> {
        match self {
            Self::Connect(_)
            | Self::Pooled
            | Self::Standby { .. }
            | Self::Busy { .. }
            | Self::External { .. }
            | Self::Server { .. } => None,
            Self::Changed { left, .. }
            | Self::Check { left, .. }
            | Self::ConnectionLost { left, .. }
            | Self::GuardLost { left, .. }
            | Self::Replaced { left, .. }
            | Self::Build { left, .. }
            | Self::Behind { left, .. }
            | Self::Interrupted { left } => Some(left),
            Self::Gate(failure) => Some(&failure.left),
            Self::Unfilled(failure) => Some(&failure.left),
            Self::Locks(failure) => Some(&failure.left),
            Self::Step(failure) => Some(&failure.left),
            Self::Assert(failure) => Some(&failure.left),
        }
    }

    /// What is said of steps that another program does, where there are any among those.
    #[must_use]
    pub fn external<'a>(steps: impl Iterator<Item = &'a Step>) -> Option<Self> {
        let waiting: Vec<&Step> = steps.filter(|s| s.run == Run::External).collect();
        let commands = waiting.iter().flat_map(|s| s.sql.iter().cloned()).collect();
        let steps: Vec<String> = waiting.iter().map(|s| s.id.clone()).collect();
        (!steps.is_empty()).then_some(Self::External { steps, commands })
    }

    pub(crate) fn left_mut(&mut self) -> Option<&mut Left> {
        match self {
            Self::Connect(_)
            | Self::Pooled
            | Self::Standby { .. }
            | Self::Busy { .. }
            | Self::External { .. }
            | Self::Server { .. } => None,
            Self::Changed { left, .. }
            | Self::Check { left, .. }
            | Self::ConnectionLost { left, .. }
            | Self::GuardLost { left, .. }
            | Self::Replaced { left, .. }
            | Self::Build { left, .. }
            | Self::Behind { left, .. }
            | Self::Interrupted { left } => Some(left),
            Self::Gate(failure) => Some(&mut failure.left),
            Self::Unfilled(failure) => Some(&mut failure.left),
            Self::Locks(failure) => Some(&mut failure.left),
            Self::Step(failure) => Some(&mut failure.left),
            Self::Assert(failure) => Some(&mut failure.left),
        }
    }

    /// Whether it may go better without any change by a person: somebody was in the way, the line broke, or a person
    /// stopped it. "Stopped on the way; safe to run again."
    #[must_use]
    pub fn stopped_on_the_way(&self) -> bool {
        match self {
            Self::Busy { .. }
            | Self::Locks(_)
            | Self::Gate(_)
            | Self::ConnectionLost { .. }
            | Self::GuardLost { .. }
            | Self::Replaced { .. }
            | Self::Changed { .. }
            | Self::Behind { .. }
            | Self::Interrupted { .. } => true,
            Self::Build { problem, .. } => matches!(problem, BuildProblem::Building(_)),
            Self::Step(failure) => matches!(failure.kind, FailureKind::Lock),
            Self::Connect(_)
            | Self::Pooled
            | Self::Standby { .. }
            | Self::External { .. }
            | Self::Check { .. }
            | Self::Assert(_)
            | Self::Unfilled(_)
            | Self::Server { .. } => false,
        }
    }
}

impl StepFailure {
    pub(crate) fn new(step: &Step, statement: String, error: &DbError, left: Left) -> Self {
        Self {
            step: step.id.clone(),
            statement,
            code: error.code().code().to_owned(),
            message: secrets::hide(error.message()),
            detail: error.detail().map(secrets::hide),
            hint: error.hint().map(secrets::hide),
            kind: FailureKind::of(error),
            left,
        }
    }
}

impl FailureKind {
    fn of(error: &DbError) -> Self {
        let name = |part: Option<&str>| part.map(str::to_owned);
        match error.code().code() {
            "42501" => Self::PermissionDenied,
            "57014" => Self::TimeLimit,
            "25006" => Self::ReadOnly,
            "55P03" | "40P01" => Self::Lock,
            code if code.starts_with("22") || code.starts_with("23") => Self::Data {
                table: error.table().map(|t| match error.schema() {
                    Some(schema) => underpin_sql::quote::qualified(&[schema, t]),
                    None => underpin_sql::quote::ident(t),
                }),
                constraint: name(error.constraint()),
            },
            code if code.starts_with("53") => Self::Resources,
            _ => Self::Other,
        }
    }

    /// What to do about it.
    fn advice(&self) -> String {
        match self {
            Self::PermissionDenied => {
                "The role that applies lacks a right. Grant it, or apply as the owner of the object.".to_owned()
            }
            Self::Data { table, constraint } => {
                let table = table.as_ref().map_or("the table".to_owned(), |t| format!("table {t}"));
                let what = constraint.as_ref().map_or(String::new(), |c| format!(" ({c})"));
                format!("Rows in {table} stand against it{what}. Correct them, or what the schema asks of them.")
            }
            Self::TimeLimit => {
                "It took longer than its statement_timeout, or an administrator cancelled it. In an online plan, a change of the catalog alone that holds a strong lock is given 2 s. Where it needs more, run it when nobody uses the table, with --strategy direct.".to_owned()
            }
            Self::Resources => "The server ran out of something that it needs. Make room first.".to_owned(),
            Self::ReadOnly => {
                "The server takes no changes: it is a standby, or default_transaction_read_only is on.".to_owned()
            }
            Self::Lock => "A lock was not to be had, and this statement is not tried again by itself.".to_owned(),
            Self::Other => "The plan or the server has to change before it can go on.".to_owned(),
        }
    }
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} failed: {} ({})", self.step, self.message, self.code)?;
        if let Some(detail) = &self.detail {
            write!(f, "\n  detail: {detail}")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        write!(f, "\n  statement: {}", secrets::head(&self.statement, STATEMENT_HEAD))?;
        write!(f, "\n{} {}", self.kind.advice(), self.left)
    }
}

impl fmt::Display for LockFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} did not get its locks within {:.1} s", self.step, self.waited.as_secs_f64())?;
        match self.attempts {
            0 => f.write_str("; somebody was in the way all the time, so none was asked for")?,
            1 => f.write_str(" and 1 attempt")?,
            n => write!(f, " and {n} attempts")?,
        }
        if self.blockers.is_empty() {
            f.write_str("\nWho was in the way could not be seen.")?;
        } else {
            f.write_str("\nIn the way:")?;
            for blocker in &self.blockers {
                write!(f, "\n  {blocker}")?;
            }
            f.write_str("\nWait until they have ended, or end them, then run again.")?;
        }
        write!(f, " {}", self.left)
    }
}

impl fmt::Display for AssertFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "what step {} asks for does not hold", self.step)?;
        if let Some(reason) = &self.reason {
            write!(f, ": {reason}")?;
        }
        write!(f, "\n  statement: {}", secrets::head(&self.statement, STATEMENT_HEAD))?;
        write!(f, "\n  against it: {}\n{}", self.row, self.left)
    }
}

fn holder_text(holder: Option<&Holder>) -> String {
    holder.map_or(String::new(), |h| format!(": {h}"))
}

fn list(objects: &[String]) -> String {
    if objects.is_empty() { String::new() } else { format!(": {}", objects.join("; ")) }
}

/// The server's own words; the driver's `Display` would say no more than that there was an error.
fn server_text(error: &Error) -> String {
    match error.as_db_error() {
        Some(e) => format!("{} ({})", secrets::hide(e.message()), e.code().code()),
        None => error.to_string(),
    }
}
