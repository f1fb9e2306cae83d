//! Drift for people: each object that differs, as a diff of its SQL.

use super::diagnostics::write_diagnostics;
use super::ink::{Ink, Role, harmless, labelled};
use crate::drift::{ACTUAL, EXPECTED};
use crate::words::{counted, short_version};
use crate::{DriftChange, DriftDifference, DriftReport, View};
use std::io::{self, Write};

/// Writes drift.
///
/// # Errors
/// What the writer reports.
pub fn write_drift(out: &mut dyn Write, report: &DriftReport, view: &View<'_>) -> io::Result<()> {
    let ink = Ink { color: view.color };
    let database = format!("{} ({})", report.database, short_version(&report.server));
    if report.differences.is_empty() {
        writeln!(out, "{}", ink.paint(Role::Good, &format!("No drift: {database} is what the schema says.")))?;
    } else {
        writeln!(out, "{}", ink.paint(Role::Title, &headline(report, &database)))?;
        let legend = format!("{} {EXPECTED}, {} {ACTUAL}", ink.paint(Role::Removed, "-"), ink.paint(Role::Added, "+"));
        writeln!(out, "{legend}")?;
        for difference in &report.differences {
            writeln!(out)?;
            write_difference(out, difference, ink)?;
        }
    }
    if !report.diagnostics.is_empty() {
        writeln!(out)?;
        write_diagnostics(out, &report.diagnostics, view)?;
    }
    Ok(())
}

fn headline(report: &DriftReport, database: &str) -> String {
    let count = |change| report.differences.iter().filter(|d| d.change == change).count();
    let parts = [
        (count(DriftChange::Missing), "missing"),
        (count(DriftChange::Unexpected), "unexpected"),
        (count(DriftChange::Changed), "different"),
    ];
    let parts: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let objects = counted(report.differences.len(), "object");
    format!("Drift in {database}: {objects} ({})", parts.join(", "))
}

fn write_difference(out: &mut dyn Write, difference: &DriftDifference, ink: Ink) -> io::Result<()> {
    let words = match difference.change {
        DriftChange::Missing => "missing in the database",
        DriftChange::Unexpected => "unexpected in the database",
        DriftChange::Changed => "differs",
    };
    writeln!(out, "{}: {}", ink.paint(Role::Title, &difference.object), ink.paint(Role::Caution, words))?;
    for attribute in &difference.attributes {
        writeln!(out, "{}", labelled("  ", "in ", attribute))?;
    }
    // The header of each diff would say again what the legend says.
    for line in difference.unified_diff().lines().skip(2) {
        if difference.change != DriftChange::Changed && line.starts_with("@@") {
            // All of it is on one side: there is no place to tell.
            continue;
        }
        let painted = match line.as_bytes().first() {
            Some(b'-') => ink.paint(Role::Removed, line),
            Some(b'+') => ink.paint(Role::Added, line),
            Some(b'@') => ink.paint(Role::Quiet, line),
            _ => harmless(line).into_owned(),
        };
        writeln!(out, "  {}", painted.trim_end())?;
    }
    Ok(())
}
