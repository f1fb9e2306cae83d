//! Why a command did not do what it was asked to, by the classes that the exit codes tell apart.

use underpin_connect::{ConnectError, SqliteFileError};
use underpin_model::{Diagnostic, Severity};
use underpin_planner::CycleError;
use underpin_postgres::IntrospectError;
use underpin_scratch::ScratchError;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The input is at fault: SQL that the server rejects, files that cannot be read (exit 65).
    #[error("{}", messages(.0))]
    Input(Vec<Diagnostic>),
    /// The command line or the configuration asks for what does not go together (exit 64).
    #[error("{0}")]
    Usage(String),
    /// A database cannot be reached (exit 69).
    #[error("{0}")]
    Unreachable(String),
    /// Policy refuses the plan (exit 3).
    #[error("{0}")]
    Refused(String),
    /// Stopped on the way; safe to run again (exit 4).
    #[error("{0}")]
    Stopped(String),
    /// The database changed after the plan was made, and nothing of the plan was run. Another plan can be made (exit 4), but one from
    /// a file stays what it is (exit 1).
    #[error("{0}")]
    Outdated(String),
    /// The plan does not reach the desired schema: a bug, or something that the scratch server cannot do (exit 1).
    #[error("{}", messages(.0))]
    Unproved(Vec<Diagnostic>),
    /// Anything else (exit 1).
    #[error("{0}")]
    Failure(String),
}

fn messages(diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|d| d.message.as_str()).collect::<Vec<_>>().join("\n")
}

impl EngineError {
    /// An error with one finding.
    #[must_use]
    pub fn input(code: &str, message: impl Into<String>) -> Self {
        Self::Input(vec![Diagnostic::new(Severity::Error, code, message)])
    }
}

impl From<SqliteFileError> for EngineError {
    fn from(error: SqliteFileError) -> Self {
        if error.is_transient() { Self::Stopped(error.to_string()) } else { Self::Unreachable(error.to_string()) }
    }
}

impl From<ConnectError> for EngineError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::BadUrl { .. }
            | ConnectError::UnknownParameter { .. }
            | ConnectError::BadValue { .. }
            | ConnectError::Unsupported { .. }
            | ConnectError::Service { .. }
            | ConnectError::File { .. } => Self::Usage(error.to_string()),
            other => Self::Unreachable(other.to_string()),
        }
    }
}

impl From<IntrospectError> for EngineError {
    fn from(error: IntrospectError) -> Self {
        match error {
            // There is a server, but none that can be talked to.
            IntrospectError::Version { .. } => Self::Unreachable(error.to_string()),
            other => Self::Failure(other.to_string()),
        }
    }
}

impl From<ScratchError> for EngineError {
    fn from(error: ScratchError) -> Self {
        match error {
            // There is no server to elaborate the schema on.
            ScratchError::NoBinaries { .. } | ScratchError::TooOld { .. } | ScratchError::NoAccount => {
                Self::Unreachable(error.to_string())
            }
            ScratchError::Interrupted => Self::Stopped(error.to_string()),
            other => Self::Failure(other.to_string()),
        }
    }
}

impl From<CycleError> for EngineError {
    fn from(error: CycleError) -> Self {
        Self::Failure(error.to_string())
    }
}

/// The server's own words, with its detail and hint.
pub(crate) fn server_words(error: &postgres::Error) -> String {
    let Some(db) = error.as_db_error() else { return error.to_string() };
    let mut words = format!("{}: {} ({})", db.severity(), db.message(), db.code().code());
    if let Some(detail) = db.detail() {
        words.push_str("\ndetail: ");
        words.push_str(detail);
    }
    if let Some(hint) = db.hint() {
        words.push_str("\nhint: ");
        words.push_str(hint);
    }
    words
}

impl From<postgres::Error> for EngineError {
    fn from(error: postgres::Error) -> Self {
        if error.is_closed() {
            Self::Unreachable(format!("the connection to the server was lost: {error}"))
        } else {
            Self::Failure(server_words(&error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_postgres::Server;

    #[test]
    fn servers_of_other_versions_are_told_as_unreachable() {
        let of = |number: u32| Server { number, text: String::new(), casts: std::sync::Arc::default() };
        for (number, supported) in
            [(90_624, false), (110_022, false), (120_000, true), (180_001, true), (190_000, false), (0, false)]
        {
            assert_eq!(of(number).is_supported(), supported, "{number}");
        }
        let error = EngineError::from(IntrospectError::Version { version: "11.22".to_owned() });
        assert!(
            matches!(&error, EngineError::Unreachable(text) if text.contains("11.22") && text.contains("12")),
            "{error}"
        );
    }
}
