//! One attempt at a batch: a transaction, or a step that stands alone.

use crate::Cancel;
use crate::limits::Limits;
use crate::secrets;
use crate::watch::Teller;
use postgres::error::{Error, SqlState};
use postgres::{Client, SimpleQueryMessage};
use underpin_model::{Run, Step};

/// What an attempt shall run.
pub(crate) struct Attempt<'a> {
    /// The steps of a transaction, or the one that stands alone.
    pub(crate) steps: &'a [Step],
    pub(crate) limits: Limits,
    /// Statements that write the journal's rows in the same transaction; none where a step stands alone.
    pub(crate) rows: &'a [String],
    /// Whether it is one transaction.
    pub(crate) transaction: bool,
}

/// Why an attempt ended.
pub(crate) struct Failure<'a> {
    /// The step.
    pub(crate) step: &'a Step,
    /// How many statements of the step were done before.
    pub(crate) done: usize,
    /// The statement, without passwords.
    pub(crate) statement: String,
    /// Whether the transaction was being committed.
    pub(crate) committing: bool,
    pub(crate) cause: Cause,
}

/// What went wrong.
pub(crate) enum Cause {
    /// The server refused, or cannot be reached any more.
    Server(Error),
    /// An assertion does not hold; the row that speaks against it.
    Assert(String),
    /// A person asked to stop before the statement was sent.
    Cancelled,
}

impl Failure<'_> {
    /// Whether another attempt may do better: a lock was not to be had in time, or the server chose us to break a
    /// deadlock.
    pub(crate) fn is_about_locks(&self) -> bool {
        let Cause::Server(error) = &self.cause else {
            return false;
        };
        matches!(error.code(), Some(c) if *c == SqlState::LOCK_NOT_AVAILABLE || *c == SqlState::T_R_DEADLOCK_DETECTED)
    }
}

/// Runs the attempt. A transaction that fails is rolled back before this returns.
pub(crate) fn run<'a>(
    client: &mut Client,
    attempt: &Attempt<'a>,
    cancel: &Cancel,
    tell: &Teller,
) -> Result<(), Failure<'a>> {
    if attempt.transaction { transaction(client, attempt, cancel, tell) } else { alone(client, attempt, cancel, tell) }
}

fn transaction<'a>(
    client: &mut Client,
    attempt: &Attempt<'a>,
    cancel: &Cancel,
    tell: &Teller,
) -> Result<(), Failure<'a>> {
    let (Some(first), Some(last)) = (attempt.steps.first(), attempt.steps.last()) else {
        return Ok(());
    };
    let begin = format!("BEGIN ISOLATION LEVEL READ COMMITTED; {}", attempt.limits.sql(true));
    let result = client
        .batch_execute(&begin)
        .map_err(|error| Failure::server(first, 0, "BEGIN", error))
        .and_then(|()| statements(client, attempt.steps, cancel, tell))
        .and_then(|()| {
            // In one message, so that the locks are not held for a way to the server and back.
            let mut end = attempt.rows.join(";\n");
            if !end.is_empty() {
                end.push_str(";\n");
            }
            end.push_str("COMMIT");
            client
                .batch_execute(&end)
                .map_err(|error| Failure { committing: true, ..Failure::server(last, 0, "COMMIT", error) })
        });
    if result.is_err() {
        // Where this fails the connection is gone, and the server rolls back by itself.
        let _ = client.batch_execute("ROLLBACK");
    }
    result
}

fn alone<'a>(client: &mut Client, attempt: &Attempt<'a>, cancel: &Cancel, tell: &Teller) -> Result<(), Failure<'a>> {
    let Some(first) = attempt.steps.first() else {
        return Ok(());
    };
    client.batch_execute(&attempt.limits.sql(false)).map_err(|error| Failure::server(first, 0, "SET", error))?;
    statements(client, attempt.steps, cancel, tell)
}

fn statements<'a>(client: &mut Client, steps: &'a [Step], cancel: &Cancel, tell: &Teller) -> Result<(), Failure<'a>> {
    for (n, step) in steps.iter().enumerate() {
        tell.started(n);
        for (done, sql) in step.sql.iter().enumerate() {
            if cancel.is_cancelled() {
                let statement = secrets::hide(sql);
                return Err(Failure { step, done, statement, committing: false, cause: Cause::Cancelled });
            }
            if step.run == Run::Assert {
                assert(client, sql).map_err(|cause| Failure {
                    step,
                    done,
                    statement: secrets::hide(sql),
                    committing: false,
                    cause,
                })?;
            } else {
                client.batch_execute(sql).map_err(|error| Failure::server(step, done, sql, error))?;
            }
        }
    }
    Ok(())
}

/// An assertion holds unless its statement fails or returns a row whose first column is not true. So both `SELECT NOT
/// EXISTS (…)` and a query for the rows that should not be there can be written.
fn assert(client: &mut Client, sql: &str) -> Result<(), Cause> {
    for message in client.simple_query(sql).map_err(Cause::Server)? {
        let SimpleQueryMessage::Row(row) = message else {
            continue;
        };
        if !matches!(row.try_get(0), Ok(Some("t" | "true"))) {
            let values: Vec<&str> = (0..row.len()).map(|n| row.get(n).unwrap_or("NULL")).collect();
            return Err(Cause::Assert(secrets::head(&values.join(", "), 200)));
        }
    }
    Ok(())
}

impl<'a> Failure<'a> {
    fn server(step: &'a Step, done: usize, sql: &str, error: Error) -> Self {
        Self { step, done, statement: secrets::hide(sql), committing: false, cause: Cause::Server(error) }
    }
}
