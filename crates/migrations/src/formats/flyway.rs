//! Flyway: `V3__name.sql`, with `V3__name.sql.conf` beside it for what is special about it; `R__name.sql`, which run behind
//! them; `U3__name.sql`, which take back and which paid editions alone run.
//!
//! The tool cuts files itself, as `psql` would, and runs each in a transaction unless the `.conf` says otherwise or it knows
//! that the statement cannot. With its default settings it waits for itself for ever at CREATE INDEX CONCURRENTLY. In SQLite it
//! takes every BEGIN for that of a body, which an END has to follow: a script's own transaction is a savepoint there.
//!
//! Source: runs of 13.12.0 and 9.22.3; `PostgreSQLParser`, `SQLiteParser`, `ResourceNameParser`, `ChecksumCalculator` of the tool.

mod script;
#[cfg(test)]
mod tests;

use crate::migration::fit;
use crate::text::{line_of, refusal};
use crate::unchecked::{OFF, ON, around, checked, stays_on};
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Stuck, Trouble, Written, header, joined,
    next_stamp,
};
use script::{Conf, checksum, conf, is_open, runs_alone};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use underpin_sql::{SkippedKind, split};

pub(super) struct Flyway;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Versioned,
    Repeatable,
    Undo,
}

/// A name as the tool reads it.
#[derive(Debug)]
struct Name<'a> {
    kind: Kind,
    /// The version as it stands in the name.
    raw: &'a str,
    /// Its numbers, without zeros at the end, as the tool compares them.
    numbers: Vec<u128>,
    /// What follows `__`.
    name: &'a str,
}

impl Name<'_> {
    /// The version as the tool records it.
    fn version(&self) -> String {
        self.raw.replace('_', ".")
    }

    /// Whether refinery would take a script of this name too.
    fn is_refinerys(&self) -> bool {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        self.raw.matches('.').count() < 2
            && !self.raw.contains('_')
            && !self.name.is_empty()
            && self.name.chars().all(is_word)
    }
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The name without `.sql`, which the tool takes in letters of any case.
fn stem(path: &str) -> Option<&str> {
    let base = base(path);
    let (stem, end) = base.split_at_checked(base.len().checked_sub(4)?)?;
    end.eq_ignore_ascii_case(".sql").then_some(stem)
}

fn parse(path: &str) -> Option<Name<'_>> {
    let stem = stem(path)?;
    let kind = match stem.as_bytes().first()? {
        b'V' => Kind::Versioned,
        b'R' => Kind::Repeatable,
        b'U' => Kind::Undo,
        _ => return None,
    };
    let (raw, name) = stem[1..].split_once("__").unwrap_or((&stem[1..], ""));
    if kind == Kind::Repeatable {
        return (raw.is_empty() && !name.is_empty()).then_some(Name { kind, raw, numbers: Vec::new(), name });
    }
    let mut numbers = Vec::new();
    for part in raw.split(['.', '_']) {
        numbers.push(part.parse().ok().filter(|_| part.bytes().all(|b| b.is_ascii_digit()))?);
    }
    while numbers.len() > 1 && numbers.last() == Some(&0) {
        numbers.pop();
    }
    Some(Name { kind, raw, numbers, name })
}

/// Whether a name that is none looks as if it were meant to be one.
fn looks_meant(path: &str) -> bool {
    let bytes = base(path).as_bytes();
    let (first, second) = (bytes.first().map(u8::to_ascii_uppercase), bytes.get(1).copied().unwrap_or_default());
    match first {
        Some(b'V' | b'U' | b'B') => second.is_ascii_digit() || second == b'_',
        Some(b'R') => second == b'_',
        _ => false,
    }
}

/// The text of a script with what its `.conf` says; all that is wrong with both.
struct Script {
    messages: Vec<Message>,
    transaction: bool,
}

fn script(files: &Files, path: &str) -> Result<Script, Trouble> {
    let Conf { transaction, placeholders } = conf(files, path)?;
    let whole = files.text(path)?;
    let text = whole.strip_prefix('\u{feff}').unwrap_or(whole);
    if let Some(at) = text.find("${").filter(|_| placeholders) {
        let words =
            format!("{path} has a placeholder of the tool, whose value is not known; the tool looks in comments too");
        let help = format!("write the value, or put placeholderReplacement=false in {path}.conf");
        return Err(Trouble::at(files, path, line_of(text, at), "placeholder", words).help(&help));
    }
    let messages = crate::statements(files, path, text, 1)?;
    let dialect = files.dialect();
    match dialect {
        Dialect::Postgres => {
            if let Some(rows) = split(text).skipped.iter().find(|s| s.what == SkippedKind::CopyData) {
                let words = format!("{path} holds rows behind COPY … FROM stdin, which can be run by the tool only");
                return Err(Trouble::at(files, path, rows.line, "copy-data", words).help("write INSERT statements"));
            }
        }
        Dialect::Sqlite => {
            if let Some(open) = messages.iter().find(|m| is_open(&m.sql)) {
                let words =
                    format!("{path} has a BEGIN without an END, and the tool takes every BEGIN for that of a body");
                return Err(Trouble::at(files, path, open.line, "open-block", words)
                    .help("begin the transaction with SAVEPOINT and end it with RELEASE"));
            }
        }
    }
    let runs_alone = |m: &&Message| runs_alone(dialect, &m.sql);
    let alone = messages.iter().filter(runs_alone).count();
    if transaction.is_none()
        && alone > 0
        && let Some(other) = messages.iter().find(|m| !runs_alone(m))
    {
        let words = format!(
            "{path} has statements that can run in a transaction and others that cannot; the tool refuses it (unless `mixed` is on)"
        );
        let help = format!("put executeInTransaction=false in {path}.conf");
        return Err(Trouble::at(files, path, other.line, "mixed-transactions", words).help(&help));
    }
    Ok(Script { transaction: transaction.unwrap_or(alone == 0), messages })
}

/// The statements of a script.
fn body(mode: Mode, sql: &[String]) -> String {
    match mode {
        Mode::Whole | Mode::Alone => joined(sql),
        Mode::Unchecked => {
            let within = around(&["SAVEPOINT \"underpin\""], &checked(sql), &["RELEASE \"underpin\""]);
            joined(&around(&[OFF], &within, &[ON]))
        }
    }
}

impl Format for Flyway {
    fn name(&self) -> &'static str {
        "flyway"
    }

    fn title(&self) -> &'static str {
        "Flyway"
    }

    fn recognises(&self, files: &Files) -> bool {
        // A folder of plain `V1__name.sql` may be refinery's as well: something that is none of its must tell.
        let of = |kind: Kind| files.iter().filter_map(|f| parse(f.0)).filter(move |n| n.kind == kind);
        let is_undone = |undo: &Name| of(Kind::Versioned).any(|v| v.numbers == undo.numbers);
        let is_setting = |path: &str| path.strip_suffix(".conf").is_some_and(|p| parse(p).is_some());
        of(Kind::Undo).all(|undo| is_undone(&undo))
            && ["atlas.sum", "underpin.sum", "refinery.toml"].iter().all(|f| files.bytes(f).is_none())
            && (of(Kind::Repeatable).next().is_some()
                || of(Kind::Undo).next().is_some()
                || of(Kind::Versioned).any(|name| !name.is_refinerys())
                || files.iter().any(|(path, _)| is_setting(path)))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut versioned: BTreeMap<Vec<u128>, (&str, Name)> = BTreeMap::new();
        let mut repeatable: BTreeMap<String, (&str, Name)> = BTreeMap::new();
        let mut undo: BTreeMap<Vec<u128>, (&str, Name)> = BTreeMap::new();
        let mut trouble = Vec::new();
        for (path, _) in files.iter() {
            let mut at = |code: &str, words: String, help: &str| {
                trouble.extend(Trouble::at(files, path, 1, code, words).help(help).0);
            };
            let Some(name) = parse(path) else {
                if !looks_meant(path) {
                    continue;
                }
                let lower = path.to_ascii_lowercase();
                if [".java", ".kt", ".class", ".groovy"].iter().any(|end| lower.ends_with(end)) {
                    let words =
                        format!("{path} is a program, which nothing but the team's own build of the tool can run");
                    at("program-migration", words, "write it as SQL");
                } else if lower.ends_with(".conf") && !lower.ends_with(".sql.conf") {
                    let words = format!("{path} is passed over by the tool: settings of a script end in .sql.conf");
                    at("bad-name", words, "rename it");
                } else if stem(path)
                    .is_some_and(|s| s.starts_with('B') && parse(&format!("V{}.sql", &s[1..])).is_some())
                {
                    let words =
                        format!("{path} is read by paid editions of the tool alone: what runs depends on the edition");
                    at("baseline-script", words, "move it out of the folder");
                } else if stem(path).is_some() {
                    let words = format!(
                        "{path} looks like a migration, but the tool passes over it: names are V, a version, `__` and a name, \
                         or R, `__` and a name"
                    );
                    at("bad-name", words, "rename it");
                }
                continue;
            };
            let before = match name.kind {
                Kind::Versioned => versioned.insert(name.numbers.clone(), (path, name)),
                Kind::Repeatable => repeatable.insert(name.name.replace('_', " "), (path, name)),
                Kind::Undo => undo.insert(name.numbers.clone(), (path, name)),
            };
            if let Some((before, _)) = before {
                let words = format!("{path} and {before} are the same migration to the tool, which refuses the folder");
                at("duplicate-version", words, "give one of them a version or a name of its own");
            }
        }
        for (path, name) in undo.values().filter(|(_, name)| !versioned.contains_key(&name.numbers)) {
            let words =
                format!("{path} takes back a migration that is not there: nothing has the version {}", name.version());
            trouble.extend(Trouble::at(files, path, 1, "down-without-up", words).0);
        }
        let mut found = Vec::new();
        for (path, name) in versioned.values().chain(repeatable.values()) {
            let mut take = |path: &str| script(files, path).map_err(|t| trouble.extend(t.0)).ok();
            let up = take(path);
            let down =
                undo.get(&name.numbers).filter(|_| name.kind == Kind::Versioned).and_then(|(path, _)| take(path));
            let Some(up) = up else { continue };
            let is_repeatable = name.kind == Kind::Repeatable;
            found.push(Migration {
                version: if is_repeatable { format!("R__{}", name.name) } else { name.version() },
                name: name.name.to_owned(),
                file: (*path).to_owned(),
                transaction: up.transaction,
                up: up.messages,
                down_transaction: down.as_ref().is_some_and(|down| down.transaction),
                down: down.map(|down| down.messages),
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
        let undoes = files.iter().any(|(path, _)| parse(path).is_some_and(|name| name.kind == Kind::Undo));
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(next_versions(there, new.len(), now)) {
            let mut script = |letter: &str, text: String, transaction: bool| {
                let path = format!("{letter}{version}__{}.sql", new.slug);
                let mut settings = String::new();
                if !transaction {
                    settings.push_str("executeInTransaction=false\n");
                }
                // There is no way to write `${` so that the tool leaves it.
                if text.contains("${") {
                    settings.push_str("placeholderReplacement=false\n");
                }
                let conf = format!("{path}.conf");
                written.push(Written { path, text });
                if !settings.is_empty() {
                    written.push(Written { path: conf, text: settings });
                }
            };
            let head = header(&new.summary, "--").replace("${", "$ {");
            script("V", head + &body(new.mode, &new.up), new.mode == Mode::Whole);
            if undoes {
                match &new.down {
                    Down::By { sql, .. } if sql.is_empty() => {
                        script("U", "-- Nothing is taken back.\nSELECT 1;\n".to_owned(), true);
                    }
                    Down::By { mode, sql } => script("U", body(*mode, sql), *mode == Mode::Whole),
                    Down::Cannot(why) => script("U", refusal(files.dialect(), why), true),
                }
            }
        }
        Ok(written)
    }

    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        let alone = |mode: Mode| mode == Mode::Alone;
        if dialect == Dialect::Sqlite || !new.iter().any(|n| alone(n.mode) || alone(n.down.mode())) {
            return stays_on(new).into_iter().collect();
        }
        vec![
            "Set flyway.postgresql.transactional.lock=false (or FLYWAY_POSTGRESQL_TRANSACTIONAL_LOCK=false): with the default \
             the tool keeps a transaction open in a second connection, for which CREATE INDEX CONCURRENTLY waits for ever."
                .to_owned(),
        ]
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.flyway_schema_history"],
            Dialect::Sqlite => &["flyway_schema_history"],
        }
    }

    fn stuck(&self, _: Dialect) -> Option<Stuck> {
        Some(Stuck {
            table: "flyway_schema_history",
            sql: "SELECT 'version ' || coalesce(version, description) || ' failed' FROM flyway_schema_history WHERE NOT success ORDER BY installed_rank",
            mend: "take back what of it was done, then `flyway repair`",
        })
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let dialect = files.dialect();
        let (table, user) = match dialect {
            Dialect::Postgres => (
                "CREATE TABLE IF NOT EXISTS flyway_schema_history (\n    \
                 installed_rank integer NOT NULL,\n    \
                 version varchar(50),\n    \
                 description varchar(200) NOT NULL,\n    \
                 type varchar(20) NOT NULL,\n    \
                 script varchar(1000) NOT NULL,\n    \
                 checksum integer,\n    \
                 installed_by varchar(100) NOT NULL,\n    \
                 installed_on timestamp NOT NULL DEFAULT now(),\n    \
                 execution_time integer NOT NULL,\n    \
                 success boolean NOT NULL,\n    \
                 CONSTRAINT flyway_schema_history_pk PRIMARY KEY (installed_rank)\n)",
                "current_user",
            ),
            Dialect::Sqlite => (
                "CREATE TABLE IF NOT EXISTS \"flyway_schema_history\" (\n    \
                 \"installed_rank\" INT NOT NULL PRIMARY KEY,\n    \
                 \"version\" VARCHAR(50),\n    \
                 \"description\" VARCHAR(200) NOT NULL,\n    \
                 \"type\" VARCHAR(20) NOT NULL,\n    \
                 \"script\" VARCHAR(1000) NOT NULL,\n    \
                 \"checksum\" INT,\n    \
                 \"installed_by\" VARCHAR(100) NOT NULL,\n    \
                 \"installed_on\" TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now')),\n    \
                 \"execution_time\" INT NOT NULL,\n    \
                 \"success\" BOOLEAN NOT NULL\n)",
                // There are no users; the tool writes nothing either.
                "''",
            ),
        };
        let mut sql = vec![
            table.to_owned(),
            "CREATE INDEX IF NOT EXISTS flyway_schema_history_s_idx ON flyway_schema_history (success)".to_owned(),
        ];
        for migration in done {
            let Some(name) = parse(&migration.file) else { continue };
            let sum = checksum(files.text(&migration.file)?);
            let script = dialect.literal(&migration.file);
            let (version, is_same) = if name.kind == Kind::Repeatable {
                ("NULL".to_owned(), format!("version IS NULL AND script = {script} AND checksum = {sum}"))
            } else {
                let version = dialect.literal(&name.version());
                // A row of a run that failed, which the tool's own `repair` takes away too.
                sql.push(format!("DELETE FROM flyway_schema_history WHERE version = {version} AND NOT success"));
                (version.clone(), format!("version = {version}"))
            };
            sql.push(format!(
                "INSERT INTO flyway_schema_history (installed_rank, version, description, type, script, checksum, \
                 installed_by, execution_time, success)\n    SELECT coalesce(max(installed_rank), 0) + 1, {version}, {}, 'SQL', \
                 {script}, {sum}, {user}, 0, true FROM flyway_schema_history\n    \
                 HAVING NOT EXISTS (SELECT 1 FROM flyway_schema_history WHERE {is_same} AND success)",
                dialect.literal(&name.name.replace('_', " "))
            ));
        }
        Ok(Baseline::by(sql))
    }
}

/// Versions behind the greatest that is there, written as that one: a time, or its last number counted up.
fn next_versions(there: &[Migration], count: usize, now: OffsetDateTime) -> Vec<String> {
    let last = there.iter().rev().find_map(|m| parse(&m.file).filter(|name| name.kind == Kind::Versioned));
    let Some(last) = last else { return (1..=count).map(|n| n.to_string()).collect() };
    let is_behind = |v: &String| v.parse::<u128>().is_ok_and(|n| vec![n] > last.numbers);
    if last.raw.len() == 14 {
        let stamps = next_stamp(there.iter().map(|m| m.version.as_str()), count, now);
        if stamps.first().is_some_and(is_behind) {
            return stamps;
        }
    }
    let (before, number) = match last.raw.rfind(['.', '_']) {
        Some(at) => last.raw.split_at(at + 1),
        None => ("", last.raw),
    };
    let width = number.len();
    let number: u128 = number.parse().unwrap_or(0);
    (1..=count as u128).map(|n| format!("{before}{:0width$}", number + n)).collect()
}
