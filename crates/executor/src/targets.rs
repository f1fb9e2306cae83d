//! What a batch locks: the relations that the plan's proof noted, as they are on this server.

use postgres::{Client, Error};
use std::collections::BTreeMap;
use underpin_model::{LockMode, Step};

/// One relation that a batch locks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) oid: u32,
    /// Qualified and quoted.
    pub(crate) name: String,
    /// The strongest lock that the batch takes on it.
    pub(crate) mode: LockMode,
    /// Whether `LOCK TABLE` takes it: a table, on which the role has a right that the command asks for. It takes views
    /// too, but with all that they read, which the batch does not lock (manual, LOCK).
    pub(crate) lockable: bool,
}

/// The relations that a batch locks, in one order for all batches and runs, so that two of them never wait for each other
/// in a circle.
#[derive(Debug, Clone, Default)]
pub(crate) struct Targets(Vec<Target>);

/// Whether others' statements wait for a lock of this mode. `SHARE UPDATE EXCLUSIVE` and what is weaker stop no statement
/// of an application (manual, "Conflicting Lock Modes").
pub(crate) fn is_strong(mode: LockMode) -> bool {
    mode > LockMode::ShareUpdateExclusive
}

/// The first of `steps` that takes a strong lock; the number of steps where none does.
///
/// What stands before it is done before the strong locks are taken, which are then held for less long.
pub(crate) fn first_strong(steps: &[Step]) -> usize {
    let is_strong = |s: &Step| s.locks.iter().any(|l| is_strong(l.mode));
    steps.iter().position(is_strong).unwrap_or(steps.len())
}

impl Targets {
    /// Looks up what `steps` lock. What is not there yet is made by the batch itself, and in nobody's way.
    pub(crate) fn of(client: &mut Client, steps: &[Step]) -> Result<Self, Error> {
        let mut modes: BTreeMap<&str, LockMode> = BTreeMap::new();
        for lock in steps.iter().flat_map(|s| &s.locks) {
            let mode = modes.entry(&lock.relation).or_insert(lock.mode);
            *mode = lock.mode.max(*mode);
        }
        if modes.is_empty() {
            return Ok(Self::default());
        }
        let names: Vec<&str> = modes.keys().copied().collect();
        let rows = client.query(
            "SELECT r.name, c.oid, format('%I.%I', n.nspname, c.relname),
                    c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
               FROM unnest($1::text[]) AS r (name) JOIN pg_class c ON c.oid = to_regclass(r.name)
               JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.relpersistence <> 't' ORDER BY c.oid",
            &[&names],
        )?;
        let mut targets: Vec<Target> = Vec::new();
        for row in &rows {
            let given: &str = row.try_get(0)?;
            let Some(mode) = modes.get(given).copied() else { continue };
            let oid = row.try_get(1)?;
            match targets.last_mut() {
                // Two ways to write one name.
                Some(last) if last.oid == oid => last.mode = last.mode.max(mode),
                _ => targets.push(Target { oid, name: row.try_get(2)?, mode, lockable: row.try_get(3)? }),
            }
        }
        Ok(Self(targets))
    }

    /// One relation that a statement of its own locks strongly.
    pub(crate) fn of_one(oid: u32, name: String) -> Self {
        Self(vec![Target { oid, name, mode: LockMode::AccessExclusive, lockable: false }])
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Target> {
        self.0.iter()
    }

    /// Those for which others have to wait.
    pub(crate) fn strong(&self) -> impl Iterator<Item = &Target> {
        self.0.iter().filter(|t| is_strong(t.mode))
    }

    /// Those that are locked so strongly that a standby's queries on them are stopped too: only this mode is sent to
    /// standbys (manual, "Handling Query Conflicts").
    pub(crate) fn exclusive(&self) -> Self {
        Self(self.0.iter().filter(|t| t.mode == LockMode::AccessExclusive).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The statement that takes on all tables that will be locked strongly the lock that sends an autovacuum away and
    /// stops no application.
    pub(crate) fn weak_sql(&self) -> Option<String> {
        let names: Vec<String> = self.strong().filter(|t| t.lockable).map(|t| format!("ONLY {}", t.name)).collect();
        (!names.is_empty()).then(|| format!("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE", names.join(", ")))
    }

    /// The statements that take the strong locks, in order: one for the first, then one for each run of tables with the same
    /// mode. `further` stands behind the first.
    pub(crate) fn strong_sql(&self, further: Option<String>) -> Vec<String> {
        let mut runs: Vec<(LockMode, Vec<String>)> = Vec::new();
        for (n, target) in self.strong().filter(|t| t.lockable).enumerate() {
            let name = format!("ONLY {}", target.name);
            match runs.last_mut() {
                Some((mode, names)) if *mode == target.mode && n > 1 => names.push(name),
                _ => runs.push((target.mode, vec![name])),
            }
        }
        let lock = |(mode, names): &(LockMode, Vec<String>)| {
            format!("LOCK TABLE {} IN {} MODE", names.join(", "), mode.words())
        };
        let mut statements: Vec<String> = runs.iter().map(lock).collect();
        if let (Some(further), false) = (further, statements.is_empty()) {
            statements.insert(1, further);
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_are_taken_in_one_order() {
        use LockMode as M;
        let target = |oid, name: &str, mode, lockable| Target { oid, name: name.to_owned(), mode, lockable };
        let targets = Targets(vec![
            target(1, "s.a", M::AccessExclusive, true),
            target(2, "s.b", M::AccessExclusive, true),
            target(3, "s.v", M::AccessExclusive, false),
            target(6, "s.d", M::AccessExclusive, true),
            target(4, "s.c", M::ShareRowExclusive, true),
            target(5, "s.e", M::ShareUpdateExclusive, true),
        ]);
        assert_eq!(
            targets.weak_sql().unwrap(),
            "LOCK TABLE ONLY s.a, ONLY s.b, ONLY s.d, ONLY s.c IN SHARE UPDATE EXCLUSIVE MODE"
        );
        assert_eq!(
            targets.strong_sql(Some("SET LOCAL lock_timeout = 20".to_owned())),
            [
                "LOCK TABLE ONLY s.a IN ACCESS EXCLUSIVE MODE",
                "SET LOCAL lock_timeout = 20",
                "LOCK TABLE ONLY s.b, ONLY s.d IN ACCESS EXCLUSIVE MODE",
                "LOCK TABLE ONLY s.c IN SHARE ROW EXCLUSIVE MODE"
            ]
        );
        assert_eq!(targets.exclusive().iter().count(), 4);
        assert_eq!(Targets::default().weak_sql(), None);
        assert!(Targets::default().strong_sql(Some(String::new())).is_empty());
    }
}
