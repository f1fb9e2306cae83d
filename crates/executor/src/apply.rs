//! The run: stages, batches, attempts.

use crate::backfill::{self, Fill, Stop, Unfilled};
use crate::batch::{self, Attempt, Cause, Failure};
use crate::concurrent::{Instead, Statement};
use crate::fence::{self, Fence, Taken};
use crate::gates;
use crate::guard::{Connect, Guard};
use crate::journal::{Journal, State};
use crate::ladder::{self, Ladder};
use crate::limits::{self, Limits};
use crate::standby::Standbys;
use crate::targets::Targets;
use crate::watch::{self, Event, Look};
use crate::{
    AssertFailure, Blocker, BuildProblem, Cancel, ChangedState, CheckState, ExecutorError, GateClosed, Left,
    LockFailure, Options, Partly, Phases, Progress, StageLeft, StepFailure, phases, session, waiting,
};
use postgres::Client;
use std::time::{Duration, Instant};
use underpin_model::{Backfill, Phase, Plan, Run, Stage, Step, Strategy};

/// The longest that a wait for a lock goes unseen.
const FIRST_LOOK: Duration = Duration::from_millis(100);
/// How often it is asked whether somebody is still in the way.
const POLL: Duration = Duration::from_millis(15);
/// How often it is told who that is.
const TELL: Duration = Duration::from_secs(1);
/// How often a change of the catalog is begun that took too long: a machine that stood still goes on.
const INSTANTS: u32 = 2;
/// How often a concurrent build is begun that the server stops to break a deadlock.
const BUILDS: u32 = 3;

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// How many steps were run.
    pub steps_run: usize,
    /// In how many batches.
    pub batches: usize,
    /// How long all took.
    pub elapsed: Duration,
    /// How much of it went into waiting for a gap, attempts that did not get their locks, and the pauses after them.
    pub waited: Duration,
    /// The longest that one batch held strong locks, with its last wait for them and the way to the server.
    pub longest_hold: Duration,
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
/// is not the one that the stage was planned for. What it gives back for the stage that ends the plan is a statement that
/// joins the last transaction; where the last batch is none, nothing runs it. Where there is nothing to run, nothing is
/// opened, checked or made.
///
/// # Errors
///
/// Any [`ExecutorError`]. Whatever it is, each batch is either committed or gone, but for what [`Left`] names, and
/// planning again goes on from there.
pub fn apply(
    client: &mut Client,
    connect_again: &Connect<'_>,
    plan: &Plan,
    check_state: &mut CheckState<'_>,
    options: &Options,
    progress: &dyn Progress,
    cancel: &Cancel,
) -> Result<Outcome, ExecutorError> {
    let start = Instant::now();
    let open = plan.stages.get(options.stages_done..).unwrap_or_default();
    let (stages, rest) = open.split_at(options.phases.select(open));
    let mut outcome = Outcome { left: phases::left(rest), ..Outcome::default() };
    let steps = || stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    if let Some(error) = ExecutorError::external(steps()) {
        return Err(error);
    }
    progress.plan_started(steps().count());
    if steps().next().is_some() {
        let prepare = |e| ExecutorError::Server { doing: "preparing the session", source: e };
        session::prepare(client, options).map_err(prepare)?;
        let mut guard = Guard::take(client, connect_again, options, cancel)?;
        let ready = Standbys::open(options, guard.client()).and_then(|standbys| {
            refuse_builds(steps(), guard.version)?;
            Ok((standbys, session::pid(client).map_err(prepare)?))
        });
        let (standbys, pid) = match ready {
            Ok(ready) => ready,
            // The next run need not wait for this session to be seen to end.
            Err(error) => {
                guard.release();
                return Err(error);
            }
        };
        let mut runner = Runner {
            guard,
            standbys,
            pid,
            options,
            progress,
            cancel,
            of_batches: stages.iter().map(|s| s.batches.len()).sum(),
            belt: plan.strategy == Strategy::Online,
            committed: Vec::new(),
            outcome,
        };
        let result = runner.stages(client, plan, stages, check_state);
        if result.is_ok() {
            waiting::remember(client, rest);
        }
        runner.guard.release();
        outcome = runner.outcome;
        result?;
    }
    outcome.elapsed = start.elapsed();
    progress.finished(&outcome);
    Ok(outcome)
}

/// Refuses a plan with builds that this server gets wrong.
fn refuse_builds<'a>(mut steps: impl Iterator<Item = &'a Step>, version: i32) -> Result<(), ExecutorError> {
    let problem = |step: &Step| step.sql.iter().find_map(|sql| Statement::of(sql)?.refused(version));
    let refused = steps.find_map(|step| Some(build_error(step, problem(step)?, Left::default())));
    refused.map_or(Ok(()), Err)
}

fn build_error(step: &Step, problem: BuildProblem, left: Left) -> ExecutorError {
    ExecutorError::Build { step: step.id.clone(), problem, left: Box::new(left) }
}

struct Runner<'a> {
    guard: Guard<'a>,
    standbys: Standbys,
    /// The server process that runs the plan.
    pid: i32,
    options: &'a Options,
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    of_batches: usize,
    /// Whether a change of the catalog alone is held to an instant: plain DDL was asked for as it is.
    belt: bool,
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
        check_state: &mut CheckState<'_>,
    ) -> Result<(), ExecutorError> {
        let mut journal = None;
        let result = self.stages_with(client, plan, stages, check_state, &mut journal);
        if let Some(journal) = &journal {
            journal.fence.end(client);
        }
        result
    }

    fn stages_with(
        &mut self,
        client: &mut Client,
        plan: &Plan,
        stages: &[Stage],
        check_state: &mut CheckState<'_>,
        journal: &mut Option<Journal>,
    ) -> Result<(), ExecutorError> {
        for (number, stage) in stages.iter().enumerate() {
            self.go_on()?;
            self.progress.stage_started(stage);
            self.gate(client, stage)?;
            let ending = check_state(client, stage).map_err(|refusal| {
                let left = Box::new(self.left());
                match refusal {
                    ChangedState::Changed(objects) => ExecutorError::Changed { objects, left },
                    ChangedState::Failed(source) => ExecutorError::Check { source, left },
                }
            })?;
            // The check may have its own settings.
            session::prepare(client, self.options).map_err(ExecutorError::server("preparing the session"))?;
            if journal.is_none() {
                *journal = Some(self.open_journal(client, plan)?);
            }
            let Some(journal) = journal else { return Ok(()) };
            let ending = ending.filter(|_| self.outcome.left.is_empty() && number + 1 == stages.len());
            for (number, batch) in stage.batches.iter().enumerate() {
                if let [step] = &*batch.steps
                    && step.run == Run::Backfill
                    && let Some(backfill) = &step.backfill
                {
                    self.go_on()?;
                    self.fill(client, journal, stage.phase, step, backfill)?;
                } else if batch.transaction {
                    self.go_on()?;
                    let ending = ending.as_ref().filter(|_| number + 1 == stage.batches.len());
                    self.transaction(client, journal, stage.phase, &batch.steps, ending)?;
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

    /// Begins no stage behind a gate while the old application is seen.
    fn gate(&mut self, client: &mut Client, stage: &Stage) -> Result<(), ExecutorError> {
        let gates = &self.options.gates;
        let Some(gate) = stage.gate.clone().filter(|_| !gates.confirmed && self.options.phases != Phases::All) else {
            return Ok(());
        };
        let doing = "looking for the old application";
        let own = [self.pid, session::pid(self.guard.client()).map_err(ExecutorError::server(doing))?];
        let seen = gates::seen(client, stage, gates, &own).map_err(ExecutorError::server(doing))?;
        if seen.is_empty() {
            return Ok(());
        }
        Err(ExecutorError::Gate(Box::new(GateClosed { gate, seen, drain: gates.drain, left: self.left() })))
    }

    fn open_journal(&mut self, client: &mut Client, plan: &Plan) -> Result<Journal, ExecutorError> {
        let making = || ExecutorError::server("making the journal");
        let (mut journal, warning) = Journal::open(client, plan).map_err(making())?;
        self.outcome.warnings.extend(warning);
        if journal.is_kept() {
            match Fence::take(client).map_err(making())? {
                Taken::Fence(fence) => journal.fence = fence,
                Taken::Without(reason) => self.outcome.warnings.push(format!(
                    "a run that is held up for long could go on beside a later one, as {reason}. The lock that keeps a \
                     second run out is there all the same. To have both, give this role SELECT, INSERT and UPDATE on \
                     underpin.run."
                )),
                Taken::Busy => {
                    let holder = fence::holder(client).unwrap_or_default();
                    return Err(ExecutorError::Busy { holder, waited: Duration::ZERO });
                }
            }
        }
        Ok(journal)
    }

    fn transaction(
        &mut self,
        client: &mut Client,
        journal: &Journal,
        phase: Phase,
        steps: &[Step],
        ending: Option<&String>,
    ) -> Result<(), ExecutorError> {
        let rows = steps.iter().filter_map(|s| journal.row(phase, s, State::Done));
        let rows: Vec<String> = rows.chain(ending.cloned()).collect();
        let targets = self.guard.targets(steps);
        let look = journal.fence.look();
        let work = Work { steps, rows: &rows, targets: &targets, look: look.as_deref(), transaction: true };
        self.attempts(client, &work).map_err(|end| self.ended(client, journal, phase, steps, true, end))?;
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
        self.note(client, journal, phase, step, State::Started);
        let invalid = self.guard.invalid_indexes();
        self.beside(client, journal, phase, step).map_err(|mut error| {
            let left_behind = self.guard.invalid_indexes().into_iter().filter(|i| !invalid.contains(i)).collect();
            if let Some(left) = error.left_mut() {
                left.invalid_indexes = left_behind;
            }
            error
        })?;
        self.note(client, journal, phase, step, State::Done);
        self.done(std::slice::from_ref(step));
        Ok(())
    }

    /// Runs a step outside a transaction. What an earlier run, or an attempt that failed, has left half done is taken away
    /// or finished first: the statement alone would fail on it, or take it for done.
    fn beside(
        &mut self,
        client: &mut Client,
        journal: &Journal,
        phase: Phase,
        step: &Step,
    ) -> Result<(), ExecutorError> {
        let look = journal.fence.look();
        let statement = step.sql.first().and_then(|sql| Statement::of(sql));
        let mut builds = 0;
        loop {
            builds += 1;
            let now = self.as_things_stand(step, statement.as_ref())?;
            let steps = std::slice::from_ref(&now);
            let exclusive = statement.as_ref().map(|s| s.exclusive(self.guard.client()));
            let targets = match exclusive {
                Some(Ok(Some((oid, name)))) => Targets::of_one(oid, name),
                Some(Ok(None) | Err(_)) | None => self.guard.targets(steps),
            };
            let work = Work { steps, rows: &[], targets: &targets, look: look.as_deref(), transaction: false };
            let Err(end) = self.attempts(client, &work) else { break };
            let failed = match &end {
                End::Failed(Failure { cause: Cause::Server(error), .. }) => {
                    !is_lost(error) && !self.cancel.is_cancelled()
                }
                End::Failed(_) | End::Locks { .. } => false,
            };
            let deadlock = matches!(&end, End::Failed(failure) if failure.is_about_locks());
            let mut error = self.ended(client, journal, phase, steps, false, end);
            if !failed {
                return Err(error);
            }
            let repaired = statement.as_ref().and_then(|s| self.repair(client, step, s));
            if deadlock && statement.is_some() && builds < BUILDS {
                continue;
            }
            if let Some(left) = error.left_mut() {
                left.repaired.extend(repaired);
            }
            return Err(error);
        }
        match statement.as_ref().map(|s| s.flaw(self.guard.client())) {
            Some(Ok(Some(problem))) => Err(build_error(step, problem, self.left())),
            // A look that fails is no flaw.
            Some(Ok(None) | Err(_)) | None => Ok(()),
        }
    }

    /// The step with the statements that are to be run as things stand.
    fn as_things_stand(&mut self, step: &Step, statement: Option<&Statement>) -> Result<Step, ExecutorError> {
        let mut now = step.clone();
        let instead = match statement.map(|s| s.instead(self.guard.client())) {
            None => return Ok(now),
            Some(Err(source)) => {
                return Err(ExecutorError::Server { doing: "looking for what an earlier build has left", source });
            }
            Some(Ok(Err(problem))) => return Err(build_error(step, problem, self.left())),
            Some(Ok(Ok(instead))) => instead,
        };
        match instead {
            Instead::Itself => {}
            Instead::After(sql) => now.sql.insert(0, sql),
            Instead::Other(sql) => now.sql.splice(..1, [sql]).for_each(drop),
            Instead::Done => drop(now.sql.remove(0)),
        }
        Ok(now)
    }

    /// Takes away, or finishes, what a statement has left half done; the statement that did it.
    fn repair(&mut self, client: &mut Client, step: &Step, statement: &Statement) -> Option<String> {
        let sql = statement.repair(self.guard.client()).ok()??;
        let repair = Step { sql: vec![sql.clone()], ..step.clone() };
        let targets = Targets::default();
        let work =
            Work { steps: std::slice::from_ref(&repair), rows: &[], targets: &targets, look: None, transaction: false };
        self.attempts(client, &work).is_ok().then_some(sql)
    }

    /// Changes rows in batches, each of which is committed by itself.
    fn fill(
        &mut self,
        client: &mut Client,
        journal: &Journal,
        phase: Phase,
        step: &Step,
        backfill: &Backfill,
    ) -> Result<(), ExecutorError> {
        self.note(client, journal, phase, step, State::Started);
        self.progress.step_started(step, 1);
        let (pid, options, progress, cancel) = (self.pid, self.options, self.progress, self.cancel);
        let look = journal.fence.look();
        let fill = Fill { step, backfill, pid, look: look.as_deref(), options, progress, cancel };
        let filled = backfill::run(client, &mut self.guard, &fill);
        self.outcome.warnings.extend(filled.warnings);
        self.outcome.waited += filled.waited;
        let Some(stop) = filled.stop else {
            self.note(client, journal, phase, step, State::Done);
            self.done(std::slice::from_ref(step));
            return Ok(());
        };
        let mut left = self.left();
        left.backfill = filled.reached;
        let id = step.id.clone();
        let failed =
            |cause, statement| Failure { step, done: 0, statement, committing: false, in_message: false, cause };
        let end = match stop {
            Stop::Server { statement, error } => End::Failed(failed(Cause::Server(error), statement)),
            Stop::Replaced => End::Failed(failed(Cause::Replaced, String::new())),
            Stop::Cancelled => End::Failed(failed(Cause::Cancelled, String::new())),
            Stop::Locks { attempts, waited } => End::Locks {
                failure: failed(Cause::Cancelled, String::new()),
                attempts,
                waited,
                blockers: filled.blockers,
            },
            Stop::GuardLost(source) => return Err(ExecutorError::GuardLost { source, left: Box::new(left) }),
            Stop::Behind { what, waited } => {
                return Err(ExecutorError::Behind { step: id, what, waited, left: Box::new(left) });
            }
            Stop::Wrong { rows, named } => {
                self.note(client, journal, phase, step, State::Failed);
                let (table, wrong) = (backfill.table.clone(), backfill.wrong.clone().unwrap_or_default());
                return Err(ExecutorError::Unfilled(Box::new(Unfilled { step: id, table, named, rows, wrong, left })));
            }
        };
        let mut error = self.ended(client, journal, phase, std::slice::from_ref(step), false, end);
        if let Some(of_error) = error.left_mut() {
            of_error.backfill = left.backfill;
            // A batch is done exactly where its place is kept.
            of_error.unsure.clear();
        }
        Err(error)
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
    fn attempts<'w>(&mut self, client: &mut Client, work: &Work<'w>) -> Result<(), End<'w>> {
        let Some(first) = work.steps.first() else { return Ok(()) };
        let (steps, targets) = (work.steps, work.targets);
        let deadlock_timeout = self.guard.deadlock_timeout;
        let mut ladder =
            Ladder::new(self.options.lock_budget, limits::longest_wait(steps, self.options), deadlock_timeout);
        let mut at_once = limits::is_catalog_only(steps);
        let mut late = 0;
        // Who was seen last: an attempt may be too short for a look.
        let mut seen: Vec<Blocker> = Vec::new();
        loop {
            let begun = Instant::now();
            let gap = self.gap(work, &mut ladder);
            if begun.elapsed() > POLL {
                self.outcome.waited += begun.elapsed();
            }
            gap?;
            let (number, begun) = (ladder.next(), Instant::now());
            let attempt = Attempt {
                steps,
                targets,
                limits: if work.transaction {
                    let belt = self.belt && !limits::may_block(steps);
                    Limits::of_transaction(steps, targets, &ladder, deadlock_timeout, belt)
                } else {
                    Limits::of_alone(first, &ladder)
                },
                patience_ms: limits::millis(ladder::patience(deadlock_timeout)),
                look: work.look,
                rows: work.rows,
                transaction: work.transaction,
                at_once,
            };
            let patience = Duration::from_millis(attempt.limits.lock_ms / 3).max(Duration::from_millis(5));
            let look = Look {
                pid: self.pid,
                first: if attempt.limits.lock_ms == 0 { FIRST_LOOK } else { patience.min(FIRST_LOOK) },
                build: steps.iter().any(|s| s.run == Run::Build),
            };
            let (progress, cancel) = (self.progress, self.cancel);
            let mut at = attempt.named();
            let run = |tell: &_| batch::run(client, &attempt, cancel, tell);
            let result = watch::run(&mut self.guard, &look, cancel, run, |event| match event {
                Event::Started(step) => {
                    // What goes at once waits for its locks before its first statement.
                    let waits = if at_once { step.min(attempt.first_strong()) } else { step };
                    at = steps.get(waits);
                    steps.get(step).iter().for_each(|s| progress.step_started(s, number));
                }
                Event::Blocked(blockers) => {
                    at.iter().for_each(|s| progress.blocked(s, &blockers));
                    seen = blockers;
                }
                Event::Building(done) => at.iter().for_each(|s| progress.build_progress(s, &done)),
            });
            let failure = match result {
                Ok(held) => {
                    self.outcome.longest_hold = self.outcome.longest_hold.max(held);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            // Outside a transaction, what was done stays: only a first statement can be tried again, and a concurrent
            // build leaves something even then.
            let step = failure.step;
            let again = work.transaction || failure.done == 0 && step.run == Run::Locked;
            let is_late = attempt.limits.belt_ms > 0 && failure.is_out_of_time();
            late += u32::from(is_late);
            if !again || !(failure.is_about_locks() || is_late && late < INSTANTS) {
                if failure.is_unclear() && !cancel.is_cancelled() {
                    at_once = false;
                    continue;
                }
                return Err(End::Failed(failure));
            }
            let held = self.guard.holders(targets, self.pid);
            if !held.is_empty() {
                seen = held;
            }
            let Some(pause) = ladder.pause() else {
                self.outcome.waited += begun.elapsed();
                if is_late {
                    return Err(End::Failed(failure));
                }
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

    /// Waits until nobody is in the way of the next attempt who would stay for longer than it waits. Nobody queues behind
    /// such a wait, here or on a standby.
    fn gap<'w>(&mut self, work: &Work<'w>, ladder: &mut Ladder) -> Result<(), End<'w>> {
        let strong = work.targets.strong().next().is_some();
        let step = work.steps.get(crate::targets::first_strong(work.steps)).or(work.steps.last());
        let Some(step) = step.filter(|_| strong || !ladder.may_try(std::iter::empty())) else { return Ok(()) };
        let exclusive = work.targets.exclusive();
        // A drop beside the traffic waits on the server for those who use the index there.
        let here = if work.transaction || step.run == Run::Locked { work.targets.clone() } else { Targets::default() };
        let there = if self.standbys.is_empty() { Targets::default() } else { exclusive };
        let mut told: Option<Instant> = None;
        loop {
            let begun = Instant::now();
            let held = self.guard.ages(&here, self.pid);
            let held = held.map_err(|e| End::Failed(Failure::new(step, 0, "", Cause::GuardLost(e))))?;
            let held = held.into_iter().chain(self.standbys.ages(&there));
            if ladder.may_try(held) {
                return Ok(());
            }
            let over = ladder.rest().is_zero();
            if over || told.is_none_or(|t| t.elapsed() >= TELL) {
                let mut blockers = self.guard.holders(&here, self.pid);
                blockers.extend(self.standbys.holders(&there));
                if over {
                    let failure = Failure::new(step, 0, "", Cause::Cancelled);
                    let (attempts, waited) = (ladder.attempts(), ladder.spent());
                    return Err(End::Locks { failure, attempts, waited, blockers });
                }
                if !blockers.is_empty() {
                    self.progress.blocked(step, &blockers);
                }
                told = Some(Instant::now());
            }
            // A server that is slow to answer is asked less often.
            self.cancel.sleep(POLL.max(begun.elapsed() * 4).min(ladder.rest()));
            if self.cancel.is_cancelled() {
                return Err(End::Failed(Failure::new(step, 0, "", Cause::Cancelled)));
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
        let gone = match &failure.cause {
            Cause::Server(error) => is_lost(error),
            // The later run writes what happens from now on.
            Cause::Replaced => true,
            Cause::Assert(_) | Cause::Cancelled | Cause::GuardLost(_) => false,
        };
        if !gone {
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
            Cause::Replaced => {
                let holder = fence::holder(self.guard.client()).unwrap_or_default();
                ExecutorError::Replaced { holder, left: Box::new(left) }
            }
            Cause::GuardLost(source) => ExecutorError::GuardLost { source, left: Box::new(left) },
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

/// What the attempts at a batch are about.
struct Work<'w> {
    steps: &'w [Step],
    rows: &'w [String],
    targets: &'w Targets,
    /// The statement that makes sure that no other run has taken over.
    look: Option<&'w str>,
    transaction: bool,
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
