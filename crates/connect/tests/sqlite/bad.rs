//! What is no database says what it is.

use crate::support::{Folder, refusal};
use underpin_connect::{SqliteFile, SqliteFileError as E};

/// The error and the message, for reading and for writing.
fn both(file: &SqliteFile) -> (E, String) {
    let (read, write) = (file.open_to_read().unwrap_err(), file.open_to_write().unwrap_err());
    assert_eq!(read.to_string(), write.to_string());
    let text = read.to_string();
    assert!(text.contains("\nhint: ") && text.contains(&file.path().display().to_string()), "{text}");
    assert!(!read.is_transient());
    (read, text)
}

#[test]
fn a_missing_file_says_how_one_is_made() {
    let folder = Folder::new();
    let (error, text) = both(&SqliteFile::at(folder.path("no.db")));
    assert!(matches!(error, E::Missing { .. }));
    assert!(text.contains("there is no file") && text.contains("no.db?mode=rwc to have it made"), "{text}");
    let (_, text) = both(&SqliteFile::at(folder.path("no/no.db")));
    assert!(text.contains("nor the folder"), "{text}");
    let made = SqliteFile::parse(&format!("sqlite:{}?mode=rwc", folder.path("no/no.db").display())).unwrap();
    let (_, text) = both(&made);
    assert!(text.contains("make the folder"), "{text}");
    std::os::unix::fs::symlink("nowhere", folder.path("link.db")).unwrap();
    let (_, text) = both(&SqliteFile::at(folder.path("link.db")));
    assert!(text.contains("a link to nothing"), "{text}");
    assert_eq!(folder.names(), ["link.db"]);
}

#[test]
fn a_path_that_is_relative_by_mistake_is_found() {
    // The folder in which tests run holds this file.
    let text = refusal(SqliteFile::parse("sqlite:///Cargo.toml").unwrap().open_to_read());
    assert!(text.contains("begins at the root\nhint: ") && text.contains("write sqlite:Cargo.toml"), "{text}");
}

#[test]
fn what_is_no_file_is_named() {
    let folder = Folder::new();
    let (error, text) = both(&SqliteFile::at(folder.path("")));
    assert!(matches!(error, E::NotAFile { .. }) && text.contains("is a folder, not"), "{text}");
    let _socket = std::os::unix::net::UnixListener::bind(folder.path("s")).unwrap();
    assert!(both(&SqliteFile::at(folder.path("s"))).1.contains("is a socket"));
    assert!(both(&SqliteFile::at("/dev/null")).1.contains("is a device"));
}

#[test]
fn other_files_are_told_by_their_kind() {
    let folder = Folder::new();
    let (error, text) = both(&folder.file("x", b"CREATE TABLE t (a);\n"));
    assert!(matches!(error, E::NotADatabase { .. }) && text.contains("a text of SQL statements"), "{text}");
    assert!(both(&folder.file("x", b"\x1f\x8b\x08")).1.contains("unpack it"));
    assert!(both(&folder.file("x", b"SQLite format 2\0")).1.contains("does not begin as a database"));
    // A database whose first page is one, and whose others are not.
    folder.database("delete");
    let mut bytes = folder.bytes();
    bytes[100..].fill(0xaa);
    let (error, text) = both(&folder.file("x", &bytes));
    assert!(matches!(error, E::Damaged { .. }) && text.contains("PRAGMA integrity_check"), "{text}");
    let mut bytes = folder.bytes();
    bytes[16] = 3;
    assert!(both(&folder.file("x", &bytes)).1.contains("is no SQLite database"));
}

#[test]
fn an_encrypted_file_is_taken_for_one() {
    let folder = Folder::new();
    let mut rng = fastrand::Rng::with_seed(3);
    let bytes: Vec<u8> = (0..8192).map(|_| rng.u8(..)).collect();
    let (error, text) = both(&folder.file("x", &bytes));
    assert!(matches!(error, E::Encrypted { .. }) && text.contains("decrypt a copy"), "{text}");
}

#[test]
fn a_newer_format_is_told_by_its_number() {
    let folder = Folder::new();
    folder.database("delete");
    for (at, value, said) in [(18, 3, "file format 3"), (19, 3, "file format 3"), (47, 5, "schema format 5")] {
        let mut bytes = folder.bytes();
        bytes[at] = value;
        let (error, text) = both(&folder.file("x", &bytes));
        assert!(matches!(error, E::Newer { .. }) && text.contains(said) && text.contains("newer release"), "{text}");
    }
}

#[test]
fn a_schema_that_cannot_be_read_is_damage() {
    let folder = Folder::new();
    folder.database("delete");
    let mut other = folder.other();
    other.run("PRAGMA writable_schema = ON");
    other.run("UPDATE sqlite_schema SET sql = 'CREATE TABLE t (a b c d e f,)'");
    other.end();
    let (error, text) = both(&SqliteFile::at(folder.path("a.db")));
    assert!(matches!(error, E::Damaged { .. }) && text.contains("malformed database schema (t)"), "{text}");
}
