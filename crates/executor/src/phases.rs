//! Which stages of a plan one run takes.

use underpin_model::{Phase, Stage};

/// Which stages of a plan one run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phases {
    /// All stages that stand before the first gate.
    #[default]
    UpToGate,
    /// All stages, through every gate: somebody has seen to what the gates ask for.
    All,
    /// The stages of this phase that stand next, through a gate before them and up to the gate after. None where
    /// something else stands next: the phases of a plan rest on each other.
    Only(Phase),
}

/// A stage that was not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageLeft {
    /// Its phase.
    pub phase: Phase,
    /// What the application must have deployed before it may run.
    pub gate: Option<String>,
    /// How many steps it has.
    pub steps: usize,
}

impl Phases {
    /// How many of `stages`, from the first, are run.
    #[must_use]
    pub fn select(self, stages: &[Stage]) -> usize {
        match self {
            Self::All => stages.len(),
            Self::UpToGate => stages.iter().take_while(|s| s.gate.is_none()).count(),
            Self::Only(phase) => {
                stages.iter().enumerate().take_while(|(n, s)| s.phase == phase && (*n == 0 || s.gate.is_none())).count()
            }
        }
    }
}

pub(crate) fn left(stages: &[Stage]) -> Vec<StageLeft> {
    stages
        .iter()
        .map(|s| StageLeft {
            phase: s.phase,
            gate: s.gate.clone(),
            steps: s.batches.iter().map(|b| b.steps.len()).sum(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Fingerprint;

    fn stage(phase: Phase, gate: bool) -> Stage {
        Stage {
            phase,
            gate: gate.then(|| "the new application runs".to_owned()),
            old_sides: Vec::new(),
            fingerprint: Fingerprint(String::new()),
            touches: Default::default(),
            batches: Vec::new(),
        }
    }

    #[test]
    fn selects_from_the_front_up_to_a_gate() {
        let stages = [
            stage(Phase::Expand, false),
            stage(Phase::Backfill, false),
            stage(Phase::Contract, true),
            stage(Phase::Contract, true),
        ];
        assert_eq!(Phases::UpToGate.select(&stages), 2);
        assert_eq!(Phases::All.select(&stages), 4);
        assert_eq!(Phases::Only(Phase::Expand).select(&stages), 1);
        assert_eq!(Phases::Only(Phase::Backfill).select(&stages), 0);
        assert_eq!(Phases::Only(Phase::Contract).select(&stages), 0);
        assert_eq!(Phases::Only(Phase::Contract).select(&stages[2..]), 1);
        assert_eq!(Phases::UpToGate.select(&stages[2..]), 0);
    }
}
