//! The run: batches, steps, and what is looked at around them.

use super::compare::{self, Carried};
use super::error::SqliteError;
use super::locks::{Commit, Waiter};
use super::rebuild::{Copy, Rebuild};
use super::references::{self, Touched};
use super::settings::{self, Settings};
use super::statistics::Statistics;
use super::touch::{self, Touch};
use super::watch::{Load, Watch, per_row};
use super::{SqliteStepFailure, room, statement};
use crate::{
    AssertFailure, Cancel, ChangedState, CopyProgress, Copying, FileWait, Left, Options, Outcome, Progress, phases,
};
use rusqlite::{Connection, ErrorCode, FileControl};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use underpin_model::{Batch, Plan, Run, Stage, Step, Work};
use underpin_sql::sqlite::ident;

/// How large a write-ahead log may be that a run leaves behind without a word, in bytes.
const LOG: u64 = 64 << 20;

/// Looks at the schema, through the connection that runs the plan. As a rule it is within the plan's transaction; it
/// changes nothing.
pub type CheckSchema<'a> = dyn FnMut(&Connection) -> Result<(), ChangedState> + 'a;

/// What a caller looks at.
pub struct Checks<'a> {
    /// Before the first statement: whether the database is the one that was planned for.
    pub check: &'a mut CheckSchema<'a>,
    /// Before the last commit: whether it became what it should.
    pub verify: &'a mut CheckSchema<'a>,
}

/// Runs the stages of `plan` that `options.phases` selects.
///
/// Of `options`, `lock_budget` says for how long others' locks are waited for, to begin and to commit, and `lock_timeout` for
/// how long others may be kept from beginning to read so that it can commit; the rest that is about a server has no meaning
/// here. The connection's settings are as they were afterwards. `progress` is told from this
/// thread; SQLite works in another one while a statement runs.
///
/// # Errors
///
/// Any [`SqliteError`]. Whatever it is, each batch is either committed or gone, and planning again goes on from there.
pub fn apply(
    connection: &mut Connection,
    plan: &Plan,
    checks: Checks<'_>,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, SqliteError> {
    let start = Instant::now();
    if plan.dialect != "sqlite" {
        return Err(SqliteError::Dialect { dialect: plan.dialect.clone() });
    }
    let open = plan.stages.get(options.stages_done..).unwrap_or_default();
    let (stages, rest) = open.split_at(options.phases.select(open));
    let steps = || stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    if let Some(step) = steps().find(|s| !is_run_here(s.run)) {
        return Err(SqliteError::Kind { step: step.id.clone(), run: step.run });
    }
    progress.plan_started(steps().count());
    let mut outcome = Outcome { left: phases::left(rest), ..Outcome::default() };
    if steps().next().is_some() {
        if !connection.is_autocommit() {
            return Err(SqliteError::InTransaction);
        }
        let mut runner = Runner {
            options,
            progress,
            cancel,
            settings: Settings::default(),
            of_batches: stages.iter().map(|s| s.batches.len()).sum(),
            committed: Vec::new(),
            schema: None,
            outcome,
        };
        let result = runner.stages(connection, stages, checks);
        let restored = runner.settings.restore(connection);
        outcome = runner.outcome;
        result?;
        if let Err(error) = restored {
            outcome.warnings.push(format!("a setting of the connection could not be set as it was before: {error}"));
        }
    }
    outcome.elapsed = start.elapsed();
    progress.finished(&outcome);
    Ok(outcome)
}

/// Whether steps of that kind are run on a file. There are no locks on tables, no builds beside the traffic and no rows
/// that are changed in batches.
fn is_run_here(run: Run) -> bool {
    match run {
        Run::Sql | Run::Assert => true,
        Run::Locked | Run::Build | Run::Backfill | Run::External => false,
    }
}

/// Where a batch stands among those of the run.
#[derive(Clone, Copy)]
struct Place {
    first: bool,
    last: bool,
}

struct Runner<'a> {
    options: &'a Options,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    settings: Settings,
    of_batches: usize,
    /// The ids of the steps that are committed.
    committed: Vec<String>,
    /// SQLite's number of the schema as this run last left it.
    schema: Option<i64>,
    outcome: Outcome,
}

impl Runner<'_> {
    fn stages(
        &mut self,
        connection: &mut Connection,
        stages: &[Stage],
        mut checks: Checks<'_>,
    ) -> Result<(), SqliteError> {
        self.settings.before(connection).map_err(SqliteError::own("preparing the connection"))?;
        let batches = || stages.iter().flat_map(|s| &s.batches).filter(|b| !b.steps.is_empty());
        let count = batches().count();
        let mut number = 0;
        for stage in stages {
            self.progress.stage_started(stage);
            for Batch { transaction, steps } in stage.batches.iter().filter(|b| !b.steps.is_empty()) {
                number += 1;
                let place = Place { first: number == 1, last: number == count };
                let result = if *transaction {
                    self.transaction(connection, steps, &mut checks, place)
                } else {
                    self.alone(connection, steps, &mut checks, place)
                };
                result.map_err(|error| self.with_left(error))?;
                self.outcome.batches += 1;
            }
        }
        Ok(())
    }

    /// The error, with what the run leaves.
    fn with_left(&self, mut error: SqliteError) -> SqliteError {
        if let Some(left) = error.left_mut() {
            left.committed.clone_from(&self.committed);
            left.batches = self.outcome.batches;
            left.of_batches = self.of_batches;
        }
        error
    }

    /// Who waits with what is left of the budget.
    fn waiter(&self, waited: Duration) -> Waiter<'_> {
        let budget = self.options.lock_budget.saturating_sub(waited);
        Waiter { budget, progress: self.progress, cancel: self.cancel }
    }

    fn done(&mut self, steps: &[Step]) {
        for step in steps {
            self.committed.push(step.id.clone());
            self.outcome.steps_run += 1;
            self.progress.step_done(step);
        }
    }

    /// Runs a transaction, again where readers do not let it commit and the budget for waits is not used up.
    fn transaction(
        &mut self,
        connection: &mut Connection,
        steps: &[Step],
        checks: &mut Checks<'_>,
        place: Place,
    ) -> Result<(), SqliteError> {
        let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Ok(()) };
        let (mut waited, mut attempt) = (Duration::ZERO, 1);
        loop {
            let waiter = self.waiter(waited);
            let begin = || statement::run(connection, "BEGIN IMMEDIATE");
            let failed = SqliteError::own("beginning the transaction");
            waited += waiter.run(connection, first, FileWait::Begin, begin, failed)?;
            let held = Instant::now();
            let result = self.within(connection, steps, checks, place, attempt);
            let result = result.and_then(|told| Ok((told, self.commit(connection, last, waited)?)));
            self.outcome.longest_hold = self.outcome.longest_hold.max(held.elapsed());
            let error = match result {
                Ok((told, Commit::Done(time))) => {
                    self.outcome.waited += waited + time;
                    self.outcome.warnings.extend(told);
                    break;
                }
                Ok((_, Commit::Refused(mut locked))) => {
                    // What was done for nothing was waiting, too.
                    waited += held.elapsed();
                    locked.waited = waited;
                    SqliteError::Locked(locked)
                }
                Err(error) => return Err(take_back(connection, steps, error)),
            };
            let error = take_back(connection, steps, error);
            if waited >= self.options.lock_budget || matches!(error, SqliteError::NotTakenBack { .. }) {
                return Err(error);
            }
            attempt += 1;
        }
        self.done(steps);
        self.checkpoint(connection, last);
        Ok(())
    }

    /// What is done in the transaction before its commit. Gives what a person should know of it.
    fn within(
        &mut self,
        connection: &mut Connection,
        steps: &[Step],
        checks: &mut Checks<'_>,
        place: Place,
        attempt: u32,
    ) -> Result<Vec<String>, SqliteError> {
        let preparing = || SqliteError::own("preparing the transaction");
        if settings::foreign_keys_are_on(connection).map_err(preparing())? {
            return Err(SqliteError::InTransaction);
        }
        let mode = journal_mode(connection).map_err(preparing())?;
        if file(connection).is_some() && matches!(mode.as_str(), "off" | "memory") {
            return Err(SqliteError::Journal { mode });
        }
        self.settings.within(connection).map_err(preparing())?;
        if place.first {
            look(connection, checks.check, SqliteError::changed)?;
        } else if schema_version(connection).map_err(preparing())? != self.schema.unwrap_or_default() {
            let objects = vec!["another program changed it between two transactions of the plan".to_owned()];
            return Err(SqliteError::Changed { objects, left: Box::default() });
        }
        if let Some(missing) = room::missing(connection, steps).map_err(SqliteError::own("measuring the tables"))? {
            return Err(SqliteError::NoRoom(Box::new(missing)));
        }
        let watch = Watch::new(connection, self.progress, self.cancel).map_err(preparing())?;
        let result = self.watched(connection, &watch, steps, attempt);
        Watch::end(connection).map_err(preparing())?;
        let told = result?;
        if place.last {
            look(connection, checks.verify, SqliteError::not_reached)?;
        }
        if let Some(path) = file(connection)
            && has_moved(connection).map_err(preparing())?
        {
            return Err(SqliteError::Moved { path, left: Box::default() });
        }
        self.schema = Some(schema_version(connection).map_err(preparing())?);
        Ok(told)
    }

    /// The steps, between two looks at foreign keys. Gives what of these was broken before.
    fn watched(
        &self,
        connection: &mut Connection,
        watch: &Watch<'_>,
        steps: &[Step],
        attempt: u32,
    ) -> Result<Vec<String>, SqliteError> {
        let Some(first) = steps.first() else { return Ok(Vec::new()) };
        let mut touched = Touched::by(steps);
        let mut broken = |connection: &mut Connection, step: &Step| {
            let load = Load::unknown(Copying::References);
            let found = watch.run(connection, step, load, |c| references::broken(c, &mut touched));
            found.map_err(|e| self.own("looking at foreign keys", e))
        };
        let before = broken(connection, first)?;
        let mut last = first;
        let mut statistics = Statistics::default();
        for step in steps {
            self.progress.step_started(step, attempt);
            if let Some(rebuild) = Rebuild::of(step) {
                let kept = statistics.keep(connection, &rebuild.table);
                kept.map_err(|e| self.own("reading what ANALYZE has told", e))?;
            }
            self.step(connection, watch, step)?;
            for sql in &step.sql {
                if let Touch::Renamed { from, to } = touch::touch(sql) {
                    let followed = Statistics::follow(connection, &from, &to);
                    followed.map_err(|e| self.own("renaming what ANALYZE has told", e))?;
                }
            }
            last = step;
        }
        let lost = statistics.put_back(connection).map_err(|e| self.own("putting back what ANALYZE had told", e))?;
        let now = broken(connection, last)?;
        let judged = references::judge(before, &now, &touched);
        if !judged.new.is_empty() {
            return Err(SqliteError::References { broken: judged.new, left: Box::default() });
        }
        let old = judged.old.into_iter().map(|line| {
            format!("a foreign key was broken before, and still is; the plan did not make it worse: {line}")
        });
        Ok(old.chain(judged.unchecked).chain(lost).collect())
    }

    fn step(&self, connection: &mut Connection, watch: &Watch<'_>, step: &Step) -> Result<(), SqliteError> {
        let rebuild = Rebuild::of(step);
        let copies = rebuild.as_ref().map_or(&[][..], |r| &r.copies);
        let mut carried = Carried::default();
        for (number, sql) in step.sql.iter().enumerate() {
            if self.cancel.is_cancelled() {
                return Err(interrupted());
            }
            let failed = |e: rusqlite::Error| self.failed(step, sql, &e);
            if step.run == Run::Assert {
                let load = Load::unknown(Copying::Statement);
                let against = watch.run(connection, step, load, |c| statement::against(c, sql)).map_err(failed)?;
                match against {
                    Some(row) => return Err(assertion(step, sql, row)),
                    None => continue,
                }
            }
            let load = if let Some(copy) = copies.iter().find(|c| c.insert == Some(number)) {
                let load = Load::unknown(Copying::Rows);
                let rows = watch.run(connection, step, load, |c| compare::count(c, &copy.from)).map_err(failed)?;
                Load { rows, per_row: per_row(connection, sql), ..load }
            } else if let (Some(rebuild), Some(copy)) = (&rebuild, copies.iter().find(|c| c.drop == number)) {
                carried = self.compare(connection, watch, step, (&rebuild.table, copy), &carried)?;
                Load::unknown(Copying::Statement)
            } else {
                load(connection, step, sql)
            };
            watch.run(connection, step, load, |c| statement::run(c, sql)).map_err(failed)?;
        }
        Ok(())
    }

    /// Refuses to go on where a table does not hold what the one does that is about to be dropped. Gives what is then known
    /// of its values.
    fn compare(
        &self,
        connection: &mut Connection,
        watch: &Watch<'_>,
        step: &Step,
        (table, copy): (&str, &Copy),
        known: &Carried,
    ) -> Result<Carried, SqliteError> {
        let failed = |e| self.own("comparing the new table with the old one", e);
        let load = Load::unknown(Copying::Comparing);
        let counts = |c: &mut Connection| Ok((compare::count(c, &copy.from)?, compare::count(c, &copy.to)?));
        let (rows, now) = watch.run(connection, step, load, counts).map_err(failed)?;
        let differs = |difference: String| SqliteError::Copy {
            step: step.id.clone(),
            table: table.to_owned(),
            difference,
            left: Box::default(),
        };
        if now != rows {
            return Err(differs(format!("{rows} rows before, {now} after")));
        }
        let comparison = compare::comparison(connection, copy, known).map_err(failed)?;
        let per_row = comparison.sql.as_ref().map_or(0, |sql| per_row(connection, sql));
        let load = Load { rows, per_row, ..load };
        let difference =
            watch.run(connection, step, load, |c| comparison.difference(c, copy, table)).map_err(failed)?;
        difference.map_or(Ok(comparison.carried), |difference| Err(differs(difference)))
    }

    fn commit(&self, connection: &Connection, step: &Step, waited: Duration) -> Result<Commit, SqliteError> {
        let progress = CopyProgress { doing: Copying::Committing, rows: 0, total: 0, part: None, left: None };
        self.progress.copy_progress(step, &progress);
        let failed =
            |error: rusqlite::Error| SqliteError::Step(Box::new(SqliteStepFailure::new(step, "COMMIT", &error)));
        self.waiter(waited).commit(connection, step, self.options.lock_timeout, failed)
    }

    /// Brings the write-ahead log into the file and makes it short again. First in the way that stops nobody; what is left
    /// then takes an instant, in which nobody else writes. Nothing of the plan hangs on it.
    fn checkpoint(&mut self, connection: &mut Connection, step: &Step) {
        if !journal_mode(connection).is_ok_and(|mode| mode == "wal") {
            return;
        }
        let Ok(watch) = Watch::new(connection, self.progress, self.cancel) else { return };
        for kind in ["PASSIVE", "TRUNCATE"] {
            let sql = format!("PRAGMA wal_checkpoint({kind})");
            // Where it fails, the next one does its work.
            let _ = watch.run(connection, step, Load::unknown(Copying::Checkpoint), |c| statement::run(c, &sql));
        }
        let _ = Watch::end(connection);
        let log = file(connection).map(|file| {
            let mut name = file.into_os_string();
            name.push("-wal");
            PathBuf::from(name)
        });
        let size = log.and_then(|log| fs::metadata(log).ok()).map_or(0, |meta| meta.len());
        if size > LOG {
            self.outcome.warnings.push(format!(
                "the write-ahead log beside the file has {} and stays so long as others read what was there before; \
                 PRAGMA wal_checkpoint(TRUNCATE) makes it short once they have ended",
                room::bytes(size)
            ));
        }
    }

    /// Runs steps outside a transaction, such as a change of the journal mode.
    fn alone(
        &mut self,
        connection: &mut Connection,
        steps: &[Step],
        checks: &mut Checks<'_>,
        place: Place,
    ) -> Result<(), SqliteError> {
        if place.first {
            self.patient_look(connection, checks.check, SqliteError::changed)?;
        }
        for step in steps {
            self.progress.step_started(step, 1);
            for (done, sql) in step.sql.iter().enumerate() {
                let run = || match step.run {
                    Run::Assert => statement::against(connection, sql),
                    Run::Sql | Run::Locked | Run::Build | Run::Backfill | Run::External => {
                        statement::run(connection, sql).map(|()| None)
                    }
                };
                let against = std::cell::RefCell::new(None);
                let once = || run().map(|row| *against.borrow_mut() = row);
                let failed = |e: rusqlite::Error| self.failed(step, sql, &e);
                let result = self.waiter(Duration::ZERO).run(connection, step, FileWait::Statement, once, failed);
                let result = result.and_then(|waited| match against.into_inner() {
                    Some(row) => Err(assertion(step, sql, row)),
                    None => Ok(waited),
                });
                let partly = (done > 0).then(|| crate::Partly { step: step.id.clone(), done, of: step.sql.len() });
                self.outcome.waited += result.map_err(|mut error| {
                    if let Some(left) = error.left_mut() {
                        left.partly = partly;
                    }
                    error
                })?;
            }
            self.schema = schema_version(connection).ok();
            self.done(std::slice::from_ref(step));
        }
        if place.last {
            self.patient_look(connection, checks.verify, SqliteError::not_reached)?;
        }
        Ok(())
    }

    /// A look outside a transaction, where others may have the file locked for a moment.
    fn patient_look(
        &self,
        connection: &Connection,
        check: &mut CheckSchema<'_>,
        changed: fn(Vec<String>) -> SqliteError,
    ) -> Result<(), SqliteError> {
        let preparing = || SqliteError::own("preparing the connection");
        connection.busy_timeout(self.options.lock_timeout).map_err(preparing())?;
        look(connection, check, changed)?;
        connection.busy_timeout(Duration::ZERO).map_err(preparing())
    }

    /// What a statement's failure is: it may be that a person stopped it.
    fn failed(&self, step: &Step, sql: &str, error: &rusqlite::Error) -> SqliteError {
        if self.was_stopped(error) {
            return interrupted();
        }
        SqliteError::Step(Box::new(SqliteStepFailure::new(step, sql, error)))
    }

    /// The same for something of the run's own.
    fn own(&self, doing: &'static str, error: rusqlite::Error) -> SqliteError {
        if self.was_stopped(&error) { interrupted() } else { SqliteError::own(doing)(error) }
    }

    fn was_stopped(&self, error: &rusqlite::Error) -> bool {
        self.cancel.is_cancelled() && error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted)
    }
}

/// Takes the transaction back after an error, where SQLite has not done so by itself.
fn take_back(connection: &Connection, steps: &[Step], mut error: SqliteError) -> SqliteError {
    if let Some(left) = error.left_mut() {
        left.undone = steps.iter().map(|s| s.id.clone()).collect();
    }
    if connection.is_autocommit() {
        return error;
    }
    match statement::run(connection, "ROLLBACK") {
        Ok(()) => error,
        Err(source) => SqliteError::NotTakenBack { why: Box::new(error), source },
    }
}

fn look(
    connection: &Connection,
    check: &mut CheckSchema<'_>,
    changed: fn(Vec<String>) -> SqliteError,
) -> Result<(), SqliteError> {
    check(connection).map_err(|refusal| match refusal {
        ChangedState::Changed(objects) => changed(objects),
        ChangedState::Failed(source) => SqliteError::Check { source, left: Box::default() },
    })
}

impl SqliteError {
    fn changed(objects: Vec<String>) -> Self {
        Self::Changed { objects, left: Box::default() }
    }

    fn not_reached(objects: Vec<String>) -> Self {
        Self::NotReached { objects, left: Box::default() }
    }
}

fn interrupted() -> SqliteError {
    SqliteError::Interrupted { left: Box::default() }
}

fn assertion(step: &Step, sql: &str, row: String) -> SqliteError {
    SqliteError::Assert(Box::new(AssertFailure {
        step: step.id.clone(),
        reason: step.reason.clone(),
        statement: sql.to_owned(),
        row,
        left: Left::default(),
    }))
}

/// What is known of a statement that is no copy of rows.
fn load(connection: &Connection, step: &Step, sql: &str) -> Load {
    let table = touch::read_through(sql).filter(|_| step.work != Work::Instant);
    let Some(table) = table else { return Load::unknown(Copying::Statement) };
    let builds = touch::touch(sql) == Touch::Nothing;
    let doing = if builds { Copying::Index } else { Copying::Statement };
    // By their numbers, which takes no time; where rows were deleted, or are known by a key, it is less exact or unknown.
    let ends = format!("SELECT (SELECT max(rowid) FROM {0}) - (SELECT min(rowid) FROM {0}) + 1", ident(&table));
    let rows = connection.query_row(&ends, [], |row| statement::whole(row, 0)).unwrap_or(0);
    Load { doing, rows, per_row: per_row(connection, sql) }
}

/// The file of a connection; none where it is to no file.
fn file(connection: &Connection) -> Option<PathBuf> {
    connection.path().filter(|path| !path.is_empty()).map(|path| Path::new(path).to_owned())
}

fn journal_mode(connection: &Connection) -> rusqlite::Result<String> {
    connection.pragma_query_value(None, "journal_mode", |row| row.get(0))
}

fn schema_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "schema_version", |row| row.get(0))
}

/// Whether the file is no longer where it was opened.
fn has_moved(connection: &Connection) -> rusqlite::Result<bool> {
    let mut moved = 0;
    connection.file_control(None::<&str>, FileControl::HasMoved(&mut moved))?;
    Ok(moved != 0)
}
