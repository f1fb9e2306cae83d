//! One step of a plan for people.

use super::ink::{Ink, Role, WIDTH, labelled};
use crate::changes::Changes;
use crate::locks::lock_words;
use crate::words::{counted, terminated};
use std::io::{self, Write};
use underpin_model::{Batch, Hazard, Run, Step};

/// Lines of one statement that a long plan shows.
const SQL_LINES: usize = 12;
/// Changes of one step that are named, each on its line.
const CHANGES: usize = 6;

/// What a step has to know of the plan around it.
pub(super) struct Around<'a> {
    pub(super) ink: Ink,
    /// The step's place in the plan, from 1.
    pub(super) number: usize,
    /// How many digits the largest number has.
    pub(super) digits: usize,
    /// Whether the plan is so long that a statement's middle is left out.
    pub(super) long: bool,
    /// Whether a hazard has to be allowed for the plan to run.
    pub(super) must_allow: &'a dyn Fn(&Step, &Hazard) -> bool,
}

/// Writes the batch's step `n`, with a blank line after it.
pub(super) fn write_step(out: &mut dyn Write, batch: &Batch, n: usize, around: &Around<'_>) -> io::Result<()> {
    let Some(step) = batch.steps.get(n) else { return Ok(()) };
    let ink = around.ink;
    let indent = " ".repeat(around.digits + 4);
    let changes = Changes::of(&step.changes);
    write_title(out, batch, step, &changes, around)?;
    write_changes(out, &changes, &indent, ink)?;
    if let Some(reason) = step.reason.as_ref().filter(|_| !step.changes.is_empty()) {
        writeln!(out, "{}", labelled(&indent, "why: ", reason))?;
    }
    for sql in &step.sql {
        if step.run == Run::External {
            write_sql_line(out, &format!("{indent}  "), sql, ink)?;
            continue;
        }
        write_sql(out, sql, &format!("{indent}  "), around)?;
    }
    for lock in lock_words(batch, n, &|place| (around.number + place - n).to_string()) {
        writeln!(out, "{}", labelled(&indent, "effect: ", &lock))?;
    }
    for hazard in &step.hazards {
        let name = hazard.kind.name();
        let message = hazard.message.trim_end_matches('.');
        let (role, text) = if (around.must_allow)(step, hazard) {
            (Role::Alarm, format!("{message} (runs only with --allow {name})"))
        } else {
            (Role::Caution, message.to_owned())
        };
        writeln!(out, "{}", ink.paint(role, &labelled(&indent, &format!("{name}: "), &text)))?;
    }
    writeln!(out)
}

/// The changes after the first, which is the title.
fn write_changes(out: &mut dyn Write, changes: &Changes<'_>, indent: &str, ink: Ink) -> io::Result<()> {
    let Some(more) = changes.own.get(1..) else { return Ok(()) };
    let hidden = more.len().saturating_sub(CHANGES);
    // A line that counts one more is no shorter than the one more.
    let shown = if hidden > 1 { CHANGES } else { more.len() };
    for change in &more[..shown] {
        writeln!(out, "{indent}{}", ink.paint(Role::Title, change))?;
    }
    if hidden > 1 {
        writeln!(out, "{indent}{}", ink.paint(Role::Quiet, &format!("and {hidden} more changes")))?;
    }
    Ok(())
}

/// Number, first change, what is special about how it runs, and where it comes from.
fn write_title(
    out: &mut dyn Write,
    batch: &Batch,
    step: &Step,
    changes: &Changes<'_>,
    around: &Around<'_>,
) -> io::Result<()> {
    let Around { ink, number, digits, .. } = *around;
    let title = changes.own.first().copied().or(step.reason.as_deref()).unwrap_or(run_words(step.run).1);
    let mut remarks = Vec::new();
    if changes.parts > 0 {
        remarks.push(format!("with {}", counted(changes.parts, "part")));
    }
    // The planner's ids count like the numbers here; another one has to be shown to be found in a log.
    if step.id.trim_start_matches(|c: char| !c.is_ascii_digit()).trim_start_matches('0') != number.to_string() {
        remarks.push(step.id.clone());
    }
    if !run_words(step.run).0.is_empty() {
        remarks.push(run_words(step.run).0.to_owned());
    }
    if !batch.transaction && step.run != Run::External {
        remarks.push("outside a transaction".to_owned());
    }
    if let Some(recipe) = &step.recipe {
        remarks.push(format!("recipe {recipe}"));
    }
    if let Some(source) = &step.source {
        remarks.push(format!("{}:{}", source.file, source.line));
    }
    let mark = format!("{number:>width$}.", width = digits + 2);
    write!(out, "{} {}", ink.paint(Role::Quiet, &mark), ink.paint(Role::Title, title))?;
    if !remarks.is_empty() {
        let remarks = format!("({})", remarks.join(", "));
        let length = mark.chars().count() + title.chars().count() + remarks.chars().count() + 3;
        let gap = if length > WIDTH { format!("\n{}", " ".repeat(digits + 4)) } else { "  ".to_owned() };
        write!(out, "{gap}{}", ink.paint(Role::Quiet, &remarks))?;
    }
    writeln!(out)
}

/// What is special about a way to run, and what to call a step of which nothing else is said.
fn run_words(run: Run) -> (&'static str, &'static str) {
    match run {
        Run::Sql | Run::Locked => ("", "run SQL"),
        Run::Build => ("a long build", "build"),
        Run::Backfill => ("in small batches", "change rows"),
        Run::Assert => ("a check; the plan goes on only if it holds", "check"),
        Run::External => ("done by another program", "wait for another program"),
    }
}

fn write_sql(out: &mut dyn Write, sql: &str, indent: &str, around: &Around<'_>) -> io::Result<()> {
    let ink = around.ink;
    let sql = terminated(sql);
    let lines: Vec<&str> = sql.lines().collect();
    let cut = around.long && lines.len() > SQL_LINES + 1;
    let head = if cut { SQL_LINES - 2 } else { lines.len() };
    for line in &lines[..head] {
        write_sql_line(out, indent, line, ink)?;
    }
    if cut {
        let left_out = format!("… {} more lines; --output sql has all of it …", lines.len() - head - 1);
        writeln!(out, "{indent}{}", ink.paint(Role::Quiet, &left_out))?;
        write_sql_line(out, indent, lines[lines.len() - 1], ink)?;
    }
    Ok(())
}

fn write_sql_line(out: &mut dyn Write, indent: &str, line: &str, ink: Ink) -> io::Result<()> {
    // No spaces at the end of an empty line: golden files and pasted logs stay clean.
    if line.is_empty() { writeln!(out) } else { writeln!(out, "{indent}{}", ink.paint(Role::Sql, line)) }
}
