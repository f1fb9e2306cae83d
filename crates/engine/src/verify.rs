//! Whether a folder of migrations holds what it says: each is run, taken back and run again, and the schemas are compared.

use crate::desired::read_back;
use crate::files::FileTexts;
use crate::generate::run_waiting;
use crate::history::History;
use crate::pending::{self, Pending};
use crate::side::{Workshop, likeness_of};
use crate::source::MigrationsDir;
use crate::{Dialect, EngineError, Settings};
use underpin_model::{Diagnostic, Severity};
use underpin_postgres::PgCatalog;

/// What down sides say that refuse on purpose.
pub(crate) const REFUSED: &str = "cannot be taken back";

/// What was found.
#[derive(Debug)]
pub struct Verified {
    /// The tool.
    pub tool: &'static str,
    /// How many migrations there are.
    pub migrations: usize,
    /// How many of them were run, taken back and run again.
    pub both_ways: usize,
    /// The contracts that wait, which run behind the rest.
    pub waiting: Vec<String>,
    /// What is wrong or cannot be looked at.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts of the files, for messages.
    pub texts: FileTexts,
}

/// Runs every migration up, down and up again.
///
/// # Errors
/// When the folder cannot be read, or a migration does not run.
pub fn verify(settings: &Settings, folder: &MigrationsDir) -> Result<Verified, EngineError> {
    match settings.of_dialect()? {
        Dialect::Postgres => {}
        Dialect::Sqlite => return crate::sqlite::verify(settings, folder),
    }
    let history = History::read(folder, Dialect::Postgres.into())?;
    let waiting = pending::read(&folder.path)?;
    let trust = settings.trust_sql;
    let workshop = Workshop::new(settings, likeness_of(settings, None));
    let mut found = Verified {
        tool: history.format.title(),
        migrations: history.migrations.len(),
        both_ways: 0,
        waiting: waiting.iter().map(|p| p.name.clone()).collect(),
        diagnostics: waiting.iter().flat_map(Pending::told).collect(),
        texts: history.texts(),
    };
    let mut database = if history.is_of_programs() {
        found.diagnostics.push(not_taken_back());
        history.replayed(&workshop)?
    } else {
        let mut database = workshop.dev()?.database()?;
        let read = |database: &mut _| -> Result<PgCatalog, EngineError> {
            let mut catalog = read_back(database)?;
            catalog.diagnostics.clear();
            Ok(catalog)
        };
        let mut before = read(&mut database)?;
        for (n, migration) in history.migrations.iter().enumerate() {
            history.up(&mut database, migration, trust)?;
            let after = read(&mut database)?;
            let back = match history.down(&mut database, migration, trust) {
                Ok(back) => back,
                // Where it cannot be taken back, its down side refuses on purpose.
                Err(EngineError::Input(list)) if list.iter().any(|d| d.message.contains(REFUSED)) => false,
                Err(EngineError::Input(list)) => {
                    found.diagnostics.extend(list);
                    database = workshop.dev()?.database()?;
                    history.migrations[..=n].iter().try_for_each(|m| history.up(&mut database, m, trust))?;
                    before = after;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if back {
                let is = read(&mut database)?;
                if let Some(change) = underpin_diff::diff(&is, &before).first() {
                    found.diagnostics.push(wrong(
                        "down-differs",
                        &format!(
                            "taken back, {} leaves another schema than before it: {} differs",
                            migration.file,
                            change.id()
                        ),
                    ));
                    // What comes behind it is looked at from where it should be.
                    database = workshop.dev()?.database()?;
                    history.migrations[..=n].iter().try_for_each(|m| history.up(&mut database, m, trust))?;
                    before = after;
                    continue;
                }
                history.up(&mut database, migration, trust)?;
                let is = read(&mut database)?;
                if let Some(change) = underpin_diff::diff(&is, &after).first() {
                    found.diagnostics.push(wrong(
                        "up-differs",
                        &format!(
                            "run again, {} makes another schema than at first: {} differs",
                            migration.file,
                            change.id()
                        ),
                    ));
                }
                found.both_ways += 1;
            } else {
                found.diagnostics.push(Diagnostic::new(
                    Severity::Note,
                    "no-way-back",
                    format!("{} cannot be taken back", migration.file),
                ));
            }
            before = after;
        }
        database
    };
    run_waiting(&history, &mut database, &waiting, trust)?;
    Ok(found)
}

/// What is said of migrations that only their tool can run.
pub(crate) fn not_taken_back() -> Diagnostic {
    let words =
        "migrations that are programs were run by the tool; whether their down sides lead back was not looked at";
    Diagnostic::new(Severity::Note, "not-taken-back", words)
}

/// What is said of one whose down side does not lead back.
pub(crate) fn wrong(code: &str, words: &str) -> Diagnostic {
    Diagnostic::new(Severity::Error, code, words)
        .help("mend the down side; `underpin generate` writes such that lead back")
}
