//! A connection that reads changes nothing and leaves nothing behind.

use crate::support::{Folder, number};
use rusqlite::Connection;
use underpin_connect::{SqliteFile, SqliteFileError};

#[test]
fn nothing_can_be_written() {
    for mode in ["delete", "wal"] {
        let folder = Folder::new();
        let file = folder.database(mode);
        let connection = file.open_to_read().unwrap();
        for sql in ["INSERT INTO t VALUES (2)", "CREATE TABLE u (a)", "PRAGMA user_version = 7", "DROP TABLE t"] {
            let error = connection.execute_batch(sql).unwrap_err();
            assert!(error.to_string().contains("readonly"), "{mode}: {sql}: {error}");
        }
        assert_eq!(number(&connection, "SELECT count(*) FROM t"), 1);
    }
}

#[test]
fn neither_the_file_nor_what_stands_beside_it_is_others_afterwards() {
    for mode in ["delete", "wal"] {
        for name in ["?mode=rw", "?mode=ro"] {
            let folder = Folder::new();
            folder.database(mode);
            let (bytes, path) = (folder.bytes(), folder.path("a.db"));
            let changed = std::fs::metadata(&path).unwrap().modified().unwrap();
            let file = SqliteFile::parse(&format!("sqlite:{}{name}", path.display())).unwrap();
            let connection = file.open_to_read().unwrap();
            assert_eq!(number(&connection, "SELECT a FROM t"), 1);
            drop(connection);
            assert_eq!(folder.names(), ["a.db"], "{mode}{name}");
            assert_eq!((folder.bytes(), std::fs::metadata(&path).unwrap().modified().unwrap()), (bytes, changed));
        }
    }
}

#[test]
fn it_reads_while_others_write_in_wal_mode() {
    let folder = Folder::new();
    let file = folder.database("wal");
    let mut other = folder.other();
    other.run("INSERT INTO t VALUES (2)");
    other.run("BEGIN IMMEDIATE");
    other.run("INSERT INTO t VALUES (3)");
    let connection = file.open_to_read().unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), 2);
    drop(connection);
    other.run("COMMIT");
    let connection = file.open_to_read().unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), 3);
    drop(connection);
    assert_eq!(folder.names(), ["a.db", "a.db-shm", "a.db-wal"]);
    other.end();
    assert_eq!(folder.names(), ["a.db"]);
}

#[test]
fn a_log_that_a_killed_program_left_is_read_and_left() {
    let folder = Folder::new();
    let file = folder.database("wal");
    let mut other = folder.other();
    other.run("INSERT INTO t VALUES (2)");
    other.run("BEGIN IMMEDIATE");
    other.run("INSERT INTO t VALUES (3)");
    other.kill();
    let bytes = folder.bytes();
    let connection = file.open_to_read().unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM t"), 2);
    drop(connection);
    assert_eq!(folder.bytes(), bytes);
    assert_eq!(folder.names(), ["a.db", "a.db-shm", "a.db-wal"]);
}

/// A database in the middle of a change of many rows, of which some are in the file already, and the program is dead.
pub fn interrupted(folder: &Folder) -> SqliteFile {
    let file = folder.database("delete");
    let mut other = folder.other();
    other.run("CREATE TABLE b AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) SELECT i, zeroblob(3000) AS z FROM n");
    other.run("PRAGMA cache_size = 2");
    other.run("BEGIN");
    other.run("UPDATE b SET i = -i, z = randomblob(3000)");
    other.kill();
    assert_eq!(folder.names(), ["a.db", "a.db-journal"]);
    file
}

#[test]
fn what_an_interrupted_program_wrote_is_taken_back_first() {
    let folder = Folder::new();
    let file = interrupted(&folder);
    let read_only = SqliteFile::parse(&format!("sqlite:{}?mode=ro", file.path().display())).unwrap();
    let error = read_only.open_to_read().unwrap_err();
    assert!(matches!(error, SqliteFileError::Interrupted { .. }), "{error}");
    assert!(error.to_string().contains("leave mode=ro out"), "{error}");
    let connection = file.open_to_read().unwrap();
    assert_eq!(number(&connection, "SELECT min(i) FROM b"), 1);
    assert!(connection.execute_batch("DELETE FROM b").is_err());
    drop(connection);
    assert_eq!(folder.names(), ["a.db"]);
}

#[test]
fn an_empty_file_and_one_that_is_to_be_made_are_empty_databases() {
    let folder = Folder::new();
    let empty = folder.file("e.db", b"");
    assert_eq!(number(&empty.open_to_read().unwrap(), "SELECT count(*) FROM sqlite_schema"), 0);
    let made = SqliteFile::parse(&format!("sqlite:{}?mode=rwc", folder.path("new.db").display())).unwrap();
    let connection = made.open_to_read().unwrap();
    assert_eq!(number(&connection, "SELECT count(*) FROM sqlite_schema"), 0);
    assert!(connection.execute_batch("CREATE TABLE t (a)").is_err());
    assert_eq!(folder.names(), ["e.db"]);
}

#[test]
fn a_file_that_nobody_changes_is_read_as_it_is() {
    let folder = Folder::new();
    folder.database("wal");
    let odd = folder.path("a b?#%.db");
    std::fs::rename(folder.path("a.db"), &odd).unwrap();
    let name = format!("sqlite:{}?immutable=1", odd.display().to_string().replace('%', "%25"));
    let name = name.replacen("?#", "%3F%23", 1);
    let connection = SqliteFile::parse(&name).unwrap().open_to_read().unwrap();
    assert_eq!(number(&connection, "SELECT a FROM t"), 1);
    assert_eq!(folder.names(), ["a b?#%.db"]);
}

#[test]
fn names_that_mean_something_else_to_sqlite_are_files() {
    let folder = Folder::new();
    let file = SqliteFile::parse(&format!("sqlite:{}?mode=rwc", folder.path(":memory:").display())).unwrap();
    file.open_to_write().unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(folder.names(), [":memory:"]);
    let link = folder.path("link.db");
    std::os::unix::fs::symlink(file.path(), &link).unwrap();
    assert_eq!(number(&SqliteFile::at(link).open_to_read().unwrap(), "SELECT count(*) FROM sqlite_schema"), 1);
}

#[test]
fn looking_at_a_file_takes_no_lock_away() {
    let folder = Folder::new();
    let file = folder.database("delete");
    let own: Connection = file.open_to_write().unwrap();
    own.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (2)").unwrap();
    for _ in 0..2 {
        drop(file.open_to_read().unwrap());
    }
    let mut other = folder.other();
    assert_eq!(other.tries("BEGIN IMMEDIATE"), "error database is locked");
    own.execute_batch("COMMIT").unwrap();
    other.run("BEGIN IMMEDIATE");
}
