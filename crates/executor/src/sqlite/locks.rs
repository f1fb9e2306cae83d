//! Waiting for whoever has the file locked.

use super::error::SqliteError;
use super::{FileLocked, statement};
use crate::{Cancel, FileWait, Left, Progress};
use rusqlite::{Connection, ErrorCode, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use underpin_connect::{Held, LockHolder, lock_holders};
use underpin_model::Step;

/// The longest pause between two tries: whoever has it locked may let go for a moment only.
const PAUSE: Duration = Duration::from_millis(25);
/// When it is first told who has it locked, and how often then.
const TELL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// What a wait needs to know.
pub(super) struct Waiter<'a> {
    /// For how long it may last.
    pub(super) budget: Duration,
    pub(super) progress: &'a dyn Progress,
    pub(super) cancel: &'a Cancel,
}

/// How a commit ended.
pub(super) enum Commit {
    /// It is done, after a wait of so long.
    Done(Duration),
    /// Readers did not end in time, and have to be let in again.
    Refused(Box<FileLocked>),
}

/// A wait that is under way.
struct Wait<'a> {
    waiter: &'a Waiter<'a>,
    connection: &'a Connection,
    step: &'a Step,
    waits: FileWait,
    start: Instant,
    pause: Duration,
    tell: Duration,
    /// Who had it locked when somebody was last seen.
    seen: Vec<LockHolder>,
}

impl Wait<'_> {
    /// Pauses, and tells of the wait now and then.
    ///
    /// # Errors
    /// When the budget is used up, or a person asks to stop.
    fn pause(&mut self) -> std::result::Result<(), SqliteError> {
        let waited = self.start.elapsed();
        let over = waited >= self.waiter.budget;
        if over || waited >= self.tell {
            let now = in_the_way(self.connection, self.waits);
            if !now.is_empty() {
                self.seen = now;
            }
            self.waiter.progress.file_locked(self.step, self.waits, &self.seen, waited);
            self.tell = waited + TELL.1;
        }
        if over {
            return Err(SqliteError::Locked(Box::new(self.locked())));
        }
        self.waiter.cancel.sleep(self.pause.min(self.waiter.budget.saturating_sub(waited)));
        self.pause = (self.pause * 2).min(PAUSE);
        self.go_on()
    }

    fn go_on(&self) -> std::result::Result<(), SqliteError> {
        if self.waiter.cancel.is_cancelled() {
            return Err(SqliteError::Interrupted { left: Box::default() });
        }
        Ok(())
    }

    fn locked(&self) -> FileLocked {
        FileLocked {
            path: self.connection.path().map(PathBuf::from).unwrap_or_default(),
            waits: self.waits,
            waited: self.start.elapsed(),
            holders: self.seen.clone(),
            left: Left::default(),
        }
    }
}

impl Waiter<'_> {
    fn begin<'a>(&'a self, connection: &'a Connection, step: &'a Step, waits: FileWait) -> Wait<'a> {
        let start = Instant::now();
        let pause = Duration::from_millis(1);
        Wait { waiter: self, connection, step, waits, start, pause, tell: TELL.0, seen: Vec::new() }
    }

    /// Runs a statement, again and again while others have the file locked. Gives how long it waited.
    ///
    /// # Errors
    /// When the budget is used up, or a person asks to stop; else what the statement fails with, by `failed`.
    pub(super) fn run(
        &self,
        connection: &Connection,
        step: &Step,
        waits: FileWait,
        run: impl Fn() -> Result<()>,
        failed: impl FnOnce(rusqlite::Error) -> SqliteError,
    ) -> std::result::Result<Duration, SqliteError> {
        let mut wait = self.begin(connection, step, waits);
        wait.go_on()?;
        loop {
            match run() {
                Ok(()) => return Ok(wait.start.elapsed()),
                Err(error) if is_busy(&error) => wait.pause()?,
                Err(error) => return Err(failed(error)),
            }
        }
    }

    /// Commits. In rollback-journal mode that has to wait for readers, and from the first try on nobody can begin to read
    /// until it is through or all is taken back: SQLite keeps its pending lock. So it is tried only when nobody is seen
    /// who reads all the time, and for no longer than `stall`.
    ///
    /// # Errors
    /// When the budget is used up before it is tried, or a person asks to stop; else what it fails with, by `failed`.
    pub(super) fn commit(
        &self,
        connection: &Connection,
        step: &Step,
        stall: Duration,
        failed: impl FnOnce(rusqlite::Error) -> SqliteError,
    ) -> std::result::Result<Commit, SqliteError> {
        let mut wait = self.begin(connection, step, FileWait::Commit);
        wait.go_on()?;
        let mut staying = readers(connection);
        while !staying.is_empty() {
            wait.pause()?;
            let now = readers(connection);
            staying.retain(|reader| now.iter().any(|n| n.pid == reader.pid));
        }
        let asked = Instant::now();
        loop {
            match statement::run(connection, "COMMIT") {
                Ok(()) => return Ok(Commit::Done(wait.start.elapsed())),
                Err(error) if is_busy(&error) && asked.elapsed() < stall => {
                    self.cancel.sleep(Duration::from_millis(1));
                    wait.go_on()?;
                }
                Err(error) if is_busy(&error) => {
                    wait.seen = in_the_way(connection, FileWait::Commit);
                    self.progress.file_locked(step, FileWait::Commit, &wait.seen, wait.start.elapsed());
                    return Ok(Commit::Refused(Box::new(wait.locked())));
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy))
}

/// Who holds locks on the file of a connection.
fn holders(connection: &Connection) -> Vec<LockHolder> {
    connection.path().filter(|p| !p.is_empty()).map(|p| lock_holders(p.as_ref())).unwrap_or_default()
}

/// Who reads it in a way for which a commit has to wait.
fn readers(connection: &Connection) -> Vec<LockHolder> {
    holders(connection).into_iter().filter(|h| h.held == Held::Reads).collect()
}

/// Who stands against what is waited for; all who hold anything where nobody is seen who does.
fn in_the_way(connection: &Connection, waits: FileWait) -> Vec<LockHolder> {
    let (against, others): (Vec<LockHolder>, Vec<LockHolder>) =
        holders(connection).into_iter().partition(|holder| match waits {
            FileWait::Begin => holder.stops_writers(),
            FileWait::Commit => holder.held == Held::Reads,
            FileWait::Statement => true,
        });
    if against.is_empty() { others } else { against }
}
