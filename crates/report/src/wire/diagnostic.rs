//! A finding in the formats.

use super::SeverityV1;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use underpin_model::{Diagnostic, Span};

/// One finding that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiagnosticV1 {
    /// How grave it is.
    pub severity: SeverityV1,
    /// A short stable name, which scripts may rely on.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Where, in the user's own file.
    pub span: Option<SpanV1>,
    /// Why it matters, and the server's own words.
    #[serde(default)]
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
}

/// A place in a user's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SpanV1 {
    /// The file as the user named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// Byte offset of the first marked byte in the file.
    pub start: usize,
    /// Byte offset after the last marked byte.
    pub end: usize,
}

impl From<&Diagnostic> for DiagnosticV1 {
    fn from(diagnostic: &Diagnostic) -> Self {
        let Diagnostic { severity, code, message, span, notes, help, about: _ } = diagnostic.clone();
        Self { severity: severity.into(), code, message, span: span.map(Into::into), notes, help }
    }
}

impl From<DiagnosticV1> for Diagnostic {
    fn from(diagnostic: DiagnosticV1) -> Self {
        let DiagnosticV1 { severity, code, message, span, notes, help } = diagnostic;
        let about = Vec::new();
        Self { severity: severity.into(), code, message, span: span.map(Into::into), notes, help, about }
    }
}

impl From<Span> for SpanV1 {
    fn from(Span { file, line, column, start, end }: Span) -> Self {
        Self { file, line, column, start, end }
    }
}

impl From<SpanV1> for Span {
    fn from(SpanV1 { file, line, column, start, end }: SpanV1) -> Self {
        Self { file, line, column, start, end }
    }
}
