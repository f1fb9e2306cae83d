//! The locks that steps take, as a replay sees them in `pg_locks`.

use crate::EngineError;
use postgres::{Client, SimpleQueryMessage};
use std::collections::BTreeSet;
use underpin_model::{LockMode, RelationLock, Step};

/// Watches the locks of one session on relations that were there when watching began.
pub(crate) struct Watch {
    newest: u32,
    held: BTreeSet<RelationLock>,
    /// What the last step took beyond what was held before, by OID.
    by_oid: Vec<(u32, RelationLock)>,
}

fn rows(client: &mut Client, sql: &str) -> Result<Vec<Vec<String>>, EngineError> {
    let text = |row: &postgres::SimpleQueryRow, n: usize| row.get(n).unwrap_or_default().to_owned();
    Ok(client
        .simple_query(sql)?
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|n| text(row, n)).collect()),
            _ => None,
        })
        .collect())
}

impl Watch {
    /// Begins to watch.
    pub fn new(client: &mut Client) -> Result<Self, EngineError> {
        let newest = rows(client, "SELECT coalesce(max(oid), 0) FROM pg_class WHERE oid >= 16384")?;
        let newest = newest.first().and_then(|r| r.first()?.parse().ok()).unwrap_or(0);
        Ok(Self { newest, held: BTreeSet::new(), by_oid: Vec::new() })
    }

    /// A new transaction: nothing is held.
    pub fn begin(&mut self) {
        self.held.clear();
        self.by_oid.clear();
    }

    /// The newest relation that was there when watching began.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// The locks that the last step took beyond what was held before, by the OIDs of their relations.
    pub fn last(&self) -> &[(u32, RelationLock)] {
        &self.by_oid
    }

    /// What the last step took beyond what was held before.
    pub fn taken(&mut self, client: &mut Client) -> Result<Vec<RelationLock>, EngineError> {
        if self.newest == 0 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT c.oid::regclass::text, l.mode, c.oid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
             WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.oid BETWEEN 16384 AND {} \
             AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace <> 'pg_toast'::regnamespace",
            self.newest
        );
        let now: Vec<(u32, RelationLock)> = rows(client, &sql)?
            .into_iter()
            .filter_map(|row| {
                let [relation, mode, oid] = row.try_into().ok()?;
                Some((oid.parse().ok()?, RelationLock { relation, mode: LockMode::from_pg_locks(&mode)? }))
            })
            .collect();
        self.by_oid = now.iter().filter(|(_, lock)| !self.held.contains(lock)).cloned().collect();
        let now: BTreeSet<RelationLock> = now.into_iter().map(|(_, lock)| lock).collect();
        // Of one relation only the strongest new lock counts.
        let mut new: Vec<RelationLock> = Vec::new();
        for lock in now.difference(&self.held) {
            match new.iter_mut().find(|l| l.relation == lock.relation) {
                Some(known) => known.mode = known.mode.max(lock.mode),
                None => new.push(lock.clone()),
            }
        }
        self.held = now;
        Ok(new)
    }
}

/// The lock of a step that runs outside transactions, where no second look is possible in time: concurrent builds and
/// drops hold `SHARE UPDATE EXCLUSIVE` on the table (manual, CREATE INDEX and DROP INDEX).
pub(crate) fn outside(step: &Step) -> Option<RelationLock> {
    let sql = step.sql.first()?;
    let rest = sql.split_once(" ON ")?.1;
    let relation = rest.split(" USING ").next()?.split(" (").next()?.trim();
    sql.contains(" CONCURRENTLY ")
        .then(|| RelationLock { relation: relation.to_owned(), mode: LockMode::ShareUpdateExclusive })
}
