//! Who is in the way of a lock.

use crate::secrets;
use postgres::{Client, Error, Row};
use std::fmt;
use std::time::Duration;
use underpin_model::{LockMode, RelationLock};

/// How much of a blocker's statement is kept, in characters.
const QUERY_HEAD: usize = 80;

/// What is told about a session, after its pid. A role that may not read another's statement (manual, "pg_stat_activity")
/// sees the server's note in its place.
const SESSION: &str = "a.usename::text, a.application_name, a.state, a.backend_type, a.query,
       extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.query_start, a.backend_start))::float8";

/// A prepared transaction has no session; `pg_blocking_pids` says 0 for it (manual, "System Information Functions").
const PREPARED: &str =
    "p.owner::text, NULL, NULL, 'prepared transaction', 'PREPARE TRANSACTION ' || quote_literal(p.gid),
       extract(epoch FROM clock_timestamp() - p.prepared)::float8";

/// A session, or a prepared transaction, that holds what a step waits for or waits for it before us.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocker {
    /// The server process; 0 for a prepared transaction.
    pub pid: i32,
    /// The role, where there is one (an autovacuum worker has none).
    pub user: Option<String>,
    /// Its `application_name`.
    pub application: String,
    /// What the server says that it does: `active`, `idle in transaction`.
    pub state: String,
    /// What sort of process it is: `client backend`, `autovacuum worker`, `prepared transaction`.
    pub kind: String,
    /// The beginning of its last statement, without passwords.
    pub query: String,
    /// How old its transaction is.
    pub age: Duration,
}

impl Blocker {
    fn read(row: &Row) -> Result<Self, Error> {
        let text = |n: usize| row.try_get::<_, Option<String>>(n).map(Option::unwrap_or_default);
        let seconds: Option<f64> = row.try_get(6)?;
        Ok(Self {
            pid: row.try_get(0)?,
            user: row.try_get(1)?,
            application: text(2)?,
            state: text(3)?,
            kind: text(4)?,
            query: secrets::head(&secrets::hide(&text(5)?), QUERY_HEAD),
            age: Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default(),
        })
    }
}

impl fmt::Display for Blocker {
    /// For people: `pid 4711 (user app, application "web", idle in transaction for 12 s): SELECT …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pid == 0 {
            f.write_str("prepared transaction (")?
        } else {
            write!(f, "pid {} (", self.pid)?
        }
        if let Some(user) = &self.user {
            write!(f, "user {user}, ")?;
        }
        if !self.application.is_empty() {
            write!(f, "application \"{}\", ", self.application)?;
        }
        if self.pid != 0 && self.kind != "client backend" && !self.kind.is_empty() {
            write!(f, "{}, ", self.kind)?;
        }
        if !self.state.is_empty() {
            write!(f, "{} ", self.state)?;
        }
        write!(f, "for {} s): {}", self.age.as_secs(), self.query)
    }
}

/// Those that the session `pid` waits for now.
pub(crate) fn of_session(client: &mut Client, pid: i32) -> Result<Vec<Blocker>, Error> {
    let sql = format!(
        "WITH w AS MATERIALIZED (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid)
         SELECT w.pid, {SESSION} FROM w JOIN pg_stat_activity a ON a.pid = w.pid
         UNION ALL
         SELECT 0, {PREPARED} FROM pg_prepared_xacts p
          WHERE p.database = current_database() AND EXISTS (SELECT FROM w WHERE w.pid = 0)
         ORDER BY 1"
    );
    client.query(&sql, &[&pid])?.iter().map(Blocker::read).collect()
}

/// Those that hold a lock on one of these relations that stands against the one that a step needs, other than `pid`;
/// for waits that were too short to be seen while they lasted.
pub(crate) fn of_relations(client: &mut Client, locks: &[RelationLock], pid: i32) -> Result<Vec<Blocker>, Error> {
    let mut held: Vec<Blocker> = Vec::new();
    let sql = format!(
        "SELECT a.pid, {SESSION}, l.mode
           FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
          WHERE l.locktype = 'relation' AND l.granted AND l.pid <> $2
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND l.relation = to_regclass($1)
          ORDER BY 1"
    );
    for lock in locks {
        for row in client.query(&sql, &[&lock.relation, &pid])? {
            let mode: String = row.try_get(7)?;
            let against = LockMode::from_pg_locks(&mode).is_some_and(|m| conflicts(m, lock.mode));
            let blocker = Blocker::read(&row)?;
            if against && held.iter().all(|b| b.pid != blocker.pid) {
                held.push(blocker);
            }
        }
    }
    Ok(held)
}

/// Whether two sessions cannot hold these modes on one table at a time (manual, "Conflicting Lock Modes").
fn conflicts(one: LockMode, other: LockMode) -> bool {
    use LockMode as M;
    let (weak, strong) = if one <= other { (one, other) } else { (other, one) };
    match weak {
        M::AccessShare => strong == M::AccessExclusive,
        M::RowShare => strong >= M::Exclusive,
        M::RowExclusive => strong >= M::Share,
        M::ShareUpdateExclusive => true,
        // `SHARE` is the one mode of these that does not stand against itself.
        M::Share => strong != M::Share,
        M::ShareRowExclusive | M::Exclusive | M::AccessExclusive => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_conflict_as_the_manual_says() {
        use LockMode as M;
        assert!(!conflicts(M::AccessShare, M::Exclusive));
        assert!(conflicts(M::AccessExclusive, M::AccessShare));
        assert!(!conflicts(M::RowShare, M::ShareRowExclusive));
        assert!(conflicts(M::Share, M::RowExclusive));
        assert!(!conflicts(M::Share, M::Share));
        assert!(conflicts(M::ShareUpdateExclusive, M::ShareUpdateExclusive));
        assert!(!conflicts(M::RowExclusive, M::ShareUpdateExclusive));
    }

    #[test]
    fn a_blocker_reads_as_a_sentence() {
        let mut b = Blocker {
            pid: 7,
            user: Some("app".to_owned()),
            application: "web".to_owned(),
            state: "idle in transaction".to_owned(),
            kind: "client backend".to_owned(),
            query: "SELECT 1".to_owned(),
            age: Duration::from_secs(12),
        };
        assert_eq!(b.to_string(), "pid 7 (user app, application \"web\", idle in transaction for 12 s): SELECT 1");
        b.user = None;
        b.application.clear();
        b.state = "active".to_owned();
        b.kind = "autovacuum worker".to_owned();
        assert_eq!(b.to_string(), "pid 7 (autovacuum worker, active for 12 s): SELECT 1");
    }
}
