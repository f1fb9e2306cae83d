//! The format of drift: `underpin-drift-v1`.

use super::{DiagnosticV1, Document, DriftChangeV1};
use crate::{DriftDifference, DriftReport};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The differences between a database and the schema that it should have; `underpin drift --output json` writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftV1 {
    /// The name of this format.
    #[schemars(extend("const" = "underpin-drift-v1"))]
    pub format: String,
    /// The database, without a password.
    pub database: String,
    /// The server's product and version.
    pub server: String,
    /// Whether anything differs.
    pub drifted: bool,
    /// Every object that differs.
    pub differences: Vec<DriftDifferenceV1>,
    /// What a person should know.
    #[serde(default)]
    pub diagnostics: Vec<DiagnosticV1>,
}

/// One object that is not in the database what the schema says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriftDifferenceV1 {
    /// The printed address.
    pub object: String,
    /// The kind's name.
    pub kind: String,
    /// In which way.
    pub change: DriftChangeV1,
    /// The attributes that differ, in words.
    #[serde(default)]
    pub attributes: Vec<String>,
    /// A unified diff from the object's SQL text as the schema has it (`-`) to that as the database has it (`+`).
    pub diff: String,
}

impl Document for DriftV1 {
    const FORMAT: &'static str = "underpin-drift-v1";
    const WHAT: &'static str = "drift report";
}

impl From<&DriftReport> for DriftV1 {
    fn from(report: &DriftReport) -> Self {
        let DriftReport { database, server, differences, diagnostics } = report;
        Self {
            format: Self::FORMAT.to_owned(),
            database: database.clone(),
            server: server.clone(),
            drifted: !differences.is_empty(),
            differences: differences.iter().map(DriftDifferenceV1::from).collect(),
            diagnostics: diagnostics.iter().map(DiagnosticV1::from).collect(),
        }
    }
}

impl From<&DriftDifference> for DriftDifferenceV1 {
    fn from(difference: &DriftDifference) -> Self {
        Self {
            object: difference.object.clone(),
            kind: difference.kind.clone(),
            change: difference.change.into(),
            attributes: difference.attributes.clone(),
            diff: difference.unified_diff(),
        }
    }
}
