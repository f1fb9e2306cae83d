//! Whether a folder of migrations for SQLite holds what it says: each is run, taken back and run again, and the schemas are compared.

use super::history::{Keys, Past, down, failed, up};
use super::memory::Memory;
use crate::history::History;
use crate::source::MigrationsDir;
use crate::verify::{REFUSED, Verified, not_taken_back, wrong};
use crate::{EngineError, Settings};
use underpin_migrations::Dialect;
use underpin_model::{Diagnostic, Severity};
use underpin_sqlite::LiteCatalog;

/// Runs every migration up, down and up again.
pub(crate) fn verify(settings: &Settings, folder: &MigrationsDir) -> Result<Verified, EngineError> {
    let history = History::read(folder, Dialect::Sqlite)?;
    let mut found = Verified {
        tool: history.format.title(),
        migrations: history.migrations.len(),
        both_ways: 0,
        waiting: Vec::new(),
        diagnostics: Vec::new(),
        texts: history.texts(),
    };
    if history.is_of_programs() {
        found.diagnostics.push(not_taken_back());
        Past::of(&history, settings)?;
        return Ok(found);
    }
    let read = |memory: &Memory| -> Result<LiteCatalog, EngineError> { memory.read().map_err(|e| failed(&e)) };
    let empty = || Memory::new().map_err(|e| failed(&e));
    let all_to = |n: usize| -> Result<Memory, EngineError> {
        let memory = empty()?;
        history.migrations[..=n].iter().try_for_each(|m| up(&history, &memory, m, Keys::Off))?;
        Ok(memory)
    };
    let mut memory = empty()?;
    let mut before = read(&memory)?;
    for (n, migration) in history.migrations.iter().enumerate() {
        up(&history, &memory, migration, Keys::Off)?;
        let after = read(&memory)?;
        match back(&history, &memory, n, (&before, &after), &mut found.diagnostics)? {
            Way::Both => found.both_ways += 1,
            // What comes behind it is looked at from where it should be.
            Way::Elsewhere => memory = all_to(n)?,
            Way::None => {
                found.diagnostics.push(Diagnostic::new(
                    Severity::Note,
                    "no-way-back",
                    format!("{} cannot be taken back", migration.file),
                ));
                memory = all_to(n)?;
            }
        }
        before = after;
    }
    Ok(found)
}

/// Where a migration leads that is taken back and run again.
enum Way {
    Both,
    /// Not where it should; that was told.
    Elsewhere,
    None,
}

fn back(
    history: &History,
    memory: &Memory,
    n: usize,
    (before, after): (&LiteCatalog, &LiteCatalog),
    told: &mut Vec<Diagnostic>,
) -> Result<Way, EngineError> {
    let migration = &history.migrations[n];
    match down(history, memory, migration, Keys::Off) {
        Ok(true) => {}
        Ok(false) => return Ok(Way::None),
        // Where it cannot be taken back, its down side refuses on purpose.
        Err(EngineError::Input(list)) if list.iter().any(|d| d.message.contains(REFUSED)) => return Ok(Way::None),
        Err(EngineError::Input(list)) => {
            told.extend(list);
            return Ok(Way::Elsewhere);
        }
        Err(error) => return Err(error),
    }
    let read = || memory.read().map_err(|e| failed(&e));
    if let Some(change) = underpin_diff::diff(&read()?, before).first() {
        told.push(wrong(
            "down-differs",
            &format!("taken back, {} leaves another schema than before it: {change}", migration.file),
        ));
        return Ok(Way::Elsewhere);
    }
    up(history, memory, migration, Keys::Off)?;
    if let Some(change) = underpin_diff::diff(&read()?, after).first() {
        told.push(wrong(
            "up-differs",
            &format!("run again, {} makes another schema than at first: {change}", migration.file),
        ));
        return Ok(Way::Elsewhere);
    }
    Ok(Way::Both)
}
