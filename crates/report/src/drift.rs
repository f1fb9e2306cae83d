//! What drift is, as its reports need it.

use similar::TextDiff;
use underpin_model::Diagnostic;

/// The differences between a database and the schema that it should have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftReport {
    /// The database, without a password.
    pub database: String,
    /// The server's product and version (`postgres 15.4`).
    pub server: String,
    /// Every object that differs. Empty when there is no drift.
    pub differences: Vec<DriftDifference>,
    /// What a person should know.
    pub diagnostics: Vec<Diagnostic>,
}

/// One object that is not in the database what the schema says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriftDifference {
    /// The printed address (`table public.users`).
    pub object: String,
    /// The kind's name (`table`).
    pub kind: String,
    /// In which way.
    pub change: DriftChange,
    /// The attributes that differ, in words, for a change of an object.
    pub attributes: Vec<String>,
    /// The object as SQL text as the schema has it; `None` where it should not be there.
    pub expected: Option<String>,
    /// The object as SQL text as the database has it; `None` where it is not there.
    pub actual: Option<String>,
}

/// The ways of differing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DriftChange {
    /// The schema has it, the database does not.
    Missing,
    /// The database has it, the schema does not.
    Unexpected,
    /// Both have it, and it differs.
    Changed,
}

/// The name of the side that `-` stands for.
pub(crate) const EXPECTED: &str = "what the schema says";
/// The name of the side that `+` stands for.
pub(crate) const ACTUAL: &str = "what the database has";

impl DriftDifference {
    /// A unified diff with three lines of context from what the schema says to what the database has. Empty where the
    /// texts are equal.
    #[must_use]
    pub fn unified_diff(&self) -> String {
        let (expected, actual) = (lines_of(self.expected.as_deref()), lines_of(self.actual.as_deref()));
        TextDiff::from_lines(&expected, &actual).unified_diff().header(EXPECTED, ACTUAL).to_string()
    }
}

/// The text with a line end at its end, so that no remark about a missing one gets between the lines.
fn lines_of(text: Option<&str>) -> String {
    match text.map(str::trim_end) {
        None | Some("") => String::new(),
        Some(text) => format!("{text}\n"),
    }
}
