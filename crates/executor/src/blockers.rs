//! Who is in the way of a lock.

use crate::secrets;
use crate::targets::Targets;
use postgres::{Client, Error, Row};
use std::fmt;
use std::time::Duration;
use underpin_model::LockMode;

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

/// The kind of what stands for a standby that does not answer.
const UNREACHABLE: &str = "it cannot be asked who uses the tables there";

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
    /// The standby on which it runs, as a URL without a password; none for the server that is changed.
    pub standby: Option<String>,
}

impl Blocker {
    /// What stands for a standby that cannot be asked who is there.
    pub(crate) fn unreachable(standby: String) -> Self {
        Self {
            pid: 0,
            user: None,
            application: String::new(),
            state: String::new(),
            kind: UNREACHABLE.to_owned(),
            query: String::new(),
            age: Duration::ZERO,
            standby: Some(standby),
        }
    }

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
            standby: None,
        })
    }
}

impl fmt::Display for Blocker {
    /// For people: `pid 4711 (user app, application "web", idle in transaction for 12 s): SELECT …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(standby) = &self.standby {
            write!(f, "on the standby {standby}: ")?;
        }
        if self.kind == UNREACHABLE {
            return f.write_str(UNREACHABLE);
        }
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

/// The session `pid`, where it is still there.
pub(crate) fn of_pid(client: &mut Client, pid: i32) -> Result<Option<Blocker>, Error> {
    let sql = format!("SELECT a.pid, {SESSION} FROM pg_stat_activity a WHERE a.pid = $1");
    client.query_opt(&sql, &[&pid])?.as_ref().map(Blocker::read).transpose()
}

/// Those that hold a lock against one of `targets`, other than `pid`: for waits that were too short to be seen while they
/// lasted, and for those that an attempt does not join.
pub(crate) fn of_targets(client: &mut Client, targets: &Targets, pid: i32) -> Result<Vec<Blocker>, Error> {
    // A prepared transaction is known by its id, on which it holds a lock too.
    let sql = format!(
        "WITH every AS MATERIALIZED (SELECT * FROM pg_locks WHERE granted AND pid IS DISTINCT FROM $2),
         l AS (
             SELECT * FROM every WHERE locktype = 'relation' AND relation = ANY ($1)
                AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
         SELECT a.pid, {SESSION}, l.relation, l.mode FROM l JOIN pg_stat_activity a ON a.pid = l.pid
         UNION ALL
         SELECT 0, {PREPARED}, l.relation, l.mode
           FROM l JOIN every x ON x.locktype = 'transactionid' AND x.pid IS NULL AND l.pid IS NULL
                              AND x.virtualtransaction = l.virtualtransaction
           JOIN pg_prepared_xacts p ON p.transaction = x.transactionid
         ORDER BY 1"
    );
    let oids: Vec<u32> = targets.iter().map(|t| t.oid).collect();
    let mut held: Vec<Blocker> = Vec::new();
    for row in client.query(&sql, &[&oids, &pid])? {
        let (relation, mode): (u32, &str) = (row.try_get(7)?, row.try_get(8)?);
        let needed = targets.iter().find(|t| t.oid == relation).map(|t| t.mode);
        let against = LockMode::from_pg_locks(mode).zip(needed).is_some_and(|(held, needed)| conflicts(held, needed));
        let blocker = Blocker::read(&row)?;
        if against && !held.contains(&blocker) && held.iter().all(|b| b.pid == 0 || b.pid != blocker.pid) {
            held.push(blocker);
        }
    }
    Ok(held)
}

/// Whether two sessions cannot hold these modes on one table at a time (manual, "Conflicting Lock Modes").
pub(crate) fn conflicts(one: LockMode, other: LockMode) -> bool {
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
            standby: None,
        };
        assert_eq!(b.to_string(), "pid 7 (user app, application \"web\", idle in transaction for 12 s): SELECT 1");
        b.user = None;
        b.application.clear();
        b.state = "active".to_owned();
        b.kind = "autovacuum worker".to_owned();
        assert_eq!(b.to_string(), "pid 7 (autovacuum worker, active for 12 s): SELECT 1");
        b.standby = Some("postgresql://u@r/d".to_owned());
        assert!(b.to_string().starts_with("on the standby postgresql://u@r/d: pid 7 ("), "{b}");
    }
}
