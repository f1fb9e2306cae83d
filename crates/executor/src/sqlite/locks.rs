//! Waiting for whoever has the file locked.

use super::{FileLocked, SqliteError};
use crate::{Cancel, FileWait, Left, Options, Progress};
use rusqlite::{Connection, ErrorCode, Result};
use std::path::PathBuf;
use std::time::{Duration, Instant};
use underpin_connect::{Held, LockHolder, lock_holders};
use underpin_model::Step;

/// The longest pause between two tries: whoever has it locked may let go for a moment only.
const PAUSE: Duration = Duration::from_millis(25);
/// How often it is told who has it locked.
const TELL: Duration = Duration::from_secs(1);

/// What a wait needs to know.
pub(super) struct Waiter<'a> {
    pub(super) options: &'a Options,
    pub(super) progress: &'a dyn Progress,
    pub(super) cancel: &'a Cancel,
}

impl Waiter<'_> {
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
        let start = Instant::now();
        let mut pause = Duration::from_millis(1);
        let mut tell = Duration::from_millis(100);
        let mut seen = Vec::new();
        loop {
            if self.cancel.is_cancelled() {
                return Err(SqliteError::Interrupted { left: Box::default() });
            }
            match run() {
                Ok(()) => return Ok(start.elapsed()),
                Err(error) if is_busy(&error) => {}
                Err(error) => return Err(failed(error)),
            }
            let waited = start.elapsed();
            let over = waited >= self.options.lock_budget;
            if over || waited >= tell {
                let now = in_the_way(connection, waits);
                if !now.is_empty() {
                    seen = now;
                }
                self.progress.file_locked(step, waits, &seen, waited);
                tell = waited + TELL;
            }
            if over {
                let path = connection.path().map(PathBuf::from).unwrap_or_default();
                return Err(SqliteError::Locked(Box::new(FileLocked {
                    path,
                    waits,
                    waited,
                    holders: seen,
                    left: Left::default(),
                })));
            }
            self.cancel.sleep(pause.min(self.options.lock_budget.saturating_sub(waited)));
            pause = (pause * 2).min(PAUSE);
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy))
}

/// Who stands against what is waited for; all who hold anything where nobody is seen who does.
fn in_the_way(connection: &Connection, waits: FileWait) -> Vec<LockHolder> {
    let Some(path) = connection.path().filter(|p| !p.is_empty()) else { return Vec::new() };
    let (against, others): (Vec<LockHolder>, Vec<LockHolder>) =
        lock_holders(path.as_ref()).into_iter().partition(|holder| match waits {
            FileWait::Begin => holder.stops_writers(),
            FileWait::Commit => holder.held == Held::Reads,
            FileWait::Statement => true,
        });
    if against.is_empty() { others } else { against }
}
