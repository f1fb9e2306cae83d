//! The run: stages, batches, attempts.

use crate::batch::{self, Attempt, Cause, Failure};
use crate::guard::{Connect, Guard};
use crate::journal::{Journal, State};
use crate::ladder::Ladder;
use crate::limits::Limits;
use crate::watch::{self, Event, Look};
use crate::{
    AssertFailure, Blocker, Cancel, ChangedState, ExecutorError, Left, LockFailure, Options, Partly, Progress,
    StageLeft, StepFailure, phases, session,
};
use postgres::Client;
use std::time::{Duration, Instant};
use underpin_model::{Phase, Plan, Run, Stage, Step};

/// The longest that a wait for a lock goes unseen.
const FIRST_LOOK: Duration = Duration::from_millis(100);

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How many steps were run.
    pub steps_run: usize,
    /// In how many batches.
    pub batches: usize,
    /// How long all took.
    pub elapsed: Duration,
    /// How much of it went into attempts that did not get their locks, and the pauses after them.
    pub waited: Duration,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// The stages that were not run, the first of which waits for its gate or for its phase.
    pub left: Vec<StageLeft>,
}

/// Runs the stages of `plan` that `options.phases` selects.
///
/// `client` runs the plan; its settings are changed for good (see [`Options`] and the crate's text), so that it should
/// not be used for anything else afterwards that depends on them. `connect_again` opens a session of the same role on
/// the same database. `check_state` is called before each stage, outside a transaction, and refuses where the database
/// is not the one that the stage was planned for. Where there is nothing to run, nothing is opened, checked or made.
///
/// # Errors
///
/// Any [`ExecutorError`]. Whatever it is, each batch is either committed or gone, but for what [`Left`] names, and
/// planning again goes on from there.
pub fn apply(
    client: &mut Client,
    connect_again: &Connect<'_>,
    plan: &Plan,
    check_state: &mut dyn FnMut(&mut Client, &Stage) -> Result<(), ChangedState>,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, ExecutorError> {
    let start = Instant::now();
    let (stages, rest) = plan.stages.split_at(options.phases.select(&plan.stages));
    let mut outcome = Outcome { left: phases::left(rest), ..Outcome::default() };
    let steps = || stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    if let Some(step) = steps().find(|s| s.run == Run::External) {
        return Err(ExecutorError::External { step: step.id.clone(), run: step.run });
    }
    progress.plan_started(steps().count());
    if steps().next().is_some() {
        let prepare = |e| ExecutorError::Server { doing: "preparing the session", source: e };
        session::prepare(client, options).map_err(prepare)?;
        let pid = session::pid(client).map_err(prepare)?;
        let mut runner = Runner {
            guard: Guard::take(connect_again, options, cancel)?,
            pid,
            options,
            progress,
            cancel,
            of_batches: stages.iter().map(|s| s.batches.len()).sum(),
            committed: Vec::new(),
            outcome,
        };
        let result = runner.stages(client, plan, stages, check_state);
        runner.guard.release();
        outcome = runner.outcome;
        result?;
    }
    outcome.elapsed = start.elapsed();
    progress.finished(&outcome);
    Ok(outcome)
}

struct Runner<'a> {
    guard: Guard<'a>,
    /// The server process that runs the plan.
    pid: i32,
    options: &'a Options,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    of_batches: usize,
    /// The ids of the steps that are committed.
    committed: Vec<String>,
    outcome: Outcome,
}

impl Runner<'_> {
    fn stages(
        &mut self,
        client: &mut Client,
        plan: &Plan,
        stages: &[Stage],
        check_state: &mut dyn FnMut(&mut Client, &Stage) -> Result<(), ChangedState>,
    ) -> Result<(), ExecutorError> {
        let mut journal = None;
        for stage in stages {
            self.go_on()?;
            self.progress.stage_started(stage);
            check_state(client, stage).map_err(|refusal| {
                let left = Box::new(self.left());
                match refusal {
                    ChangedState::Changed(objects) => ExecutorError::Changed { objects, left },
                    ChangedState::Failed(source) => ExecutorError::Check { source, left },
                }
            })?;
            // The check may have its own settings.
            session::prepare(client, self.options).map_err(ExecutorError::server("preparing the session"))?;
            let journal = match &mut journal {
                Some(journal) => journal,
                none => none.insert(self.open_journal(client, plan)?),
            };
            for batch in &stage.batches {
                if batch.transaction {
                    self.go_on()?;
                    self.transaction(client, journal, stage.phase, &batch.steps)?;
                } else {
                    for step in &batch.steps {
                        self.go_on()?;
                        self.alone(client, journal, stage.phase, step)?;
                    }
                }
                self.outcome.batches += 1;
            }
        }
        Ok(())
    }

    /// Stops where a person asked for it, or where a second run would no longer be kept out.
    fn go_on(&mut self) -> Result<(), ExecutorError> {
        if self.cancel.is_cancelled() {
            return Err(ExecutorError::Interrupted { left: Box::new(self.left()) });
        }
        self.guard.check().map_err(|source| ExecutorError::GuardLost { source, left: Box::new(self.left()) })
    }

    fn open_journal(&mut self, client: &mut Client, plan: &Plan) -> Result<Journal, ExecutorError> {
        let (journal, warning) = Journal::open(client, plan).map_err(ExecutorError::server("making the journal"))?;
        self.outcome.warnings.extend(warning);
        Ok(journal)
    }

    fn transaction(
        &mut self,
        client: &mut Client,
        journal: &Journal,
        phase: Phase,
        steps: &[Step],
    ) -> Result<(), ExecutorError> {
        let rows: Vec<String> = steps.iter().filter_map(|s| journal.row(phase, s, State::Done)).collect();
        let limits = Limits::of_transaction(steps, self.options);
        let attempt = Attempt { steps, limits, rows: &rows, transaction: true };
        self.attempts(client, &attempt).map_err(|end| self.ended(client, journal, phase, steps, true, end))?;
        self.done(steps);
        Ok(())
    }

    fn alone(
        &mut self,
        client: &mut Client,
        journal: &Journal,
        phase: Phase,
        step: &Step,
    ) -> Result<(), ExecutorError> {
        let steps = std::slice::from_ref(step);
        self.note(client, journal, phase, step, State::Started);
        let invalid = self.guard.invalid_indexes();
        let limits = Limits::of_alone(step, self.options);
        let attempt = Attempt { steps, limits, rows: &[], transaction: false };
        self.attempts(client, &attempt).map_err(|end| {
            let mut error = self.ended(client, journal, phase, steps, false, end);
            let left_behind = self.guard.invalid_indexes().into_iter().filter(|i| !invalid.contains(i)).collect();
            if let Some(left) = error.left_mut() {
                left.invalid_indexes = left_behind;
            }
            error
        })?;
        self.note(client, journal, phase, step, State::Done);
        self.done(steps);
        Ok(())
    }

    /// Writes a row outside the step's transaction. What has happened has happened: a row that cannot be written is a
    /// warning.
    fn note(&mut self, client: &mut Client, journal: &Journal, phase: Phase, step: &Step, state: State) {
        let Some(row) = journal.row(phase, step, state) else {
            return;
        };
        if let Err(error) = client.batch_execute(&row) {
            let message = error.as_db_error().map_or_else(|| error.to_string(), |e| e.message().to_owned());
            self.outcome.warnings.push(format!("the journal has no row {state:?} for step {}: {message}", step.id));
        }
    }

    fn done(&mut self, steps: &[Step]) {
        for step in steps {
            self.committed.push(step.id.clone());
            self.outcome.steps_run += 1;
            self.progress.step_done(step);
        }
    }

    /// Tries until it works, fails for another reason than locks, or the budget is used up.
    fn attempts<'a>(&mut self, client: &mut Client, attempt: &Attempt<'a>) -> Result<(), End<'a>> {
        let mut ladder = Ladder::new(self.options.lock_budget);
        let patience = Duration::from_millis(attempt.limits.lock_ms / 3).max(Duration::from_millis(5));
        let look = Look {
            pid: self.pid,
            first: if attempt.limits.lock_ms == 0 { FIRST_LOOK } else { patience.min(FIRST_LOOK) },
            build: attempt.steps.iter().any(|s| s.run == Run::Build),
        };
        loop {
            let number = ladder.next();
            let begun = Instant::now();
            let (progress, cancel) = (self.progress, self.cancel);
            let mut at = attempt.steps.first();
            let mut seen: Vec<Blocker> = Vec::new();
            let work = |tell: &_| batch::run(client, attempt, cancel, tell);
            let result = watch::run(&mut self.guard, &look, cancel, work, |event| match event {
                Event::Started(step) => {
                    at = attempt.steps.get(step);
                    at.iter().for_each(|s| progress.step_started(s, number));
                }
                Event::Blocked(blockers) => {
                    at.iter().for_each(|s| progress.blocked(s, &blockers));
                    seen = blockers;
                }
                Event::Building(done) => at.iter().for_each(|s| progress.build_progress(s, &done)),
            });
            let Err(failure) = result else { return Ok(()) };
            // Outside a transaction, what was done stays: only a first statement can be tried again, and a concurrent
            // build leaves something even then.
            let step = failure.step;
            let again = attempt.transaction || failure.done == 0 && step.run == Run::Locked;
            if !again || !failure.is_about_locks() {
                return Err(End::Failed(failure));
            }
            if seen.is_empty() {
                seen = self.guard.holders(&step.locks, self.pid);
            }
            let Some(pause) = ladder.pause() else {
                self.outcome.waited += begun.elapsed();
                return Err(End::Locks {
                    failure,
                    attempts: ladder.attempts(),
                    waited: ladder.spent(),
                    blockers: seen,
                });
            };
            self.progress.waiting_for_lock(step, &seen, number, pause);
            self.cancel.sleep(pause);
            self.outcome.waited += begun.elapsed();
            if self.cancel.is_cancelled() {
                return Err(End::Failed(Failure { cause: Cause::Cancelled, ..failure }));
            }
        }
    }

    fn left(&self) -> Left {
        Left {
            committed: self.committed.clone(),
            batches: self.outcome.batches,
            of_batches: self.of_batches,
            ..Left::default()
        }
    }

    /// The error for a batch that ended badly; its step is noted as failed.
    fn ended(
        &mut self,
        client: &mut Client,
        journal: &Journal,
        phase: Phase,
        steps: &[Step],
        transaction: bool,
        end: End<'_>,
    ) -> ExecutorError {
        let (failure, locks) = match end {
            End::Failed(failure) => (failure, None),
            End::Locks { failure, attempts, waited, blockers } => (failure, Some((attempts, waited, blockers))),
        };
        let step = failure.step;
        let ids = || steps.iter().map(|s| s.id.clone()).collect();
        let mut left = self.left();
        if transaction {
            left.undone = ids();
        } else if failure.done > 0 {
            left.partly = Some(Partly { step: step.id.clone(), done: failure.done, of: step.sql.len() });
        }
        if !matches!(&failure.cause, Cause::Server(e) if is_lost(e)) {
            self.note(client, journal, phase, step, State::Failed);
        }
        if let Some((attempts, waited, blockers)) = locks {
            return ExecutorError::Locks(Box::new(LockFailure {
                step: step.id.clone(),
                attempts,
                waited,
                blockers,
                left,
            }));
        }
        match failure.cause {
            Cause::Cancelled => ExecutorError::Interrupted { left: Box::new(left) },
            Cause::Assert(row) => ExecutorError::Assert(Box::new(AssertFailure {
                step: step.id.clone(),
                reason: step.reason.clone(),
                statement: failure.statement,
                row,
                left,
            })),
            Cause::Server(error) => match error.as_db_error().filter(|_| !is_lost(&error)) {
                None => {
                    if failure.committing || !transaction {
                        left.unsure = if transaction { ids() } else { vec![step.id.clone()] };
                        left.undone.clear();
                    }
                    ExecutorError::ConnectionLost { step: step.id.clone(), source: error, left: Box::new(left) }
                }
                Some(db) if db.code().code() == "57014" && self.cancel.is_cancelled() => {
                    ExecutorError::Interrupted { left: Box::new(left) }
                }
                Some(db) => ExecutorError::Step(Box::new(StepFailure::new(step, failure.statement, db, left))),
            },
        }
    }
}

/// How the attempts at a batch ended.
enum End<'a> {
    Failed(Failure<'a>),
    Locks { failure: Failure<'a>, attempts: u32, waited: Duration, blockers: Vec<Blocker> },
}

/// Whether the connection is gone: the driver has no word of the server, or the server says that it ends the session
/// (57P01 to 57P05, class 08).
fn is_lost(error: &postgres::Error) -> bool {
    error.as_db_error().is_none_or(|e| e.code().code().starts_with("57P") || e.code().code().starts_with("08"))
}
