//! One batch: one message to the server, one short transaction.

use super::bounds::{Place, READING, texts};
use crate::fence::Fence;
use postgres::error::{Error, SqlState};
use postgres::{Client, SimpleQueryMessage};

/// One batch.
pub(crate) struct Batch<'a> {
    /// The statement, with its range.
    pub(crate) statement: &'a str,
    /// How long it may wait for a row that somebody else has changed. Until then its own rows are locked.
    pub(crate) lock_ms: u64,
    /// The statement that keeps the place.
    pub(crate) place: Option<&'a str>,
    /// The statement that makes sure that no other run has taken over.
    pub(crate) look: Option<&'a str>,
    /// A query whose row is handed back, asked while the lock on the table is held.
    pub(crate) ask: Option<&'a str>,
    /// What is read after the commit, in a transaction of its own: the end of the next batch. Asked for apart it would cost one more
    /// message and its answer.
    pub(crate) ahead: Option<&'a str>,
}

/// What a batch did.
pub(crate) struct Done {
    /// How many rows it changed.
    pub(crate) changed: u64,
    /// Whether another run has taken over. What the batch did is done all the same: it is right whoever does it, and what
    /// is kept of the place is at worst behind.
    pub(crate) replaced: bool,
    /// The column `files` of the row that [`Batch::ask`] yields.
    pub(crate) answer: Option<String>,
    /// The row that [`Batch::ahead`] yields.
    pub(crate) ahead: Option<Place>,
}

/// Runs a batch; one that fails is rolled back before this returns.
///
/// The commit does not wait for the disk: were it lost with the server, the place would be lost with it, and the walk goes
/// on from the place that is there. What commits later and waits carries it along (manual, "Asynchronous Commit").
pub(crate) fn run(client: &mut Client, batch: &Batch<'_>) -> Result<Done, Error> {
    let mut before = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; {READING}; SET LOCAL synchronous_commit = off; \
         SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0",
        batch.lock_ms
    );
    if let Some(look) = batch.look {
        before = format!("{before}; {look}");
    }
    let mut message = format!("{before}; {}\n", batch.statement);
    for more in [batch.place, batch.ask, Some("COMMIT"), batch.ahead].into_iter().flatten() {
        message.push_str(";\n");
        message.push_str(more);
    }
    match client.simple_query(&message) {
        Ok(messages) => {
            let done = read(&messages, batch, before.split(';').count());
            Ok(Done { replaced: batch.look.is_some() && !Fence::holds(&messages), ..done })
        }
        Err(error) => {
            // Where this fails the connection is gone, and the server rolls back by itself.
            let _ = client.batch_execute("ROLLBACK");
            Err(error)
        }
    }
}

/// The statement is the one after `before` others; the row that was asked for is the last one before the commit.
fn read(messages: &[SimpleQueryMessage], batch: &Batch<'_>, before: usize) -> Done {
    let commit = before + 1 + usize::from(batch.place.is_some()) + usize::from(batch.ask.is_some());
    let mut done = Done { changed: 0, replaced: false, answer: None, ahead: None };
    let mut statements = 0;
    for message in messages {
        match message {
            SimpleQueryMessage::CommandComplete(rows) => {
                if statements == before {
                    done.changed = *rows;
                }
                statements += 1;
            }
            SimpleQueryMessage::Row(_) if statements > commit => done.ahead = texts(message),
            SimpleQueryMessage::Row(row) if statements + 1 == commit && batch.ask.is_some() => {
                done.answer = row.try_get("files").ok().flatten().map(str::to_owned);
            }
            _ => {}
        }
    }
    done
}

/// Whether it may go better another time: a row was locked for too long, or the server chose us to break a deadlock.
pub(crate) fn is_about_locks(error: &Error) -> bool {
    let codes = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE];
    error.code().is_some_and(|c| codes.contains(c))
}
