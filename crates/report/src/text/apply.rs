//! What came of an `apply`, for people.

use super::ink::{Ink, Role, labelled};
use super::plan::NOTHING;
use crate::words::counted;
use crate::{ApplyReport, View};
use std::io::{self, Write};
use std::time::Duration;

/// Writes what came of an `apply`: one line, then warnings and the gate at which it stopped.
///
/// # Errors
/// What the writer reports.
pub fn write_apply(out: &mut dyn Write, report: &ApplyReport<'_>, view: &View<'_>) -> io::Result<()> {
    let ink = Ink { color: view.color };
    let all = report.plan.steps().count();
    if all == 0 {
        writeln!(out, "{}", ink.paint(Role::Good, NOTHING))?;
    } else {
        let steps = if report.steps_run < all {
            format!("{} of {}", report.steps_run, counted(all, "step"))
        } else {
            counted(report.steps_run, "step")
        };
        let mut line = format!("Applied {steps} in {}", time(report.took));
        // Less than this is no wait that anybody noticed.
        if report.waited >= Duration::from_millis(10) {
            line += &format!(", of which {} waiting for locks", time(report.waited));
        }
        writeln!(out, "{}", ink.paint(Role::Good, &format!("{line}.")))?;
    }
    for warning in &report.warnings {
        writeln!(out, "{}", ink.paint(Role::Caution, &labelled("", "warning: ", warning)))?;
    }
    if let Some(gate) = &report.gate {
        writeln!(out, "{}", ink.paint(Role::Caution, &labelled("", "stopped at a gate: ", gate)))?;
        writeln!(out, "Run `underpin apply` again once that is so; `underpin status` shows what is in flight.")?;
    }
    Ok(())
}

/// A time as people say it: `0.12 s`, `45 s`, `3 min 20 s`, `2 h 5 min`.
fn time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.2} s", time.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        120..7200 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::time;
    use std::time::Duration;

    #[test]
    fn times_read_as_people_say_them() {
        assert_eq!(time(Duration::from_millis(123)), "0.12 s");
        assert_eq!(time(Duration::from_millis(45_600)), "45 s");
        assert_eq!(time(Duration::from_secs(200)), "3 min 20 s");
        assert_eq!(time(Duration::from_secs(7500)), "2 h 5 min");
    }
}
