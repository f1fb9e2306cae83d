//! The settings that a run needs of its connection, and those that it had before.
//!
//! What was tried on a rebuild of 1,000,000 rows with three indexes: a larger cache makes it slower (sorting then works on
//! more than the processor keeps at hand: 1.9 s of its time with 64 or 256 MB, 1.4 s with SQLite's own 2 MB), and helpers
//! for sorting (`PRAGMA threads`) cost more than they save. What helps is to write nothing to the file before the commit
//! where memory allows: in rollback-journal mode the first page that is written early locks all readers out for the rest
//! of the transaction.

use rusqlite::{Connection, Error, Result};

/// How much of what is changed may be held in memory, in bytes.
const HELD: i64 = 256 << 20;

/// Settings as they were before the run.
#[derive(Debug, Default)]
pub(super) struct Settings(Vec<(&'static str, i64)>);

impl Settings {
    /// Sets what a transaction needs before it begins. For none of them the file is read, which others may have locked.
    pub(super) fn before(&mut self, connection: &Connection) -> Result<()> {
        // Foreign keys: with them on, dropping a table deletes what refers to it. The other: steps switch it on for a
        // rename, and off again.
        self.set(connection, &[("foreign_keys", 0), ("legacy_alter_table", 0), ("busy_timeout", 0)])
    }

    /// Sets what can only be set where the file can be read: within the transaction.
    pub(super) fn within(&mut self, connection: &Connection) -> Result<()> {
        let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
        // The log is brought into the file after the commit, when nobody waits for it.
        self.set(connection, &[("cache_spill", HELD / page.max(512)), ("wal_autocheckpoint", 0)])
    }

    fn set(&mut self, connection: &Connection, wanted: &[(&'static str, i64)]) -> Result<()> {
        for (name, value) in wanted {
            let was = connection.pragma_query_value(None, name, |row| row.get(0))?;
            update(connection, name, *value)?;
            if self.0.iter().all(|(known, _)| known != name) {
                self.0.push((name, was));
            }
        }
        Ok(())
    }

    /// Sets everything as it was.
    pub(super) fn restore(self, connection: &Connection) -> Result<()> {
        self.0.iter().rev().try_for_each(|(name, value)| update(connection, name, *value))
    }
}

/// Some settings answer with their new value, some with nothing.
fn update(connection: &Connection, name: &str, value: i64) -> Result<()> {
    match connection.pragma_update_and_check(None, name, value, |_| Ok(())) {
        Ok(()) | Err(Error::QueryReturnedNoRows) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether foreign keys are enforced: inside a transaction, switching them off does nothing and says nothing.
pub(super) fn foreign_keys_are_on(connection: &Connection) -> Result<bool> {
    connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_set_again() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA foreign_keys = ON; PRAGMA cache_spill = 77").unwrap();
        connection.busy_timeout(std::time::Duration::from_millis(1234)).unwrap();
        let all = ["foreign_keys", "legacy_alter_table", "cache_spill", "wal_autocheckpoint", "busy_timeout"];
        let read = || all.map(|name| connection.pragma_query_value::<i64, _>(None, name, |row| row.get(0)).unwrap());
        let before = read();
        let mut settings = Settings::default();
        settings.before(&connection).unwrap();
        settings.within(&connection).unwrap();
        settings.within(&connection).unwrap();
        assert_eq!(read(), [0, 0, HELD / 4096, 0, 0]);
        assert!(!foreign_keys_are_on(&connection).unwrap());
        settings.restore(&connection).unwrap();
        assert_eq!(read(), before);
        assert_eq!((before[0], before[4]), (1, 1234));
    }
}
