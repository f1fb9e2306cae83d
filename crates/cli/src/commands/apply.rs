//! `underpin apply`: runs a plan, made now or read from a file.

use crate::args::{ApplyArgs, Careful, Cli, Common, PhaseArg, Planning, ProofArg, StrategyArg, UndoArgs, settings};
use crate::progress::Bar;
use crate::{exit, output};
use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;
use underpin_engine::{EngineError, FileTexts, Source, plan, refuse_gaps};
use underpin_executor::{Cancel, ExecutorError, Gates, Options, Pace, Phases};
use underpin_model::{Phase, Plan};
use underpin_report::{ApplyReport, wire, write_plan_text};

/// How often a plan is made anew, where the database changed while it was made or waited for another run to end.
const PLANS: usize = 5;

pub fn run(cli: &Cli, args: &ApplyArgs) -> Result<u8, EngineError> {
    let cancel = Cancel::new();
    super::interruptible(Some(cancel.clone()));
    // A plan from a file, and one that a person has agreed to, is that one or none.
    let again = args.plan.is_none() && args.careful.yes;
    for left in (0..PLANS).rev() {
        match once(cli, args, &cancel) {
            Err(EngineError::Outdated(_)) if again && left > 0 => {}
            // Of this file it will be so each time, where the others are planned anew.
            Err(EngineError::Outdated(why)) if args.plan.is_some() => {
                return Err(EngineError::Failure(format!(
                    "{why}\nnext: the plan in the file does not fit what is there, however often it is run; where something is left to do, make \
                     another: underpin plan --output json -o FILE"
                )));
            }
            other => return other,
        }
    }
    Err(EngineError::Stopped(
        "the database kept changing while its plan was made; nothing was changed by this run".to_owned(),
    ))
}

fn once(cli: &Cli, args: &ApplyArgs, cancel: &Cancel) -> Result<u8, EngineError> {
    // A mistake in the words is told before anything is read.
    let format = super::format(&args.output)?;
    format.apply.ok_or_else(|| super::no_view(format.name))?;
    super::hazards(&args.planning.allow)?;
    let settings = settings(&args.db, &args.schema, &args.common, Some(&args.planning))?;
    let target = &settings.db;
    if !matches!(target, Source::Database(_) | Source::Sqlite(_)) {
        return Err(EngineError::Usage("apply changes a database; give its URL in --db".to_owned()));
    }
    let (plan, texts, lacking) = match &args.plan {
        Some(file) => {
            let text = std::fs::read_to_string(file).map_err(|e| {
                EngineError::input("unreadable-plan", format!("{} cannot be read: {e}", file.display()))
            })?;
            let plan = wire::read_plan(&text).map_err(|e| {
                EngineError::input("bad-plan", format!("{} is no plan that can be run: {e}", file.display()))
            })?;
            if settings.strict {
                refuse_gaps(&plan.diagnostics)?;
            }
            (plan, FileTexts::default(), Vec::new())
        }
        None => {
            let made = plan(&settings)?;
            (made.plan, made.texts, made.lacking)
        }
    };
    let phases = match args.phase {
        None => Phases::UpToGate,
        Some(PhaseArg::All) => Phases::All,
        Some(PhaseArg::Expand) => Phases::Only(Phase::Expand),
        Some(PhaseArg::Backfill) => Phases::Only(Phase::Backfill),
        Some(PhaseArg::Contract) => Phases::Only(Phase::Contract),
    };
    let gates =
        Gates { drain: Duration::from_secs(args.drain), old_apps: args.old_app.clone(), confirmed: args.confirm_gate };
    let run = Run {
        cli,
        target,
        common: &args.common,
        careful: &args.careful,
        allow: &args.planning.allow,
        output: &args.output,
        is_kept: args.plan.is_some(),
    };
    run.carry_out((plan, texts, lacking), (phases, gates), cancel)
}

/// `underpin undo`: the way back, run as any plan is.
pub fn undo(cli: &Cli, args: &UndoArgs) -> Result<u8, EngineError> {
    let cancel = Cancel::new();
    super::interruptible(Some(cancel.clone()));
    let planning = Planning {
        strategy: StrategyArg::Online,
        allow: args.allow.clone(),
        proof: ProofArg::Slice,
        quarantine: None,
        versioned_views: None,
        pg_repack: false,
    };
    let settings = settings(&args.db, &[], &args.common, Some(&planning))?;
    let target = &settings.db;
    match target {
        Source::Database(_) => {}
        Source::Sqlite(_) => {
            return Err(EngineError::Usage(
                "a plan for SQLite is one transaction: it is done or not, and nothing is in flight that could be taken back".to_owned(),
            ));
        }
        Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
            return Err(EngineError::Usage("undo changes a database; give its URL in --db".to_owned()));
        }
    }
    let Some(made) = underpin_engine::undo(&settings)? else {
        return Err(EngineError::Usage(
            "there is nothing to take back: no plan in stages is in flight here, or its contract has begun".to_owned(),
        ));
    };
    let run = Run {
        cli,
        target,
        common: &args.common,
        careful: &args.careful,
        allow: &args.allow,
        output: &args.output,
        is_kept: false,
    };
    let gates = Gates { confirmed: true, ..Gates::default() };
    run.carry_out((made.plan, made.texts, made.lacking), (Phases::All, gates), &cancel)
}

/// What running a plan is told on the command line.
struct Run<'a> {
    cli: &'a Cli,
    target: &'a Source,
    common: &'a Common,
    careful: &'a Careful,
    /// The hazards that policy lets through.
    allow: &'a [String],
    output: &'a str,
    /// Whether the plan comes from a file: an earlier run may have begun it.
    is_kept: bool,
}

impl Run<'_> {
    /// Runs a plan, where policy and rights let it.
    fn carry_out(
        &self,
        (plan, texts, lacking): (Plan, FileTexts, Vec<String>),
        (phases, gates): (Phases, Gates),
        cancel: &Cancel,
    ) -> Result<u8, EngineError> {
        let Self { cli, target, common, careful, allow, output: format, is_kept } = *self;
        let format = super::format(format)?;
        let write = format.apply.ok_or_else(|| super::no_view(format.name))?;
        let allowed = super::hazards(allow)?;
        let replica = |url: &String| match Source::parse(std::slice::from_ref(url))? {
            Source::Database(target) => Ok(target),
            Source::Sqlite(_) | Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => {
                Err(EngineError::Usage("--replica takes the URL of a standby".to_owned()))
            }
        };
        let replicas = careful.replica.iter().map(replica).collect::<Result<Vec<_>, _>>()?;
        let refused: Vec<String> = plan
            .refused(&allowed)
            .map(|(step, h)| format!("  {}: {} (--allow {})", step.id, h.message, h.kind.name()))
            .collect();
        if !refused.is_empty() {
            self.show(&plan, &texts);
            return Err(EngineError::Refused(format!(
                "the plan was not run, because policy does not let these through:\n{}\nnothing was changed; allow them by name if that is what you want",
                refused.join("\n")
            )));
        }
        if !lacking.is_empty() {
            return Err(EngineError::Failure(format!(
                "the plan was not started, because it would stop on the way:\n  {}\nnothing was changed",
                lacking.join("\n  ")
            )));
        }
        // One that was kept goes on behind what another program has done by now.
        let stages = plan.stages.get(..phases.select(&plan.stages)).unwrap_or_default();
        if let Some(waits) = ExecutorError::external(stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps))
            && !is_kept
        {
            output::findings(cli, &|name| texts.get(name), &plan.diagnostics);
            return Err(EngineError::Stopped(waits.to_string()));
        }
        if !plan.is_empty() && !careful.yes && !self.agreed(&plan, &texts)? {
            return Err(EngineError::Refused("nothing was changed".to_owned()));
        }
        output::writable(common)?;
        let options = Options {
            lock_timeout: Duration::from_millis(careful.lock_timeout),
            lock_budget: Duration::from_secs(careful.lock_budget),
            second_run_wait: Duration::from_secs(careful.wait),
            phases,
            replicas,
            gates,
            pace: Pace { lag: Duration::from_secs(careful.max_lag), rest: careful.rest, ..Pace::default() },
            ..Options::default()
        };
        if !is_kept {
            output::findings(cli, &|name| texts.get(name), &plan.diagnostics);
        }
        super::RUNNING.store(true, std::sync::atomic::Ordering::SeqCst);
        let outcome = underpin_engine::apply(target, (&plan, is_kept), &options, &Bar::new(cli.quiet), cancel)?;
        let report = ApplyReport {
            plan: &plan,
            steps_run: outcome.steps_run,
            took: outcome.elapsed,
            waited: outcome.waited,
            warnings: outcome.warnings,
            gate: outcome.left.first().and_then(|l| l.gate.clone()),
        };
        output::data(cli, common, &texts, |out, view| write(out, &report, view))?;
        Ok(exit::DONE)
    }

    fn show(&self, plan: &Plan, texts: &FileTexts) {
        if !self.cli.quiet && self.output == "text" {
            let _ = output::data(self.cli, self.common, texts, |out, view| write_plan_text(out, plan, view));
        }
    }

    /// Asks on a terminal; without one, --yes is needed.
    fn agreed(&self, plan: &Plan, texts: &FileTexts) -> Result<bool, EngineError> {
        self.show(plan, texts);
        if !io::stdin().is_terminal() {
            return Err(EngineError::Usage(
                "apply asks before it changes anything, and there is no terminal to ask on; say --yes".to_owned(),
            ));
        }
        let mut err = io::stderr().lock();
        let _ = write!(err, "Apply this plan? [y/N] ").and_then(|()| err.flush());
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).map_err(|e| EngineError::Failure(e.to_string()))?;
        Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
    }
}
