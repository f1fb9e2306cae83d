//! A database brought from one schema to another by the program, and judged.

use super::fit::{Filled, fits};
use super::renames::{Hint, Renamed};
use super::rows::{Rows, indexes_of_others, stay};
use super::schema::{Facts, ailments, orphans};
use super::{built, open};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use underpin_engine::{DevDb, EngineError, Patterns, Settings, Source, Switch, apply, plan};
use underpin_executor::{Cancel, Options, Silent};
use underpin_model::{Diagnostic, HazardKind, Plan, Run, Step, Strategy};

/// A schema that is wanted: its file, and a database that was built from it.
pub struct Wanted {
    /// The statements.
    pub sql: String,
    /// What was called otherwise on the other side.
    pub hints: Vec<Hint>,
    /// What rows that are there get.
    pub filled: Vec<Filled>,
    file: PathBuf,
    built: Connection,
    facts: Facts,
}

/// What came of a road.
pub enum Outcome {
    /// The schema is there, by this plan.
    Done(Box<Plan>),
    /// Rows do not fit it, and nothing was changed: what was said.
    Impossible(String),
}

fn words(error: rusqlite::Error) -> String {
    error.to_string()
}

impl Wanted {
    /// A schema of these statements, written into a file of that name.
    pub fn new(file: PathBuf, sql: &str, hints: Vec<Hint>, filled: Vec<Filled>) -> Result<Self, String> {
        let built = built(sql).map_err(|e| format!("the wanted side is not valid: {e}"))?;
        std::fs::write(&file, sql).map_err(|e| e.to_string())?;
        let facts = Facts::of(&built).map_err(words)?;
        Ok(Self { sql: sql.to_owned(), hints, filled, file, built, facts })
    }
}

fn settings(db: &Path, wanted: &Wanted) -> Result<Settings, String> {
    let source = |text: String| Source::parse(&[text]).map_err(|e| e.to_string());
    Ok(Settings {
        db: source(format!("sqlite:{}", db.display()))?,
        schema: Some(source(wanted.file.display().to_string())?),
        dev_db: DevDb::Auto,
        strategy: Strategy::Direct,
        owners: Switch::Auto,
        privileges: Switch::Auto,
        patterns: Patterns::default(),
        strict: false,
        trust_sql: false,
        use_cache: false,
        cache_dir: None,
        quarantine: None,
        pg_repack: false,
        versioned_views: None,
        migrations_program: Vec::new(),
        dialect: None,
        assume_rows: false,
        full_proof: false,
    })
}

fn run(db: &Path, wanted: &Wanted, plan: &Plan) -> Result<(), String> {
    let source = settings(db, wanted)?.db;
    let done = apply(&source, (plan, false), &Options::default(), &Silent, &Cancel::new());
    done.map(|_| ()).map_err(|e| e.to_string())
}

/// An error with its notes.
fn told(error: &EngineError) -> String {
    match error {
        EngineError::Input(list) | EngineError::Unproved(list) => {
            let of = |d: &Diagnostic| format!("{} {:?}", d.message, d.notes);
            list.iter().map(of).collect::<Vec<_>>().join("\n")
        }
        other => other.to_string(),
    }
}

/// The plan's statements, for a message.
fn shown(plan: &Plan) -> String {
    let steps = plan.stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    steps.flat_map(|s| &s.sql).map(|sql| format!("{sql};\n")).collect()
}

/// What a database is before a change.
struct Before {
    rows: Rows,
    orphans: BTreeMap<String, i64>,
    agree: BTreeMap<String, bool>,
    ill: Vec<String>,
    bytes: Vec<u8>,
}

fn before(db: &Path) -> Result<Before, String> {
    let connection = open(db).map_err(words)?;
    let mut before = Before {
        rows: Rows::of(&connection).map_err(words)?,
        orphans: orphans(&connection).map_err(words)?,
        agree: indexes_of_others(&connection).map_err(words)?,
        ill: ailments(&connection).map_err(words)?,
        bytes: Vec::new(),
    };
    drop(connection);
    before.bytes = std::fs::read(db).map_err(|e| e.to_string())?;
    Ok(before)
}

fn unchanged(db: &Path, before: &Before) -> Result<(), String> {
    let bytes = std::fs::read(db).map_err(|e| e.to_string())?;
    if bytes == before.bytes { Ok(()) } else { Err("the file is not what it was".to_owned()) }
}

/// Brings a database to the wanted schema, and judges what came out. Before that the plan is stopped after each of its steps.
///
/// # Errors
/// What is wrong.
pub fn go(db: &Path, from: &str, wanted: &Wanted) -> Result<Outcome, String> {
    let was = before(db)?;
    let renamed = Renamed::variants(&wanted.hints, &was.rows, &Rows::of(&wanted.built).map_err(words)?);
    let made = match plan(&settings(db, wanted)?) {
        Ok(made) => made.plan,
        Err(error) => return refused(db, from, wanted, &was, &renamed, &format!("no plan: {}", told(&error))),
    };
    if let Err(why) = stopped_anywhere(db, wanted, &made, &was) {
        return Err(format!("{why}\nthe plan:\n{}", shown(&made)));
    }
    if let Err(error) = run(db, wanted, &made) {
        let why = format!("not applied: {error}");
        return refused(db, from, wanted, &was, &renamed, &why)
            .map_err(|e| format!("{e}\nthe plan:\n{}", shown(&made)));
    }
    let judged = judge(db, wanted, &made, &was, &renamed);
    match judged {
        Ok(()) => Ok(Outcome::Done(Box::new(made))),
        Err(e) => Err(format!("{e}\nthe plan:\n{}", shown(&made))),
    }
}

/// A road that was refused: only rows may be the reason, and nothing may have changed.
fn refused(
    db: &Path,
    from: &str,
    wanted: &Wanted,
    was: &Before,
    renamed: &[Renamed],
    why: &str,
) -> Result<Outcome, String> {
    unchanged(db, was).map_err(|e| format!("{e}, after: {why}"))?;
    if renamed.iter().all(|r| fits(db, &wanted.built, r, &wanted.filled).is_ok()) {
        return Err(format!("{why}\nbut the rows fit what is wanted"));
    }
    // Without rows it must go.
    let empty = db.with_extension("empty");
    if empty.exists() {
        std::fs::remove_file(&empty).map_err(|e| e.to_string())?;
    }
    open(&empty).and_then(|c| c.execute_batch(from)).map_err(words)?;
    let was = before(&empty)?;
    let renamed = Renamed::variants(&wanted.hints, &was.rows, &Rows::of(&wanted.built).map_err(words)?);
    let without = |e: String| format!("{why}\nand without rows: {e}");
    let made = plan(&settings(&empty, wanted)?).map_err(|e| without(told(&e)))?.plan;
    let of = |e: String| format!("{}\nthe plan:\n{}", without(e), shown(&made));
    run(&empty, wanted, &made).map_err(of)?;
    judge(&empty, wanted, &made, &was, &renamed).map_err(of)?;
    std::fs::remove_file(&empty).map_err(|e| e.to_string())?;
    Ok(Outcome::Impossible(why.to_owned()))
}

/// Stops the plan after each of its steps: nothing may be left of it.
fn stopped_anywhere(db: &Path, wanted: &Wanted, plan: &Plan, was: &Before) -> Result<(), String> {
    let count: usize = plan.stages.iter().flat_map(|s| &s.batches).map(|b| b.steps.len()).sum();
    for at in 1..=count {
        let mut cut = plan.clone();
        let mut left = at;
        for batch in cut.stages.iter_mut().flat_map(|s| &mut s.batches) {
            if left > 0 && left <= batch.steps.len() {
                let fails = "SELECT * FROM \"there is no such table\"".to_owned();
                batch.steps.insert(left, Step::new("stop".to_owned(), Run::Sql, vec![fails]));
            }
            left = left.saturating_sub(batch.steps.len());
        }
        if run(db, wanted, &cut).is_ok() {
            return Err(format!("a statement that fails after step {at} was passed over"));
        }
        unchanged(db, was).map_err(|e| format!("stopped after step {at}: {e}"))?;
    }
    Ok(())
}

fn judge(db: &Path, wanted: &Wanted, plan: &Plan, was: &Before, renamed: &[Renamed]) -> Result<(), String> {
    let connection = open(db).map_err(words)?;
    let found = Facts::of(&connection).map_err(words)?.differences(&wanted.facts);
    if !found.is_empty() {
        return Err(format!("the schema is not what is wanted:\n  {}", found.join("\n  ")));
    }
    connection.execute_batch("PRAGMA foreign_keys = OFF").map_err(words)?;
    let mut ill = ailments(&connection).map_err(words)?;
    // A full-text table over what is missing is never sound.
    let known = ailments(&wanted.built).map_err(words)?;
    ill.retain(|line| !was.ill.contains(line) && !known.contains(line));
    if !ill.is_empty() {
        return Err(format!("the file is not sound: {ill:?}"));
    }
    let kept: Vec<Result<(), String>> =
        renamed.iter().map(|r| rows_are_kept(&connection, wanted, plan, was, r)).collect();
    if kept.iter().all(Result::is_err) {
        return kept.into_iter().next().unwrap_or(Ok(()));
    }
    for (table, agrees) in indexes_of_others(&connection).map_err(words)? {
        if !agrees && was.agree.get(&table) != Some(&false) {
            return Err(format!("the full-text table {table} does not find what the rows say"));
        }
    }
    drop(connection);
    let again = plan_again(db, wanted)?;
    if !again.stages.is_empty() {
        return Err(format!("a second plan is not empty:\n{}", shown(&again)));
    }
    Ok(())
}

/// Looks at the rows, with what was called otherwise.
fn rows_are_kept(
    connection: &Connection,
    wanted: &Wanted,
    plan: &Plan,
    was: &Before,
    renamed: &Renamed,
) -> Result<(), String> {
    let filled: Vec<(String, String)> = wanted.filled.iter().map(|(t, c, _)| (t.clone(), c.clone())).collect();
    let lost = stay(&was.rows, &Rows::of(connection).map_err(words)?, renamed, &filled)?;
    let hazards = plan.stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps).flat_map(|s| &s.hazards);
    let told: Vec<String> =
        hazards.filter(|h| h.kind == HazardKind::DataLoss).map(|h| h.message.to_ascii_lowercase()).collect();
    for table in lost {
        let new =
            wanted.hints.iter().find(|h| h.column.is_none() && h.old.eq_ignore_ascii_case(&table)).map(|h| &h.table);
        let names = |text: &String| {
            [Some(&table), new].into_iter().flatten().any(|name| text.contains(&name.to_ascii_lowercase()))
        };
        if !told.iter().any(names) {
            return Err(format!("something of {table} is lost, and the plan does not say so: {told:?}"));
        }
    }
    for (table, count) in orphans(connection).map_err(words)? {
        let before = renamed.table(&table).and_then(|name| was.orphans.get(&name.to_ascii_lowercase()));
        if count > before.copied().unwrap_or(0) && std::env::var_os("ORPHANS").is_some() {
            return Err(format!("{count} rows of {table} refer to nothing, and before {before:?}"));
        }
    }
    Ok(())
}

fn plan_again(db: &Path, wanted: &Wanted) -> Result<Plan, String> {
    plan(&settings(db, wanted)?).map(|made| made.plan).map_err(|e| format!("no second plan: {}", told(&e)))
}
