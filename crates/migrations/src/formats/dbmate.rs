//! dbmate: `20261121000300_name.sql`, with a block `-- migrate:up` and a block `-- migrate:down`, both of which have to be
//! there.
//!
//! A block goes to the server as one message, in a transaction unless its mark says `transaction:false`; in SQLite such a block may
//! begin its own, for all of it goes to one connection. The tool runs files
//! in the order of their names, not of their numbers, and finds its marks wherever a line begins with them, in quotes too.
//!
//! Source: runs of 2.36.0; `pkg/dbmate/migration.go` and `db.go` of the tool.

#[cfg(test)]
mod tests;

use super::one_message::several;
use crate::migration::fit;
use crate::text::{line_of, plain_text, refusal};
use crate::unchecked::{framed, stays_on};
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Trouble, Written, header, joined,
    next_number, next_stamp,
};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use time::OffsetDateTime;

/// The tool's own pattern of a mark; its `\s` is that of ASCII, and may reach over line ends.
static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^--[\t\n\f\r ]*migrate:(up|down)(?:[\t\n\f\r ]*$|[\t\n\f\r ]+[^\t\n\f\r ]+)").ok()
});

pub(super) struct Dbmate;

/// Version and name.
fn parts(path: &str) -> Option<(&str, &str)> {
    let stem = path.strip_suffix(".sql")?;
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    (digits > 0).then(|| (&stem[..digits], stem[digits..].trim_start_matches('_')))
}

/// The places of the marks, each with whether it is the way up.
fn marks(text: &str) -> Vec<(usize, bool)> {
    let Some(pattern) = MARK.as_ref() else { return Vec::new() };
    pattern.captures_iter(text).filter_map(|c| Some((c.get(0)?.start(), c.get(1)?.as_str() == "up"))).collect()
}

/// A block without its mark: the byte of the file at which it begins, and whether it runs in a transaction.
struct Block<'a>(usize, &'a str, bool);

/// The two blocks of a file; what the tool refuses, with the byte.
fn blocks(text: &str) -> Result<[Block<'_>; 2], (usize, String)> {
    let missing =
        |what: &str| Err((0, format!("`-- migrate:{what}` is missing; the tool wants both blocks in each file")));
    let (up, down) = match marks(text).as_slice() {
        [(up, true), (down, false)] => (*up, *down),
        [(at, false), (_, true), ..] => {
            return Err((*at, "`-- migrate:down` stands before `-- migrate:up`".to_owned()));
        }
        [_, _, (at, _), ..] | [_, (at, true)] => {
            // It runs the first pair, records the version, and fails at recording it for the second.
            return Err((*at, "the tool cannot run a file with more than one block for each way".to_owned()));
        }
        [_, (at, false)] => return Err((*at, "a second `-- migrate:down`".to_owned())),
        [(_, true)] => return missing("down"),
        [(_, false)] | [] => return missing("up"),
    };
    let mut at = 0;
    for line in text[..up].split_inclusive('\n') {
        if !line.trim().is_empty() && !line.trim().starts_with("--") {
            return Err((at, "a statement stands before `-- migrate:up`".to_owned()));
        }
        at += line.len();
    }
    let block = |from: usize, to: usize| {
        let first = text[from..to].split_inclusive('\n').next().unwrap_or_default();
        // As the tool reads options: the last one counts, and what is none is passed over.
        let option = first.split_whitespace().rev().find_map(|word| word.strip_prefix("transaction:"));
        Block(from + first.len(), &text[from + first.len()..to], option != Some("false"))
    };
    Ok([block(up, down), block(down, text.len())])
}

impl Format for Dbmate {
    fn name(&self) -> &'static str {
        "dbmate"
    }

    fn title(&self) -> &'static str {
        "dbmate"
    }

    fn recognises(&self, files: &Files) -> bool {
        files.bytes("atlas.sum").is_none()
            && files
                .top()
                .any(|path| parts(path).is_some() && files.text(path).is_ok_and(|t| marks(t).iter().any(|m| m.1)))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut found = Vec::new();
        let mut trouble = Vec::new();
        // In the order of names, as the tool has them.
        for path in files.top().filter(|path| path.to_ascii_lowercase().ends_with(".sql")) {
            let mut at = |line: usize, code: &str, words: String, help: &str| {
                trouble.extend(Trouble::at(files, path, line, code, words).help(help).0);
            };
            let Some((version, name)) = parts(path) else {
                if files.text(path).is_ok_and(|text| !marks(text).is_empty()) {
                    let words = format!(
                        "{path} looks like a migration, but the tool passes over it: names begin with a number and end in .sql"
                    );
                    at(1, "bad-name", words, "give it a version");
                }
                continue;
            };
            if let Some(before) = seen.insert(version, path) {
                let words =
                    format!("{path} and {before} have the same version {version}; the tool runs one of them only");
                at(1, "duplicate-version", words, "give one of them a version of its own");
            }
            let text = match plain_text(files, path, ", with which the tool does not find its own marks") {
                Ok(text) => text,
                Err(unreadable) => {
                    trouble.extend(unreadable.0);
                    continue;
                }
            };
            let [up, down] = match blocks(text) {
                Ok(blocks) => blocks,
                Err((byte, words)) => {
                    at(line_of(text, byte), "bad-migration", words, "correct the marks of the file");
                    continue;
                }
            };
            // Whether the tool makes a transaction or the server, of one message with several statements, is the same.
            let side = |Block(byte, sql, transaction): Block| {
                let message = Message { sql: sql.to_owned(), file: path.to_owned(), line: line_of(text, byte) };
                let transaction = transaction || several(files.dialect(), &message);
                (if files.dialect().is_blank(sql) { Vec::new() } else { vec![message] }, transaction)
            };
            let (up, transaction) = side(up);
            let (down, down_transaction) = side(down);
            found.push(Migration {
                version: version.to_owned(),
                name: name.to_owned(),
                file: path.to_owned(),
                transaction,
                up,
                down: Some(down),
                down_transaction,
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
        let versions = || there.iter().map(|m| m.version.as_str());
        let last = there.last();
        // Names decide the order: a number with more digits than those before it may come before them.
        let is_behind = |next: &Vec<String>| {
            let name = |v: &String, n: &New| format!("{v}_{}.sql", n.slug);
            let first = next.first().zip(new.first()).map(|(v, n)| name(v, n));
            let names: Vec<String> = next.iter().zip(new).map(|(v, n)| name(v, n)).collect();
            first.is_none_or(|first| last.is_none_or(|last| last.file < first)) && names.is_sorted()
        };
        let stamps = || next_stamp(versions(), new.len(), now);
        let numbers = || next_number(versions(), new.len(), 14);
        // As the folder has it: times or numbers.
        let ways =
            if last.is_none_or(|m| m.version.len() >= 14) { [stamps(), numbers()] } else { [numbers(), stamps()] };
        let Some(next) = ways.into_iter().find(is_behind) else {
            let after = last.map(|m| m.file.clone()).unwrap_or_default();
            let words = format!("no next version has a name that sorts behind {after}, which the tool runs last");
            return Err(Trouble::new("no-next-version", words).help("give that file a version with leading zeros"));
        };
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(next) {
            let path = format!("{version}_{}.sql", new.slug);
            let block = |way: &str, mode: Mode, sql: &[String]| match mode {
                Mode::Whole => format!("-- migrate:{way}\n{}", joined(sql)),
                Mode::Alone => format!("-- migrate:{way} transaction:false\n{}", joined(sql)),
                Mode::Unchecked => format!("-- migrate:{way} transaction:false\n{}", joined(&framed(sql))),
            };
            let down = match &new.down {
                Down::By { sql, .. } if sql.is_empty() => {
                    block("down", Mode::Whole, &[]) + "-- Nothing is taken back.\n"
                }
                Down::By { mode, sql } => block("down", *mode, sql),
                Down::Cannot(why) => block("down", Mode::Whole, &[]) + &refusal(files.dialect(), why),
            };
            let head = header(&new.summary, "--").replace("migrate:", "migrate :");
            let up = block("up", new.mode, &new.up);
            let text = format!("{head}{up}\n{down}");
            let wants = [head.len(), head.len() + up.len() + 1];
            if !blocks(&text).is_ok_and(|_| marks(&text).iter().map(|m| m.0).eq(wants)) {
                let words =
                    format!("{path} cannot be written: in it a line begins as the tool's own mark, `-- migrate:`");
                return Err(Trouble::new("unwritable-sql", words).help("word that line differently in the schema"));
            }
            written.push(Written { path, text });
        }
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        stays_on(new).into_iter().collect()
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.schema_migrations"],
            Dialect::Sqlite => &["schema_migrations"],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let kind = match files.dialect() {
            Dialect::Postgres => "varchar",
            Dialect::Sqlite => "varchar(128)",
        };
        let mut sql = vec![format!("CREATE TABLE IF NOT EXISTS schema_migrations (version {kind} PRIMARY KEY)")];
        sql.extend(done.iter().map(|m| {
            let version = files.dialect().literal(&m.version);
            format!("INSERT INTO schema_migrations (version) VALUES ({version}) ON CONFLICT DO NOTHING")
        }));
        Ok(Baseline::by(sql))
    }
}
