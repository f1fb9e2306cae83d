//! Who holds what an attempt needs, seen without a place in any queue.
//!
//! One query by OID, light enough to be asked many times a second: the gap between two long readers may be short.

use crate::blockers::conflicts;
use crate::targets::Targets;
use postgres::{Client, Error, Statement};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use underpin_model::LockMode;

/// How a probe is asked. A session of another role shows neither when its transaction began nor what it runs
/// (`pg_stat_get_activity`, as `pg_stat_activity`; manual, "The Cumulative Statistics System"), but always whether it has a
/// user; an autovacuum worker has none. A prepared transaction has no pid (manual, "pg_locks").
const HELD: &str = "SELECT l.relation, l.pid, l.virtualtransaction, l.mode,
        extract(epoch FROM clock_timestamp() - a.xact_start)::float8,
        a.pid IS NOT NULL AND a.usesysid IS NULL,
        coalesce(a.query LIKE 'autovacuum:%(to prevent wraparound)', false)
   FROM pg_locks l LEFT JOIN LATERAL pg_stat_get_activity(coalesce(l.pid, -1)) a ON true
  WHERE l.locktype = 'relation' AND l.granted AND l.relation = ANY ($1) AND l.pid IS DISTINCT FROM $2
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// The age of what does not go away by itself.
const FOR_EVER: Duration = Duration::MAX;

/// Remembers since when it has seen whom.
#[derive(Default)]
pub(crate) struct Probe {
    statement: Option<Statement>,
    seen: HashMap<(Option<i32>, String), Instant>,
}

impl Probe {
    /// For how long those who hold a lock against one of `targets`, other than session `pid`, have been in their
    /// transactions.
    ///
    /// An autovacuum is not among them, as the server sends it away; unless it is there to prevent the wraparound of
    /// transaction ids, which nothing sends away.
    pub(crate) fn ages(&mut self, client: &mut Client, targets: &Targets, pid: i32) -> Result<Vec<Duration>, Error> {
        if targets.is_empty() {
            return Ok(Vec::new());
        }
        let statement = match &self.statement {
            Some(statement) => statement.clone(),
            None => self.statement.insert(client.prepare(HELD)?).clone(),
        };
        let modes: HashMap<u32, LockMode> = targets.iter().map(|t| (t.oid, t.mode)).collect();
        let oids: Vec<u32> = modes.keys().copied().collect();
        let rows = client.query(&statement, &[&oids, &pid])?;
        let now = Instant::now();
        let before = std::mem::take(&mut self.seen);
        let mut ages = Vec::new();
        for row in &rows {
            let needed = modes.get(&row.try_get::<_, u32>(0)?);
            let holder: (Option<i32>, String) = (row.try_get(1)?, row.try_get(2)?);
            let held = LockMode::from_pg_locks(row.try_get(3)?);
            let (Some(needed), Some(held)) = (needed, held) else { continue };
            let (worker, wraparound): (bool, bool) = (row.try_get(5)?, row.try_get(6)?);
            let goes = worker && !wraparound && held == LockMode::ShareUpdateExclusive;
            if goes || !conflicts(held, *needed) {
                continue;
            }
            let since = *before.get(&holder).unwrap_or(&now);
            let told = row.try_get::<_, Option<f64>>(4)?.and_then(|s| Duration::try_from_secs_f64(s).ok());
            ages.push(match holder.0 {
                Some(_) if !wraparound => (now - since).max(told.unwrap_or_default()),
                _ => FOR_EVER,
            });
            self.seen.insert(holder, since);
        }
        Ok(ages)
    }
}
