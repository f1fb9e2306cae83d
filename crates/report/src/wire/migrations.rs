//! The formats about folders of migrations: `underpin-generated-v1` and `underpin-verified-v1`.

use super::{DiagnosticV1, Document};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The files that were written; `underpin generate --output json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratedV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-generated-v1"))]
    pub format: String,
    /// The files that were written, in order, as the folder was named. Empty where there was nothing to do.
    pub written: Vec<String>,
    /// The folders that were removed: those of a contract that was brought out.
    #[serde(default)]
    pub removed: Vec<String>,
    /// What the team has to know so that its tool runs the files as planned.
    #[serde(default)]
    pub advice: Vec<String>,
    /// The contracts that wait, by name.
    #[serde(default)]
    pub waiting: Vec<String>,
}

impl GeneratedV1 {
    /// What was written.
    #[must_use]
    pub fn new(written: Vec<String>, removed: Vec<String>, advice: Vec<String>, waiting: Vec<String>) -> Self {
        Self { format: Self::FORMAT.to_owned(), written, removed, advice, waiting }
    }
}

impl Document for GeneratedV1 {
    const FORMAT: &'static str = "underpin-generated-v1";
    const WHAT: &'static str = "list of generated files";
}

/// What was found in a folder of migrations; `underpin verify --output json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VerifiedV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-verified-v1"))]
    pub format: String,
    /// The tool that runs the migrations.
    pub tool: String,
    /// How many there are.
    pub migrations: usize,
    /// How many of them were run, taken back and run again.
    pub both_ways: usize,
    /// The contracts that wait, by name; they were run behind the rest.
    #[serde(default)]
    pub waiting: Vec<String>,
    /// What is wrong, or could not be looked at.
    #[serde(default)]
    pub diagnostics: Vec<DiagnosticV1>,
}

impl Document for VerifiedV1 {
    const FORMAT: &'static str = "underpin-verified-v1";
    const WHAT: &'static str = "report of a verification";
}
