//! Plain SQL, this program's own: `20261122103000_name.up.sql`, a `.down.sql` beside it where it can be taken back, and
//! `underpin.sum`, which holds a hash for each file, over all files before it too.
//!
//! Every file is a script: for `psql -v ON_ERROR_STOP=1 -f FILE`, or for `sqlite3 DATABASE <FILE`, where it begins with the
//! command `.bail on`, for `sqlite3` goes on behind an error otherwise. What runs in a transaction begins and ends it itself;
//! what does not begins with the line `-- underpin: no-transaction` and is one statement, or, in SQLite, begins its transaction
//! behind a switch.

use super::sums::differences;
use crate::migration::fit;
use crate::names::is_digits;
use crate::text::{head, hex, unwrapped};
use crate::unchecked::framed;
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Trouble, Written, joined, next_stamp,
    statements,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::OffsetDateTime;
use underpin_model::Diagnostic;

pub(super) struct Plain;

/// The file that says what the others hold.
const SUM: &str = "underpin.sum";
/// The first line of a file without a transaction.
const ALONE: &str = "-- underpin: no-transaction";
/// Stops `sqlite3` at an error. A command of that program, so that other programs stop at it themselves.
const BAIL: &str = ".bail on\n";

/// Version, name and whether it is the way up.
fn parts(path: &str) -> Option<(&str, &str, bool)> {
    let (stem, is_up) = match (path.strip_suffix(".up.sql"), path.strip_suffix(".down.sql")) {
        (Some(stem), _) => (stem, true),
        (None, Some(stem)) => (stem, false),
        (None, None) => return None,
    };
    let (version, name) = stem.split_once('_')?;
    is_digits(version, 14).then_some((version, name, is_up))
}

/// A line for each migration file: a hash over all that stands before it, its name and its bytes, and its name.
fn sums(files: &Files) -> Vec<(&str, String)> {
    let mut all = Sha256::new();
    let mut lines = Vec::new();
    for (path, bytes) in files.iter().filter(|(path, _)| parts(path).is_some()) {
        all.update(path.as_bytes());
        all.update([0]);
        all.update((bytes.len() as u64).to_be_bytes());
        all.update(bytes);
        lines.push((path, hex(&all.clone().finalize())));
    }
    lines
}

fn sum_file(files: &Files) -> String {
    sums(files).iter().fold(String::new(), |mut text, (path, hash)| {
        let _ = writeln!(text, "{hash}  {path}");
        text
    })
}

/// What the folder's own list and the folder say differently.
fn integrity(files: &Files) -> Result<Vec<Diagnostic>, Trouble> {
    let is = sums(files);
    if files.bytes(SUM).is_none() {
        let words = format!("{SUM} is missing, so that nothing tells whether the files are as they were written");
        return Ok(if is.is_empty() {
            Vec::new()
        } else {
            Trouble::new("no-sum-file", words).help("take it from version control").0
        });
    }
    let text = files.text(SUM)?;
    let said: BTreeMap<&str, (usize, &str)> = text
        .lines()
        .enumerate()
        .filter_map(|(n, line)| line.split_once("  ").map(|(hash, path)| (path, (n + 1, hash))))
        .collect();
    let by = "it was added by hand, or on another branch";
    Ok(differences(files, SUM, &is, &said, |_| (by, "`underpin generate` writes both")))
}

/// The statements of a script, and whether they are in one transaction.
fn side(files: &Files, path: &str) -> Result<(Vec<Message>, bool), Trouble> {
    let text = files.text(path)?.trim_start_matches('\u{feff}');
    match files.dialect() {
        Dialect::Postgres => Ok((statements(files, path, text, 1)?, !text.starts_with(ALONE))),
        Dialect::Sqlite => {
            let (script, line) = text.strip_prefix(BAIL).map_or((text, 1), |rest| (rest, 2));
            let (all, whole) = unwrapped(statements(files, path, script, line)?);
            // Any other command of the program stands where a statement would begin.
            if let Some(command) = all.iter().find(|m| m.sql.starts_with('.')) {
                let words = format!("{path} holds a command of sqlite3, which only that program knows");
                return Err(Trouble::at(files, path, command.line, "only-for-sqlite3", words).help("leave it out"));
            }
            Ok((all, whole))
        }
    }
}

/// A script of one side.
fn script(dialect: Dialect, head: &str, mode: Mode, sql: &[String]) -> String {
    let mark = match (mode, sql) {
        (Mode::Alone | Mode::Unchecked, [_, ..]) => format!("{ALONE}\n"),
        (Mode::Whole | Mode::Alone | Mode::Unchecked, _) => String::new(),
    };
    let text = match (mode, sql) {
        (_, []) => String::new(),
        (Mode::Whole, sql) => format!("BEGIN;\n{}COMMIT;\n", joined(sql)),
        (Mode::Alone, sql) => joined(sql),
        (Mode::Unchecked, sql) => joined(&framed(sql)),
    };
    let bail = match dialect {
        Dialect::Postgres => "",
        Dialect::Sqlite => BAIL,
    };
    format!("{bail}{mark}{head}\n{text}")
}

impl Format for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn title(&self) -> &'static str {
        "plain SQL"
    }

    fn recognises(&self, files: &Files) -> bool {
        files.bytes(SUM).is_some()
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut trouble = integrity(files)?;
        let mut downs: BTreeMap<&str, &str> = BTreeMap::new();
        let mut ups: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
        for path in files.top() {
            let Some((version, name, is_up)) = parts(path) else {
                if path.ends_with(".sql") {
                    let words = format!(
                        "{path} is no migration: their names are 14 digits, `_`, a name and .up.sql or .down.sql"
                    );
                    trouble.extend(Trouble::at(files, path, 1, "bad-name", words).0);
                }
                continue;
            };
            let before =
                if is_up { ups.insert(version, (path, name)).map(|b| b.0) } else { downs.insert(version, path) };
            if let Some(before) = before {
                let words = format!("{path} and {before} have the same version {version}");
                trouble.extend(Trouble::at(files, path, 1, "duplicate-version", words).0);
            }
        }
        if !trouble.is_empty() {
            return Err(Trouble(trouble));
        }
        let side = |path: &str| side(files, path);
        ups.into_iter()
            .map(|(version, (path, name))| {
                let (up, transaction) = side(path)?;
                let down = downs.get(version).map(|path| side(path)).transpose()?;
                Ok(Migration {
                    version: version.to_owned(),
                    name: name.to_owned(),
                    file: path.to_owned(),
                    transaction,
                    up,
                    down_transaction: down.as_ref().is_some_and(|d| d.1),
                    down: down.map(|d| d.0),
                })
            })
            .collect()
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let script = |head: &str, mode: Mode, sql: &[String]| script(files.dialect(), head, mode, sql);
        let mut written = Vec::new();
        let versions = next_stamp(there.iter().map(|m| m.version.as_str()), new.len(), now);
        for (new, version) in new.iter().zip(versions) {
            let down = match &new.down {
                Down::By { mode, sql } => Some(script("-- Takes it back.\n", *mode, sql)),
                Down::Cannot(_) => None,
            };
            let text = script(&head(new), new.mode, &new.up);
            let path = |side: &str| format!("{version}_{}.{side}.sql", new.slug);
            written.push(Written { path: path("up"), text });
            written.extend(down.map(|text| Written { path: path("down"), text }));
        }
        written.push(Written { path: SUM.to_owned(), text: sum_file(&files.with(&written)) });
        Ok(written)
    }

    fn own_objects(&self, _: Dialect) -> &'static [&'static str] {
        &[]
    }

    fn baseline(&self, _: &Files, _: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        Ok(Baseline::by(Vec::new()))
    }
}
