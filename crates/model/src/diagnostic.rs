//! What a person should know about an input: what happened, where, why it matters and what to do.

use serde::{Deserialize, Serialize};

/// How grave a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Something was left out or may surprise.
    Warning,
    /// The input cannot be used.
    Error,
}

/// A place in a user's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
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

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// How grave it is.
    pub severity: Severity,
    /// A short stable name (`copy-data-skipped`), which scripts may rely on.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Where, in the user's own file.
    pub span: Option<Span>,
    /// Why it matters, and the server's own words.
    pub notes: Vec<String>,
    /// What to do next.
    pub help: Option<String>,
    /// The parts of the address of what it is about, where that is an object in a schema: patterns of scope hold for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub about: Vec<String>,
}

impl Diagnostic {
    /// A finding without a place.
    #[must_use]
    pub fn new(severity: Severity, code: &str, message: impl Into<String>) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            message: message.into(),
            span: None,
            notes: Vec::new(),
            help: None,
            about: Vec::new(),
        }
    }

    /// The finding with its place.
    #[must_use]
    pub fn at(mut self, span: Option<Span>) -> Self {
        self.span = span;
        self
    }

    /// The finding with what it is about.
    #[must_use]
    pub fn about(mut self, parts: Vec<String>) -> Self {
        self.about = parts;
        self
    }

    /// The finding with one more note.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// The finding with what to do next.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
