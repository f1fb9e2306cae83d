//! Every report over the same few examples, compared with files that people have looked at.
//!
//! `UNDERPIN_BLESS=1` rewrites the files under `golden/` and the schemas; the samples of old formats are never
//! rewritten.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod diagnostics;
mod drift;
mod examples;
mod formats;
mod plan;
mod samples;
mod snapshot;
mod status;

use std::fs;
use std::path::{Path, PathBuf};

/// A folder of this crate's tests.
fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Compares with a file, or writes it where that was asked for.
fn same_as_file(path: &Path, actual: &str) {
    if std::env::var_os("UNDERPIN_BLESS").is_some_and(|v| v == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    if expected != actual {
        let diff = similar::TextDiff::from_lines(&expected, actual).unified_diff().header("file", "now").to_string();
        panic!("{} differs; UNDERPIN_BLESS=1 rewrites it:\n{diff}", path.display());
    }
}

fn golden(name: &str, actual: &str) {
    same_as_file(&folder("golden").join(name), actual);
}

/// What a writer writes.
fn written(write: impl FnOnce(&mut dyn std::io::Write) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}
