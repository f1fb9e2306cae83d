//! `--strict`: what was read is all of the schema, or the command stops.

use crate::EngineError;
use underpin_model::{Diagnostic, Severity};

/// The findings that tell of something that is part of a schema and not part of what is compared. Others are no gaps: a
/// statement that no schema can hold (`left-out`), a side of which nothing is said (`not-compared`), a hint.
pub const GAPS: &[&str] =
    &["not-modelled", "grant-not-taken", "user-mapping-unreadable", "subscription-unreadable", "detach-pending"];

/// Stops where something was not taken.
///
/// # Errors
/// [`EngineError::Input`] with the findings of [`GAPS`] in the list, as errors.
pub fn refuse_gaps(list: &[Diagnostic]) -> Result<(), EngineError> {
    let gaps: Vec<Diagnostic> = list
        .iter()
        .filter(|d| GAPS.contains(&d.code.as_str()))
        .map(|d| Diagnostic { severity: Severity::Error, ..d.clone() }.note("this is an error because of --strict"))
        .collect();
    if gaps.is_empty() { Ok(()) } else { Err(EngineError::Input(gaps)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gaps_are_refused() {
        let finding = |code: &str| Diagnostic::new(Severity::Warning, code, code);
        assert!(refuse_gaps(&[finding("left-out"), finding("likely-rename")]).is_ok());
        let error = refuse_gaps(&[finding("left-out"), finding("not-modelled")]).expect_err("a gap");
        let EngineError::Input(list) = error else { panic!("{error}") };
        assert_eq!(
            list.iter().map(|d| (d.code.as_str(), d.severity)).collect::<Vec<_>>(),
            [("not-modelled", Severity::Error)]
        );
    }
}
