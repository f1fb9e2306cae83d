//! Exit codes: what scripts rely on.

use std::process::ExitCode;
use underpin_engine::EngineError;

/// Done; where it is asked for: nothing differs.
pub const DONE: u8 = 0;
/// An unexpected failure.
pub const FAILURE: u8 = 1;
/// Differences.
pub const DIFFERENCES: u8 = 2;
/// Refused by policy.
pub const REFUSED: u8 = 3;
/// Stopped on the way; safe to run again.
pub const STOPPED: u8 = 4;
/// Wrong usage or configuration.
pub const USAGE: u8 = 64;
/// The input is at fault.
pub const INPUT: u8 = 65;
/// A database cannot be reached.
pub const UNREACHABLE: u8 = 69;

/// The exit code of a command's end.
pub fn of(code: u8) -> ExitCode {
    code.into()
}

/// The exit code of an error.
pub fn of_error(error: &EngineError) -> u8 {
    match error {
        EngineError::Input(_) => INPUT,
        EngineError::Usage(_) => USAGE,
        EngineError::Unreachable(_) => UNREACHABLE,
        EngineError::Refused(_) => REFUSED,
        EngineError::Stopped(_) | EngineError::Outdated(_) => STOPPED,
        EngineError::Unproved(_) | EngineError::Failure(_) => FAILURE,
    }
}
