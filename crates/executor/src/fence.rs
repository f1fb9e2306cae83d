//! The token that stops a run which another has replaced.
//!
//! The advisory lock of the second session keeps other runs out for as long as that session lives. A run that was held up
//! (its machine slept, the network was cut) may lose it and not know, while a later run begins. So each run takes the next
//! number in the one row of `underpin.run`, and each of its transactions begins with a look whether that is still the
//! number. The look locks the row until the transaction ends: whoever takes the number waits for that.

use crate::Holder;
use postgres::error::{Error, SqlState};
use postgres::{Client, SimpleQueryMessage};
use underpin_sql::quote::literal;

/// The version of the table; it stands in its comment.
const FORMAT: u32 = 1;

const TABLE: &str = "CREATE TABLE underpin.run (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    token bigint NOT NULL,
    owner text NOT NULL,
    pid integer NOT NULL,
    application text NOT NULL,
    started timestamptz NOT NULL,
    heartbeat timestamptz NOT NULL,
    ended timestamptz
)";

/// The column by which a look is told from other rows in an answer.
const COLUMN: &str = "underpin_token";

/// The number of this run, where it has one.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    token: Option<i64>,
}

/// How taking a number went.
pub(crate) enum Taken {
    /// The run has a number.
    Fence(Fence),
    /// The run goes on without one; why.
    Without(String),
    /// Another run is in a transaction that holds the row.
    Busy,
}

impl Fence {
    /// Takes the next number. The schema is there; the table is made where it is missing.
    pub(crate) fn take(client: &mut Client) -> Result<Taken, Error> {
        let reason = match usable(client) {
            Ok(None) => match next(client) {
                Ok(token) => return Ok(Taken::Fence(Self { token: Some(token) })),
                Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => return Ok(Taken::Busy),
                Err(error) => Err(error),
            },
            Ok(Some(reason)) => Ok(reason),
            Err(error) => Err(error),
        };
        match reason {
            Ok(reason) => Ok(Taken::Without(reason)),
            Err(error)
                if error
                    .code()
                    .is_some_and(|c| [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::RAISE_EXCEPTION].contains(c)) =>
            {
                let message = error.as_db_error().map_or("", |e| e.message());
                Ok(Taken::Without(format!("the server does not allow it: {message}")))
            }
            Err(error) => Err(error),
        }
    }

    /// The statement that begins a transaction of this run: it locks the row and returns one exactly where the number is
    /// still this run's. None where the run has no number.
    pub(crate) fn look(&self) -> Option<String> {
        let token = self.token?;
        Some(format!(
            "UPDATE underpin.run SET heartbeat = pg_catalog.clock_timestamp() WHERE token = {token} RETURNING token AS {COLUMN}"
        ))
    }

    /// Whether the answer to a message with [`Fence::look`] in it says that the number is still this run's.
    pub(crate) fn holds(answer: &[SimpleQueryMessage]) -> bool {
        answer.iter().any(|m| match m {
            SimpleQueryMessage::Row(row) => row.columns().first().is_some_and(|c| c.name() == COLUMN),
            _ => false,
        })
    }

    /// Notes the end of the run. It is for people to read, so that a failure says nothing.
    pub(crate) fn end(&self, client: &mut Client) {
        if let Some(token) = self.token {
            let sql = format!("UPDATE underpin.run SET ended = pg_catalog.clock_timestamp() WHERE token = {token}");
            let _ = client.batch_execute(&sql);
        }
    }
}

fn next(client: &mut Client) -> Result<i64, Error> {
    // A transaction that holds the row is that of a run; how long it takes is not known.
    let sql = "INSERT INTO underpin.run AS r (token, owner, pid, application, started, heartbeat)
               VALUES (1, session_user, pg_backend_pid(), current_setting('application_name'), clock_timestamp(), clock_timestamp())
               ON CONFLICT (one) DO UPDATE SET token = r.token + 1, owner = excluded.owner, pid = excluded.pid,
                   application = excluded.application, started = excluded.started, heartbeat = excluded.heartbeat, ended = NULL
               RETURNING token";
    let mut transaction = client.transaction()?;
    transaction.batch_execute("SET LOCAL lock_timeout = '3s'")?;
    let token = transaction.query_one(sql, &[])?.try_get(0)?;
    transaction.commit()?;
    Ok(token)
}

/// Makes sure that the table is there and can be written; otherwise the reason.
fn usable(client: &mut Client) -> Result<Option<String>, Error> {
    let found = client.query_one(
        "SELECT c.oid IS NOT NULL, obj_description(c.oid, 'pg_class'),
                CASE WHEN c.oid IS NULL THEN has_schema_privilege(n.oid, 'CREATE')
                     ELSE has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                          AND has_table_privilege(c.oid, 'SELECT') END
           FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'run'
          WHERE n.nspname = 'underpin'",
        &[],
    )?;
    let (there, comment, allowed): (bool, Option<String>, bool) =
        (found.try_get(0)?, found.try_get(1)?, found.try_get(2)?);
    let mark = format!("underpin run, format {FORMAT}");
    Ok(match (there, allowed) {
        (true, _) if comment.as_deref() != Some(mark.as_str()) => {
            let is = comment.unwrap_or_else(|| "no comment".to_owned());
            Some(format!("the table underpin.run is not one of this version (expected \"{mark}\", found \"{is}\")"))
        }
        (true, false) => Some("this role may not read and write underpin.run".to_owned()),
        (false, false) => Some("this role may not create a table in the schema underpin".to_owned()),
        (true, true) => None,
        (false, true) => {
            client.batch_execute(&format!("{TABLE};\nCOMMENT ON TABLE underpin.run IS {}", literal(&mark)))?;
            None
        }
    })
}

/// The run whose number stands in the row.
pub(crate) fn holder(client: &mut Client) -> Result<Option<Holder>, Error> {
    let sql = "SELECT pid, owner, application, to_char(started, 'YYYY-MM-DD HH24:MI:SS TZ') FROM underpin.run";
    let Some(row) = client.query_opt(sql, &[])? else { return Ok(None) };
    Ok(Some(Holder {
        pid: row.try_get(0)?,
        user: Some(row.try_get(1)?),
        application: row.try_get(2)?,
        since: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
    }))
}
