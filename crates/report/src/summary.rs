//! What a plan amounts to, in numbers that every view shares.

use crate::changes::Changes;
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{HazardKind, Plan};

/// Counts over a plan. A change that several steps serve counts once, and a part that comes or goes with its whole in
/// one step (the columns of a table that is made) does not count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Objects that are made.
    pub creates: usize,
    /// Attributes of objects that change.
    pub alters: usize,
    /// Objects that go.
    pub drops: usize,
    /// Objects that get another name.
    pub renames: usize,
    /// Changes that are none of these.
    pub others: usize,
    /// Stages with something to run.
    pub stages: usize,
    /// Stages that wait for something.
    pub gates: usize,
    /// Steps.
    pub steps: usize,
    /// Hazards of each kind that occurs.
    pub hazards: BTreeMap<HazardKind, usize>,
}

impl Summary {
    /// Counts a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let stages = || plan.stages.iter().filter(|s| !s.batches.is_empty());
        let mut summary = Self {
            stages: stages().count(),
            gates: stages().filter(|s| s.gate.is_some()).count(),
            steps: plan.steps().count(),
            ..Self::default()
        };
        let changes: BTreeSet<&str> = plan.steps().flat_map(|s| Changes::of(&s.changes).own).collect();
        for change in changes {
            // The verbs are those with which `underpin_model::Change` prints itself.
            let count = match change.split(' ').next() {
                Some("create") => &mut summary.creates,
                Some("alter") => &mut summary.alters,
                Some("drop") => &mut summary.drops,
                Some("rename") => &mut summary.renames,
                _ => &mut summary.others,
            };
            *count += 1;
        }
        for hazard in plan.steps().flat_map(|s| &s.hazards) {
            *summary.hazards.entry(hazard.kind).or_default() += 1;
        }
        summary
    }

    /// All changes.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.creates + self.alters + self.drops + self.renames + self.others
    }

    /// The changes by verb, those that occur: `2 to create, 1 to drop`.
    #[must_use]
    pub fn by_verb(&self) -> String {
        let all = [
            (self.creates, "to create"),
            (self.alters, "to alter"),
            (self.renames, "to rename"),
            (self.drops, "to drop"),
            (self.others, "of another kind"),
        ];
        let some: Vec<String> = all.iter().filter(|(n, _)| *n > 0).map(|(n, verb)| format!("{n} {verb}")).collect();
        some.join(", ")
    }
}
