//! One attempt at a batch: a transaction, or a step that stands alone.

use crate::fence::Fence;
use crate::limits::Limits;
use crate::targets::Targets;
use crate::watch::Teller;
use crate::{Cancel, secrets, targets};
use postgres::error::{DbError, Error, SqlState};
use postgres::{Client, SimpleQueryMessage};
use std::time::{Duration, Instant};
use underpin_model::{Run, Step};

/// What an attempt shall run.
pub(crate) struct Attempt<'a> {
    /// The steps of a transaction, or the one that stands alone.
    pub(crate) steps: &'a [Step],
    /// What the steps lock.
    pub(crate) targets: &'a Targets,
    pub(crate) limits: Limits,
    /// How long to wait for locks that stop nobody, in milliseconds.
    pub(crate) patience_ms: u64,
    /// The statement that makes sure that no other run has taken over.
    pub(crate) look: Option<&'a str>,
    /// Statements that write the journal's rows in the same transaction; none where a step stands alone.
    pub(crate) rows: &'a [String],
    /// Whether it is one transaction.
    pub(crate) transaction: bool,
    /// Whether all that stands under strong locks goes to the server in one message. Which of several statements has failed
    /// is then not known.
    pub(crate) at_once: bool,
}

impl<'a> Attempt<'a> {
    /// The first step that takes a strong lock; it is the one that waits.
    pub(crate) fn first_strong(&self) -> usize {
        targets::first_strong(self.steps)
    }

    /// The step that is named where it cannot be told which.
    pub(crate) fn named(&self) -> Option<&'a Step> {
        self.steps.get(self.first_strong()).or(self.steps.last())
    }
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
    /// Whether it was in a message of several statements, any of which it may be.
    pub(crate) in_message: bool,
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
    /// Another run has taken over.
    Replaced,
    /// The session that keeps a second run out is gone.
    GuardLost(Error),
}

impl Failure<'_> {
    /// Whether the statements have to be run one by one to find out which of them it was. What took too long, or was
    /// cancelled, is not repeated, for it would hold its locks for as long again; nor can it be where the session ended
    /// (class 57, "Operator Intervention").
    pub(crate) fn is_unclear(&self) -> bool {
        let Cause::Server(error) = &self.cause else {
            return false;
        };
        self.in_message && error.as_db_error().is_some_and(|e| !e.code().code().starts_with("57"))
    }

    /// Whether another attempt may do better: a lock was not to be had in time, or the server chose us to break a
    /// deadlock.
    pub(crate) fn is_about_locks(&self) -> bool {
        let Cause::Server(error) = &self.cause else {
            return false;
        };
        error.as_db_error().is_some_and(is_about_locks)
    }

    /// Whether the server stopped a statement for its time, as far as its words tell: somebody else's wish has the same code.
    pub(crate) fn is_out_of_time(&self) -> bool {
        let Cause::Server(error) = &self.cause else {
            return false;
        };
        let is_late = |e: &DbError| *e.code() == SqlState::QUERY_CANCELED && e.message().contains("statement timeout");
        error.as_db_error().is_some_and(is_late)
    }
}

fn is_about_locks(error: &DbError) -> bool {
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED].contains(error.code())
}

/// Runs the attempt. A transaction that fails is rolled back before this returns.
///
/// Returns for how long it held strong locks, or waited for them: the time between asking and the end of the commit, as it
/// passes here.
pub(crate) fn run<'a>(
    client: &mut Client,
    attempt: &Attempt<'a>,
    cancel: &Cancel,
    tell: &Teller,
) -> Result<Duration, Failure<'a>> {
    if attempt.transaction {
        let result = transaction(client, attempt, cancel, tell);
        if result.is_err() {
            // Where this fails the connection is gone, and the server rolls back by itself.
            let _ = client.batch_execute("ROLLBACK");
        }
        result
    } else {
        alone(client, attempt, cancel, tell).map(|()| Duration::ZERO)
    }
}

fn transaction<'a>(
    client: &mut Client,
    attempt: &Attempt<'a>,
    cancel: &Cancel,
    tell: &Teller,
) -> Result<Duration, Failure<'a>> {
    let (Some(named), Some(last)) = (attempt.named(), attempt.steps.last()) else {
        return Ok(Duration::ZERO);
    };
    begin(client, attempt, named)?;
    let locks = attempt.targets.strong_sql(attempt.limits.further_sql());
    let strong: Vec<String> = attempt.limits.belt_sql().into_iter().chain(locks).collect();
    // What takes no strong lock comes first.
    let (before, under) = attempt.steps.split_at_checked(attempt.first_strong()).unwrap_or((attempt.steps, &[]));
    statements(client, before, 0, cancel, tell)?;
    let start = Instant::now();
    if under.is_empty() {
        end(client, attempt, last)?;
        return Ok(Duration::ZERO);
    }
    if attempt.at_once {
        (0..under.len()).for_each(|n| tell.started(before.len() + n));
        let sql = || under.iter().flat_map(|s| &s.sql).map(String::as_str);
        if cancel.is_cancelled() {
            return Err(Failure::new(named, 0, "", Cause::Cancelled));
        }
        let message: Vec<&str> =
            strong.iter().map(String::as_str).chain(sql()).chain(attempt.rows.iter().map(String::as_str)).collect();
        // On a line of its own, the semicolon is not part of a statement's last comment.
        client.batch_execute(&format!("{}\n;\nCOMMIT", message.join("\n;\n"))).map_err(|error| Failure {
            committing: true,
            in_message: true,
            ..Failure::new(named, 0, &sql().collect::<Vec<_>>().join(";\n"), Cause::Server(error))
        })?;
    } else {
        if !strong.is_empty() {
            let strong = strong.join(";\n");
            client.batch_execute(&strong).map_err(|error| Failure::server(named, 0, &strong, error))?;
        }
        statements(client, under, before.len(), cancel, tell)?;
        end(client, attempt, last)?;
    }
    Ok(start.elapsed())
}

/// Begins the transaction, makes sure that it is still this run's turn, and takes the locks that stop nobody: they send an
/// autovacuum away, which a short wait does not, without a stall for anybody.
fn begin<'a>(client: &mut Client, attempt: &Attempt<'a>, named: &'a Step) -> Result<(), Failure<'a>> {
    let weak = attempt.targets.weak_sql();
    let mut begin = vec![
        "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned(),
        format!("SET LOCAL lock_timeout = {}; SET LOCAL statement_timeout = 0", attempt.patience_ms),
    ];
    begin.extend(attempt.look.map(str::to_owned));
    begin.extend(weak.clone());
    begin.push(attempt.limits.sql(true));
    if attempt.first_strong() < attempt.steps.len() || attempt.steps.iter().any(|s| s.run == Run::Locked) {
        // The locks are held until the commit returns, which can be for as long as a standby's longest query.
        begin.push(
            "SELECT pg_catalog.set_config('synchronous_commit', 'local', true)
              WHERE pg_catalog.current_setting('synchronous_commit') NOT IN ('off', 'local')"
                .to_owned(),
        );
    }
    let answer = client
        .simple_query(&begin.join(";\n"))
        .map_err(|error| Failure::server(named, 0, weak.as_deref().unwrap_or("BEGIN"), error))?;
    if attempt.look.is_some() && !Fence::holds(&answer) {
        return Err(Failure::new(named, 0, "", Cause::Replaced));
    }
    Ok(())
}

/// In one message, so that the locks are not held for a way to the server and back.
fn end<'a>(client: &mut Client, attempt: &Attempt<'a>, last: &'a Step) -> Result<(), Failure<'a>> {
    let end: Vec<&str> = attempt.rows.iter().map(String::as_str).chain(["COMMIT"]).collect();
    client
        .batch_execute(&end.join(";\n"))
        .map_err(|error| Failure { committing: true, ..Failure::server(last, 0, "COMMIT", error) })
}

fn alone<'a>(client: &mut Client, attempt: &Attempt<'a>, cancel: &Cancel, tell: &Teller) -> Result<(), Failure<'a>> {
    let Some(first) = attempt.steps.first() else {
        return Ok(());
    };
    if let Some(look) = attempt.look {
        let message = format!("SET lock_timeout = {};\n{look}", attempt.patience_ms);
        let answer = client.simple_query(&message).map_err(|error| Failure::server(first, 0, "SET", error))?;
        if !Fence::holds(&answer) {
            return Err(Failure::new(first, 0, "", Cause::Replaced));
        }
    }
    client.batch_execute(&attempt.limits.sql(false)).map_err(|error| Failure::server(first, 0, "SET", error))?;
    statements(client, attempt.steps, 0, cancel, tell)
}

/// Runs `steps`, the first of which has the number `number` in its batch.
fn statements<'a>(
    client: &mut Client,
    steps: &'a [Step],
    number: usize,
    cancel: &Cancel,
    tell: &Teller,
) -> Result<(), Failure<'a>> {
    for (n, step) in steps.iter().enumerate() {
        tell.started(number + n);
        for (done, sql) in step.sql.iter().enumerate() {
            if cancel.is_cancelled() {
                return Err(Failure::new(step, done, sql, Cause::Cancelled));
            }
            if step.run == Run::Assert {
                assert(client, sql).map_err(|cause| Failure::new(step, done, sql, cause))?;
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
    pub(crate) fn new(step: &'a Step, done: usize, sql: &str, cause: Cause) -> Self {
        Self { step, done, statement: secrets::hide(sql), committing: false, in_message: false, cause }
    }

    fn server(step: &'a Step, done: usize, sql: &str, error: Error) -> Self {
        Self::new(step, done, sql, Cause::Server(error))
    }
}
