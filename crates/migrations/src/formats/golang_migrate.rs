//! golang-migrate: `000003_name.up.sql` and `000003_name.down.sql`.
//!
//! A file goes to the server as one message, so that one of several statements is a transaction, and one that must not be in
//! a transaction stands alone in its file. `x-multi-statement` cuts at every semicolon, in bodies too, and must be off. With SQLite
//! the tool puts a transaction around each file, unless `x-no-tx-wrap` keeps it from all of them. A file that needs none ends that
//! transaction first and begins one behind itself, which the tool then ends; with `x-no-tx-wrap` it stops at its first statement.
//!
//! Where a down file is missing the tool runs nothing and takes the version back all the same. A down that fails leaves the
//! database dirty at the version before; `migrate force` with the file's own version sets that right.
//!
//! Source: runs of 4.17.1 and 4.20.1; `source/parse.go`, `database/postgres`, `database/sqlite` and
//! `database/sqlite3` of the tool.

#[cfg(test)]
mod tests;

use super::one_message::several;
use crate::migration::fit;
use crate::text::refusal;
use crate::unchecked::{around, framed, stays_on, transaction};
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Stuck, Trouble, Written, header, joined,
    next_number, next_stamp,
};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use time::OffsetDateTime;
use underpin_sql::sqlite;

/// The tool's own pattern. It runs files of every ending.
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^([0-9]+)_(.*)\.(up|down)\.(.*)$").ok());

pub(super) struct GolangMigrate;

/// Version, name and whether it is the way up.
fn parts(path: &str) -> Option<(u64, &str, &str, bool)> {
    let found = NAME.as_ref()?.captures(path)?;
    let version = found.get(1)?.as_str();
    Some((version.parse().ok()?, version, found.get(2)?.as_str(), found.get(3)?.as_str() == "up"))
}

/// The statements of a file. `wraps`: the tool puts a transaction around each file for SQLite.
fn script(dialect: Dialect, wraps: bool, mode: Mode, sql: &[String]) -> String {
    match (dialect, wraps, mode) {
        (Dialect::Postgres, ..) | (Dialect::Sqlite, true, Mode::Whole) | (Dialect::Sqlite, false, Mode::Alone) => {
            joined(sql)
        }
        (Dialect::Sqlite, true, Mode::Alone) => joined(&around(&["COMMIT"], sql, &["BEGIN"])),
        (Dialect::Sqlite, true, Mode::Unchecked) => joined(&around(&["COMMIT"], &framed(sql), &["BEGIN"])),
        (Dialect::Sqlite, false, Mode::Whole) => joined(&transaction(sql)),
        (Dialect::Sqlite, false, Mode::Unchecked) => joined(&framed(sql)),
    }
}

/// Whether a file for SQLite can run only where the tool puts no transaction around it: it begins one before it ends one.
fn begins_one(text: &str) -> bool {
    let first = |piece: &sqlite::Piece| sqlite::words(&text[piece.span.clone()]).into_iter().next().unwrap_or_default();
    let mut steers = sqlite::split(text).pieces.iter().map(first).collect::<Vec<_>>().into_iter();
    steers
        .find(|word| ["begin", "commit", "end", "rollback"].contains(&word.as_str()))
        .is_some_and(|word| word == "begin")
}

impl Format for GolangMigrate {
    fn name(&self) -> &'static str {
        "golang-migrate"
    }

    fn title(&self) -> &'static str {
        "golang-migrate"
    }

    fn recognises(&self, files: &Files) -> bool {
        // sqlx has names of the same form, with times as a rule and a mark of its own.
        let names: Vec<_> = files.top().filter(|path| path.ends_with(".sql")).filter_map(parts).collect();
        !names.is_empty()
            && names.iter().all(|n| n.1.len() < 14)
            && !files.iter().any(|(_, bytes)| bytes.starts_with(b"-- no-transaction"))
            && files.bytes("atlas.sum").is_none()
            && files.bytes("underpin.sum").is_none()
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut ups: BTreeMap<u64, (&str, &str, &str)> = BTreeMap::new();
        let mut downs: BTreeMap<u64, &str> = BTreeMap::new();
        let mut trouble = Vec::new();
        for path in files.top() {
            let begins = path.starts_with(|c: char| c.is_ascii_digit());
            let Some((number, version, name, is_up)) = parts(path) else {
                if begins && path.to_ascii_lowercase().ends_with(".sql") {
                    let words = format!(
                        "{path} looks like a migration, but the tool passes over it: names are a number, `_`, a name and .up.sql \
                         or .down.sql"
                    );
                    trouble.extend(Trouble::at(files, path, 1, "bad-name", words).help("rename it").0);
                }
                continue;
            };
            if !path.ends_with(".sql") {
                let words = format!("{path} does not end in .sql, but the tool runs it: any ending will do for it");
                trouble.extend(Trouble::at(files, path, 1, "bad-name", words).help("move it out of the folder").0);
                continue;
            }
            let is_marked = |path| files.bytes(path).is_some_and(|bytes| bytes.starts_with("\u{feff}".as_bytes()));
            if files.dialect() == Dialect::Postgres && is_marked(path) {
                let words =
                    format!("{path} begins with a byte order mark, which the tool sends to the server, and it refuses");
                trouble.extend(Trouble::at(files, path, 1, "byte-order-mark", words).help("save it without").0);
            }
            let before =
                if is_up { ups.insert(number, (path, version, name)).map(|b| b.0) } else { downs.insert(number, path) };
            if let Some(before) = before {
                let words = format!("{path} and {before} have the same version {number}; the tool refuses the folder");
                trouble.extend(
                    Trouble::at(files, path, 1, "duplicate-version", words)
                        .help("give one of them a version of its own")
                        .0,
                );
            }
        }
        for (number, path) in &downs {
            if !ups.contains_key(number) {
                let words = format!("{path} takes back a migration that is not there; the tool runs an empty one then");
                trouble.extend(
                    Trouble::at(files, path, 1, "down-without-up", words).help("give it the version of its .up.sql").0,
                );
            }
        }
        if !trouble.is_empty() {
            return Err(Trouble(trouble));
        }
        let message = |path: &str| -> Result<Message, Trouble> {
            Ok(Message { sql: files.text(path)?.to_owned(), file: path.to_owned(), line: 1 })
        };
        let dialect = files.dialect();
        let in_one = |m: &Message| match dialect {
            Dialect::Postgres => several(dialect, m),
            Dialect::Sqlite => !begins_one(&m.sql),
        };
        ups.into_iter()
            .map(|(number, (path, version, name))| {
                let up = message(path)?;
                let down = downs.get(&number).map(|path| message(path)).transpose()?;
                Ok(Migration {
                    version: version.to_owned(),
                    name: name.to_owned(),
                    file: path.to_owned(),
                    transaction: in_one(&up),
                    up: vec![up],
                    down_transaction: down.as_ref().is_some_and(in_one),
                    down: down.map(|down| vec![down]),
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
        // A team that runs the tool with x-no-tx-wrap has files that begin their own.
        let wraps = there.iter().all(|m| m.transaction);
        let versions = || there.iter().map(|m| m.version.as_str());
        // As the folder has it: times or numbers.
        let next = if versions().next_back().is_some_and(|v| v.len() >= 14) {
            next_stamp(versions(), new.len(), now)
        } else {
            next_number(versions(), new.len(), 6)
        };
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(next) {
            let head = header(&new.summary, "--");
            let path = |side: &str| format!("{version}_{}.{side}.sql", new.slug);
            written.push(Written {
                path: path("up"),
                text: head + "\n" + &script(files.dialect(), wraps, new.mode, &new.up),
            });
            let down = match &new.down {
                Down::By { sql, .. } if sql.is_empty() => "-- Nothing is taken back.\nSELECT 1;\n".to_owned(),
                Down::By { mode, sql } => script(files.dialect(), wraps, *mode, sql),
                // Without a file the tool would take back the version and nothing else.
                Down::Cannot(why) => {
                    refusal(files.dialect(), why)
                        + &format!("-- The database is dirty after that: `migrate force {version}` sets it right.\n")
                }
            };
            written.push(Written { path: path("down"), text: down });
        }
        Ok(written)
    }

    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        let alone = |mode: Mode| mode != Mode::Whole;
        let words = match dialect {
            Dialect::Postgres if new.iter().any(|n| alone(n.mode)) => {
                "Run the tool from one process at a time and without x-multi-statement: a second process that waits for the \
                 tool's lock ends CREATE INDEX CONCURRENTLY in a deadlock, and x-multi-statement cuts bodies at their semicolons."
            }
            Dialect::Sqlite if new.iter().any(|n| alone(n.mode) || alone(n.down.mode())) => {
                "These migrations end the transaction that the tool puts around each file, to switch foreign keys off, and stop where \
                 there is none (x-no-tx-wrap); where those that are there begin their own, these do so too, and stop without \
                 x-no-tx-wrap."
            }
            Dialect::Postgres | Dialect::Sqlite => return Vec::new(),
        };
        [words.to_owned()].into_iter().chain(stays_on(new)).collect()
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.schema_migrations"],
            Dialect::Sqlite => &["schema_migrations"],
        }
    }

    fn stuck(&self, _: Dialect) -> Option<Stuck> {
        Some(Stuck {
            table: "schema_migrations",
            sql: "SELECT 'version ' || version || ' is dirty' FROM schema_migrations WHERE dirty",
            mend: "look at what of it was done, then `migrate force VERSION` with the last version that is whole",
        })
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let Some(last) = done.last() else { return Ok(Baseline::by(Vec::new())) };
        let mut sql: Vec<String> = match files.dialect() {
            Dialect::Postgres => vec![
                "CREATE TABLE IF NOT EXISTS schema_migrations (version bigint NOT NULL PRIMARY KEY, dirty boolean NOT NULL)"
                    .to_owned(),
            ],
            Dialect::Sqlite => vec![
                "CREATE TABLE IF NOT EXISTS schema_migrations (version uint64,dirty bool)".to_owned(),
                "CREATE UNIQUE INDEX IF NOT EXISTS version_unique ON schema_migrations (version)".to_owned(),
            ],
        };
        sql.push("DELETE FROM schema_migrations".to_owned());
        sql.push(format!("INSERT INTO schema_migrations (version, dirty) VALUES ({}, false)", last.version));
        Ok(Baseline::by(sql))
    }
}
