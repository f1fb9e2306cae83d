//! A connection that writes.

use crate::support::{Folder, number, refusal};
use underpin_connect::SqliteFile;

#[test]
fn it_writes_in_both_journal_modes() {
    for mode in ["delete", "wal"] {
        let folder = Folder::new();
        let file = folder.database(mode);
        let connection = file.open_to_write().unwrap();
        connection.execute_batch("INSERT INTO t VALUES (2)").unwrap();
        drop(connection);
        assert_eq!(number(&file.open_to_read().unwrap(), "SELECT count(*) FROM t"), 2);
        assert_eq!(folder.names(), ["a.db"]);
    }
}

#[test]
fn a_file_is_made_only_where_that_is_asked_for() {
    let folder = Folder::new();
    let name = format!("sqlite:{}?mode=rwc", folder.path("new.db").display());
    let file = SqliteFile::parse(&name).unwrap();
    file.open_to_write().unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(number(&file.open_to_read().unwrap(), "SELECT count(*) FROM sqlite_schema"), 1);
    let empty = folder.file("e.db", b"");
    empty.open_to_write().unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert_eq!(number(&empty.open_to_read().unwrap(), "SELECT count(*) FROM sqlite_schema"), 1);
}

#[test]
fn a_name_that_says_read_only_is_taken_at_its_word() {
    let folder = Folder::new();
    folder.database("delete");
    for parameter in ["mode=ro", "immutable=1"] {
        let name = format!("sqlite:{}?{parameter}", folder.path("a.db").display());
        let text = refusal(SqliteFile::parse(&name).unwrap().open_to_write());
        assert!(text.contains(&format!("its name says {parameter}\nhint: leave {parameter} out")), "{text}");
    }
}
