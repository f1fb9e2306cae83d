//! What steps do by the facts, beside what their replay shows: the replay runs on empty tables, so that only the facts tell which
//! rows are read and written anew under which locks; and where the server takes a stronger lock than they say, they are wrong.

use crate::EngineError;
use crate::locks::Watch;
use postgres::Client;
use underpin_model::{Diagnostic, Hazard, HazardKind, LockMode, Severity, Step};
use underpin_postgres::Server;
use underpin_postgres::facts::{Prediction, Predictor, Touched};

/// Looks at one replay, statement by statement.
pub(crate) struct Impact {
    predictor: Predictor,
    /// Whether the plan is one that a running application is to survive.
    online: bool,
    /// The newest relation that was there before the stage: what comes after it is the stage's own.
    newest: Option<u32>,
    /// What the statements of the step do.
    step: Vec<Prediction>,
    findings: Vec<Diagnostic>,
}

impl Impact {
    pub fn new(server: &Server, online: bool) -> Self {
        Self { predictor: Predictor::new(server), online, newest: None, step: Vec::new(), findings: Vec::new() }
    }

    /// Before a stage runs: what stages before it made is in use by now.
    pub fn begin(&mut self, server: &Server, watch: &Watch) {
        self.predictor = Predictor::new(server);
        self.newest = Some(watch.newest());
    }

    /// Before a statement runs.
    pub fn before(&mut self, client: &mut Client, sql: &str, transaction: bool) -> Result<(), EngineError> {
        let Some(question) = self.predictor.question(sql) else { return Ok(()) };
        // A look-up that fails must not take the replay's transaction with it.
        if transaction {
            client.batch_execute("SAVEPOINT underpin_facts")?;
        }
        let answer = question.answer(client);
        if transaction {
            let end = if answer.is_ok() { "RELEASE underpin_facts" } else { "ROLLBACK TO underpin_facts" };
            client.batch_execute(end)?;
        }
        let answer = answer.unwrap_or_else(|_| Prediction::unknown());
        self.findings.extend(answer.finding(sql));
        self.step.push(answer);
        Ok(())
    }

    fn was_there(&self, touched: &Touched) -> bool {
        self.newest.is_some_and(|newest| touched.oid <= newest)
    }

    /// After all statements of a step: its work and harm by the facts, and whether its locks are those of the facts.
    pub fn after(&mut self, step: &mut Step, watch: &Watch, transaction: bool) {
        let said = std::mem::take(&mut self.step);
        let mut all = Prediction::default();
        for one in said {
            all.unknown |= one.unknown;
            all.data |= one.data;
            for (touched, mode) in one.locks.into_iter().filter(|(t, _)| self.was_there(t)) {
                let held = all.locks.entry(touched).or_insert(mode);
                *held = (*held).max(mode);
            }
            let keep = |list: std::collections::BTreeSet<Touched>| list.into_iter().filter(|t| self.was_there(t));
            all.rewrites.extend(keep(one.rewrites));
            all.replaces.extend(keep(one.replaces));
            all.builds.extend(keep(one.builds));
            // Rows that are compared with those of a table that the stage made are compared with none.
            if one.scans.iter().all(|t| self.was_there(t)) {
                all.scans.extend(one.scans);
            }
        }
        step.work = step.work.max(all.work());
        if self.online {
            step.hazards.extend(harm(step, &all));
        }
        // What runs functions of the user's may lock whatever they lock.
        if transaction && !all.unknown && !all.data {
            let findings = differences(step, &all, watch, self.newest);
            self.findings.extend(findings);
        }
    }

    /// All that was found.
    pub fn findings(self) -> Vec<Diagnostic> {
        self.findings
    }
}

/// The harm of long work under a lock that an application waits for, where the step tells of none.
fn harm(step: &Step, all: &Prediction) -> Option<Hazard> {
    let told = |h: &Hazard| matches!(h.kind, HazardKind::BlocksReads | HazardKind::BlocksWrites);
    if step.hazards.iter().any(told) {
        return None;
    }
    let (what, on) = match () {
        () if !all.rewrites.is_empty() => ("every row is written anew in", &all.rewrites),
        () if !all.replaces.is_empty() => ("a new file is written for", &all.replaces),
        () if !all.builds.is_empty() => ("an index is built on", &all.builds),
        () => ("every row is read in", &all.scans),
    };
    let on = on.iter().next()?;
    let (held, mode) = all.locks.iter().max_by_key(|(touched, mode)| (**mode, touched.name == on.name))?;
    let (kind, whose) = match () {
        () if mode.blocks_reads() => (HazardKind::BlocksReads, "reads and writes of"),
        () if mode.blocks_writes() => (HazardKind::BlocksWrites, "writes to"),
        () => return None,
    };
    let message = format!("{whose} {} wait for as long as {what} {}", held.name, on.name);
    Some(Hazard { kind, message })
}

/// Locks that the server took and the facts do not say.
fn differences(step: &Step, all: &Prediction, watch: &Watch, newest: Option<u32>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    // What a stage before has made is the plan's own, of which the facts say nothing here.
    let there = watch.last().iter().filter(|(oid, _)| newest.is_some_and(|newest| *oid <= newest));
    for (oid, lock) in there {
        let said = all.locks.iter().find(|(touched, _)| touched.oid == *oid).map(|(_, mode)| *mode);
        if lock.mode < LockMode::ShareUpdateExclusive || said.is_some_and(|mode| mode >= lock.mode) {
            continue;
        }
        let words = said.map_or_else(|| "no such lock".to_owned(), |mode| format!("{} at most", mode.words()));
        found.push(
            Diagnostic::new(
                Severity::Warning,
                "lock-differs",
                format!(
                    "the server locks {} with {}, the facts of underpin say {words}",
                    lock.relation,
                    lock.mode.words()
                ),
            )
            .note(format!("the step: {}", step.sql.join("; ")))
            .note("the plan shows the lock that the server took; what was judged by the facts may be too mild")
            .help("this is a bug in underpin, please report it with the statement and both schemas"),
        );
    }
    found
}
