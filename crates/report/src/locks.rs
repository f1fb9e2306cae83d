//! What the locks of a step mean for an application, in words.
//!
//! What each mode stops is in the PostgreSQL manual, table 13.2; the model's `LockMode` answers it.

use crate::words::listed;
use std::collections::BTreeMap;
use underpin_model::{Batch, LockMode, Step, Work};

/// What an application notices of a mode; the first is the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    ReadsAndWritesWait,
    WritesWait,
    SchemaChangesWait,
    RowsWait,
    Nothing,
}

impl Effect {
    fn of(mode: LockMode) -> Self {
        if mode.blocks_reads() {
            Self::ReadsAndWritesWait
        } else if mode.blocks_writes() {
            Self::WritesWait
        } else if mode == LockMode::ShareUpdateExclusive {
            Self::SchemaChangesWait
        } else if mode == LockMode::RowExclusive {
            Self::RowsWait
        } else {
            Self::Nothing
        }
    }
}

/// How many relations are named before the rest is counted.
const NAMED: usize = 4;

/// The locks of the batch's step `n` in words, one line an effect, the strongest first. Empty where an application
/// notices nothing.
///
/// A lock is held until its transaction ends, so the work of the later steps of the batch counts too; `name` is how the
/// reader knows one of them, by its place in the batch from 0.
pub(crate) fn lock_words(batch: &Batch, n: usize, name: &dyn Fn(usize) -> String) -> Vec<String> {
    let Some(step) = batch.steps.get(n) else { return Vec::new() };
    let mut relations: BTreeMap<Effect, Vec<&str>> = BTreeMap::new();
    for lock in &step.locks {
        let names = relations.entry(Effect::of(lock.mode)).or_default();
        if !names.contains(&lock.relation.as_str()) {
            names.push(&lock.relation);
        }
    }
    let time = how_long(batch, n, step, name);
    let strongest = relations.keys().next().copied();
    relations
        .iter()
        .filter_map(|(effect, names)| {
            let names = listed(names, NAMED);
            Some(match effect {
                Effect::ReadsAndWritesWait => format!("blocks reads and writes of {names} {time}"),
                Effect::WritesWait => format!("blocks writes of {names} {time}; reads go on"),
                Effect::SchemaChangesWait => match (step.work, strongest == Some(*effect)) {
                    (Work::Scan, true) => format!("reads every row of {names}; reads and writes go on"),
                    (Work::Rewrite, true) => {
                        format!("reads every row of {names} and builds from it; reads and writes go on")
                    }
                    (Work::Instant, _) | (_, false) => {
                        format!("blocks other schema changes of {names}; reads and writes go on")
                    }
                },
                // Beside a stronger lock, or for an instant, these are what any statement takes.
                Effect::RowsWait | Effect::Nothing if strongest != Some(*effect) || step.work == Work::Instant => {
                    return None;
                }
                Effect::RowsWait => {
                    format!("goes through the rows of {names} and writes; others wait only for a row that it is at")
                }
                Effect::Nothing => format!("reads every row of {names}; reads and writes go on"),
            })
        })
        .collect()
}

/// The strongest modes of the step in the manual's words, with their relations, for a reader who knows them.
pub(crate) fn lock_modes(step: &Step) -> String {
    let mut relations: BTreeMap<std::cmp::Reverse<LockMode>, Vec<&str>> = BTreeMap::new();
    for lock in &step.locks {
        relations.entry(std::cmp::Reverse(lock.mode)).or_default().push(&lock.relation);
    }
    let modes: Vec<String> =
        relations.iter().map(|(mode, names)| format!("{} on {}", mode.0.words(), listed(names, NAMED))).collect();
    modes.join("; ")
}

/// How long a lock of step `n` stops others.
fn how_long(batch: &Batch, n: usize, step: &Step, name: &dyn Fn(usize) -> String) -> String {
    let later = || batch.steps.iter().enumerate().skip(n + 1).filter(|_| batch.transaction);
    let most = later().map(|(_, s)| s.work).max().unwrap_or(step.work);
    match later().find(|(_, s)| s.work == most) {
        Some((place, _)) if most > step.work => {
            format!("until the commit, {} in step {}", while_working(most), name(place))
        }
        _ => while_working(step.work).to_owned(),
    }
}

fn while_working(work: Work) -> &'static str {
    match work {
        Work::Instant => "for an instant",
        Work::Scan => "while every row is read",
        Work::Rewrite => "while every row is written anew or indexed",
    }
}
