//! How files are named; how they are opened is in `tests/sqlite`.

use super::SqliteFile;
use crate::ConnectError;
use std::path::Path;

fn path(text: &str) -> String {
    SqliteFile::parse(text).unwrap().path().to_str().unwrap().to_owned()
}

fn refused(text: &str) -> String {
    SqliteFile::parse(text).unwrap_err().to_string()
}

#[test]
fn a_file_is_named_by_its_path() {
    assert_eq!(path("sqlite:app.db"), "app.db");
    assert_eq!(path("sqlite:data/app.db?mode=rw"), "data/app.db");
    assert_eq!(path("sqlite:/srv/app.db"), "/srv/app.db");
    assert_eq!(path("sqlite://data/app.db"), "data/app.db");
    assert_eq!(path("sqlite:///srv/app.db"), "/srv/app.db");
    assert_eq!(path("sqlite:////srv/app.db"), "/srv/app.db");
    assert_eq!(path("SQLite:app.db"), "app.db");
    assert_eq!(SqliteFile::parse("sqlite:a.db").unwrap().words(), "the SQLite database a.db");
    assert!(SqliteFile::is_meant("sqlite:x") && SqliteFile::is_meant("SQLITE://x"));
    assert!(
        !SqliteFile::is_meant("postgresql://h/sqlite:")
            && !SqliteFile::is_meant("sqlit")
            && !SqliteFile::is_meant("ééé")
    );
}

#[test]
fn escapes_are_those_of_sqlites_uris() {
    assert_eq!(path("sqlite:a%20b%3Fc%23.db"), "a b?c#.db");
    assert_eq!(path("sqlite:100%.db"), "100%.db");
    assert_eq!(path("sqlite:a+b.db"), "a+b.db");
    assert_eq!(path("sqlite:%e9%.db".replace("%e9", "%C3%A9").as_str()), "é%.db");
    assert!(refused("sqlite:a%00b.db").contains("%00"));
}

#[cfg(unix)]
#[test]
fn a_path_need_not_be_a_text() {
    use std::os::unix::ffi::OsStrExt as _;
    let file = SqliteFile::parse("sqlite:a%FF.db").unwrap();
    assert_eq!(file.path(), Path::new(std::ffi::OsStr::from_bytes(b"a\xff.db")));
}

#[test]
fn what_names_no_file_says_what_to_write() {
    for text in ["sqlite:", "sqlite://", "sqlite:?mode=ro"] {
        assert!(refused(text).contains("it names no file\nhint: write sqlite:PATH"), "{text}");
    }
    for text in ["sqlite::memory:", "sqlite://:memory:", "sqlite:///:memory:", "sqlite:x?mode=memory"] {
        assert!(refused(text).contains("a database in memory"), "{text}");
    }
    assert!(refused("app.db").contains("does not begin with `sqlite:`"));
    assert!(refused("sqlite:a#b").contains("%23"));
}

#[test]
fn parameters_that_are_not_known_are_refused_by_name() {
    let unknown = SqliteFile::parse("sqlite:a?cache=shared").unwrap_err();
    assert!(matches!(&unknown, ConnectError::UnknownParameter { name, .. } if name == "cache"));
    assert!(unknown.to_string().contains("known are `mode` (ro, rw, rwc) and `immutable`"), "{unknown}");
    assert!(refused("sqlite:a?mode=rx").contains("`mode`"));
    assert!(refused("sqlite:a?mode=").contains("rwc"));
    assert!(refused("sqlite:a?immutable=2").contains("1 or 0"));
    assert!(refused("sqlite:a?mode=ro&mode=rw").contains("twice"));
}
