//! The locks that steps take, as a replay sees them in `pg_locks`.

use crate::EngineError;
use postgres::{Client, SimpleQueryMessage};
use std::collections::BTreeSet;
use underpin_model::{LockMode, RelationLock, Step};

/// Watches the locks of one session on relations that were there when watching began.
pub(crate) struct Watch {
    newest: u32,
    held: BTreeSet<RelationLock>,
}

fn rows(client: &mut Client, sql: &str) -> Result<Vec<(String, String)>, EngineError> {
    let text = |row: &postgres::SimpleQueryRow, n: usize| row.get(n).unwrap_or_default().to_owned();
    Ok(client
        .simple_query(sql)?
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => {
                Some((text(row, 0), if row.len() > 1 { text(row, 1) } else { String::new() }))
            }
            _ => None,
        })
        .collect())
}

impl Watch {
    /// Begins to watch.
    pub fn new(client: &mut Client) -> Result<Self, EngineError> {
        let newest = rows(client, "SELECT coalesce(max(oid), 0) FROM pg_class WHERE oid >= 16384")?;
        Ok(Self { newest: newest.first().and_then(|r| r.0.parse().ok()).unwrap_or(0), held: BTreeSet::new() })
    }

    /// A new transaction: nothing is held.
    pub fn begin(&mut self) {
        self.held.clear();
    }

    /// What the last step took beyond what was held before.
    pub fn taken(&mut self, client: &mut Client) -> Result<Vec<RelationLock>, EngineError> {
        if self.newest == 0 {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT c.oid::regclass::text, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation \
             WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.granted AND c.oid BETWEEN 16384 AND {} \
             AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relnamespace <> 'pg_toast'::regnamespace",
            self.newest
        );
        let now: BTreeSet<RelationLock> = rows(client, &sql)?
            .into_iter()
            .filter_map(|(relation, mode)| Some(RelationLock { relation, mode: LockMode::from_pg_locks(&mode)? }))
            .collect();
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
