//! Drizzle: `0003_name.sql` and `meta/_journal.json`, which alone tells what there is and in which order; in 1.0, where there is
//! no journal, `20261122103000_name/migration.sql`.
//!
//! A file is cut at `--> statement-breakpoint`, and all that is pending runs in one transaction. There is no way to say
//! otherwise, but a piece may end that transaction: what must not be in one stands between `COMMIT` and `START TRANSACTION`
//! (`BEGIN` is refused by postgres.js), and a migration that is to be a transaction of its own begins with
//! `COMMIT AND CHAIN`.
//!
//! In SQLite it depends on the driver. With better-sqlite3 and Bun's a piece may end the transaction as well. With @libsql/client
//! none may, but foreign keys are off in it: for that there is a format of its own, `drizzle-libsql`, of the same folders.
//!
//! Source: runs of drizzle-kit 0.31.11 and 1.0.0-rc.5; `migrator.js`, `pg-core/dialect.js`, `sqlite-core/dialect.js`,
//! `libsql/migrator.js` of drizzle-orm, `sqlite3.js` of @libsql/client.

mod folders;
mod journal;

use crate::migration::fit;
use crate::text::{head, hex, line_of, plain_text};
use crate::unchecked::{checked, framed};
use crate::{
    Baseline, Dialect, Files, Format, Message, Migration, Mode, New, Trouble, Written, next_number, next_stamp,
    terminated,
};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;

/// Where the tool cuts, wherever it stands.
const BREAK: &str = "--> statement-breakpoint";
const JOURNAL: &str = "meta/_journal.json";

/// With the driver, where that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drizzle {
    /// One that a piece may end the transaction of.
    Plain,
    /// @libsql/client.
    Libsql,
}

/// A piece that steers the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Commit,
    Chain,
    Begin,
}

/// What a piece steers; none where it is anything else than that one statement.
fn control(dialect: Dialect, piece: &str) -> Option<Control> {
    let statements = dialect.cut(piece).statements;
    let [(one, _)] = statements.as_slice() else { return None };
    let words: Vec<String> = piece[one.clone()].split_whitespace().map(str::to_ascii_uppercase).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["COMMIT" | "END"] | ["COMMIT" | "END", "WORK" | "TRANSACTION"] => Some(Control::Commit),
        ["COMMIT" | "END", "AND", "CHAIN"] | ["COMMIT" | "END", "WORK" | "TRANSACTION", "AND", "CHAIN"] => {
            Some(Control::Chain)
        }
        ["START", "TRANSACTION"] | ["BEGIN"] | ["BEGIN", "WORK" | "TRANSACTION"] => Some(Control::Begin),
        _ => None,
    }
}

/// The pieces of a file, and whether they run in the tool's transaction.
fn pieces(files: &Files, path: &str) -> Result<(Vec<Message>, bool), Trouble> {
    let text = plain_text(files, path, ", which the tool sends to the server; it refuses that")?;
    let mut messages = Vec::new();
    let mut at = 0;
    for piece in text.split(BREAK) {
        let begins = at + (piece.len() - piece.trim_start().len());
        // What holds nothing is sent too, and does nothing.
        let line = line_of(text, begins);
        let statements = files.dialect().cut(piece).statements;
        if let ([_, (_, second), ..], Dialect::Sqlite) = (statements.as_slice(), files.dialect()) {
            let words =
                format!("{path} holds several statements in one piece, of which drivers of SQLite run one or none");
            return Err(Trouble::at(files, path, line_of(text, at) + second - 1, "several-statements", words)
                .help("put a line `--> statement-breakpoint` between them"));
        }
        if (statements.is_empty(), files.dialect()) == (true, Dialect::Sqlite) {
            let words = format!("{path} has a piece without a statement, which drivers of SQLite refuse");
            return Err(Trouble::at(files, path, line, "empty-piece", words)
                .help("take it away with the `--> statement-breakpoint` beside it"));
        }
        if !statements.is_empty() {
            messages.push(Message { sql: piece.trim().to_owned(), file: path.to_owned(), line });
        }
        at += piece.len() + BREAK.len();
    }
    let steers: Vec<Option<Control>> = messages.iter().map(|m| control(files.dialect(), &m.sql)).collect();
    if files.dialect() == Dialect::Sqlite {
        // Between the two may be a transaction of the file's own.
        if let ([Some(Control::Commit), .., Some(Control::Begin)], [_, .., _]) =
            (steers.as_slice(), messages.as_slice())
        {
            messages.pop();
            messages.remove(0);
            return Ok((messages, false));
        }
        return Ok((messages, true));
    }
    let inner = |range: std::ops::Range<usize>| steers.get(range).is_some_and(|s| s.iter().all(Option::is_none));
    let last = messages.len().saturating_sub(1);
    if last > 1 && steers[0] == Some(Control::Commit) && steers[last] == Some(Control::Begin) && inner(1..last) {
        return Ok((messages.drain(1..last).collect(), false));
    }
    if steers.first() == Some(&Some(Control::Chain)) && inner(1..messages.len()) {
        messages.remove(0);
    }
    Ok((messages, true))
}

/// The pieces of a file. `chained`: it follows on another new one, of whose transaction it is to be no part; in SQLite, where
/// nothing is locked for others but the file as a whole, it may be.
fn script(files: &Files, driver: Drizzle, new: &New, chained: bool) -> Result<Vec<String>, Trouble> {
    let terminated = |sql: &[String]| sql.iter().map(|s| terminated(s)).collect::<Vec<_>>();
    let between = |sql: &[String], begin: &str| {
        let mut pieces = terminated(sql);
        pieces.insert(0, "COMMIT;".to_owned());
        pieces.push(format!("{begin};"));
        pieces
    };
    Ok(match (files.dialect(), driver, new.mode) {
        (Dialect::Postgres, Drizzle::Libsql, _) => {
            let words = "drizzle-libsql is for SQLite, and this folder is for PostgreSQL";
            return Err(Trouble::new("other-database", words).help("name the format drizzle"));
        }
        (Dialect::Postgres, Drizzle::Plain, Mode::Whole | Mode::Unchecked) if chained => {
            let mut pieces = terminated(&new.up);
            pieces.insert(0, "-- Not in one transaction with what stands before.\nCOMMIT AND CHAIN;".to_owned());
            pieces
        }
        (_, _, Mode::Whole) | (Dialect::Postgres, Drizzle::Plain, Mode::Unchecked) => terminated(&new.up),
        (Dialect::Postgres, Drizzle::Plain, Mode::Alone) => between(&new.up, "START TRANSACTION"),
        (Dialect::Sqlite, Drizzle::Plain, Mode::Alone) => between(&new.up, "BEGIN"),
        (Dialect::Sqlite, Drizzle::Plain, Mode::Unchecked) => between(&framed(&new.up), "BEGIN"),
        (Dialect::Sqlite, Drizzle::Libsql, Mode::Unchecked) => terminated(&checked(&new.up)),
        (Dialect::Sqlite, Drizzle::Libsql, Mode::Alone) => {
            let words = format!("{} must not be in a transaction, and @libsql/client has all in one", new.slug);
            return Err(Trouble::new("no-transaction-needed", words).help("run it with `underpin apply`"));
        }
    })
}

/// The text of a file.
fn file(files: &Files, driver: Drizzle, new: &New, chained: bool) -> Result<String, Trouble> {
    if new.up.iter().any(|s| s.contains(BREAK)) {
        let words = format!(
            "the migration {} holds the text `{BREAK}`, at which Drizzle cuts wherever it stands ({})",
            new.slug,
            files.root().display()
        );
        return Err(
            Trouble::new("marker-in-sql", words).help("write it in two pieces, '-' || '-> …'; or change the comment")
        );
    }
    let head = head(new).replace(BREAK, "-- > statement-breakpoint");
    let pieces = script(files, driver, new, chained)?;
    Ok(format!("{head}\n{}\n", pieces.join(&format!("\n{BREAK}\n"))))
}

fn files_of(files: &Files, driver: Drizzle, new: &[New]) -> Result<Vec<String>, Trouble> {
    fit(files, new)?;
    new.iter().enumerate().map(|(n, one)| file(files, driver, one, n > 0)).collect()
}

/// What the tool records of a file and never compares.
fn hash(files: &Files, path: &str) -> Result<String, Trouble> {
    Ok(hex(&Sha256::digest(files.text(path)?.as_bytes())))
}

/// Whether the folder is of 1.0: there is no journal, but folders with a file. An empty one is of the version that is
/// released, 0.31.
fn is_of_folders(files: &Files) -> bool {
    files.bytes(JOURNAL).is_none() && folders::all(files).next().is_some()
}

impl Format for Drizzle {
    fn name(&self) -> &'static str {
        match self {
            Self::Plain => "drizzle",
            Self::Libsql => "drizzle-libsql",
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Plain => "Drizzle",
            Self::Libsql => "Drizzle (with @libsql/client)",
        }
    }

    fn kept_as(&self) -> &'static str {
        "drizzle"
    }

    fn switches_keys_off(&self) -> bool {
        *self == Self::Libsql
    }

    fn recognises(&self, files: &Files) -> bool {
        // Which driver runs a folder is not told by it.
        if *self == Self::Libsql {
            return false;
        }
        // Prisma has folders of the same form, without snapshots and with a file that names the provider.
        files.bytes(JOURNAL).is_some()
            || files.bytes("migration_lock.toml").is_none()
                && folders::all(files).any(|f| files.bytes(&format!("{f}/snapshot.json")).is_some())
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let read = if is_of_folders(files) { folders::read(files)? } else { journal::read(files)? };
        if *self == Self::Libsql {
            let found: Vec<_> = read
                .iter()
                .filter(|m| !m.transaction)
                .flat_map(|m| {
                    let words =
                        format!("{} ends the transaction that all runs in, which @libsql/client refuses", m.file);
                    Trouble::at(files, &m.file, 1, "ends-transaction", words)
                        .help("take its first and its last piece away: foreign keys are off in that transaction")
                        .0
                })
                .collect();
            if !found.is_empty() {
                return Err(Trouble(found));
            }
        }
        Ok(read)
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        if !is_of_folders(files) {
            return journal::write(files, *self, new, now);
        }
        let stamps = next_stamp(there.iter().map(|m| m.version.as_str()), new.len(), now);
        let written = |((new, stamp), text): ((&New, String), String)| Written {
            path: format!("{stamp}_{}/migration.sql", new.slug),
            text,
        };
        Ok(new.iter().zip(stamps).zip(files_of(files, *self, new)?).map(written).collect())
    }

    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        let mut advice = Vec::new();
        if !new.is_empty() {
            advice.push(
                "Drizzle's snapshots do not know these migrations. Bring its schema file up to date, run \
                 `drizzle-kit generate --name snapshot` once, and put a comment in the place of the SQL that it writes: only \
                 its snapshot is needed."
                    .to_owned(),
            );
        }
        let ends = new.iter().any(|n| n.mode != Mode::Whole);
        let words = match (dialect, self) {
            (Dialect::Postgres, _) if new.len() > 1 || ends => {
                "These migrations end the one transaction that Drizzle runs all in, so that what stands before them stays \
                 where a later one fails, and they need a driver that keeps to one session (pg or postgres.js, not an HTTP one)."
            }
            (Dialect::Sqlite, Self::Plain) if ends => {
                "These migrations end the one transaction that Drizzle runs all in, to switch foreign keys off, so that what \
                 stands before them stays where a later one fails. They need better-sqlite3 or Bun's driver; where the team \
                 migrates with @libsql/client, which refuses them, write them with --format drizzle-libsql."
            }
            (Dialect::Sqlite, Self::Libsql) if ends => {
                "These migrations are for @libsql/client alone, which has foreign keys off while it migrates; another driver stops \
                 at their first statements."
            }
            (Dialect::Postgres | Dialect::Sqlite, _) => return advice,
        };
        advice.push(words.to_owned());
        advice
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["drizzle"],
            Dialect::Sqlite => &["__drizzle_migrations"],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        let mut sql =
            if is_of_folders(files) { folders::baseline(files, done, now)? } else { journal::baseline(files, done)? };
        if files.dialect() == Dialect::Postgres {
            sql.insert(0, "CREATE SCHEMA IF NOT EXISTS drizzle".to_owned());
        }
        Ok(Baseline::by(sql))
    }
}

/// The tool's own table.
fn table(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "drizzle.__drizzle_migrations",
        Dialect::Sqlite => "__drizzle_migrations",
    }
}

#[cfg(test)]
mod tests;
