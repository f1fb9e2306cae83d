//! The second session: it keeps a second run out, looks on, and cancels.

use crate::blockers::{self, Blocker};
use crate::probe::Probe;
use crate::targets::Targets;
use crate::{BoxError, BuildProgress, Cancel, ExecutorError, Options, session};
use postgres::{Client, Error};
use std::fmt;
use std::time::{Duration, Instant};
use underpin_model::Step;

/// Opens one more session as the same role on the same database.
pub type Connect<'a> = dyn Fn() -> Result<Client, BoxError> + 'a;

/// The first key of the advisory lock under which plans are applied; the second is the database's OID. In ASCII: `undp`.
pub const ADVISORY_CLASS: i32 = 0x756e_6470;

/// How often a second run asks for the lock while it waits. It asks again and again instead of waiting on the server: a
/// waiting transaction there would hold back vacuum, and a concurrent index build waits for every older snapshot.
const ASK_AGAIN: Duration = Duration::from_millis(200);

/// The database's OID as the lock's second key.
const DATABASE_KEY: &str = "(SELECT oid::bigint::bit(32)::int FROM pg_database WHERE datname = current_database())";

/// The run that holds the lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its server process.
    pub pid: i32,
    /// Its role.
    pub user: Option<String>,
    /// Its `application_name`.
    pub application: String,
    /// When it began, in the server's words and time zone.
    pub since: String,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)?;
        if let Some(user) = &self.user {
            write!(f, ", user {user}")?;
        }
        write!(f, ", application \"{}\", since {}", self.application, self.since)
    }
}

/// The second session, which holds the lock.
pub(crate) struct Guard<'a> {
    client: Client,
    connect: &'a Connect<'a>,
    probe: Probe,
    /// The server's `deadlock_timeout`.
    pub(crate) deadlock_timeout: Duration,
    /// The server's version as a number: 150004 is 15.4.
    pub(crate) version: i32,
}

impl<'a> Guard<'a> {
    /// Opens the session and takes the lock, or says who holds it. `runner` is the session that runs the plan.
    pub(crate) fn take(
        runner: &mut Client,
        connect: &'a Connect<'a>,
        options: &Options,
        cancel: &Cancel,
    ) -> Result<Self, ExecutorError> {
        let mut client = connect().map_err(ExecutorError::Connect)?;
        if session::is_pooled(runner, &mut client).map_err(ExecutorError::server("asking who the sessions are"))? {
            return Err(ExecutorError::Pooled);
        }
        session::prepare_guard(&mut client, options).map_err(ExecutorError::server("preparing the second session"))?;
        let start = Instant::now();
        loop {
            let taken =
                ask(&mut client).map_err(ExecutorError::server("asking for the lock that keeps a second run out"))?;
            if taken {
                let (deadlock_timeout, version) =
                    session::server(&mut client).map_err(ExecutorError::server("reading the server's settings"))?;
                return Ok(Self { client, connect, probe: Probe::default(), deadlock_timeout, version });
            }
            let rest = options.second_run_wait.saturating_sub(start.elapsed());
            if cancel.is_cancelled() {
                return Err(ExecutorError::Interrupted { left: Box::default() });
            }
            if rest.is_zero() {
                // Who it is helps, but is not worth another error.
                let holder = holder(&mut client).unwrap_or_default();
                return Err(ExecutorError::Busy { holder, waited: start.elapsed() });
            }
            cancel.sleep(rest.min(ASK_AGAIN));
        }
    }

    /// Makes sure that this session, and with it the lock, is still there.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        self.client.batch_execute("")
    }

    /// Those that the session `pid` waits for.
    pub(crate) fn blockers(&mut self, pid: i32) -> Vec<Blocker> {
        // A look that fails is as good as none: the run itself finds out what is wrong.
        blockers::of_session(&mut self.client, pid).unwrap_or_default()
    }

    /// What `steps` lock.
    pub(crate) fn targets(&mut self, steps: &[Step]) -> Targets {
        // Without it, each statement takes its own locks, under the same limits.
        Targets::of(&mut self.client, steps).unwrap_or_default()
    }

    /// For how long those who hold locks against `targets` have been in their transactions, other than session `pid`.
    ///
    /// # Errors
    /// When this session is lost.
    pub(crate) fn ages(&mut self, targets: &Targets, pid: i32) -> Result<Vec<Duration>, Error> {
        match self.probe.ages(&mut self.client, targets, pid) {
            Err(error) if self.client.is_closed() => Err(error),
            // A look that fails is as good as none.
            other => Ok(other.unwrap_or_default()),
        }
    }

    /// Those that hold locks against `targets`.
    pub(crate) fn holders(&mut self, targets: &Targets, pid: i32) -> Vec<Blocker> {
        blockers::of_targets(&mut self.client, targets, pid).unwrap_or_default()
    }

    /// The session, for a question of the run's own.
    pub(crate) fn client(&mut self) -> &mut Client {
        &mut self.client
    }

    /// How far the index build of session `pid` has come.
    pub(crate) fn build_progress(&mut self, pid: i32) -> Option<BuildProgress> {
        let row = self
            .client
            .query_opt(
                "SELECT phase, CASE WHEN blocks_total > 0 THEN blocks_done::float8 / blocks_total
                                    WHEN tuples_total > 0 THEN tuples_done::float8 / tuples_total
                                    WHEN lockers_total > 0 THEN lockers_done::float8 / lockers_total END,
                        nullif(current_locker_pid, 0)::int
                   FROM pg_stat_progress_create_index WHERE pid = $1",
                &[&pid],
            )
            .ok()??;
        let phase: Option<String> = row.try_get(0).ok()?;
        let locker: Option<i32> = row.try_get(2).ok()?;
        let waits_for = locker.and_then(|pid| blockers::of_pid(&mut self.client, pid).ok().flatten());
        Some(BuildProgress { phase: phase?, done: row.try_get(1).ok()?, waits_for })
    }

    /// The indexes that are invalid now, qualified and quoted. Those of partitioned tables count too.
    pub(crate) fn invalid_indexes(&mut self) -> Vec<String> {
        self.client
            .query(
                "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                    JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid ORDER BY 1",
                &[],
            )
            .map(|rows| rows.iter().filter_map(|r| r.try_get(0).ok()).collect())
            .unwrap_or_default()
    }

    /// Cancels what the session `pid` runs now. It is asked from a session of the same role, which may do so and needs no
    /// second way through TLS as the protocol's own cancel request would.
    pub(crate) fn cancel(&mut self, pid: i32) {
        let ask = |client: &mut Client| client.execute("SELECT pg_cancel_backend($1)", &[&pid]).is_ok();
        if !ask(&mut self.client)
            && let Ok(mut other) = (self.connect)()
        {
            ask(&mut other);
        }
    }

    /// Gives the lock back. The end of the session would do so too, a moment later.
    pub(crate) fn release(mut self) {
        let unlock = format!("SELECT pg_advisory_unlock({ADVISORY_CLASS}, {DATABASE_KEY})");
        if self.client.batch_execute(&unlock).is_ok() {
            // The lock is gone already; a session that does not close in order changes nothing.
            let _ = self.client.close();
        }
    }
}

fn ask(client: &mut Client) -> Result<bool, Error> {
    client.query_one(&format!("SELECT pg_try_advisory_lock({ADVISORY_CLASS}, {DATABASE_KEY})"), &[])?.try_get(0)
}

/// The run that holds the lock; none where there is none.
pub(crate) fn holder(client: &mut Client) -> Result<Option<Holder>, Error> {
    let row = client.query_opt(
        &format!(
            "SELECT a.pid, a.usename::text, coalesce(a.application_name, ''),
                    to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
               FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
              WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                AND l.classid::bigint = {ADVISORY_CLASS}
                AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND l.objid = l.database
              LIMIT 1"
        ),
        &[],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Holder {
        pid: row.try_get(0)?,
        user: row.try_get(1)?,
        application: row.try_get(2)?,
        since: row.try_get::<_, Option<String>>(3)?.unwrap_or_default(),
    }))
}
