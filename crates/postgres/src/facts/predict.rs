//! What a statement does, added up from the rows.

use super::around::{FactsError, look};
use super::scene::{Scene, Which};
use super::statement::{Action, read};
use super::{Breaks, Effect, Op, rows};
use crate::Server;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Diagnostic, LockMode, Severity, Work};

/// A relation that a statement touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Touched {
    /// Its OID.
    pub oid: u32,
    /// Schema and name, qualified and quoted.
    pub name: String,
}

/// What a statement does to relations that are there before it.
#[derive(Debug, Clone, Default)]
pub struct Prediction {
    /// The strongest lock on each relation; weaker ones than `SHARE UPDATE EXCLUSIVE` are not told of all.
    pub locks: BTreeMap<Touched, LockMode>,
    /// What is written anew.
    pub rewrites: BTreeSet<Touched>,
    /// What gets another file without being read.
    pub replaces: BTreeSet<Touched>,
    /// What is read from end to end.
    pub scans: BTreeSet<Touched>,
    /// On what indexes are built.
    pub builds: BTreeSet<Touched>,
    /// Prepared statements that fail afterwards: on which relation, which, and the column where it is about one.
    pub breaks: BTreeSet<(Touched, Breaks, String)>,
    /// Whether queries on a standby may wait for it or be ended by it.
    pub standby: bool,
    /// Whether a part of the statement is not known, so that the worst is said.
    pub unknown: bool,
    /// Whether it reads and writes rows as its plan says, which no row tells.
    pub data: bool,
}

impl Prediction {
    /// Of a statement of which nothing is known.
    #[must_use]
    pub fn unknown() -> Self {
        Self { unknown: true, standby: true, ..Self::default() }
    }

    /// The work done under the locks.
    #[must_use]
    pub fn work(&self) -> Work {
        if !self.rewrites.is_empty() || !self.replaces.is_empty() || !self.builds.is_empty() {
            Work::Rewrite
        } else if self.scans.is_empty() {
            Work::Instant
        } else {
            Work::Scan
        }
    }

    /// What to say where a part of the statement is not known.
    #[must_use]
    pub fn finding(&self, sql: &str) -> Option<Diagnostic> {
        self.unknown.then(|| {
            Diagnostic::new(
                Severity::Warning,
                "no-fact",
                "underpin does not know what a statement of the plan locks and rewrites, so it counts as the worst",
            )
            .note(format!("the statement: {sql}"))
            .note("an ACCESS EXCLUSIVE lock stops reads and writes for as long as the statement runs")
            .help("please report it, so that the facts about it can be added")
        })
    }
}

/// Predicts one statement after the other, as a plan runs them.
#[derive(Debug)]
pub struct Predictor {
    server: Server,
    /// Relations that statements before have made: what is done to them alone concerns nobody.
    made: BTreeSet<(Option<String>, String)>,
}

impl Predictor {
    /// For the server that the statements are about to run on.
    #[must_use]
    pub fn new(server: &Server) -> Self {
        Self { server: server.clone(), made: BTreeSet::new() }
    }

    /// What has to be asked just before a statement runs; none where it concerns only what statements before it have made.
    pub fn question(&mut self, sql: &str) -> Option<Question> {
        let actions = read(sql);
        let key = |name: &underpin_sql::Name| (name.schema.clone(), name.name.clone());
        let mut concerned = actions.is_empty();
        for action in &actions {
            let creates = matches!(action.op, Some(Op::CreateTable | Op::CreateFilled));
            let subject = action.relation.as_ref().map(key);
            let old = |name: &(Option<String>, String)| !creates && !self.made.contains(name);
            // What rows and functions do is not looked up, but has to be known of.
            concerned |= matches!(action.op, None | Some(Op::Data))
                || super::reach::reaches(action)
                || matches!(action.op, Some(Op::AddDomainConstraint | Op::ValidateDomain))
                || subject.as_ref().is_some_and(old)
                || action.others.iter().any(|name| !self.made.contains(&key(name)));
            match (action.op, subject) {
                // The name may come to stand for another.
                (Some(Op::RenameTable | Op::SetSchema | Op::DropRelation), Some(name)) => _ = self.made.remove(&name),
                (Some(Op::CreateTable | Op::CreateFilled), Some(name)) => _ = self.made.insert(name),
                // What is in it counts with it.
                (Some(Op::AttachPartition | Op::Inherit), Some(name)) => _ = self.made.remove(&name),
                (Some(Op::CreatePartition), _) => self.made.extend(action.others.iter().map(key)),
                _ => {}
            }
        }
        concerned.then(|| Question { server: self.server.clone(), actions })
    }
}

/// A statement whose facts are to be looked up.
#[derive(Debug)]
pub struct Question {
    server: Server,
    actions: Vec<Action>,
}

impl Question {
    /// What the statement does.
    ///
    /// # Errors
    /// When the server cannot be asked; a transaction is broken then.
    pub fn answer(&self, client: &mut Client) -> Result<Prediction, FactsError> {
        sum(client, &self.server, &self.actions)
    }
}

/// What a statement does, by the facts about the server that it is about to run on, which is asked for what stands around it.
///
/// # Errors
/// When the server cannot be asked.
pub fn predict(client: &mut Client, server: &Server, sql: &str) -> Result<Prediction, FactsError> {
    sum(client, server, &read(sql))
}

fn sum(client: &mut Client, server: &Server, actions: &[Action]) -> Result<Prediction, FactsError> {
    let major = server.major();
    let around = look(client, server, actions)?;
    let mut found = Prediction::default();
    let touched = |oid: u32| around.relations.get(&oid).map(|r| Touched { oid, name: r.name.clone() });
    let holds_rows = |oid: u32| around.relations.get(&oid).is_some_and(|r| matches!(r.kind, 'r' | 'm'));
    // The table of an index.
    let table_of = |oid: u32| {
        let of = around.relations.iter().find(|(_, r)| r.indexes.iter().any(|i| i.oid == oid));
        of.map_or(oid, |(table, _)| *table)
    };
    for action in actions {
        let scene = Scene { action, all: actions, around: &around };
        let Some(op) = action.op else {
            found.unknown = true;
            found.standby = true;
            for one in scene.mentioned().into_iter().filter_map(touched) {
                found.locks.insert(one.clone(), LockMode::AccessExclusive);
                found.rewrites.insert(one);
            }
            continue;
        };
        found.data |= matches!(op, Op::Data | Op::CreateFilled);
        let of_version = |f: &&super::Fact| f.op == op && f.since <= major && major <= f.until;
        for row in rows().filter(of_version).filter(|row| row.when.iter().all(|w| scene.holds(*w))) {
            found.standby |= row.standby;
            for (which, mode) in row.locks {
                for one in scene.which(*which).into_iter().filter_map(touched) {
                    let held = found.locks.entry(one).or_insert(*mode);
                    *held = (*held).max(*mode);
                }
            }
            for (which, effect) in row.work {
                for oid in scene.which(*which) {
                    let table = table_of(oid);
                    if !holds_rows(table) {
                        continue;
                    }
                    let Some(one) = touched(table) else { continue };
                    let indexed = around.relations.get(&table).is_some_and(|r| !r.indexes.is_empty());
                    match effect {
                        Effect::Scan => {}
                        Effect::Build => {
                            found.builds.insert(one.clone());
                        }
                        Effect::Replace => {
                            found.replaces.insert(one);
                            continue;
                        }
                        Effect::Rewrite => {
                            found.rewrites.insert(one.clone());
                            if indexed {
                                found.builds.insert(one.clone());
                            }
                        }
                    }
                    found.scans.insert(one);
                }
            }
            for (which, breaks) in row.breaks {
                for one in scene.which(*which).into_iter().filter_map(touched) {
                    if *which == Which::Losing {
                        let lost = around.lost.iter().filter(|(oid, _)| *oid == one.oid).map(|(_, column)| column);
                        found.breaks.extend(lost.map(|c| (one.clone(), *breaks, column(c, *breaks))));
                    } else {
                        found.breaks.insert((one, *breaks, column(&action.name, *breaks)));
                    }
                }
            }
        }
    }
    found.standby |= found.locks.values().any(|mode| *mode == LockMode::AccessExclusive);
    Ok(found)
}

fn column(name: &str, breaks: Breaks) -> String {
    match breaks {
        Breaks::WholeRow | Breaks::NamesRelation => String::new(),
        Breaks::ReturnsColumn | Breaks::NamesColumn => name.to_owned(),
    }
}
