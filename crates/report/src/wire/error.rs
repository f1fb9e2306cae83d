//! Why a document cannot be read.

use super::Document;
use serde::Deserialize;

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// It is no JSON.
    #[error(
        "this is no {what}: line {line}, column {column} is not JSON; give a file that underpin wrote with `--output json`"
    )]
    NotJson {
        /// What was wanted.
        what: &'static str,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It says no format.
    #[error("this is no {what}: it has no field `format`; a {what} has `\"format\": \"{wanted}\"` at its top")]
    NoFormat {
        /// What was wanted.
        what: &'static str,
        /// What the field should say.
        wanted: &'static str,
    },
    /// It is of another format, perhaps of a later version.
    #[error(
        "this is no {what} that this version of underpin reads: its format is `{found}`, and `{wanted}` is wanted; \
         make it anew, or use the version of underpin that wrote it"
    )]
    Format {
        /// What was wanted.
        what: &'static str,
        /// What the field should say.
        wanted: &'static str,
        /// What it says.
        found: String,
    },
    /// Something in it is missing or of another type.
    #[error("the {what} cannot be read: {problem} at `{path}` (line {line}, column {column}); make it anew")]
    Shape {
        /// What was wanted.
        what: &'static str,
        /// What is wrong, without the value.
        problem: String,
        /// Where, as a path through the fields.
        path: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// It contradicts itself.
    #[error("the {what} contradicts itself: {problem}; was it edited by hand? make it anew")]
    Contradiction {
        /// What was read.
        what: &'static str,
        /// What contradicts what.
        problem: String,
    },
}

impl WireError {
    pub(super) fn shape<T: Document>(error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let inner = error.inner();
        // Other messages of serde quote the value that they found, and that may be a statement with a password in it.
        let words = inner.to_string();
        let problem = match words.split_once(" at line ") {
            Some((head, _)) if head.starts_with("missing field `") || head.starts_with("unknown variant `") => {
                head.to_owned()
            }
            _ => "something of another type".to_owned(),
        };
        Self::Shape {
            what: T::WHAT,
            problem,
            path: error.path().to_string(),
            line: inner.line(),
            column: inner.column(),
        }
    }
}

/// Looks only at the format's name, so that a later format is called that and not a lack of fields.
pub(super) fn check_format<T: Document>(text: &str) -> Result<(), WireError> {
    #[derive(Deserialize)]
    struct Head {
        format: Option<serde_json::Value>,
    }
    let head: Head = serde_json::from_str(text).map_err(|e| match e.classify() {
        // An array or a number is JSON, and has no field.
        serde_json::error::Category::Data => WireError::NoFormat { what: T::WHAT, wanted: T::FORMAT },
        _ => WireError::NotJson { what: T::WHAT, line: e.line(), column: e.column() },
    })?;
    match head.format {
        Some(serde_json::Value::String(found)) => same_format::<T>(&found),
        _ => Err(WireError::NoFormat { what: T::WHAT, wanted: T::FORMAT }),
    }
}

/// Refuses another format's name.
pub(super) fn same_format<T: Document>(found: &str) -> Result<(), WireError> {
    if found == T::FORMAT {
        return Ok(());
    }
    Err(WireError::Format { what: T::WHAT, wanted: T::FORMAT, found: found.chars().take(60).collect() })
}
