//! Drizzle: `0003_name.sql` and `meta/_journal.json`, which alone tells what there is and in which order; in 1.0, where there is
//! no journal, `20261122103000_name/migration.sql`.
//!
//! A file is cut at `--> statement-breakpoint`, and all that is pending runs in one transaction. There is no way to say
//! otherwise, but a piece may end that transaction: what must not be in one stands between `COMMIT` and `START TRANSACTION`
//! (`BEGIN` is refused by postgres.js), and a migration that is to be a transaction of its own begins with
//! `COMMIT AND CHAIN`.
//!
//! Source: runs of drizzle-kit 0.31.11 and 1.0.0-rc.5; `migrator.js`, `pg-core/dialect.js` of drizzle-orm.

mod folders;
mod journal;

use crate::text::{head, hex, line_of, plain_text};
use crate::{Baseline, Files, Format, Message, Migration, New, Trouble, Written, next_number, next_stamp, terminated};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use underpin_sql::split;

/// Where the tool cuts, wherever it stands.
const BREAK: &str = "--> statement-breakpoint";
const JOURNAL: &str = "meta/_journal.json";

pub(super) struct Drizzle;

/// A piece that steers the transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Control {
    Commit,
    Chain,
    Begin,
}

/// What a piece steers; none where it is anything else than that one statement.
fn control(piece: &str) -> Option<Control> {
    let statements = split(piece).statements;
    let [one] = statements.as_slice() else { return None };
    let words: Vec<String> = piece[one.span.clone()].split_whitespace().map(str::to_ascii_uppercase).collect();
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
        if !split(piece).statements.is_empty() {
            messages.push(Message { sql: piece.trim().to_owned(), file: path.to_owned(), line: line_of(text, begins) });
        }
        at += piece.len() + BREAK.len();
    }
    let steers: Vec<Option<Control>> = messages.iter().map(|m| control(&m.sql)).collect();
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

/// The text of a file. `chained`: it follows on another new one, of whose transaction it is to be no part.
fn file(files: &Files, new: &New, chained: bool) -> Result<String, Trouble> {
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
    let mut pieces: Vec<String> = new.up.iter().map(|s| terminated(s)).collect();
    if !new.transaction {
        pieces.insert(0, "COMMIT;".to_owned());
        pieces.push("START TRANSACTION;".to_owned());
    } else if chained {
        pieces.insert(0, "-- Not in one transaction with what stands before.\nCOMMIT AND CHAIN;".to_owned());
    }
    let head = head(new).replace(BREAK, "-- > statement-breakpoint");
    Ok(format!("{head}\n{}\n", pieces.join(&format!("\n{BREAK}\n"))))
}

fn files_of(files: &Files, new: &[New]) -> Result<Vec<String>, Trouble> {
    new.iter().enumerate().map(|(n, one)| file(files, one, n > 0)).collect()
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
        "drizzle"
    }

    fn title(&self) -> &'static str {
        "Drizzle"
    }

    fn recognises(&self, files: &Files) -> bool {
        // Prisma has folders of the same form, without snapshots and with a file that names the provider.
        files.bytes(JOURNAL).is_some()
            || files.bytes("migration_lock.toml").is_none()
                && folders::all(files).any(|f| files.bytes(&format!("{f}/snapshot.json")).is_some())
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        if is_of_folders(files) { folders::read(files) } else { journal::read(files) }
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        if !is_of_folders(files) {
            return journal::write(files, there, new, now);
        }
        let stamps = next_stamp(there.iter().map(|m| m.version.as_str()), new.len(), now);
        let written = |((new, stamp), text): ((&New, String), String)| Written {
            path: format!("{stamp}_{}/migration.sql", new.slug),
            text,
        };
        Ok(new.iter().zip(stamps).zip(files_of(files, new)?).map(written).collect())
    }

    fn advice(&self, new: &[New]) -> Vec<String> {
        let mut advice = Vec::new();
        if !new.is_empty() {
            advice.push(
                "Drizzle's snapshots do not know these migrations. Bring its schema file up to date, run \
                 `drizzle-kit generate --name snapshot` once, and put a comment in the place of the SQL that it writes: only \
                 its snapshot is needed."
                    .to_owned(),
            );
        }
        if new.len() > 1 || new.iter().any(|n| !n.transaction) {
            advice.push(
                "These migrations end the one transaction that Drizzle runs all in, so that what stands before them stays \
                 where a later one fails, and they need a driver that keeps to one session (pg or postgres.js, not an HTTP one)."
                    .to_owned(),
            );
        }
        advice
    }

    fn own_objects(&self) -> &'static [&'static str] {
        &["drizzle"]
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let schema = "CREATE SCHEMA IF NOT EXISTS drizzle".to_owned();
        let mut sql =
            if is_of_folders(files) { folders::baseline(files, done)? } else { journal::baseline(files, done)? };
        sql.insert(0, schema);
        Ok(Baseline { sql })
    }
}

#[cfg(test)]
mod tests;
