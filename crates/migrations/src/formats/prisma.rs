//! Prisma Migrate: `20261122103000_name/migration.sql`, in the order of the bytes of the folders' names.
//!
//! A file goes to the server as one message, so that in PostgreSQL one of several statements is a transaction, and one that must
//! not be in a transaction stands alone in its file. In SQLite it begins its transaction itself. Nothing is taken back.
//!
//! Source: runs of the schema engine 8.1.0-2 (Prisma 7.10) and of the command line of 6.19.3; `schema-engine` of the tool.

use super::one_message::{below, message, several};
use crate::migration::fit;
use crate::names::is_digits;
use crate::text::{head, hex};
use crate::unchecked::{framed, transaction};
use crate::{Baseline, Dialect, Files, Format, Migration, Mode, New, Stuck, Trouble, Written, joined, next_stamp};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;

pub(super) struct Prisma;

/// The file that names the database.
const LOCK: &str = "migration_lock.toml";
/// The only file of a migration's folder that the tool reads.
const SCRIPT: &str = "migration.sql";
/// The longest name that the tool's own table holds.
const LONGEST: usize = 255;

/// The folders, each with whether it holds a script.
fn folders(files: &Files) -> BTreeMap<&str, bool> {
    let mut found = BTreeMap::new();
    for (folder, rest) in files.iter().filter_map(|(path, _)| path.split_once('/')) {
        *found.entry(folder).or_default() |= rest == SCRIPT;
    }
    found
}

/// Time and name of a folder that is named as the tool names it.
fn parts(folder: &str) -> Option<(&str, &str)> {
    let (version, name) = folder.split_once('_')?;
    is_digits(version, 14).then_some((version, name))
}

/// The database that the lock file names.
fn provider(text: &str) -> Option<(usize, &str)> {
    text.lines().enumerate().find_map(|(n, line)| {
        let value = line.trim().strip_prefix("provider")?.trim_start().strip_prefix('=')?.trim_start();
        let value = value.strip_prefix('"')?;
        Some((n + 1, value.split('"').next()?))
    })
}

/// The names that the tool has for a database; the first is what it writes.
fn names(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Postgres => &["postgresql", "postgres"],
        Dialect::Sqlite => &["sqlite"],
    }
}

/// The statements of a file. SQLite takes a message of several for no transaction.
fn script(dialect: Dialect, new: &New) -> String {
    match (dialect, new.mode) {
        (_, Mode::Unchecked) => joined(&framed(&new.up)),
        (Dialect::Sqlite, Mode::Whole) if new.up.len() > 1 => joined(&transaction(&new.up)),
        (Dialect::Postgres | Dialect::Sqlite, Mode::Whole | Mode::Alone) => joined(&new.up),
    }
}

impl Format for Prisma {
    fn name(&self) -> &'static str {
        "prisma"
    }

    fn title(&self) -> &'static str {
        "Prisma Migrate"
    }

    fn recognises(&self, files: &Files) -> bool {
        // Drizzle has folders of the same form since 1.0, with a snapshot in each.
        let theirs = |path: &str| path.ends_with("/snapshot.json") || path == "meta/_journal.json";
        files.bytes(LOCK).is_some()
            || (folders(files).iter().any(|(folder, script)| *script && parts(folder).is_some())
                && !files.iter().any(|(path, _)| theirs(path)))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut trouble = Vec::new();
        if files.bytes(LOCK).is_some()
            && let Some((line, provider)) = provider(files.text(LOCK)?)
            && !names(files.dialect()).contains(&provider)
        {
            let title = files.dialect().title();
            let words = format!("{LOCK} says that these migrations are for {provider}, not for {title}");
            let found = Trouble::at(files, LOCK, line, "other-database", words);
            trouble.extend(found.help("say with --dialect which kind of database it is").0);
        }
        for path in files.top().filter(|path| path.ends_with(".sql")) {
            let words = format!("{path} is no migration: the tool passes over files that stand in no folder");
            trouble.extend(
                Trouble::at(files, path, 1, "bad-name", words)
                    .help("give it a folder of its own, and name it migration.sql there")
                    .0,
            );
        }
        let mut found = Vec::new();
        for (folder, script) in folders(files) {
            let path = format!("{folder}/{SCRIPT}");
            if !script {
                let words = format!("{folder} holds no {SCRIPT}; the tool refuses all migrations (P3015)");
                trouble
                    .extend(Trouble::at(files, folder, 1, "missing-migration", words).help("take the folder away").0);
                continue;
            }
            if folder.len() > LONGEST {
                let words = format!("the name {folder} is longer than {LONGEST} bytes, which the tool cannot record");
                trouble.extend(Trouble::at(files, &path, 1, "bad-name", words).0);
            }
            match message(files, &path) {
                Err(Trouble(more)) => trouble.extend(more),
                Ok(up) => found.push(Migration {
                    version: folder.to_owned(),
                    name: parts(folder).map_or_else(String::new, |(_, name)| name.to_owned()),
                    file: path,
                    transaction: several(files.dialect(), &up),
                    up: vec![up],
                    down: None,
                    down_transaction: false,
                }),
            }
        }
        if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
    }

    fn write(&self, files: &Files, _: &[Migration], new: &[New], now: OffsetDateTime) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let there: BTreeSet<&str> = folders(files).into_keys().collect();
        let times = next_stamp(there.iter().filter_map(|folder| parts(folder)).map(|p| p.0), new.len(), now);
        let mut written = Vec::new();
        if files.bytes(LOCK).is_none() && !new.is_empty() {
            let text = format!(
                "# Please do not edit this file manually\n\
                 # It should be added in your version-control system (e.g., Git)\n\
                 provider = \"{}\"\n",
                names(files.dialect())[0]
            );
            written.push(Written { path: LOCK.to_owned(), text });
        }
        for (new, time) in new.iter().zip(times) {
            let folder = format!("{time}_{}", new.slug);
            if let Some(last) = there.last().filter(|last| **last >= folder.as_str()) {
                let words = format!("{last} stands behind every name that begins with the time {time}");
                return Err(Trouble::at(files, last, 1, "no-later-version", words)
                    .help("give that folder a name of 14 digits, `_` and a word, in the databases that have it too"));
            }
            // Some versions cut scripts at every semicolon, those in comments too.
            let text = below(&head(new).replace(';', ","), &script(files.dialect(), new));
            written.push(Written { path: format!("{folder}/{SCRIPT}"), text });
        }
        Ok(written)
    }

    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        let mut advice = Vec::new();
        if new.iter().any(|n| n.mode != Mode::Whole) {
            advice.push(
                "after a failed step without a transaction `prisma migrate deploy` stops with P3009 until \
                 `prisma migrate resolve --rolled-back NAME` was run"
                    .to_owned(),
            );
        }
        // The engine without native code, of the driver adapters, cuts scripts at every semicolon.
        if dialect == Dialect::Postgres && new.iter().flat_map(|n| &n.up).any(|sql| sql.contains(';')) {
            advice.push(
                "a body with semicolons needs the native schema engine: `engine: 'js'` in prisma.config.ts cuts scripts \
                 at every semicolon"
                    .to_owned(),
            );
        }
        advice
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*._prisma_migrations"],
            Dialect::Sqlite => &["_prisma_migrations"],
        }
    }

    fn stuck(&self, _: Dialect) -> Option<Stuck> {
        Some(Stuck {
            table: "_prisma_migrations",
            sql: "SELECT migration_name || ' failed' FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at",
            mend: "look at what of it was done, then `prisma migrate resolve --rolled-back NAME` or `--applied NAME`",
        })
    }

    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        let dialect = files.dialect();
        let (table, time) = match dialect {
            Dialect::Postgres => (
                "CREATE TABLE IF NOT EXISTS _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, \
                 checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, \
                 logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), \
                 applied_steps_count integer NOT NULL DEFAULT 0)",
                "now()".to_owned(),
            ),
            // The native engine writes times of SQLite as milliseconds, the other one as text; both read both.
            Dialect::Sqlite => (
                "CREATE TABLE IF NOT EXISTS \"_prisma_migrations\" (\"id\" TEXT PRIMARY KEY NOT NULL, \
                 \"checksum\" TEXT NOT NULL, \"finished_at\" DATETIME, \"migration_name\" TEXT NOT NULL, \"logs\" TEXT, \
                 \"rolled_back_at\" DATETIME, \"started_at\" DATETIME NOT NULL DEFAULT current_timestamp, \
                 \"applied_steps_count\" INTEGER UNSIGNED NOT NULL DEFAULT 0)",
                (now.unix_timestamp_nanos() / 1_000_000).to_string(),
            ),
        };
        let mut sql = Vec::new();
        if !done.is_empty() {
            sql.push(table.to_owned());
        }
        for migration in done {
            let checksum = hex(&Sha256::digest(files.text(&migration.file)?.as_bytes()));
            // The tool takes a random one; the same each time is as good, and 12 knows no function for one.
            let id = hex(&Sha256::digest(format!("{}\n{checksum}", migration.version)));
            let id = format!("{}-{}-4{}-8{}-{}", &id[..8], &id[8..12], &id[13..16], &id[17..20], &id[20..32]);
            let name = dialect.literal(&migration.version);
            sql.push(format!(
                "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at) \
                 SELECT '{id}', '{checksum}', {time}, {name}, {time} WHERE NOT EXISTS (SELECT 1 FROM _prisma_migrations \
                 WHERE migration_name = {name} AND finished_at IS NOT NULL AND rolled_back_at IS NULL)"
            ));
        }
        Ok(Baseline::by(sql))
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{
        NOW, by, cannot, codes, codes_of, detected, folder, plan_with_marks, step, there_and_back,
    };
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let files = there_and_back(&Prisma, &plan_with_marks());
        assert_eq!(detected(&files), Some("prisma"));
        assert!(files.text(LOCK).unwrap().ends_with("provider = \"postgresql\"\n"));
        let index = files.text("20261122103002_index/migration.sql").unwrap();
        // No semicolon but that of the statement.
        assert_eq!(index.matches(';').count(), 1, "{index}");
        assert!(!files.text("20261122103000_base/migration.sql").unwrap().contains("BEGIN;"));
    }

    #[test]
    fn new_folders_stand_behind_all_that_are_there() {
        let mut new = step("x", true, &["SELECT 1"], cannot("data is gone"));
        let there = folder(&[("0_init/migration.sql", "SELECT 1;"), ("20270101000000_a/migration.sql", "SELECT 1;")]);
        let written = Prisma.write(&there, &[], std::slice::from_ref(&new), NOW).unwrap();
        assert_eq!(written[1].path, "20270101000001_x/migration.sql");
        assert!(written[1].text.contains("\n-- This cannot be taken back: data is gone\n\nSELECT 1;\n"));
        let there = folder(&[("zz_free/migration.sql", "SELECT 1;")]);
        assert_eq!(
            codes_of(&Prisma.write(&there, &[], std::slice::from_ref(&new), NOW).unwrap_err()),
            ["no-later-version"]
        );
        new.mode = Mode::Alone;
        new.down = by(true, &[]);
        new.up.push("SELECT 2".to_owned());
        assert!(Prisma.write(&folder(&[]), &[], &[new], NOW).is_err());
    }

    #[test]
    fn the_order_is_that_of_bytes() {
        let files = folder(&[
            ("b/migration.sql", "SELECT 1; SELECT 2;"),
            ("B/migration.sql", "SELECT 1;"),
            ("10_x/migration.sql", ""),
            ("10_x/down.sql", "SELECT 1;"),
            ("9_x/migration.sql", "-- nothing"),
        ]);
        let found = Prisma.read(&files).unwrap();
        let names: Vec<&str> = found.iter().map(|m| m.version.as_str()).collect();
        assert_eq!(names, ["10_x", "9_x", "B", "b"]);
        assert!(found[3].transaction && !found[2].transaction);
    }

    #[test]
    fn all_trouble_is_told() {
        let long = format!("{}/migration.sql", "a".repeat(256));
        let files = folder(&[
            (LOCK, "# x\nprovider = \"mysql\"\n"),
            ("20260101000000_x.sql", "SELECT 1;"),
            ("20260101000000_y/README.md", ""),
            ("20260101000000_z/migration.sql", "\u{feff}SELECT 1;"),
            (&long, "SELECT 1;"),
        ]);
        assert_eq!(
            codes(&Prisma, &files),
            ["other-database", "bad-name", "missing-migration", "byte-order-mark", "bad-name"]
        );
    }

    #[test]
    fn other_tools_folders_are_theirs() {
        let drizzle = [("20260101000000_x/migration.sql", ""), ("20260101000000_x/snapshot.json", "{}")];
        assert!(!Prisma.recognises(&folder(&drizzle)));
        assert!(Prisma.recognises(&folder(&drizzle[..1])));
        assert!(!Prisma.recognises(&folder(&[("2026/up.sql", "")])));
    }

    #[test]
    fn a_database_is_told_with_the_tools_checksums() {
        let files = folder(&[("20260101000000_o/migration.sql", "SELECT 1;\n")]);
        let done = Prisma.read(&files).unwrap();
        let sql = Prisma.baseline(&files, &done, NOW).unwrap().sql;
        assert!(sql[1].contains("'b4e0497804e46e0a0b0b8c31975b062152d551bac49c3c2e80932567b4085dcd'"), "{}", sql[1]);
        assert_eq!(sql, Prisma.baseline(&files, &done, NOW).unwrap().sql);
    }
}
