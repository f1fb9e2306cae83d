//! One document of each format as an earlier version wrote it. It must be read for ever: these files are never
//! rewritten, only added to.

use crate::folder;
use std::fs;
use underpin_report::wire::{self, ApplyV1, DriftV1, SnapshotV1};

fn sample(name: &str) -> String {
    fs::read_to_string(folder("samples").join(name)).unwrap()
}

#[test]
fn old_documents_are_still_read() {
    let plan = wire::read_plan(&sample("plan.v1.json")).unwrap();
    assert_eq!((plan.stages.len(), plan.steps().count()), (3, 6));
    let drift = wire::read::<DriftV1>(&sample("drift.v1.json")).unwrap();
    assert_eq!(drift.differences.len(), 3);
    let snapshot = wire::read::<SnapshotV1>(&sample("snapshot.v1.json")).unwrap();
    assert_eq!((snapshot.objects.len(), snapshot.depends.len()), (4, 3));
    let apply = wire::read::<ApplyV1>(&sample("apply.v1.json")).unwrap();
    assert_eq!(apply.steps_run, 1);
}
