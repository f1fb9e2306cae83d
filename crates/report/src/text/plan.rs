//! A plan for people: a headline, the steps with what they do to a running application, and what needs a decision.

use super::diagnostics::write_diagnostics;
use super::ink::{Ink, Role, labelled};
use super::step::{Around, write_step};
use crate::words::{self, counted, listed, short_version};
use crate::{Summary, View};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use underpin_model::{Hazard, HazardKind, Phase, Plan, Step};

/// From this many steps on a plan is long: the middle of long statements is left out.
const LONG: usize = 30;
/// Steps that a list of them names.
const NAMED: usize = 6;

/// Before anybody allowed anything.
static NOTHING_ALLOWED: BTreeSet<HazardKind> = BTreeSet::new();

/// What stands where there is nothing to do.
pub(super) const NOTHING: &str = "Nothing to do: the database is what the schema says.";

/// Writes a plan.
///
/// # Errors
/// What the writer reports.
pub fn write_plan(out: &mut dyn Write, plan: &Plan, view: &View<'_>) -> io::Result<()> {
    let ink = Ink { color: view.color };
    if plan.is_empty() {
        writeln!(out, "{}", ink.paint(Role::Good, NOTHING))?;
    } else {
        let summary = Summary::of(plan);
        writeln!(out, "{}\n", ink.paint(Role::Title, &headline(plan, &summary)))?;
        write_stages(out, plan, &summary, ink)?;
        write_decisions(out, plan, ink)?;
    }
    if !plan.diagnostics.is_empty() {
        if plan.is_empty() {
            writeln!(out)?;
        }
        write_diagnostics(out, &plan.diagnostics, view)?;
    }
    Ok(())
}

/// The plan in a line.
fn headline(plan: &Plan, summary: &Summary) -> String {
    let mut line = match summary.changes() {
        0 => counted(summary.steps, "step"),
        changes => format!("{} in {}", counted(changes, "change"), counted(summary.steps, "step")),
    };
    if summary.stages > 1 {
        line += &format!(" and {}", counted(summary.stages, "stage"));
    }
    line += &format!(" on {} {}", plan.dialect, short_version(&plan.server));
    let lossy = numbers(plan, |step| step.hazards.iter().any(|h| h.kind == HazardKind::DataLoss));
    if lossy.is_empty() {
        line += "; no data is lost";
    } else {
        line += &format!("; DATA IS LOST in {}", in_words(&lossy));
    }
    line
}

fn write_stages(out: &mut dyn Write, plan: &Plan, summary: &Summary, ink: Ink) -> io::Result<()> {
    let refused = refusals(plan);
    let must_allow =
        |step: &Step, hazard: &Hazard| refused.get(&hazard.kind).is_some_and(|ids| ids.contains(step.id.as_str()));
    let mut around = Around {
        ink,
        number: 0,
        digits: summary.steps.to_string().len(),
        long: summary.steps >= LONG,
        must_allow: &must_allow,
    };
    let named = summary.stages > 1 || summary.gates > 0;
    for (n, stage) in plan.stages.iter().filter(|s| !s.batches.is_empty()).enumerate() {
        if named {
            let means = phase_means(stage.phase);
            let title = format!("Stage {} of {}: {}", n + 1, summary.stages, words::phase(stage.phase));
            writeln!(out, "{} {}", ink.paint(Role::Title, &title), ink.paint(Role::Quiet, &format!("({means})")))?;
            if let Some(gate) = &stage.gate {
                writeln!(out, "{}", ink.paint(Role::Caution, &labelled("", "before it starts: ", gate)))?;
            }
            writeln!(out)?;
        }
        for batch in &stage.batches {
            // A transaction of one step needs no mark: every step stands alone unless it is said.
            let marked = batch.transaction && batch.steps.len() > 1;
            if marked {
                let mark = format!("  begin: the next {} are one transaction", counted(batch.steps.len(), "step"));
                writeln!(out, "{}\n", ink.paint(Role::Quiet, &mark))?;
            }
            for step in 0..batch.steps.len() {
                around.number += 1;
                write_step(out, batch, step, &around)?;
            }
            if marked {
                writeln!(out, "{}\n", ink.paint(Role::Quiet, "  commit"))?;
            }
        }
    }
    Ok(())
}

/// What a phase means, in a few words.
fn phase_means(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "adds; the application of today keeps running",
        Phase::Backfill => "fills what was added, while the application runs",
        Phase::Contract => "takes away what no application uses any more",
    }
}

/// For each hazard that policy refuses unless it is allowed, the ids of its steps.
fn refusals(plan: &Plan) -> BTreeMap<HazardKind, BTreeSet<&str>> {
    let mut refused: BTreeMap<HazardKind, BTreeSet<&str>> = BTreeMap::new();
    for (step, hazard) in plan.refused(&NOTHING_ALLOWED) {
        refused.entry(hazard.kind).or_default().insert(step.id.as_str());
    }
    refused
}

/// At the end, where a terminal stands: the numbers, and what has to be allowed.
fn write_decisions(out: &mut dyn Write, plan: &Plan, ink: Ink) -> io::Result<()> {
    let summary = Summary::of(plan);
    if summary.changes() > 0 {
        writeln!(out, "{}", ink.paint(Role::Title, &format!("{}.", capital(&summary.by_verb()))))?;
    }
    let refused = refusals(plan);
    for (kind, ids) in &refused {
        let steps = numbers(plan, |step| ids.contains(step.id.as_str()));
        let verb = if steps.len() == 1 { "needs" } else { "need" };
        let text = format!("{} {verb} --allow {}: {}", in_words(&steps), kind.name(), hazard_words(*kind));
        writeln!(out, "{}", ink.paint(Role::Alarm, &labelled("", "", &capital(&text))))?;
    }
    if plan.diagnostics.is_empty() || (summary.changes() == 0 && refused.is_empty()) {
        return Ok(());
    }
    writeln!(out)
}

/// The numbers of the steps that are meant.
fn numbers(plan: &Plan, meant: impl Fn(&Step) -> bool) -> Vec<String> {
    plan.steps().enumerate().filter(|(_, step)| meant(step)).map(|(n, _)| (n + 1).to_string()).collect()
}

/// `step 5`, `steps 5 and 7`.
fn in_words(numbers: &[String]) -> String {
    let noun = if numbers.len() == 1 { "step" } else { "steps" };
    format!("{noun} {}", listed(numbers, NAMED))
}

/// What a hazard means, for someone who has to decide.
fn hazard_words(kind: HazardKind) -> &'static str {
    match kind {
        HazardKind::DataLoss => "rows or values are gone afterwards",
        HazardKind::BlocksReads => "reads wait for longer than an instant",
        HazardKind::BlocksWrites => "writes wait for longer than an instant",
        HazardKind::BreaksApplication => "something that applications may rely on goes or changes its name",
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
