//! The next files of a folder of migrations for SQLite: what `generate` does for PostgreSQL, with databases in memory, for plans of one
//! stage and, as a rule, of one transaction.

use super::desired::{Desired, Renamed, Said};
use super::history::{Keys, Past, failed, up, without_own_objects};
use super::memory::{Memory, script};
use super::new_files::{Draft, draft, run, tried};
use super::plan::{Sides, between};
use super::scope;
use super::side::{Side, read};
use super::statistics;
use crate::files::FileTexts;
use crate::generate::{Generated, Output, Request, checked_name, not_again, not_reached, refuse, say_undo};
use crate::history::History;
use crate::{EngineError, Settings};
use rusqlite::Connection;
use underpin_connect::SqliteFile;
use underpin_migrations::{Dialect, Down, Mode, New};
use underpin_model::{Plan, Strategy};
use underpin_sqlite::{Library, LiteCatalog, introspect};

/// Plans the next migrations, proves them and writes their files.
pub(crate) fn generate(settings: &Settings, request: &Request) -> Result<Generated, EngineError> {
    let Some(schema) = &settings.schema else {
        return Err(EngineError::Usage(
            "no desired schema was given; name it with --schema, on the command line or in underpin.toml".to_owned(),
        ));
    };
    let name = checked_name(&request.name)?;
    let history = History::read(&request.folder, Dialect::Sqlite)?;
    let past = Past::of(&history, settings)?;
    let mut memory = past.database()?;
    let start = past.read(&memory)?;
    let Side { desired, texts, live: _ } = read(settings, schema)?;
    let (to, _) = scope::narrow(&settings.patterns, &start, desired.catalog.clone());
    let back = reversed(&desired.said);
    let sides = Sides { there: start.clone(), live: None, desired, texts };
    // Other programs run the files, with a library of their own.
    let (plan, texts) = between(settings, sides, Library::OLDEST)?;
    let nothing = |plan: Plan, texts: FileTexts| Generated {
        diagnostics: plan.diagnostics.clone(),
        plan: Some(plan),
        texts,
        written: Vec::new(),
        removed: Vec::new(),
        advice: Vec::new(),
        waiting: Vec::new(),
    };
    if plan.is_empty() {
        return Ok(nothing(plan, texts));
    }
    refuse("the plan", plan.refused(&request.allowed))?;
    let whole = Memory::of(&to).map_err(|e| failed(&e))?;
    let batches: Vec<_> = plan.stages.iter().flat_map(|s| s.batches.iter().map(move |b| (s, b))).collect();
    let mut drafts: Vec<Draft> = Vec::new();
    let mut states: Vec<LiteCatalog> = vec![start.clone()];
    for (n, (stage, batch)) in batches.iter().enumerate() {
        let slug = if batches.len() > 1 { format!("{name}_{}", n + 1) } else { name.clone() };
        let mut draft = draft(stage, batch, &slug, [(&start, &memory), (&to, &whole)])?;
        tried(&past, &memory, &mut draft.new)?;
        states.push(past.read(&memory)?);
        drafts.push(draft);
        if n + 1 < batches.len() {
            memory = after(&past, &drafts)?;
        }
    }
    let left = underpin_diff::diff(states.last().unwrap_or(&start), &to);
    if !left.is_empty() {
        return Err(not_reached(left.iter().map(ToString::to_string)));
    }
    for (n, draft) in drafts.iter_mut().enumerate() {
        draft.new.down = way_back(settings, &past, draft, (&states[n], &states[n + 1]), &back)?;
    }
    let mut news: Vec<New> = drafts.into_iter().map(|d| d.new).collect();
    prove_back(&past, &mut news, &states)?;
    let mut output = Output::default();
    let mut advice = write(&past, &news, request, &mut output)?;
    advice.extend(statistics::advice(&plan));
    let (written, removed) = output.write()?;
    Ok(Generated { written, removed, advice, ..nothing(plan, texts) })
}

/// A database behind the folder and new migrations.
fn after(past: &Past<'_>, drafts: &[Draft]) -> Result<Memory, EngineError> {
    let memory = past.database()?;
    drafts.iter().try_for_each(|d| run(past, &memory, std::slice::from_ref(&d.new)))?;
    Ok(memory)
}

/// Hints that say the renames the other way round. What is renamed in a table is found under the table's old name then.
fn reversed(said: &Said) -> Said {
    let whole = |table: &str| {
        let from = said.renames.iter().find(|r| r.column.is_none() && r.table.eq_ignore_ascii_case(table));
        from.map_or_else(|| table.to_owned(), |r| r.old.clone())
    };
    let back = |hint: &Renamed| match &hint.column {
        None => Renamed { table: hint.old.clone(), column: None, old: hint.table.clone(), origin: hint.origin.clone() },
        Some(column) => Renamed {
            table: whole(&hint.table),
            column: Some(hint.old.clone()),
            old: column.clone(),
            origin: hint.origin.clone(),
        },
    };
    Said { renames: said.renames.iter().map(back).collect(), ..Said::default() }
}

/// What takes a draft back, whose schemas before and after are known.
fn way_back(
    settings: &Settings,
    past: &Past<'_>,
    draft: &Draft,
    (before, is): (&LiteCatalog, &LiteCatalog),
    back: &Said,
) -> Result<Down, EngineError> {
    if !draft.lost.is_empty() {
        return Ok(Down::Cannot(format!("data is gone: {}", draft.lost.join("; "))));
    }
    let nothing = Down::By { mode: Mode::Whole, sql: Vec::new() };
    if underpin_diff::diff(is, before).is_empty() {
        return Ok(nothing);
    }
    let direct = Settings {
        strategy: Strategy::Direct,
        quarantine: None,
        versioned_views: None,
        pg_repack: false,
        strict: false,
        ..settings.clone()
    };
    let desired = Desired { catalog: before.clone(), said: back.clone(), ..Desired::default() };
    let sides = Sides { there: is.clone(), live: None, desired, texts: FileTexts::default() };
    let plan = match between(&direct, sides, Library::OLDEST) {
        Ok((plan, _)) => plan,
        Err(EngineError::Unproved(_) | EngineError::Failure(_) | EngineError::Input(_)) => {
            return Ok(Down::Cannot("no plan back could be proved".to_owned()));
        }
        Err(error) => return Err(error),
    };
    // What it makes anew held something that is not in the schema.
    let makes = |words: &&String| words.starts_with("create table ") || words.starts_with("create virtual table ");
    if let Some(made) = plan.steps().flat_map(|s| &s.changes).find(makes) {
        let made = made.trim_start_matches("create ");
        return Ok(Down::Cannot(format!("the way back would make {made} anew, without what it held")));
    }
    let there = Memory::of(is).map_err(|e| failed(&e))?;
    let goal = Memory::of(before).map_err(|e| failed(&e))?;
    let mut ways = Vec::new();
    for stage in &plan.stages {
        for batch in &stage.batches {
            ways.push(self::draft(stage, batch, &draft.new.slug, [(is, &there), (before, &goal)])?.new);
        }
    }
    let [way] = ways.as_mut_slice() else {
        return Ok(if ways.is_empty() {
            nothing
        } else {
            Down::Cannot("the way back needs several transactions".to_owned())
        });
    };
    Ok(match tried(past, &there, way) {
        Ok(()) => Down::By { mode: way.mode, sql: std::mem::take(&mut way.up) },
        Err(_) => Down::Cannot("the way back was planned, but does not run".to_owned()),
    })
}

/// Takes new migrations back one by one and runs them again; `states` are the schemas before the first and after each.
fn prove_back(past: &Past<'_>, news: &mut [New], states: &[LiteCatalog]) -> Result<(), EngineError> {
    for n in (0..news.len()).rev() {
        let memory = past.database()?;
        run(past, &memory, &news[..=n])?;
        if let Down::By { mode, sql } = news[n].down.clone()
            && !sql.is_empty()
        {
            let way = New { mode, up: sql, ..news[n].clone() };
            let leads_back = run(past, &memory, std::slice::from_ref(&way)).is_ok()
                && underpin_diff::diff(&past.read(&memory)?, &states[n]).is_empty();
            if leads_back {
                let again = run(past, &memory, std::slice::from_ref(&news[n]));
                if again.is_err() || !underpin_diff::diff(&past.read(&memory)?, &states[n + 1]).is_empty() {
                    return Err(not_again(&news[n]));
                }
            } else {
                let why = "the way back was planned, but does not lead to the schema from before";
                news[n].down = Down::Cannot(why.to_owned());
            }
        }
        say_undo(&mut news[n]);
    }
    Ok(())
}

/// The tool's files, read back and replayed where they are SQL.
fn write(past: &Past<'_>, news: &[New], request: &Request, output: &mut Output) -> Result<Vec<String>, EngineError> {
    let history = past.history;
    let (written, whole) = history.with(news, request.now)?;
    let new = &whole.migrations[history.migrations.len()..];
    if new.iter().all(|m| !m.up.is_empty()) {
        let memory = past.database()?;
        new.iter().try_for_each(|m| up(&whole, &memory, m, Keys::On))?;
        let other = past.database()?;
        run(past, &other, news)?;
        if let Some(change) = underpin_diff::diff(&past.read(&memory)?, &past.read(&other)?).first() {
            return Err(history.otherwise(&change.to_string()));
        }
    }
    let root = &request.folder.path;
    output.files.extend(written.into_iter().map(|w| (root.join(w.path), w.text)));
    Ok(history.format.advice(Dialect::Sqlite, news))
}

/// Writes the first migration from what a database has, and tells the tool's own table there that it was run.
pub(crate) fn baseline(settings: &Settings, file: &SqliteFile, request: &Request) -> Result<Generated, EngineError> {
    let name = checked_name(&request.name)?;
    let history = History::read(&request.folder, Dialect::Sqlite)?;
    history.refuse_begun()?;
    let live = file.open_to_read()?;
    let catalog = introspect(&live).map_err(|e| file.explained(&e))?;
    drop(live);
    let diagnostics = settings.patterns.concerned(catalog.diagnostics.clone());
    let catalog = without_own_objects(&history, scope::only(&settings.patterns, catalog))?;
    let news = [New {
        slug: name,
        summary: vec![
            "Phase: baseline".to_owned(),
            "What: all that the database had when its migrations began".to_owned(),
            "Undo: cannot be: it stands for a database that was there before".to_owned(),
        ],
        mode: Mode::Whole,
        up: script(&catalog),
        down: Down::Cannot("it stands for a database that was there before".to_owned()),
        done: None,
    }];
    let past = Past::of(&history, settings)?;
    let memory = past.database()?;
    run(&past, &memory, &news)?;
    if let Some(change) = underpin_diff::diff(&past.read(&memory)?, &catalog).first() {
        return Err(EngineError::Failure(format!(
            "the first migration does not build what the database has: {change}\nnothing was written"
        )));
    }
    let mut output = Output::default();
    let mut advice = write(&past, &news, request, &mut output)?;
    let (written, removed) = output.write()?;
    let whole = History::read(&request.folder, Dialect::Sqlite)?;
    let marks = whole.format.baseline(&whole.files, &whole.migrations, request.now)?;
    if !marks.sql.is_empty() {
        mark(&file.open_to_write()?, &marks.sql).map_err(|e| file.explained(&e))?;
    }
    if let Some(command) = marks.command {
        advice.push(format!(
            "{} keeps its records beside the database: run `{command}` once, which tells it there that this migration was run.",
            whole.format.title()
        ));
    }
    Ok(Generated {
        plan: None,
        texts: FileTexts::default(),
        written,
        removed,
        advice,
        waiting: Vec::new(),
        diagnostics,
    })
}

/// Tells the tool's own table, all or nothing.
fn mark(connection: &Connection, sql: &[String]) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    for one in sql {
        if let Err(error) = connection.execute_batch(one) {
            connection.execute_batch("ROLLBACK")?;
            return Err(error);
        }
    }
    connection.execute_batch("COMMIT")
}
