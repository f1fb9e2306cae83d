//! What stands at the beginning of a file that should be a database (manual, "Database File Format", 1.3).

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// How many bytes are looked at.
const LOOK: usize = 4096;
/// What every database begins with.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The newest version of the file format for writing (offset 18) and for reading (offset 19); 2 is the write-ahead log.
const NEWEST_FORMAT: u8 = 2;
/// The newest schema format (offset 44).
const NEWEST_SCHEMA: u32 = 4;
/// How many files may be kept open before the deleted ones are let go.
const MANY: usize = 64;

/// What a file is, as its first bytes tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    /// No bytes: a database without a table.
    Empty,
    /// A database.
    Database {
        /// Whether changes go to a write-ahead log first.
        wal: bool,
    },
    /// A database that a newer version of SQLite has made; which number is too high.
    Newer(String),
    /// Bytes without a pattern, in whole pages: probably an encrypted database.
    Encrypted,
    /// Something else, in words, with what to do about it.
    Other(String, &'static str),
}

/// Files that were looked into. They stay open for as long as the program runs: were one closed, the system would take away
/// all locks that this process holds on it through SQLite (fcntl(2)), in the middle of a transaction too.
#[cfg(unix)]
static LOOKED_INTO: Mutex<BTreeMap<(u64, u64), File>> = Mutex::new(BTreeMap::new());

/// What the file is. It is read without a lock, so its first 100 bytes may be those of a moment ago.
#[cfg(unix)]
pub(super) fn look(path: &Path, meta: &Metadata) -> io::Result<Content> {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};
    let mut kept = LOOKED_INTO.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() > MANY {
        kept.retain(|_, file| file.metadata().is_ok_and(|m| m.nlink() > 0));
    }
    let file = match kept.entry((meta.dev(), meta.ino())) {
        std::collections::btree_map::Entry::Occupied(file) => file.into_mut(),
        std::collections::btree_map::Entry::Vacant(place) => place.insert(File::open(path)?),
    };
    let mut bytes = vec![0; LOOK];
    let mut read = 0;
    while read < LOOK {
        match file.read_at(&mut bytes[read..], read as u64) {
            Ok(0) => break,
            Ok(n) => read += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(read);
    Ok(judge(&bytes, meta.len()))
}

#[cfg(not(unix))]
pub(super) fn look(path: &Path, meta: &Metadata) -> io::Result<Content> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    File::open(path)?.take(LOOK as u64).read_to_end(&mut bytes)?;
    Ok(judge(&bytes, meta.len()))
}

fn judge(bytes: &[u8], size: u64) -> Content {
    if bytes.is_empty() {
        return Content::Empty;
    }
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    if !bytes.starts_with(MAGIC) {
        return other(bytes, size);
    }
    let (write, read) = (byte(18), byte(19));
    if read > NEWEST_FORMAT || write > NEWEST_FORMAT {
        return Content::Newer(format!("file format {}, where {NEWEST_FORMAT} is the newest known", read.max(write)));
    }
    let schema = u32::from_be_bytes([byte(44), byte(45), byte(46), byte(47)]);
    if schema > NEWEST_SCHEMA {
        return Content::Newer(format!("schema format {schema}, where {NEWEST_SCHEMA} is the newest known"));
    }
    Content::Database { wal: read == 2 }
}

const NAME_THE_DATABASE: &str = "name the database file itself";
const UNPACK: &str = "unpack it, and name the database that was in it";

/// Other files that are taken for a database now and then: their first bytes, what they are, and what to do.
const KNOWN: &[(&[u8], &str, &str)] = &[
    (
        b"** This file contains an SQLite 2",
        "a database of SQLite 2",
        "bring it over with the program `sqlite` of version 2: sqlite OLD.db .dump | sqlite3 NEW.db",
    ),
    (b"\x37\x7f\x06\x82", "a write-ahead log of SQLite", "name the database beside it, without -wal"),
    (b"\x37\x7f\x06\x83", "a write-ahead log of SQLite", "name the database beside it, without -wal"),
    (
        b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
        "a rollback journal of SQLite",
        "name the database beside it, without -journal",
    ),
    (b"PGDMP", "a dump of PostgreSQL", NAME_THE_DATABASE),
    (b"\x1f\x8b", "a gzip archive", UNPACK),
    (b"PK\x03\x04", "a zip archive", UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", UNPACK),
    (b"\xfd7zXZ\0", "an xz archive", UNPACK),
    (b"BZh", "a bzip2 archive", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"\x7fELF", "a program", NAME_THE_DATABASE),
    (b"%PDF", "a PDF document", NAME_THE_DATABASE),
    (b"\x89PNG", "a picture", NAME_THE_DATABASE),
    (b"\xff\xd8\xff", "a picture", NAME_THE_DATABASE),
];

fn other(bytes: &[u8], size: u64) -> Content {
    if let Some((_, what, hint)) = KNOWN.iter().find(|(magic, _, _)| bytes.starts_with(magic)) {
        return Content::Other(format!("it is {what}"), hint);
    }
    if bytes.get(8..12) == Some(b"DUCK") {
        return Content::Other("it is a database of DuckDB".to_owned(), NAME_THE_DATABASE);
    }
    // The last character may be cut off.
    let text = std::str::from_utf8(bytes).map_or_else(|e| bytes.get(..e.valid_up_to()), |_| Some(bytes));
    let is_text = text.is_some_and(|t| {
        t.len() + 4 > bytes.len() && t.iter().all(|b| *b >= b' ' || matches!(b, b'\t' | b'\n' | b'\r' | 0x0c))
    });
    if is_text {
        let upper = String::from_utf8_lossy(bytes).to_ascii_uppercase();
        return if ["CREATE TABLE", "INSERT INTO", "BEGIN TRANSACTION", "PRAGMA "].iter().any(|w| upper.contains(w)) {
            Content::Other(
                "it is a text of SQL statements".to_owned(),
                "name it where files of SQL are asked for, or make a database of it: sqlite3 NEW.db < FILE",
            )
        } else {
            Content::Other("it is a text".to_owned(), NAME_THE_DATABASE)
        };
    }
    if bytes.iter().all(|b| *b == 0) {
        return Content::Other(
            "it begins with nothing but zeros, as a file does whose content was lost".to_owned(),
            "take it from a backup",
        );
    }
    // Pages are of 512 bytes at least, and encryption leaves their size as it is.
    if size.is_multiple_of(512) && looks_random(bytes) {
        return Content::Encrypted;
    }
    Content::Other("it does not begin as a database does".to_owned(), NAME_THE_DATABASE)
}

/// Whether all bytes come up about as often: Pearson's chi-squared over the 256 values is about 255 then, with a standard
/// deviation of 23, however many there are. Text, programs and tables of numbers are in the thousands.
fn looks_random(bytes: &[u8]) -> bool {
    let mut counts = [0u32; 256];
    for byte in bytes {
        counts[usize::from(*byte)] += 1;
    }
    let expected = bytes.len() as f64 / 256.0;
    counts.iter().map(|c| (f64::from(*c) - expected).powi(2) / expected).sum::<f64>() < 400.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes without a pattern, the same in every run.
    fn random(len: usize) -> Vec<u8> {
        let mut rng = fastrand::Rng::with_seed(7);
        (0..len).map(|_| rng.u8(..)).collect()
    }

    fn what(bytes: &[u8]) -> String {
        match judge(bytes, bytes.len() as u64) {
            Content::Other(what, _) => what,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn versions_are_read_where_they_stand() {
        let with = |changes: &[(usize, u8)]| {
            let mut bytes = MAGIC.to_vec();
            bytes.resize(100, 0);
            (bytes[18], bytes[19], bytes[47]) = (1, 1, 4);
            changes.iter().for_each(|(at, value)| bytes[*at] = *value);
            judge(&bytes, 4096)
        };
        assert_eq!(with(&[]), Content::Database { wal: false });
        assert_eq!(with(&[(18, 2), (19, 2)]), Content::Database { wal: true });
        for (changes, number) in [(&[(19, 3)], "format 3"), (&[(18, 3)], "format 3"), (&[(47, 5)], "schema format 5")] {
            assert!(matches!(with(changes), Content::Newer(what) if what.contains(number)), "{changes:?}");
        }
    }

    #[test]
    fn what_is_no_database_is_told_by_its_kind() {
        assert_eq!(judge(b"", 0), Content::Empty);
        assert_eq!(what(b"hello\n"), "it is a text");
        assert_eq!(what(b"-- mine\ncreate table t (a);\n"), "it is a text of SQL statements");
        assert_eq!(what(&"é".repeat(3000).as_bytes()[..LOOK - 1]), "it is a text");
        assert_eq!(what(b"\x1f\x8b\x08\0\0\0"), "it is a gzip archive");
        assert!(what(&[0; 4096]).contains("zeros"));
        assert_eq!(what(b"\x01\x02\x03\x04"), "it does not begin as a database does");
    }

    #[test]
    fn only_whole_pages_without_a_pattern_look_encrypted() {
        for len in [512, 1024, 4096] {
            assert_eq!(judge(&random(len), 8192), Content::Encrypted, "{len}");
        }
        assert!(matches!(judge(&random(4096), 8193), Content::Other(..)));
        let numbers: Vec<u8> = (0..1024u32).flat_map(u32::to_le_bytes).collect();
        assert!(matches!(judge(&numbers, 4096), Content::Other(..)));
    }
}
