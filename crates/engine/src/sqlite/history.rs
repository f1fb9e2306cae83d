//! A folder of migrations replayed in memory: in the tool's order, with its transactions, and by the tool itself, in a file of its own,
//! where its migrations are programs.

use super::memory::{Memory, offset, words};
use super::scope;
use crate::history::History;
use crate::{EngineError, Patterns, Settings, program};
use rusqlite::{Connection, Error};
use std::ops::Range;
use underpin_migrations::{Message, Migration};
use underpin_model::{Diagnostic, Severity};
use underpin_sql::sqlite::split;
use underpin_sqlite::{LiteCatalog, introspect};

/// How foreign keys stand when the tool begins a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Off, as SQLite itself has them: what a team wrote may count on that.
    Off,
    /// On, unless the tool itself switches them off: what is written anew has to stand that.
    On,
}

/// What is behind the migrations of a folder.
pub(crate) struct Past<'h> {
    pub history: &'h History,
    /// The schema that the tool's own run has made, where only it can run them.
    built: Option<LiteCatalog>,
}

pub(crate) fn failed(error: &Error) -> EngineError {
    EngineError::Failure(words(error))
}

impl<'h> Past<'h> {
    /// Has the tool run what only it can run.
    pub fn of(history: &'h History, settings: &Settings) -> Result<Self, EngineError> {
        let built = if history.is_of_programs() { Some(by_program(history, settings)?) } else { None };
        Ok(Self { history, built })
    }

    /// A new database behind them.
    pub fn database(&self) -> Result<Memory, EngineError> {
        if let Some(built) = &self.built {
            return Memory::of(built).map_err(|e| failed(&e));
        }
        let memory = Memory::new().map_err(|e| failed(&e))?;
        self.history.migrations.iter().try_for_each(|m| up(self.history, &memory, m, Keys::Off))?;
        Ok(memory)
    }

    /// The schema of a database, without what the tool keeps for itself.
    pub fn read(&self, memory: &Memory) -> Result<LiteCatalog, EngineError> {
        without_own_objects(self.history, memory.read().map_err(|e| failed(&e))?)
    }
}

/// A schema without what the tool keeps for itself.
pub(crate) fn without_own_objects(history: &History, catalog: LiteCatalog) -> Result<LiteCatalog, EngineError> {
    let own = history.format.own_objects(history.files.dialect());
    let patterns: Vec<String> = own.iter().map(|p| (*p).to_owned()).collect();
    Ok(scope::only(&Patterns::new(&[], &patterns)?, catalog))
}

/// Has the tool run its migrations on a file of their own, and reads what came of it.
fn by_program(history: &History, settings: &Settings) -> Result<LiteCatalog, EngineError> {
    let failed =
        |why: String| EngineError::Failure(format!("no database file could be made for the tool to run: {why}"));
    let folder = tempfile::tempdir().map_err(|e| failed(e.to_string()))?;
    let path = folder.path().join("migrations.db");
    // Some tools want it to be there.
    Connection::open(&path).map_err(|e| failed(words(&e)))?;
    let name = path.display().to_string();
    let environment = vec![("DATABASE_URL", format!("sqlite:///{name}")), ("DATABASE_FILE", name)];
    program::run(history.program(settings)?, environment, "runs the migrations")?;
    let connection = Connection::open(&path).map_err(|e| failed(words(&e)))?;
    introspect(&connection).map_err(|e| failed(words(&e)))
}

/// Runs one migration.
pub(crate) fn up(history: &History, memory: &Memory, migration: &Migration, keys: Keys) -> Result<(), EngineError> {
    side(history, memory, &migration.up, migration.transaction, keys)
}

/// Takes one back. False where it has no such side.
pub(crate) fn down(history: &History, memory: &Memory, migration: &Migration, keys: Keys) -> Result<bool, EngineError> {
    let Some(down) = &migration.down else { return Ok(false) };
    side(history, memory, down, migration.down_transaction, keys)?;
    Ok(true)
}

fn side(
    history: &History,
    memory: &Memory,
    messages: &[Message],
    transaction: bool,
    keys: Keys,
) -> Result<(), EngineError> {
    let is_on = keys == Keys::On && !history.format.switches_keys_off();
    let state = if is_on { "PRAGMA foreign_keys = ON" } else { "PRAGMA foreign_keys = OFF" };
    memory.run(state).map_err(|e| failed(&e))?;
    let sent = attempt(history, memory, messages, transaction);
    if sent.is_err() && !memory.connection.is_autocommit() {
        memory.run("ROLLBACK").map_err(|e| failed(&e))?;
    }
    sent
}

fn attempt(history: &History, memory: &Memory, messages: &[Message], transaction: bool) -> Result<(), EngineError> {
    if transaction {
        memory.run("BEGIN").map_err(|e| failed(&e))?;
    }
    for message in messages {
        for piece in split(&message.sql).pieces {
            let sql = &message.sql[piece.span.clone()];
            memory.run(sql).map_err(|e| rejected(history, message, piece.span.clone(), &e))?;
        }
    }
    let Some(last) = messages.last() else {
        return if transaction { memory.run("COMMIT").map_err(|e| failed(&e)) } else { Ok(()) };
    };
    if transaction {
        return memory.run("COMMIT").map_err(|e| rejected(history, last, 0..last.sql.len(), &e));
    }
    if memory.connection.is_autocommit() {
        return Ok(());
    }
    let told = Diagnostic::new(
        Severity::Error,
        "migration-fails",
        format!("{} begins a transaction and does not end it", history.files.shown(&last.file)),
    );
    let place = history.place(last, 0..last.sql.len());
    Err(EngineError::Input(vec![
        told.at(Some(place))
            .note("the tool leaves it to SQLite then, which takes all of it back")
            .help("end it with COMMIT"),
    ]))
}

/// What is said of a statement that SQLite does not take.
fn rejected(history: &History, message: &Message, bytes: Range<usize>, error: &Error) -> EngineError {
    let sql = &message.sql[bytes.clone()];
    let at = offset(error).filter(|at| *at < sql.len() && sql.is_char_boundary(*at));
    let first = sql.lines().next().map_or(0, str::len);
    let marked = at.map_or(bytes.start..bytes.start + first, |at| {
        let width = sql[at..].chars().next().map_or(1, char::len_utf8);
        bytes.start + at..bytes.start + at + width
    });
    let head: String = sql.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
    let told = Diagnostic::new(
        Severity::Error,
        "migration-fails",
        format!("{} does not replay: {}", history.files.shown(&message.file), words(error)),
    );
    let place = history.place(message, marked);
    let help = "migrations must build the schema from an empty database; mend the file";
    EngineError::Input(vec![
        told.at(Some(place)).note(format!("in the statement that begins with `{head}`")).help(help),
    ])
}

/// Looks whether a run of the tool on a database has left it so that the tool runs nothing more.
pub(crate) fn refuse_stuck(history: &History, connection: &Connection) -> Result<(), EngineError> {
    let Some(stuck) = history.format.stuck(history.files.dialect()) else { return Ok(()) };
    let table = "SELECT count(*) > 0 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    let there: bool = connection.query_row(table, [stuck.table], |row| row.get(0)).map_err(|e| failed(&e))?;
    if !there {
        return Ok(());
    }
    let mut query = connection.prepare(stuck.sql).map_err(|e| failed(&e))?;
    let rows = query.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(|e| failed(&e))?;
    history.told_stuck(stuck, rows)
}
