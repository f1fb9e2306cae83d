//! The first migration of a folder, written from a database that is there, which is told that it has it.

use crate::desired::{Desired, read_back};
use crate::error::server_words;
use crate::files::FileTexts;
use crate::generate::{Generated, Output, Request, checked_name, run, write_now};
use crate::history::History;
use crate::live::Live;
use crate::plan::between;
use crate::side::{There, Workshop, likeness_of};
use crate::source::Source;
use crate::{Dialect, EngineError, Settings, Switch};
use postgres::Client;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use underpin_migrations::{Down, Mode, New};
use underpin_model::Strategy;
use underpin_postgres::{PgKind, introspect, rebuild_script};

/// Writes the first migration from what a database has, and tells the tool's own table there that it was run.
///
/// # Errors
/// When the folder has migrations already, the database cannot be read, or the files do not build what it has.
pub fn baseline(settings: &Settings, request: &Request) -> Result<Generated, EngineError> {
    let target = match &settings.db {
        Source::Database(target) => target,
        Source::Sqlite(file) => return crate::sqlite::baseline(settings, file, request),
        Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
            return Err(EngineError::Usage("--baseline reads a database; give its URL in --db".to_owned()));
        }
    };
    let name = checked_name(&request.name)?;
    let history = History::read(&request.folder, Dialect::Postgres.into())?;
    history.refuse_begun()?;
    let mut live = Live::connect(target)?;
    let catalog = introspect(&mut live.client, &live.server, &HashMap::new())?;
    let diagnostics = settings.patterns.concerned(catalog.diagnostics.clone());
    let mut catalog = history.without_own_objects(settings.patterns.only(catalog))?;
    if settings.owners == Switch::Ignore {
        catalog.objects.retain(|id, _| id.kind != PgKind::Owner);
    }
    let workshop = Workshop::new(settings, likeness_of(settings, Some(&live)));
    let mut up = vec!["SET LOCAL check_function_bodies = off".to_owned()];
    up.extend(rebuild_script(&live.server, &live.likeness.user, &catalog)?);
    let owners = owners_named(&up);
    let new = New {
        slug: name,
        summary: vec![
            "Phase: baseline".to_owned(),
            "What: all that the database had when its migrations began".to_owned(),
            "Undo: cannot be: it stands for a database that was there before".to_owned(),
        ],
        mode: Mode::Whole,
        up,
        down: Down::Cannot("it stands for a database that was there before".to_owned()),
        done: None,
    };
    let news = [new];
    let mut database = history.replayed(&workshop)?;
    run(&history, &mut database, &news, settings.trust_sql)?;
    let mut output = Output::default();
    let (mut advice, whole) = write_now(&workshop, &history, &news, request, &mut output)?;
    let there = There {
        live: None,
        server: live.server.clone(),
        user: live.likeness.user.clone(),
        catalog: history.without_own_objects(read_back(&mut database)?)?,
    };
    let desired = Desired { catalog, ..Desired::default() };
    let direct = Settings { strategy: Strategy::Direct, assume_rows: false, ..settings.clone() };
    let (made, _) = between(&direct, &workshop, (there, desired, FileTexts::default()), false)?;
    if let Some(step) = made.plan.steps().next() {
        return Err(EngineError::Failure(format!(
            "the first migration does not build what the database has: {}\nnothing was written",
            step.changes.join("; ")
        )));
    }
    advice.extend(owners);
    let marks = match whole {
        Some(whole) => history.format.baseline(&whole.files, &whole.migrations, request.now)?.sql,
        None => Vec::new(),
    };
    let written = write_and_mark(&mut live.client, output, &marks, history.format.title())?;
    Ok(Generated {
        plan: None,
        texts: FileTexts::default(),
        written,
        removed: Vec::new(),
        advice,
        waiting: Vec::new(),
        diagnostics,
    })
}

/// What is told of the owners that statements name, if any do.
fn owners_named(up: &[String]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let owners = up.iter().filter(|sql| sql.starts_with("ALTER ")).filter_map(|sql| sql.rsplit_once(" OWNER TO "));
    owners.for_each(|(_, role)| *counts.entry(role).or_default() += 1);
    let words: Vec<String> = counts.iter().map(|(role, n)| format!("{role} ({n})")).collect();
    (!words.is_empty()).then(|| {
        format!(
            "the first migration names the owners that objects have in the database: {}. Each of these roles has to be there wherever \
             it runs, and whoever runs it has to be a superuser or a member of them; --owners ignore leaves owners out",
            words.join(", ")
        )
    })
}

/// Writes the files and tells the database of them, both or neither: the transaction that tells it is committed when the files are
/// there.
fn write_and_mark(
    client: &mut Client,
    output: Output,
    marks: &[String],
    tool: &str,
) -> Result<Vec<PathBuf>, EngineError> {
    let refused = |error: &postgres::Error| {
        EngineError::Failure(format!(
            "the database could not be told that it has the first migration: {}\nnothing was written, and nothing was changed in the \
             database\nnext: connect as a role that may make and write the table in which {tool} keeps what was run",
            server_words(error)
        ))
    };
    let mut transaction = client.transaction()?;
    for sql in marks {
        transaction.batch_execute(sql).map_err(|error| refused(&error))?;
    }
    // Some tools keep a list of their files, which was there before.
    let before: Vec<(PathBuf, Option<Vec<u8>>)> =
        output.files.iter().map(|(path, _)| (path.clone(), fs::read(path).ok())).collect();
    let mut folders: Vec<PathBuf> =
        output.files.iter().filter_map(|(path, _)| Some(path.parent()?.to_owned())).collect();
    folders.dedup();
    folders.retain(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let (written, _) = output.write()?;
    match transaction.commit() {
        Ok(()) => Ok(written),
        Err(error) if error.as_db_error().is_some() => {
            as_before(&before, &folders)?;
            Err(refused(&error))
        }
        // Whether it was committed cannot be known.
        Err(error) => Err(EngineError::Failure(format!(
            "the connection was lost while the database was told that it has the first migration: {error}\nwritten were: {}\nnext: look \
             whether the table in which {tool} keeps what was run says so; where it does not, run this in the database:\n{};",
            written.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
            marks.join(";\n")
        ))),
    }
}

/// Makes files what they were before, and takes the folders away that were made for them.
fn as_before(files: &[(PathBuf, Option<Vec<u8>>)], folders: &[PathBuf]) -> Result<(), EngineError> {
    let failed = |path: &Path, error: &std::io::Error| {
        EngineError::Failure(format!(
            "the database does not take that it has the first migration, and {} cannot be made what it was: {error}\nnext: take back \
             by hand what was written: {}; the tool would run it on the database, which has all of it already",
            path.display(),
            files.iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>().join(", ")
        ))
    };
    for (path, text) in files {
        let done = match text {
            Some(text) => fs::write(path, text),
            None => fs::remove_file(path),
        };
        done.map_err(|e| failed(path, &e))?;
    }
    for folder in folders.iter().rev() {
        // Somebody else may have put something there by now.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}
