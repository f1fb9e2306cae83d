//! sqlx: `20261122103000_name.up.sql` and `20261122103000_name.down.sql`, or `20261122103000_name.sql` without a way back.
//!
//! A file goes to the server as one message, in a transaction with its row of the tool's table; one whose first bytes are
//! `-- no-transaction` goes without. In SQLite the tool switches foreign keys on; a file without its transaction may switch them
//! off and begin its own, for all of it goes to one connection.
//!
//! Source: runs of sqlx-cli 0.9.0; `sqlx-core/src/migrate/source.rs` of the tool.

use super::one_message::{below, message, several};
use crate::migration::fit;
use crate::text::{head, hex, refusal};
use crate::unchecked::framed;
use crate::{
    Baseline, Dialect, Down, Files, Format, Migration, Mode, New, Stuck, Trouble, Written, header, joined, next_number,
    next_stamp,
};
use sha2::{Digest, Sha384};
use std::collections::BTreeMap;
use time::OffsetDateTime;

pub(super) struct Sqlx;

/// The first bytes of a file without a transaction; the tool looks nowhere else for them.
const ALONE: &str = "-- no-transaction";
/// What `sqlx migrate add` writes into its files.
const TEMPLATES: [&str; 3] =
    ["-- Add migration script here", "-- Add up migration script here", "-- Add down migration script here"];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Simple,
    Up,
    Down,
}

/// What stands before and behind the first `_` of a file that the tool takes for a migration, and what it is.
fn parts(path: &str) -> Option<(&str, &str, Kind)> {
    let (version, rest) = path.split_once('_')?;
    let name = rest.strip_suffix(".sql")?;
    Some(match (name.strip_suffix(".up"), name.strip_suffix(".down")) {
        (Some(name), _) => (version, name, Kind::Up),
        (None, Some(name)) => (version, name, Kind::Down),
        (None, None) => (version, name, Kind::Simple),
    })
}

/// The line of a mark that the tool does not see, for it stands behind other comments.
fn late_mark(text: &str) -> Option<usize> {
    let lines = text.lines().enumerate().skip(1);
    let mut head = lines.take_while(|(_, line)| line.trim().is_empty() || line.trim_start().starts_with("--"));
    head.find(|(_, line)| line.trim_start().starts_with(ALONE)).map(|(n, _)| n + 1)
}

/// The times or numbers of new migrations, as the folder has them.
fn versions(there: &[Migration], count: usize, now: OffsetDateTime) -> Vec<String> {
    let last = there.iter().max_by_key(|m| m.version.parse::<i64>().unwrap_or(i64::MIN));
    let all = || there.iter().map(|m| m.version.as_str());
    match last {
        Some(last) if last.version.len() != 14 => next_number(all(), count, 4),
        _ => next_stamp(all(), count, now),
    }
}

impl Format for Sqlx {
    fn name(&self) -> &'static str {
        "sqlx"
    }

    fn title(&self) -> &'static str {
        "sqlx"
    }

    fn recognises(&self, files: &Files) -> bool {
        // golang-migrate has pairs of the same names, other tools the single files: only what the tool itself writes or
        // reads in them tells.
        let marked = |path: &str| {
            let text = files.bytes(path).unwrap_or_default();
            text.starts_with(ALONE.as_bytes()) || TEMPLATES.iter().any(|t| text.starts_with(t.as_bytes()))
        };
        let names: Vec<_> = files.top().filter(|path| path.ends_with(".sql")).collect();
        names.iter().any(|path| marked(path))
            && names.iter().all(|path| parts(path).is_none_or(|p| p.0.parse::<i64>().is_ok()))
            && files.bytes("atlas.sum").is_none()
            && files.bytes("underpin.sum").is_none()
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut trouble = Vec::new();
        let mut ups: BTreeMap<i64, (&str, &str, &str)> = BTreeMap::new();
        let mut downs: BTreeMap<i64, &str> = BTreeMap::new();
        for path in files.iter().map(|(path, _)| path).filter(|path| path.ends_with(".sql")) {
            let mut say = |code: &str, words: String, help: &str| {
                trouble.extend(Trouble::at(files, path, 1, code, words).help(help).0);
            };
            if let Some((_, inner)) = path.rsplit_once('/') {
                if parts(inner).is_some_and(|p| p.0.parse::<i64>().is_ok()) {
                    let words = format!("{path} is no migration: the tool does not look into folders");
                    say("bad-name", words, "move it up, or out of this folder");
                }
                continue;
            }
            let Some((version, name, kind)) = parts(path) else {
                let words = format!("{path} is no migration: the tool passes over names without `_`");
                say("bad-name", words, "name it by a number, `_` and a word, or move it out of this folder");
                continue;
            };
            let Ok(number) = version.parse::<i64>() else {
                let words = format!("{path} does not begin with a whole number; the tool refuses the folder");
                say("bad-name", words, "name it by a number, `_` and a word, or move it out of this folder");
                continue;
            };
            let before = match kind {
                Kind::Down => downs.insert(number, path),
                Kind::Simple | Kind::Up => ups.insert(number, (path, version, name)).map(|b| b.0),
            };
            if let Some(before) = before {
                let words = format!("{path} and {before} have the same version {number}; the tool fails at one");
                say("duplicate-version", words, "give one of them a version of its own");
            }
        }
        for (number, path) in &downs {
            if !ups.get(number).is_some_and(|up| up.0.ends_with(".up.sql")) {
                let words = format!("{path} takes back a migration that is not there");
                trouble.extend(Trouble::at(files, path, 1, "down-without-up", words).0);
            }
        }
        let mut side = |path: &str| match message(files, path) {
            Err(Trouble(more)) => {
                trouble.extend(more);
                None
            }
            Ok(message) => {
                let alone = message.sql.starts_with(ALONE);
                if let Some(line) = late_mark(&message.sql).filter(|_| !alone) {
                    let words = format!("the tool does not see `{ALONE}` here: it must be the first bytes of the file");
                    trouble.extend(Trouble::at(files, path, line, "late-mark", words).0);
                }
                let transaction = !alone || several(files.dialect(), &message);
                Some((vec![message], transaction))
            }
        };
        let mut found = Vec::new();
        for (number, (path, version, name)) in ups {
            let down = downs.get(&number).and_then(|path| side(path));
            let Some((up, transaction)) = side(path) else { continue };
            found.push(Migration {
                version: version.to_owned(),
                name: name.to_owned(),
                file: path.to_owned(),
                transaction,
                up,
                down_transaction: down.as_ref().is_some_and(|d| d.1),
                down: down.map(|d| d.0),
            });
        }
        if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let script = |mode: Mode, head: &str, sql: &[String]| {
            let text = match mode {
                Mode::Whole | Mode::Alone => below(head, &joined(sql)),
                Mode::Unchecked => below(head, &joined(&framed(sql))),
            };
            match mode {
                // What only looks like the mark must not be at the beginning.
                Mode::Whole if text.starts_with(ALONE) => format!("\n{text}"),
                Mode::Whole => text,
                Mode::Alone | Mode::Unchecked => format!("{ALONE}\n{text}"),
            }
        };
        // A folder without ways back gets none.
        let pairs = there.is_empty() || there.iter().any(|m| m.file.ends_with(".up.sql"));
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(versions(there, new.len(), now)) {
            let head = if pairs { header(&new.summary, "--") } else { head(new) };
            // A line of it must not be the mark.
            let head = head.replace(ALONE, "--  no-transaction");
            let text = script(new.mode, &head, &new.up);
            let path = |side: &str| format!("{version}_{}{side}.sql", new.slug);
            if !pairs {
                written.push(Written { path: path(""), text });
                continue;
            }
            written.push(Written { path: path(".up"), text });
            let down = match &new.down {
                Down::By { sql, .. } if sql.is_empty() => "-- Nothing is taken back.\n".to_owned(),
                Down::By { mode, sql } => script(*mode, "", sql),
                // Without a file the tool takes back the one before, in silence.
                Down::Cannot(why) => refusal(files.dialect(), why),
            };
            written.push(Written { path: path(".down"), text: down });
        }
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        if new.iter().all(|n| n.mode == Mode::Whole) {
            return Vec::new();
        }
        vec!["`-- no-transaction` needs sqlx 0.8 or newer (0.8.3 for ways back)".to_owned()]
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*._sqlx_migrations"],
            Dialect::Sqlite => &["_sqlx_migrations"],
        }
    }

    fn stuck(&self, _: Dialect) -> Option<Stuck> {
        Some(Stuck {
            table: "_sqlx_migrations",
            sql: "SELECT 'version ' || version || ' failed' FROM _sqlx_migrations WHERE NOT success ORDER BY version",
            mend: "take back what of it was done, and delete its row of _sqlx_migrations",
        })
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let dialect = files.dialect();
        let table = match dialect {
            Dialect::Postgres => {
                "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL, \
                 installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, \
                 execution_time bigint NOT NULL)"
            }
            Dialect::Sqlite => {
                "CREATE TABLE IF NOT EXISTS _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL, \
                 installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL, \
                 checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)"
            }
        };
        let mut sql = Vec::new();
        if !done.is_empty() {
            sql.push(table.to_owned());
        }
        for migration in done {
            let checksum = hex(&Sha384::digest(files.text(&migration.file)?.as_bytes()));
            let checksum = match dialect {
                Dialect::Postgres => format!("decode('{checksum}', 'hex')"),
                Dialect::Sqlite => format!("x'{checksum}'"),
            };
            sql.push(format!(
                "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                 VALUES ({}, {}, true, {checksum}, -1) ON CONFLICT (version) DO NOTHING",
                migration.version.parse::<i64>().unwrap_or_default(),
                dialect.literal(&migration.name.replace('_', " "))
            ));
        }
        Ok(Baseline::by(sql))
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{NOW, by, cannot, codes, detected, folder, plan_with_marks, step, there_and_back};
    use super::*;

    fn written(there: &Files, new: &New) -> Vec<Written> {
        let found = Sqlx.read(there).unwrap();
        Sqlx.write(there, &found, std::slice::from_ref(new), NOW).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let files = there_and_back(&Sqlx, &plan_with_marks());
        assert!(files.text("20261122103002_index.up.sql").unwrap().starts_with("-- no-transaction\n-- index:"));
        assert_eq!(
            files.text("20261122103002_index.down.sql").unwrap(),
            "-- no-transaction\nDROP INDEX CONCURRENTLY users_email_norm_idx;\n"
        );
        let found = Sqlx.read(&files).unwrap();
        assert!(!found[2].down_transaction && found[0].down_transaction);
        assert_eq!(detected(&files), Some("sqlx"));
    }

    #[test]
    fn only_the_first_bytes_are_a_mark() {
        let mut new = step("x", true, &["-- no-transaction\nSELECT 1"], cannot("data is gone"));
        new.summary = Vec::new();
        assert!(written(&folder(&[]), &new)[0].text.starts_with("\n-- no-transaction"));
        new.up = vec!["SELECT 1".to_owned()];
        new.summary = vec!["no-transaction".to_owned(), "no-transaction".to_owned()];
        let files = folder(&[]).with(&written(&folder(&[]), &new));
        let found = Sqlx.read(&files).unwrap();
        assert!(found[0].transaction);
        assert!(found[0].down.as_ref().unwrap()[0].sql.contains("cannot be taken back: data is gone"));
        let late = folder(&[("1_x.sql", "-- what\n-- no-transaction\nSELECT 1;")]);
        assert_eq!(codes(&Sqlx, &late), ["late-mark"]);
    }

    #[test]
    fn a_folder_keeps_its_ways() {
        let there = folder(&[("0009_a.sql", "SELECT 1;"), ("0008_b.sql", "SELECT 1;")]);
        let new = step("x", true, &["SELECT 1"], by(true, &["SELECT 2"]));
        let paths: Vec<String> = written(&there, &new).into_iter().map(|w| w.path).collect();
        assert_eq!(paths, ["0010_x.sql"]);
        let there = folder(&[("20270101000000_a.up.sql", "SELECT 1;"), ("3_b.sql", "SELECT 1;")]);
        let paths: Vec<String> = written(&there, &new).into_iter().map(|w| w.path).collect();
        assert_eq!(paths, ["20270101000001_x.up.sql", "20270101000001_x.down.sql"]);
        let mut two = step("x", false, &["SELECT 1", "SELECT 2"], by(true, &[]));
        two.summary.clear();
        assert!(Sqlx.write(&there, &[], &[two], NOW).is_err());
    }

    #[test]
    fn all_trouble_is_told() {
        let files = folder(&[
            ("1_a.sql", "SELECT 1;"),
            ("01_b.up.sql", "SELECT 1;"),
            ("2_c.down.sql", "SELECT 1;"),
            ("abc_x.sql", "SELECT 1;"),
            ("plain.sql", "SELECT 1;"),
            ("sub/4_x.sql", "SELECT 1;"),
            ("5_bom.sql", "\u{feff}SELECT 1;"),
            ("README.md", "x"),
        ]);
        assert_eq!(
            codes(&Sqlx, &files),
            ["duplicate-version", "bad-name", "bad-name", "bad-name", "down-without-up", "byte-order-mark"]
        );
    }

    #[test]
    fn a_database_is_told_with_the_tools_checksums() {
        let files = folder(&[("7_add_a_b.up.sql", "SELECT 1;\r\n")]);
        let sql = Sqlx.baseline(&files, &Sqlx.read(&files).unwrap(), NOW).unwrap().sql;
        assert_eq!(sql.len(), 2);
        assert!(sql[1].contains("VALUES (7, 'add a b', true, decode('"), "{}", sql[1]);
        assert!(Sqlx.baseline(&files, &[], NOW).unwrap().sql.is_empty());
    }
}
