//! Why a run on a SQLite file ended before its plan did.

use super::NoRoom;
use crate::{AssertFailure, BoxError, FileWait, Left, secrets};
use rusqlite::ErrorCode;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;
use underpin_connect::LockHolder;
use underpin_model::{Run, Step};

/// How many characters of a statement a message shows.
const STATEMENT_HEAD: usize = 300;

/// Why a run on a SQLite file ended before its plan did. Whatever it is, the transaction in which it happened has been taken
/// back.
#[derive(Debug, Error)]
pub enum SqliteError {
    /// The plan is not for SQLite. Nothing was changed.
    #[error(
        "the plan is for {dialect}, and this is a SQLite file\nNothing was changed. Make a plan for this database."
    )]
    Dialect {
        /// What it is for.
        dialect: String,
    },

    /// The plan has a step of a kind that is not run on a SQLite file. Nothing was changed.
    #[error(
        "step {step} is of a kind that is not run on a SQLite file ({run:?})\nNothing was changed. Make the plan again with this release."
    )]
    Kind {
        /// The step.
        step: String,
        /// Its kind.
        run: Run,
    },

    /// The connection is in a transaction already, in which foreign keys cannot be switched off. Nothing was changed.
    #[error(
        "the connection is in a transaction already, or foreign keys could not be switched off in it\nDropping a table would delete what refers to it, so nothing was done."
    )]
    InTransaction,

    /// The connection's journal cannot bring back what was there. Nothing was changed.
    #[error(
        "the journal mode is {mode}, so that a run that is interrupted could leave the file damaged\nNothing was changed. Set another one: PRAGMA journal_mode = DELETE, or WAL."
    )]
    Journal {
        /// The mode.
        mode: String,
    },

    /// There is too little room on the disk. Nothing was changed.
    #[error("{0}\nNothing was changed. Make room first, then run again.")]
    NoRoom(Box<NoRoom>),

    /// Others had the file locked for the whole budget.
    #[error("{0}")]
    Locked(Box<FileLocked>),

    /// The database is no longer the one that was planned for.
    #[error("the database is not in the state that the plan starts from{}\nThe plan was proved for that state only, so it was stopped. {left}", list(.objects))]
    Changed {
        /// What differs, in the caller's words; empty where it cannot be said.
        objects: Vec<String>,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// Whether the database has changed, or became what it should, could not be found out.
    #[error("the schema of the database could not be checked: {source}\n{left}")]
    Check {
        /// Why.
        source: BoxError,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// The steps did not make of the database what they should.
    #[error("the plan did not make of the database what it should{}\nThis should not happen, for the plan was proved: please report it. {left}", list(.objects))]
    NotReached {
        /// What differs, in the caller's words; empty where it cannot be said.
        objects: Vec<String>,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// Rows refer to what the plan takes away.
    #[error("the plan would break foreign keys:{}\nCorrect these rows, or what the schema asks of them, then plan again. {left}", lines(.broken))]
    References {
        /// What would be broken that was not, in words.
        broken: Vec<String>,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// The rows of a table did not come over as they were.
    #[error(
        "the rows of {table} did not come over as they were (step {step}): {difference}\nThe old table was about to be dropped, so all was taken back. Something between the tables changed them: a value that the new table does not keep as it is, or a fault of this program; please report it. {left}"
    )]
    Copy {
        /// The step.
        step: String,
        /// The table.
        table: String,
        /// What is different, in words.
        difference: String,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// SQLite refused a statement.
    #[error("{0}")]
    Step(Box<SqliteStepFailure>),

    /// What a step asserts does not hold.
    #[error("{0}")]
    Assert(Box<AssertFailure>),

    /// A person asked to stop.
    #[error("interrupted. {left}")]
    Interrupted {
        /// What the run leaves.
        left: Box<Left>,
    },

    /// SQLite refused something of the run's own, not of the plan's.
    #[error("{doing} failed: {}\n{}{left}", message(.source), StepProblem::of(.source).advice())]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// The file was moved away or deleted during the run.
    #[error("{} was moved away, replaced or deleted while it was being changed\nWhat stands there now, if anything, was not changed. Find out who does that, then run again. {left}", path.display())]
    Moved {
        /// Where it was.
        path: PathBuf,
        /// What the run leaves.
        left: Box<Left>,
    },

    /// What was done could not be taken back at once.
    #[error("{why}\nTaking it back was refused, too ({}): whoever opens the file next does that, before anything is read.", message(.source))]
    NotTakenBack {
        /// Why the run ended.
        why: Box<SqliteError>,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// A file that others had locked for the whole budget.
#[derive(Debug)]
pub struct FileLocked {
    /// The file.
    pub path: PathBuf,
    /// What was waited for.
    pub waits: FileWait,
    /// For how long.
    pub waited: Duration,
    /// Who had it locked at the end, where that could be seen.
    pub holders: Vec<LockHolder>,
    /// What the run leaves.
    pub left: Left,
}

/// What sort of failure it is, as far as it matters for what to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepProblem {
    /// Rows stand against it (`SQLITE_CONSTRAINT`, `SQLITE_MISMATCH`, `SQLITE_TOOBIG`).
    Data,
    /// The disk is full, or the database has as many pages as it may have (`SQLITE_FULL`).
    Full,
    /// The file, or its folder, cannot be written to (`SQLITE_READONLY`, `SQLITE_PERM`, `SQLITE_CANTOPEN`).
    ReadOnly,
    /// The file is damaged (`SQLITE_CORRUPT`, `SQLITE_NOTADB`).
    Damaged,
    /// The disk did not read or write as it should (`SQLITE_IOERR`).
    Disk,
    /// There was not enough memory (`SQLITE_NOMEM`).
    Memory,
    /// Others have the file locked (`SQLITE_BUSY`, `SQLITE_LOCKED`).
    Locked,
    /// It takes what the application brings: a function, a collation, a tokenizer, a module.
    Application,
    /// A module failed and said nothing: so does a full-text table that lacks the functions that pack its text.
    Module,
    /// Something else.
    Other,
}

/// A statement that SQLite refused.
#[derive(Debug)]
pub struct SqliteStepFailure {
    /// The step.
    pub step: String,
    /// The statement.
    pub statement: String,
    /// SQLite's message.
    pub message: String,
    /// The extended result code (manual, "Result and Error Codes"); 0 where it is none of SQLite's.
    pub code: i32,
    /// What sort of failure it is.
    pub problem: StepProblem,
    /// What the run leaves.
    pub left: Left,
}

impl SqliteError {
    /// What the run leaves; none where it was refused before it began.
    #[must_use]
    pub fn left(&self) -> Option<&Left> {
        match self {
            Self::Dialect { .. } | Self::Kind { .. } | Self::InTransaction | Self::Journal { .. } | Self::NoRoom(_) => {
                None
            }
            Self::Changed { left, .. }
            | Self::Check { left, .. }
            | Self::NotReached { left, .. }
            | Self::References { left, .. }
            | Self::Copy { left, .. }
            | Self::Interrupted { left }
            | Self::Moved { left, .. }
            | Self::Sqlite { left, .. } => Some(left),
            Self::Locked(failure) => Some(&failure.left),
            Self::Step(failure) => Some(&failure.left),
            Self::Assert(failure) => Some(&failure.left),
            Self::NotTakenBack { why, .. } => why.left(),
        }
    }

    pub(super) fn left_mut(&mut self) -> Option<&mut Left> {
        match self {
            Self::Dialect { .. } | Self::Kind { .. } | Self::InTransaction | Self::Journal { .. } | Self::NoRoom(_) => {
                None
            }
            Self::Changed { left, .. }
            | Self::Check { left, .. }
            | Self::NotReached { left, .. }
            | Self::References { left, .. }
            | Self::Copy { left, .. }
            | Self::Interrupted { left }
            | Self::Moved { left, .. }
            | Self::Sqlite { left, .. } => Some(left),
            Self::Locked(failure) => Some(&mut failure.left),
            Self::Step(failure) => Some(&mut failure.left),
            Self::Assert(failure) => Some(&mut failure.left),
            Self::NotTakenBack { why, .. } => why.left_mut(),
        }
    }

    /// Whether it may go better without any change by a person: others had the file locked, the schema changed meanwhile,
    /// or a person stopped it. "Stopped on the way; safe to run again."
    #[must_use]
    pub fn stopped_on_the_way(&self) -> bool {
        match self {
            Self::Locked(_) | Self::Changed { .. } | Self::Interrupted { .. } | Self::Moved { .. } => true,
            Self::Step(failure) => failure.problem == StepProblem::Locked,
            Self::Sqlite { source, .. } => StepProblem::of(source) == StepProblem::Locked,
            Self::NotTakenBack { why, .. } => why.stopped_on_the_way(),
            Self::Dialect { .. }
            | Self::Kind { .. }
            | Self::InTransaction
            | Self::Journal { .. }
            | Self::NoRoom(_)
            | Self::Check { .. }
            | Self::NotReached { .. }
            | Self::References { .. }
            | Self::Copy { .. }
            | Self::Assert(_) => false,
        }
    }

    /// An error of SQLite's in something of the run's own.
    pub(super) fn own(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| Self::Sqlite { doing, source, left: Box::default() }
    }
}

impl SqliteStepFailure {
    pub(super) fn new(step: &Step, statement: &str, error: &rusqlite::Error) -> Self {
        Self {
            step: step.id.clone(),
            statement: statement.to_owned(),
            message: message(error),
            code: error.sqlite_error().map_or(0, |e| e.extended_code),
            problem: StepProblem::of(error),
            left: Left::default(),
        }
    }
}

/// SQLite's words where something is missing that only a program brings; it says them behind others, too.
const OF_APPLICATION: &[&str] = &[
    "no such collation sequence: ",
    "no such function: ",
    "unknown function: ",
    "unknown tokenizer: ",
    "no such tokenizer: ",
    "no such module: ",
];

impl StepProblem {
    pub(super) fn of(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => Self::Data,
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Self::ReadOnly,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            Some(ErrorCode::SystemIoFailure) => Self::Disk,
            Some(ErrorCode::OutOfMemory) => Self::Memory,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            _ if OF_APPLICATION.iter().any(|head| message(error).contains(head)) => Self::Application,
            _ if message(error) == "SQL logic error" => Self::Module,
            _ => Self::Other,
        }
    }

    /// What to do about it, with a space behind it.
    fn advice(self) -> &'static str {
        match self {
            Self::Data => "Rows stand against it. Correct them, or what the schema asks of them. ",
            Self::Full => {
                "The disk is full, that of the file or that for temporary files, or the file has as many pages as PRAGMA max_page_count allows. Make room first. "
            }
            Self::ReadOnly => "The file or its folder cannot be written to. Give this user the right to. ",
            Self::Damaged => {
                "The file is damaged. Look at it with PRAGMA integrity_check; take it from a backup, or save what can be read with sqlite3 FILE .recover. "
            }
            Self::Disk => "The disk, or what it is reached by, did not do what it should. Look after that first. ",
            Self::Memory => "There was not enough memory. ",
            Self::Locked => "Another program has the file locked. Wait until that has ended, then run again. ",
            Self::Application => {
                "Only the application has it, and this program runs the plan without it. Have the application run the statements of the plan (plan --output sql) on a connection on which it is registered, or drop what uses it first. "
            }
            Self::Module => {
                "SQLite says no more where a virtual table fails. A full-text table does so that packs its text by functions of the application (compress, uncompress): only the application can change that one. "
            }
            Self::Other => "The plan or the database has to change before it can go on. ",
        }
    }
}

impl fmt::Display for SqliteStepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, statement, message, code, problem, left } = self;
        write!(f, "step {step} failed: {message} (code {code})")?;
        write!(f, "\n  statement: {}", secrets::head(statement, STATEMENT_HEAD))?;
        write!(f, "\n{}{left}", problem.advice())
    }
}

impl fmt::Display for FileLocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, waits, waited, holders, left } = self;
        let (path, seconds) = (path.display(), waited.as_secs_f64());
        match waits {
            FileWait::Begin => write!(
                f,
                "{path} could not be changed: another program wrote to it for all of the {seconds:.1} s that were waited"
            ),
            FileWait::Commit => write!(
                f,
                "{path} could not be changed: other programs read it for all of the {seconds:.1} s that were waited to commit, which has to wait for them in this journal mode"
            ),
            FileWait::Statement => write!(
                f,
                "{path} could not be changed: another program used it for all of the {seconds:.1} s that were waited"
            ),
        }?;
        if holders.is_empty() {
            f.write_str("\nWho is in the way could not be seen.")?;
        } else {
            f.write_str("\nIn the way:")?;
            for holder in holders {
                write!(f, "\n  {holder}")?;
            }
            f.write_str("\nWait until they have ended, or end them, then run again.")?;
        }
        if *waits == FileWait::Commit {
            f.write_str(" In WAL mode (PRAGMA journal_mode = WAL) no commit waits for readers.")?;
        }
        write!(f, " {left}")
    }
}

/// SQLite's own words.
pub(super) fn message(error: &rusqlite::Error) -> String {
    match error {
        rusqlite::Error::SqliteFailure(_, Some(message)) => message.clone(),
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

fn list(objects: &[String]) -> String {
    if objects.is_empty() { String::new() } else { format!(": {}", objects.join("; ")) }
}

fn lines(all: &[String]) -> String {
    all.iter().map(|line| format!("\n  {line}")).collect()
}
