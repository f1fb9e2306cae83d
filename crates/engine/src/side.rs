//! One side of a comparison, whatever it is read from.

use crate::cache::Slot;
use crate::desired::{Desired, elaborate, read_back};
use crate::dev::{Dev, Likeness};
use crate::files::{FileTexts, SqlFiles};
use crate::history::History;
use crate::live::Live;
use crate::source::Source;
use crate::{Dialect, EngineError, Settings, program, refuse_gaps, versions};
use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;
use underpin_model::{Diagnostic, Kind};
use underpin_postgres::{PgCatalog, PgKind, RUNNER, Server, introspect, rebuild_script};
use underpin_report::wire::SnapshotV1;

/// The development server of a run, brought up when it is first needed.
pub(crate) struct Workshop<'a> {
    settings: &'a Settings,
    likeness: Likeness,
    dev: OnceLock<Dev>,
}

impl<'a> Workshop<'a> {
    pub fn new(settings: &'a Settings, likeness: Likeness) -> Self {
        Self { settings, likeness, dev: OnceLock::new() }
    }

    /// What the command was told.
    pub fn settings(&self) -> &'a Settings {
        self.settings
    }

    /// The time zone of the live session.
    pub fn time_zone(&self) -> &str {
        &self.likeness.time_zone
    }

    /// The major version of the server, where it was brought up.
    pub fn major(&self) -> Option<u32> {
        self.dev.get().and_then(|dev| dev.major().ok())
    }

    /// The server.
    pub fn dev(&self) -> Result<&Dev, EngineError> {
        if let Some(dev) = self.dev.get() {
            return Ok(dev);
        }
        let live = match &self.settings.db {
            Source::Database(target) => Some(target),
            Source::Sqlite(_) | Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
                None
            }
        };
        let dev = Dev::start(&self.settings.dev_db, live, self.likeness.clone())?;
        Ok(self.dev.get_or_init(|| dev))
    }

    fn elaborated(&self, files: &SqlFiles) -> Result<(Desired, FileTexts), EngineError> {
        let texts = files.texts();
        let slot = Slot::find(self.settings, &self.likeness, files);
        if let Some(known) = slot.as_ref().and_then(Slot::read) {
            return Ok((known, texts));
        }
        let desired = elaborate(self.dev()?, files, self.settings.trust_sql)?;
        if let Some(slot) = slot {
            slot.write(&desired);
        }
        Ok((desired, texts))
    }

    /// The desired side, from the cache where it is known.
    pub fn desired(&self, source: &Source) -> Result<(Desired, FileTexts), EngineError> {
        match source {
            Source::Files(paths) => self.elaborated(&SqlFiles::read(paths)?),
            Source::Program(words) => {
                // Some tools print their models only beside a database to compare them with: it gets an empty one.
                let database = self.dev()?.database()?;
                self.elaborated(&program::printed(words, database.environment())?)
            }
            Source::Database(target) => {
                let mut live = Live::connect(target)?;
                let catalog = introspect(&mut live.client, &live.server, &HashMap::new())?;
                let diagnostics = catalog.diagnostics.clone();
                let major = Some(live.server.major());
                Ok((Desired { catalog, diagnostics, major, ..Desired::default() }, FileTexts::default()))
            }
            Source::Migrations(folder) => {
                let folder = History::read(folder, Dialect::Postgres.into())?;
                let mut database = folder.replayed(self)?;
                let catalog = folder.without_own_objects(read_back(&mut database)?)?;
                let diagnostics = catalog.diagnostics.clone();
                let major = Some(self.dev()?.major()?);
                Ok((Desired { catalog, diagnostics, major, ..Desired::default() }, folder.texts()))
            }
            Source::Sqlite(file) => Err(EngineError::Usage(format!(
                "{} is a SQLite database and the other side is PostgreSQL; schemas of two kinds of database cannot be compared",
                file.words()
            ))),
            Source::Snapshot(path) => {
                Ok((Desired { catalog: snapshot(path)?, ..Desired::default() }, FileTexts::default()))
            }
        }
    }
}

fn snapshot(path: &Path) -> Result<PgCatalog, EngineError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|e| EngineError::input("bad-snapshot", format!("{name} cannot be read as a snapshot: {e}")))?;
    snapshot_of(&name, &text)
}

/// A schema as a snapshot says it; `name` is what it is called in errors.
pub(crate) fn snapshot_of(name: &str, text: &str) -> Result<PgCatalog, EngineError> {
    let bad = |why: String| EngineError::input("bad-snapshot", format!("{name} cannot be read as a snapshot: {why}"));
    let snapshot: SnapshotV1 = underpin_report::wire::read(text).map_err(|e| bad(e.to_string()))?;
    let kind = |name: &str| PgKind::ALL.iter().copied().find(|k| k.name() == name);
    snapshot.to_catalog(kind).map_err(|e| bad(e.to_string()))
}

/// The side that is there.
pub(crate) struct There {
    pub live: Option<Live>,
    pub server: Server,
    pub user: String,
    pub catalog: PgCatalog,
}

/// The server that a side without a database of its own counts as: the newest on this machine.
pub(crate) fn likeness_of(settings: &Settings, live: Option<&Live>) -> Likeness {
    match (live, &settings.schema) {
        (Some(live), _) => live.likeness.clone(),
        (None, _) => Likeness { user: "postgres".to_owned(), time_zone: "UTC".to_owned(), ..Likeness::default() },
    }
}

/// The server that files of migrations are planned for: whoever runs them has another name in every database.
pub(crate) fn likeness_of_files() -> Likeness {
    Likeness { user: RUNNER.to_owned(), time_zone: "UTC".to_owned(), ..Likeness::default() }
}

/// Reads the side that is there when it is no database.
pub(crate) fn without_database(
    workshop: &Workshop<'_>,
    settings: &Settings,
) -> Result<(There, Desired, FileTexts), EngineError> {
    let (desired, texts) = workshop.desired(&settings.db)?;
    let mut database = workshop.dev()?.database()?;
    let server = underpin_postgres::server_of(&mut database.loader)?;
    let there = There { live: None, server, user: "postgres".to_owned(), catalog: desired.catalog.clone() };
    Ok((there, desired, texts))
}

/// A schema that was read to be shown.
pub struct Inspected {
    /// What is there, by its printed addresses in order.
    pub objects: Vec<String>,
    /// All of it, as a document.
    pub snapshot: SnapshotV1,
    /// Statements that come before those of the script.
    pub prologue: Vec<String>,
    /// The statements that rebuild it, in order.
    pub script: Vec<String>,
    /// What a person should know.
    pub diagnostics: Vec<Diagnostic>,
    /// Texts of the files, where it was read from files.
    pub texts: FileTexts,
}

/// Reads a schema and writes it down as SQL.
///
/// # Errors
/// When the source cannot be read.
pub fn inspect(settings: &Settings) -> Result<Inspected, EngineError> {
    match settings.of_dialect()? {
        Dialect::Postgres => {}
        Dialect::Sqlite => return crate::sqlite::inspect(settings),
    }
    let (catalog, server, user, mut diagnostics, texts) = match &settings.db {
        Source::Database(target) => {
            let mut live = Live::connect(target)?;
            let catalog = introspect(&mut live.client, &live.server, &HashMap::new())?;
            let diagnostics = catalog.diagnostics.clone();
            (catalog, live.server, live.likeness.user, diagnostics, FileTexts::default())
        }
        Source::Sqlite(_) | Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
            let workshop = Workshop::new(settings, likeness_of(settings, None));
            let (there, desired, texts) = without_database(&workshop, settings)?;
            (there.catalog, there.server, there.user, desired.diagnostics, texts)
        }
    };
    diagnostics = settings.patterns.concerned(diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    diagnostics.extend(versions::told(&catalog));
    let catalog = settings.patterns.only(versions::bare(&catalog).unwrap_or(catalog));
    let script = rebuild_script(&server, &user, &catalog)?;
    diagnostics.dedup();
    let snapshot = SnapshotV1::of_catalog(Dialect::Postgres.name(), &server.text, &catalog)
        .map_err(|e| EngineError::Failure(e.to_string()))?;
    Ok(Inspected {
        objects: catalog.objects.keys().map(ToString::to_string).collect(),
        snapshot,
        // Bodies are looked at when they run: what they name may come later in the script.
        prologue: vec!["SET check_function_bodies = off".to_owned()],
        script,
        diagnostics,
        texts,
    })
}
