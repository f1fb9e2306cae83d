//! Whether there is room on the disk for a plan that makes tables anew.
//!
//! What it takes was found by trial, with and without indexes, and is so to the page: in rollback-journal mode the file
//! grows by the new table, and the journal by the indexes, which are built in the room of the old table, whose pages it has
//! to keep. In WAL mode the new table and its indexes go to the log, and afterwards the table to the file. Room that is free
//! within the file is used first. Indexes are sorted in another folder, in which the largest needs as much again.

use super::rebuild::Rebuild;
use super::statement::whole;
use rusqlite::{Connection, Result, params};
use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use underpin_model::Step;

/// What is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoRoom {
    /// The folder.
    pub folder: PathBuf,
    /// How many bytes are needed in it.
    pub needed: u64,
    /// How many are free.
    pub free: u64,
    /// What they are needed for, in words.
    pub purpose: String,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folder, needed, free, purpose } = self;
        write!(
            f,
            "there is too little room in {}: {purpose} needs about {}, and {} are free",
            folder.display(),
            bytes(*needed),
            bytes(*free)
        )
    }
}

/// A number of bytes for people.
pub(super) fn bytes(n: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} bytes");
    }
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$} {}", units[unit])
}

/// The bytes of what is made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Sizes {
    tables: u64,
    indexes: u64,
    /// Of the largest index.
    largest: u64,
}

/// What a rebuild takes: in the folder of the file, and in that for sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Need {
    beside: u64,
    sorting: u64,
}

impl Need {
    fn of(sizes: Sizes, wal: bool, free_inside: u64) -> Self {
        let Sizes { tables, indexes, largest } = sizes;
        let logged = if wal { tables } else { 0 };
        Self { beside: (tables + indexes).saturating_sub(free_inside) + logged, sorting: largest }
    }
}

/// How much is free, and where.
struct Free {
    folder: PathBuf,
    beside: u64,
    temporary: PathBuf,
    sorting: u64,
    /// Whether both folders are on one disk.
    one: bool,
}

impl Free {
    fn judge(&self, need: Need) -> Option<NoRoom> {
        let lacks = |folder: &Path, needed: u64, free: u64, purpose: &str| {
            (needed > free).then(|| NoRoom { folder: folder.to_owned(), needed, free, purpose: purpose.to_owned() })
        };
        if self.one {
            return lacks(&self.folder, need.beside + need.sorting, self.beside, "making tables anew");
        }
        lacks(&self.folder, need.beside, self.beside, "making tables anew")
            .or_else(|| lacks(&self.temporary, need.sorting, self.sorting, "sorting the new indexes"))
    }
}

/// What is missing for the rebuilds of these steps; none where there is room, where the database is in no file, and where
/// the system does not say how much there is.
pub(super) fn missing(connection: &Connection, steps: &[Step]) -> Result<Option<NoRoom>> {
    let tables: Vec<String> = steps.iter().filter_map(Rebuild::of).map(|r| r.table).collect();
    let Some(file) = connection.path().filter(|p| !p.is_empty() && !tables.is_empty()) else { return Ok(None) };
    let Some(free) = free(Path::new(file)) else { return Ok(None) };
    let number = |name: &str| connection.pragma_query_value(None, name, |row| whole(row, 0));
    let page = number("page_size")?;
    let all = number("page_count")? * page;
    // All there is needs no more than this. To measure a table, each of its pages is read.
    let at_most = Need { beside: 2 * all, sorting: all };
    if free.judge(at_most).is_none() {
        return Ok(None);
    }
    let wal = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))? == "wal";
    let need = Need::of(sizes(connection, &tables)?, wal, number("freelist_count")? * page);
    Ok(free.judge(need))
}

/// The sizes of tables and their indexes.
fn sizes(connection: &Connection, tables: &[String]) -> Result<Sizes> {
    let mut sizes = Sizes::default();
    let of_tables = "SELECT type = 'table', (SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name = m.name)
        FROM sqlite_schema m WHERE tbl_name = ?1 COLLATE NOCASE AND rootpage > 0";
    let mut query = connection.prepare(of_tables)?;
    for table in tables {
        let mut rows = query.query(params![table])?;
        while let Some(row) = rows.next()? {
            let size = whole(row, 1)?;
            if row.get(0)? {
                sizes.tables += size;
            } else {
                sizes.indexes += size;
                sizes.largest = sizes.largest.max(size);
            }
        }
    }
    Ok(sizes)
}

/// What is free beside a file, and where SQLite sorts.
fn free(file: &Path) -> Option<Free> {
    let folder = fs::canonicalize(file).ok()?.parent()?.to_owned();
    let temporary = temporary();
    let one = device(&folder)? == device(&temporary)?;
    Some(Free { beside: available(&folder)?, sorting: available(&temporary)?, folder, temporary, one })
}

/// The folder for SQLite's temporary files (manual, "Temporary Files Used By SQLite", 5).
fn temporary() -> PathBuf {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let usual = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(PathBuf::from);
    named.chain(usual).find(|p| p.is_dir()).unwrap_or_else(|| PathBuf::from("."))
}

#[cfg(unix)]
fn device(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt as _;
    Some(fs::metadata(path).ok()?.dev())
}

#[cfg(unix)]
#[allow(clippy::useless_conversion, reason = "these numbers have other sizes on other systems")]
fn available(folder: &Path) -> Option<u64> {
    let disk = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(u64::from(disk.blocks_available()) * u64::from(disk.fragment_size()))
}

#[cfg(not(unix))]
fn device(_path: &Path) -> Option<u64> {
    None
}

#[cfg(not(unix))]
fn available(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::Duration;

    #[test]
    fn bytes_are_told_in_two_digits_or_three() {
        for (n, said) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1_000, "1.0 kB"),
            (9_960, "10 kB"),
            (999_999, "1.0 MB"),
            (123_456_789, "123 MB"),
            (7_000_000_000, "7.0 GB"),
        ] {
            assert_eq!(bytes(n), said);
        }
    }

    #[test]
    fn what_is_missing_is_told_with_both_figures() {
        let mut free =
            Free { folder: "/data".into(), beside: 300_000_000, temporary: "/tmp".into(), sorting: 10, one: false };
        let need = |beside, sorting| Need { beside, sorting };
        assert_eq!(free.judge(need(300_000_000, 10)), None);
        let said = free.judge(need(1_240_000_000, 0)).unwrap().to_string();
        assert_eq!(
            said,
            "there is too little room in /data: making tables anew needs about 1.2 GB, and 300 MB are free"
        );
        assert!(
            free.judge(need(1, 11)).unwrap().to_string().contains("in /tmp: sorting the new indexes needs about 11 b")
        );
        free.one = true;
        assert!(free.judge(need(299_999_999, 2)).unwrap().folder.ends_with("data"));
    }

    /// The most that a file and what stands beside it take while this runs, in bytes.
    fn most(folder: &Path, run: impl FnOnce()) -> u64 {
        let (most, ended) = (AtomicU64::new(0), AtomicBool::new(false));
        let size = || fs::read_dir(folder).unwrap().flatten().filter_map(|e| e.metadata().ok()).map(|m| m.len()).sum();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::SeqCst) {
                    most.fetch_max(size(), Ordering::SeqCst);
                    std::thread::sleep(Duration::from_micros(200));
                }
            });
            run();
            most.fetch_max(size(), Ordering::SeqCst);
            ended.store(true, Ordering::SeqCst);
        });
        most.into_inner()
    }

    #[test]
    fn a_rebuild_takes_what_was_said() {
        for (mode, wal) in [("delete", false), ("wal", true)] {
            for (indexes, drop_first) in
                [("", false), ("CREATE INDEX i ON t (b); CREATE INDEX j ON t (a, b);", false), ("", true)]
            {
                let folder = tempfile::tempdir().unwrap();
                let connection = Connection::open(folder.path().join("a.db")).unwrap();
                let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)";
                connection
                    .execute_batch(&format!(
                        "PRAGMA journal_mode = {mode}; PRAGMA synchronous = OFF;
                         CREATE TABLE t (id INTEGER PRIMARY KEY, a, b);
                         {rows} INSERT INTO t SELECT i, i * 7919 % 20011, 'a text of some length ' || i FROM n;
                         {indexes}"
                    ))
                    .unwrap();
                if drop_first {
                    connection.execute_batch("CREATE TABLE u AS SELECT * FROM t; DROP TABLE u").unwrap();
                }
                let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
                let number = |name: &str| connection.pragma_query_value(None, name, |row| whole(row, 0)).unwrap();
                let (page, before) = (number("page_size"), fs::metadata(folder.path().join("a.db")).unwrap().len());
                let of = sizes(&connection, &["T".to_owned()]).unwrap();
                assert_eq!(of.indexes > 0, !indexes.is_empty());
                let need = Need::of(of, wal, number("freelist_count") * page).beside;
                let most = most(folder.path(), || {
                    connection
                        .execute_batch(&format!(
                            "BEGIN IMMEDIATE; CREATE TABLE n (id INTEGER PRIMARY KEY, a, b CHECK (b <> ''));
                             INSERT INTO n (id, a, b) SELECT id, a, b FROM t; DROP TABLE t;
                             ALTER TABLE n RENAME TO t; {indexes} COMMIT;"
                        ))
                        .unwrap();
                    let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                });
                let shm = if wal { 32_768 } else { 0 };
                let grew = most - before - shm;
                // The journal is gone within an instant, so that it may not have been seen at its largest.
                assert!(grew <= need + need / 10 + 20 * page, "{mode} {indexes} {drop_first}: {grew} of {need}");
                assert!(!wal || grew >= need - need / 5 - 20 * page, "{mode} {indexes} {drop_first}: {grew} of {need}");
            }
        }
    }
}
