//! Files and folders that this user may not write to. Root may write to all, so that these tests then run as another user.

use crate::support::{Folder, number, refusal};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;
use underpin_connect::{SqliteFile, SqliteFileError};

/// The user `nobody` of every Linux.
const NOBODY: u32 = 65_534;

fn allow(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Whether the test goes on here: where this is root, it is run once more by a user without rights, and has to succeed
/// there.
fn without_rights(test: &str) -> bool {
    if !nix::unistd::geteuid().is_root() {
        return true;
    }
    let folder = Folder::new();
    allow(&folder.path(""), 0o755);
    let program = folder.path("test");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    allow(&program, 0o755);
    let own = folder.path("tmp");
    std::fs::create_dir(&own).unwrap();
    chown(&own, Some(NOBODY), Some(NOBODY)).unwrap();
    let mut command = Command::new(&program);
    command.args(["--exact", test, "--nocapture"]).env("TMPDIR", &own).current_dir("/").uid(NOBODY).gid(NOBODY);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
    false
}

#[test]
fn a_file_that_is_not_writable_is_read_and_not_written() {
    if !without_rights("rights::a_file_that_is_not_writable_is_read_and_not_written") {
        return;
    }
    let folder = Folder::new();
    let file = folder.database("delete");
    allow(file.path(), 0o444);
    assert_eq!(number(&file.open_to_read().unwrap(), "SELECT a FROM t"), 1);
    let text = refusal(file.open_to_write());
    assert!(text.contains("the file ") && text.contains("is not writable (Permission denied"), "{text}");
    let secret = folder.file("secret.db", b"SQLite format 3\0");
    allow(secret.path(), 0o000);
    let error = secret.open_to_read().unwrap_err();
    assert!(matches!(error, SqliteFileError::Unreadable { .. }), "{error}");
}

#[test]
fn a_folder_that_is_not_writable_is_named() {
    if !without_rights("rights::a_folder_that_is_not_writable_is_named") {
        return;
    }
    let folder = Folder::new();
    let file = folder.database("delete");
    allow(&folder.path(""), 0o555);
    assert_eq!(number(&file.open_to_read().unwrap(), "SELECT a FROM t"), 1);
    let text = refusal(file.open_to_write());
    assert!(text.contains("the folder ") && text.contains("may write to the folder"), "{text}");
    let made = SqliteFile::parse(&format!("sqlite:{}?mode=rwc", folder.path("new.db").display())).unwrap();
    assert!(refusal(made.open_to_write()).contains("the folder "));
    allow(&folder.path(""), 0o755);
}

#[test]
fn a_log_needs_a_writable_folder_or_a_promise() {
    if !without_rights("rights::a_log_needs_a_writable_folder_or_a_promise") {
        return;
    }
    let folder = Folder::new();
    let file = folder.database("wal");
    allow(&folder.path(""), 0o555);
    let error = file.open_to_read().unwrap_err();
    assert!(matches!(error, SqliteFileError::NoSharedMemory { .. }), "{error}");
    assert!(error.to_string().contains("immutable=1"), "{error}");
    let promised = SqliteFile::parse(&format!("sqlite:{}?immutable=1", file.path().display())).unwrap();
    assert_eq!(number(&promised.open_to_read().unwrap(), "SELECT a FROM t"), 1);
    allow(&folder.path(""), 0o755);
}

#[test]
fn what_was_interrupted_cannot_be_put_right_without_rights() {
    if !without_rights("rights::what_was_interrupted_cannot_be_put_right_without_rights") {
        return;
    }
    let folder = Folder::new();
    let file = crate::reading::interrupted(&folder);
    allow(&folder.path(""), 0o555);
    let error = file.open_to_read().unwrap_err();
    assert!(matches!(error, SqliteFileError::Interrupted { .. }), "{error}");
    assert!(error.to_string().contains("run this as a user who may write to it"), "{error}");
    allow(&folder.path(""), 0o755);
}
