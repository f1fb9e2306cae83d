//! One side of a comparison, whatever it is read from.

use super::DIALECT;
use super::desired::{Desired, elaborate};
use super::history::Past;
use super::memory::{Memory, script, words};
use super::scope;
use crate::files::{FileTexts, SqlFiles};
use crate::history::History;
use crate::side::Inspected;
use crate::source::Source;
use crate::{EngineError, Settings, program, refuse_gaps};
use rusqlite::Connection;
use underpin_model::Kind;
use underpin_report::wire::SnapshotV1;
use underpin_sqlite::{Library, LiteCatalog, LiteKind, introspect};

/// A side that was read.
pub(crate) struct Side {
    pub desired: Desired,
    pub texts: FileTexts,
    /// The database, where it is one.
    pub live: Option<Connection>,
}

/// Reads a side.
pub(crate) fn read(settings: &Settings, source: &Source) -> Result<Side, EngineError> {
    let without = |desired: Desired, texts: FileTexts| Side { desired, texts, live: None };
    Ok(match source {
        Source::Sqlite(file) => {
            let connection = file.open_to_read()?;
            let catalog = introspect(&connection).map_err(|e| file.explained(&e))?;
            let diagnostics = catalog.diagnostics.clone();
            let desired = Desired { catalog, diagnostics, ..Desired::default() };
            Side { desired, texts: FileTexts::default(), live: Some(connection) }
        }
        Source::Files(paths) => {
            let files = SqlFiles::read(paths)?;
            without(elaborate(&files)?, files.texts())
        }
        Source::Program(command) => {
            let files = program::printed(command, Vec::new())?;
            without(elaborate(&files)?, files.texts())
        }
        Source::Snapshot(path) => {
            let desired = Desired { catalog: snapshot(path)?, ..Desired::default() };
            without(desired, FileTexts::default())
        }
        Source::Migrations(folder) => {
            let history = History::read(folder, underpin_migrations::Dialect::Sqlite)?;
            let past = Past::of(&history, settings)?;
            let memory = past.database()?;
            let catalog = past.read(&memory)?;
            let mut diagnostics = catalog.diagnostics.clone();
            diagnostics.extend(memory.lacking());
            without(Desired { catalog, diagnostics, ..Desired::default() }, history.texts())
        }
        Source::Database(target) => {
            return Err(EngineError::Usage(format!(
                "{} is a PostgreSQL server and the other side is SQLite; schemas of two kinds of database cannot be compared",
                target.redacted()
            )));
        }
    })
}

fn snapshot(path: &std::path::Path) -> Result<LiteCatalog, EngineError> {
    let name = path.display().to_string();
    let bad = |why: String| EngineError::input("bad-snapshot", format!("{name} cannot be read as a snapshot: {why}"));
    let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
    let snapshot: SnapshotV1 = underpin_report::wire::read(&text).map_err(|e| bad(e.to_string()))?;
    if snapshot.dialect != DIALECT {
        return Err(bad(format!("it is of {}, and the other side is SQLite", snapshot.dialect)));
    }
    let kind = |name: &str| LiteKind::ALL.iter().copied().find(|k| k.name() == name);
    snapshot.to_catalog(kind).map_err(|e| bad(e.to_string()))
}

/// Reads a schema and writes it down.
pub(crate) fn inspect(settings: &Settings) -> Result<Inspected, EngineError> {
    let side = read(settings, &settings.db)?;
    let diagnostics = settings.patterns.concerned(side.desired.diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    let catalog = scope::only(&settings.patterns, side.desired.catalog);
    let script = script(&catalog);
    // What is written down is tried: a schema that cannot be made again is no script.
    Memory::of(&catalog)
        .map_err(|e| EngineError::Failure(format!("the schema cannot be made again as it is: {}", words(&e))))?;
    let server = Library::bundled().to_string();
    let snapshot =
        SnapshotV1::of_catalog(DIALECT, &server, &catalog).map_err(|e| EngineError::Failure(e.to_string()))?;
    Ok(Inspected {
        objects: catalog.objects.keys().map(ToString::to_string).collect(),
        snapshot,
        prologue: Vec::new(),
        script,
        diagnostics,
        texts: side.texts,
    })
}
