//! The formats that `--output` takes. A new one is one file and one line here.

use crate::{ApplyReport, DriftReport, View, sql, text, wire};
use std::io;
use underpin_model::Plan;

/// Writes one kind of report.
type Writer<T> = fn(&mut dyn io::Write, &T, &View<'_>) -> io::Result<()>;
/// Writes what came of an `apply`.
type ApplyWriter = fn(&mut dyn io::Write, &ApplyReport<'_>, &View<'_>) -> io::Result<()>;

/// One format: what it can show, and how. A kind of report that a format has no form for is `None`.
#[derive(Debug)]
pub struct Format {
    /// The name that `--output` takes.
    pub name: &'static str,
    /// What it is for, in a line.
    pub about: &'static str,
    /// Writes a plan.
    pub plan: Option<Writer<Plan>>,
    /// Writes drift.
    pub drift: Option<Writer<DriftReport>>,
    /// Writes what came of an `apply`.
    pub apply: Option<ApplyWriter>,
}

/// Every format, the default first.
pub static FORMATS: &[Format] = &[
    Format {
        name: "text",
        about: "for people",
        plan: Some(text::write_plan),
        drift: Some(text::write_drift),
        apply: Some(text::write_apply),
    },
    Format {
        name: "json",
        about: "for scripts; described by the JSON Schemas in `schemas/`",
        plan: Some(|out, plan, _| wire::write(out, &wire::PlanV1::from(plan))),
        drift: Some(|out, drift, _| wire::write(out, &wire::DriftV1::from(drift))),
        apply: Some(|out, apply, _| wire::write(out, &wire::ApplyV1::from(apply))),
    },
    Format { name: "sql", about: "a script for psql", plan: Some(sql::write_plan), drift: None, apply: None },
];

impl Format {
    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        FORMATS.iter().find(|f| f.name == name)
    }
}
