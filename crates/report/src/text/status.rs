//! What is in flight, for people.

use super::ink::{Ink, Role, labelled};
use crate::View;
use crate::words::counted;
use std::io::{self, Write};
use underpin_model::{BackfillState, LastRun, OldSideSeen, Status, WaitingGate};

/// Writes what is in flight.
///
/// # Errors
/// What the writer reports.
pub fn write_status(out: &mut dyn Write, status: &Status, view: &View<'_>) -> io::Result<()> {
    let ink = Ink { color: view.color };
    let Status { running, last_run, gates, backfills, objects } = status;
    if let Some(running) = running {
        writeln!(out, "{}", ink.paint(Role::Caution, &labelled("", "a run goes on: ", running)))?;
    }
    if status.is_quiet() {
        writeln!(out, "{}", ink.paint(Role::Good, "Nothing is in flight."))?;
    }
    if let Some(run) = last_run {
        write_run(out, ink, run, running.is_some())?;
    }
    for gate in gates {
        write_gate(out, ink, gate)?;
    }
    for backfill in backfills {
        let role = if backfill.finished { Role::Quiet } else { Role::Title };
        writeln!(out, "{}", ink.paint(role, &labelled("", "backfill: ", &filled(backfill))))?;
    }
    if !objects.is_empty() {
        writeln!(out, "{}", ink.paint(Role::Title, "made for plans in flight, and still there:"))?;
        for object in objects {
            writeln!(out, "{}", ink.paint(Role::Quiet, &format!("  {object}")))?;
        }
    }
    Ok(())
}

fn write_run(out: &mut dyn Write, ink: Ink, run: &LastRun, goes_on: bool) -> io::Result<()> {
    let LastRun { plan, by, at, done, stopped } = run;
    let plan: String = plan.chars().take(12).collect();
    let (steps, are) = (counted(*done, "step"), if *done == 1 { "is" } else { "are" });
    let line = format!("{steps} of plan {plan} {are} done, by {by}, {at}");
    writeln!(out, "{}", ink.paint(Role::Quiet, &labelled("", "latest run: ", &line)))?;
    let Some(stopped) = stopped else { return Ok(()) };
    let (step, statement) = (&stopped.step, &stopped.statement);
    let line = match (stopped.state.as_str(), goes_on) {
        ("failed", _) => format!("step {step} failed. Running `underpin apply` again goes on from what is there."),
        (_, true) => format!("step {step} is under way"),
        (_, false) => format!("step {step} did not end. Running `underpin apply` again goes on from what is there."),
    };
    writeln!(out, "{}", ink.paint(Role::Caution, &labelled("  ", "", &line)))?;
    writeln!(out, "{}", ink.paint(Role::Sql, &format!("    {statement}")))
}

fn write_gate(out: &mut dyn Write, ink: Ink, waiting: &WaitingGate) -> io::Result<()> {
    let WaitingGate { phase, gate, steps, since, old_sides } = waiting;
    let (steps, wait) = (counted(*steps, "step"), if *steps == 1 { "waits" } else { "wait" });
    let line = format!("{steps} of {phase} {wait} since {since}");
    writeln!(out, "{}", ink.paint(Role::Title, &labelled("", "gate: ", &line)))?;
    writeln!(out, "{}", ink.paint(Role::Caution, &labelled("  ", "before it: ", gate)))?;
    for OldSideSeen { what, seconds_ago } in old_sides {
        let seen = match seconds_ago {
            Some(seconds) => format!("{what}: the last write was {} ago", ago(*seconds)),
            None => format!("{what}: nothing was written"),
        };
        writeln!(out, "{}", ink.paint(Role::Quiet, &labelled("  ", "through the old side: ", &seen)))?;
    }
    writeln!(out, "  `underpin apply --phase {phase}` goes through it.")
}

fn filled(state: &BackfillState) -> String {
    let BackfillState { table, statement: _, walked, expected, changed, at, seconds_ago, finished } = state;
    if *finished {
        return format!("{table} is done ({changed} rows changed), {at}");
    }
    // Rows are told roughly.
    #[allow(clippy::cast_precision_loss)]
    let part = (*expected > 0).then(|| 100.0 * *walked as f64 / *expected as f64);
    let part = part.map_or_else(String::new, |p| format!(" of about {expected} rows, {:.0} %", p.min(100.0)));
    format!("{table}: {walked}{part}, {changed} changed; last went on {} ago", ago(*seconds_ago))
}

/// A time as people say it: `12 s`, `3 min`, `5 h`, `4 days`.
fn ago(seconds: f64) -> String {
    let (seconds, one) = (seconds.max(0.0), |unit: f64| (seconds / unit).floor());
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{} min", one(60.0)),
        s if s < 172_800.0 => format!("{} h", one(3600.0)),
        _ => format!("{} days", one(86_400.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!([3.4, 150.0, 8000.0, 200_000.0].map(ago), ["3 s", "2 min", "2 h", "2 days"]);
    }
}
