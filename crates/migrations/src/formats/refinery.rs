//! refinery: `V3__name.sql`, or `U3__name.sql` for one that may come late, in folders of any depth.
//!
//! Every file runs in a transaction, without exception. What must not be in one in PostgreSQL is run by hand between two of them:
//! it stands in `outofband`, and the migration itself only asks whether that was done. In SQLite the file ends the transaction
//! first and begins one behind itself, which the tool then ends.
//!
//! Source: runs of refinery_cli 0.10.0; `refinery_core/src/util.rs` and `runner.rs` of the tool.

use super::one_message::{below, message};
use crate::migration::fit;
use crate::text::head;
use crate::unchecked::{around, framed};
use crate::{
    Baseline, Dialect, Files, Format, Migration, Mode, New, Trouble, Written, joined, next_number, next_stamp,
};
use regex::Regex;
use siphasher::sip::SipHasher13;
use std::collections::BTreeMap;
use std::hash::Hasher;
use std::sync::LazyLock;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use underpin_sql::quote;

pub(super) struct Refinery;

/// The tool's own pattern.
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^([U|V])(\d+(?:\.\d+)?)__(\w+)\.(rs|sql)$").ok());
/// What is almost such a name.
static ALMOST: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)^[UV][0-9].*\.(rs|sql)$").ok());
/// The line of a guard that names what it guards.
const GUARD: &str = "-- Waits for the script ";
/// The folder for what runs outside of the tool; no name in it is one of a migration.
const OUTSIDE: &str = "outofband";

/// Version as written, name, and whether it is a program.
fn parts(path: &str) -> Option<(&str, &str, bool)> {
    let found = NAME.as_ref()?.captures(path.rsplit('/').next()?)?;
    Some((found.get(2)?.as_str(), found.get(3)?.as_str(), found.get(4)?.as_str() == "rs"))
}

/// The script that a guard asks for.
fn guarded(text: &str) -> Option<&str> {
    text.lines().take_while(|line| line.starts_with("--")).find_map(|line| line.strip_prefix(GUARD)).map(str::trim)
}

/// The tool's checksum: over what Rust's own hash of the name, the version and the text is over.
fn checksum(name: &str, version: i64, wide: bool, text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(name.as_bytes());
    hasher.write_u8(0xff);
    if wide {
        hasher.write(&version.to_le_bytes());
    } else {
        hasher.write(&i32::try_from(version).unwrap_or_default().to_le_bytes());
    }
    hasher.write(text.as_bytes());
    hasher.write_u8(0xff);
    hasher.finish()
}

/// Whether the versions need the tool's feature `int8-versions`.
fn is_wide(mut versions: impl Iterator<Item = i64>) -> bool {
    versions.any(|v| i32::try_from(v).is_err())
}

fn number(migration: &Migration) -> i64 {
    migration.version.parse().unwrap_or_default()
}

/// A migration that passes only where the query gives true.
fn guard(done: &str, script: &str) -> String {
    let words = quote::literal(&format!("run {script} first, alone and without a transaction, then migrate again"));
    let body = format!(
        "\nBEGIN\n    IF (\n{done}\n    ) IS NOT TRUE THEN\n        RAISE EXCEPTION USING MESSAGE = {words};\n    END IF;\nEND\n"
    );
    format!("{GUARD}{script}\nDO {};\n", quote::dollar(&body))
}

impl Format for Refinery {
    fn name(&self) -> &'static str {
        "refinery"
    }

    fn title(&self) -> &'static str {
        "refinery"
    }

    fn recognises(&self, files: &Files) -> bool {
        // Flyway has SQL of the same names: only Rust, the settings and guards tell.
        let rust = |path: &str| parts(path).is_some_and(|p| p.2);
        let guard = |path: &str, bytes: &[u8]| {
            parts(path).is_some() && std::str::from_utf8(bytes).is_ok_and(|text| guarded(text).is_some())
        };
        files.bytes("refinery.toml").is_some() || files.iter().any(|(path, bytes)| rust(path) || guard(path, bytes))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut trouble = Vec::new();
        let mut found: BTreeMap<i64, Migration> = BTreeMap::new();
        for path in files.iter().map(|(path, _)| path) {
            let mut say = |code: &str, words: String, help: &str| {
                trouble.extend(Trouble::at(files, path, 1, code, words).help(help).0);
            };
            let Some((version, name, is_program)) = parts(path) else {
                let name = path.rsplit('/').next().unwrap_or(path);
                if ALMOST.as_ref().is_some_and(|almost| almost.is_match(name)) {
                    let words = format!("{path} is no migration: the tool passes over such a name");
                    say("bad-name", words, "name it V, a whole number, `__`, a word and .sql");
                }
                continue;
            };
            let Ok(number) = version.parse::<i64>() else {
                let words = format!("{path} has no whole number as its version; the tool refuses the folder");
                say("bad-name", words, "name it V, a whole number, `__`, a word and .sql");
                continue;
            };
            if is_program {
                let words = format!("{path} is a program, which only the application that holds it can run");
                say("program-migration", words, "write it as SQL, or keep such migrations in a folder of their own");
                continue;
            }
            if let Some(before) = found.get(&number) {
                let words = format!("{path} and {} have the same version {number}; the tool fails at one", before.file);
                say("duplicate-version", words, "give one of them a version of its own");
                continue;
            }
            let script = files.text(path).ok().and_then(guarded);
            if let Some(script) = script.filter(|script| files.bytes(script).is_none()) {
                let words = format!("{script} is missing, which is to be run before {path}");
                say("missing-file", words, "take it from version control");
                continue;
            }
            match message(files, script.unwrap_or(path)) {
                Err(Trouble(more)) => trouble.extend(more),
                Ok(up) => {
                    let migration = Migration {
                        version: version.to_owned(),
                        name: name.to_owned(),
                        file: path.to_owned(),
                        transaction: script.is_none(),
                        up: vec![up],
                        down: None,
                        down_transaction: false,
                    };
                    found.insert(number, migration);
                }
            }
        }
        if trouble.is_empty() { Ok(found.into_values().collect()) } else { Err(Trouble(trouble)) }
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let all = || there.iter().map(|m| m.version.as_str());
        // Times only where the folder has them: without a feature of the tool a version has 32 bits.
        let next = match there.last() {
            Some(last) if last.version.len() == 14 => next_stamp(all(), new.len(), now),
            _ => next_number(all(), new.len(), 1),
        };
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(next) {
            if is_wide(version.parse::<i64>().into_iter()) && !is_wide(there.iter().map(number)) {
                let words = format!("the version {version} has more than the 32 bits that the tool reads");
                return Err(Trouble::new("no-later-version", words).help("number the migrations from 1 on"));
            }
            let path = format!("V{version}__{}.sql", new.slug);
            let sql = match (files.dialect(), new.mode) {
                (_, Mode::Whole) => Some(joined(&new.up)),
                (Dialect::Sqlite, Mode::Alone) => Some(joined(&around(&["COMMIT"], &new.up, &["BEGIN"]))),
                (_, Mode::Unchecked) => Some(joined(&around(&["COMMIT"], &framed(&new.up), &["BEGIN"]))),
                (Dialect::Postgres, Mode::Alone) => None,
            };
            if let Some(sql) = sql {
                written.push(Written { path, text: below(&head(new), &sql) });
                continue;
            }
            let Some(done) = &new.done else {
                let words = format!("{} cannot be in a transaction, and nothing tells whether it was done", new.slug);
                return Err(Trouble::new("no-transaction-needed", words)
                    .help("refinery runs everything in transactions: run it by another tool, or plan it offline"));
            };
            let script = format!("{OUTSIDE}/{version}_{}.sql", new.slug);
            written.push(Written { path: script.clone(), text: below(&head(new), &joined(&new.up)) });
            written.push(Written { path, text: head(new) + &guard(done, &script) });
        }
        Ok(written)
    }

    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        if new.iter().all(|n| n.mode == Mode::Whole) {
            return Vec::new();
        }
        if dialect == Dialect::Sqlite {
            return vec![
                "these migrations end the transaction that refinery puts around each, to switch foreign keys off: what stands \
                 before them in a group (`-g`, `set_grouped(true)`) stays where a later one fails"
                    .to_owned(),
            ];
        }
        vec![
            "refinery runs every migration in a transaction: run each file of `outofband` with psql when `refinery migrate` \
             stops in front of it (or `refinery migrate -t VERSION` up to the version before it), then migrate on"
                .to_owned(),
            "do not group migrations (`-g`, `set_grouped(true)`): all of them would be taken back with the first that \
             waits for such a file"
                .to_owned(),
        ]
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.refinery_schema_history"],
            Dialect::Sqlite => &["refinery_schema_history"],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        let wide = is_wide(done.iter().map(number));
        let mut sql = Vec::new();
        if !done.is_empty() {
            sql.push(format!(
                "CREATE TABLE IF NOT EXISTS refinery_schema_history (version {} PRIMARY KEY, name varchar(255), \
                 applied_on varchar(255), checksum varchar(255))",
                if wide { "int8" } else { "int4" }
            ));
        }
        // The tool stops at a time that it cannot read.
        let time = now.format(&Rfc3339).unwrap_or_default();
        for migration in done {
            let version = number(migration);
            let checksum = checksum(&migration.name, version, wide, files.text(&migration.file)?);
            sql.push(format!(
                "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 VALUES ({version}, {}, '{time}', '{checksum}') ON CONFLICT (version) DO NOTHING",
                files.dialect().literal(&migration.name)
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
        let files = there_and_back(&Refinery, &plan_with_marks());
        assert_eq!(detected(&files), Some("refinery"));
        let found = Refinery.read(&files).unwrap();
        assert_eq!((found[2].version.as_str(), found[2].transaction), ("3", false));
        assert_eq!(found[2].file, "V3__index.sql");
        assert_eq!(found[2].up[0].file, "outofband/3_index.sql");
        assert!(files.text("V3__index.sql").unwrap().contains("valid, not only there\n    ) IS NOT TRUE THEN"));
        assert!(Refinery.advice(Dialect::Postgres, &[]).is_empty());
    }

    #[test]
    fn a_step_that_nothing_tells_of_is_refused() {
        let new = step("x", false, &["VACUUM"], cannot("no"));
        assert_eq!(codes_of(&Refinery.write(&folder(&[]), &[], &[new], NOW).unwrap_err()), ["no-transaction-needed"]);
    }

    #[test]
    fn a_guard_keeps_its_query_whatever_it_holds() {
        let text = guard("SELECT count(*) = 0 FROM t WHERE a = '$$' -- $body$", "outofband/1_x.sql");
        let found = underpin_sql::split(&text);
        assert_eq!((found.statements.len(), found.problems.len()), (1, 0));
        assert_eq!(guarded(&text), Some("outofband/1_x.sql"));
    }

    #[test]
    fn versions_stay_of_the_folders_kind() {
        let new = step("x", true, &["SELECT 1"], by(true, &[]));
        let next = |there: &Files| {
            let found = Refinery.read(there).unwrap();
            Refinery.write(there, &found, std::slice::from_ref(&new), NOW).map(|w| w[0].path.clone())
        };
        let there = folder(&[("V9__a.sql", ""), ("U10__b.sql", ""), ("deep/V003__c.sql", "")]);
        assert_eq!(next(&there).unwrap(), "V11__x.sql");
        assert_eq!(next(&folder(&[("V20270101000000__a.sql", "")])).unwrap(), "V20270101000001__x.sql");
        assert!(next(&folder(&[("V2147483647__a.sql", "")])).is_err());
    }

    #[test]
    fn all_trouble_is_told() {
        let files = folder(&[
            ("U1__c.sql", "SELECT 1;"),
            ("V1.5__x.sql", "SELECT 1;"),
            ("V01__a.sql", "SELECT 1;"),
            ("V2_single.sql", "SELECT 1;"),
            ("V3__with-dash.sql", "SELECT 1;"),
            ("V4__x.rs", ""),
            ("V5__bom.sql", "\u{feff}SELECT 1;"),
            ("V6__gone.sql", "-- Waits for the script outofband/6_gone.sql\nDO $$BEGIN END$$;"),
            ("mod.rs", ""),
        ]);
        assert_eq!(
            codes(&Refinery, &files),
            [
                "duplicate-version",
                "bad-name",
                "bad-name",
                "bad-name",
                "program-migration",
                "byte-order-mark",
                "missing-file"
            ]
        );
        assert!(Refinery.recognises(&files));
        assert!(!Refinery.recognises(&folder(&[("V1__a.sql", "")])));
    }

    #[test]
    fn a_database_is_told_with_the_tools_checksums() {
        let files = folder(&[("V1__a.sql", "SELECT 1;\n"), ("U2__c.sql", "SELECT 1;\n")]);
        let sql = Refinery.baseline(&files, &Refinery.read(&files).unwrap(), NOW).unwrap().sql;
        assert!(sql[0].contains("version int4"));
        assert!(sql[1].contains("(1, 'a', '2026-11-22T10:30:00Z', '15641188318147896532')"), "{}", sql[1]);
        assert!(sql[2].contains("'7637384496377602568'"), "{}", sql[2]);
        let wide = folder(&[("V20260101000000__a.sql", "SELECT 1;\n")]);
        let sql = Refinery.baseline(&wide, &Refinery.read(&wide).unwrap(), NOW).unwrap().sql;
        assert!(sql[0].contains("version int8"));
    }
}
