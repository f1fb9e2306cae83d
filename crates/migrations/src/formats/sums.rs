//! What Atlas and plain SQL have in common: a file that lists the others, each with a hash over all that stands before it too.

use crate::{Files, Trouble};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::Diagnostic;

/// What the file `sum` and the folder say differently: files that are missing and files that are not listed, else the first
/// that was edited. `is` has the hashes of the folder by paths, `said` those of the file with their lines. `unlisted` tells of
/// a file what that means and what helps.
pub(super) fn differences(
    files: &Files,
    sum: &str,
    is: &[(&str, String)],
    said: &BTreeMap<&str, (usize, &str)>,
    unlisted: impl Fn(&str) -> (&'static str, &'static str),
) -> Vec<Diagnostic> {
    let here: BTreeSet<&str> = is.iter().map(|(path, _)| *path).collect();
    let mut found = Vec::new();
    for (path, (line, _)) in said.iter().filter(|(path, _)| !here.contains(*path)) {
        let words = format!("{path} is missing: {sum} says that it was there");
        found.extend(Trouble::at(files, sum, *line, "missing-migration", words).0);
    }
    for path in here.iter().filter(|path| !said.contains_key(*path)) {
        let (means, help) = unlisted(path);
        let words = format!("{path} is not in {sum}: {means}");
        found.extend(Trouble::at(files, path, 1, "unknown-migration", words).help(help).0);
    }
    // Each hash covers what stands before it: only the first that differs tells which file it is.
    let edited = is.iter().find(|(path, hash)| said.get(path).is_some_and(|(_, h)| h != hash));
    if let Some((path, _)) = edited.filter(|_| found.is_empty()) {
        let words = format!("{path} was edited after it was written: {sum} says otherwise");
        let help = "take it back, and write a new migration";
        found.extend(Trouble::at(files, path, 1, "edited-migration", words).help(help).0);
    }
    found
}
