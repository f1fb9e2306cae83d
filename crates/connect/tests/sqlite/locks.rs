//! Whoever holds a file is waited for, and named.

use crate::support::{Folder, refusal};
use std::time::{Duration, Instant};
use underpin_connect::{Held, SqliteFile, lock_holders};

fn hasty(file: SqliteFile) -> SqliteFile {
    file.with_patience(Duration::from_millis(300))
}

#[test]
fn who_has_it_for_himself_is_waited_for_and_named() {
    for mode in ["delete", "wal"] {
        let folder = Folder::new();
        let file = hasty(folder.database(mode));
        let mut other = folder.other();
        other.run("PRAGMA locking_mode = EXCLUSIVE");
        other.run("BEGIN EXCLUSIVE");
        let start = Instant::now();
        let error = file.open_to_read().unwrap_err();
        assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
        assert!(error.is_transient());
        let text = error.to_string();
        let named = format!("pid {} ({}), which has it for itself", other.pid, other.command());
        assert!(text.contains(&named) && text.contains("hint: wait until"), "{mode}: {text}");
        assert!(refusal(file.open_to_write()).contains(&named));
    }
}

#[test]
fn it_is_opened_as_soon_as_the_other_lets_go() {
    let folder = Folder::new();
    let file = folder.database("delete");
    let mut other = folder.other();
    other.run("BEGIN EXCLUSIVE");
    std::thread::scope(|scope| {
        let opened = scope.spawn(|| file.open_to_read().map(|_| ()));
        std::thread::sleep(Duration::from_millis(150));
        other.run("COMMIT");
        opened.join().unwrap().unwrap();
    });
}

#[test]
fn what_others_do_with_it_is_seen() {
    let held = |folder: &Folder| lock_holders(&folder.path("a.db")).iter().map(|h| h.held).collect::<Vec<_>>();
    let folder = Folder::new();
    folder.database("delete");
    let mut other = folder.other();
    assert_eq!(held(&folder), []);
    other.run("BEGIN");
    other.run("SELECT * FROM t");
    assert_eq!(held(&folder), [Held::Reads]);
    let mut writer = folder.other();
    writer.run("BEGIN IMMEDIATE");
    writer.run("INSERT INTO t VALUES (2)");
    let mut both = vec![(other.pid, Held::Reads), (writer.pid, Held::Writes)];
    both.sort_unstable();
    let now = || lock_holders(&folder.path("a.db")).iter().map(|h| (h.pid, h.held)).collect::<Vec<_>>();
    assert_eq!(now(), both);
    assert_eq!(writer.tries("COMMIT"), "error database is locked");
    assert!(now().contains(&(writer.pid, Held::Commits)), "{:?}", now());
    other.run("COMMIT");
    writer.run("COMMIT");
    assert_eq!(held(&folder), []);
}

#[test]
fn in_wal_mode_only_writers_are_seen() {
    let folder = Folder::new();
    folder.database("wal");
    let mut other = folder.other();
    other.run("BEGIN");
    other.run("SELECT * FROM t");
    let now = || lock_holders(&folder.path("a.db"));
    assert_eq!(now(), []);
    let mut writer = folder.other();
    writer.run("BEGIN IMMEDIATE");
    let holders = now();
    assert_eq!(holders.len(), 1);
    assert_eq!((holders[0].pid, holders[0].held), (writer.pid, Held::Writes));
    assert!(holders[0].stops_writers());
    assert_eq!(holders[0].to_string(), format!("pid {} ({}), which writes to it", writer.pid, writer.command()));
}
