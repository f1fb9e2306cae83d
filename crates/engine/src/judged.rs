//! What statements do that a person wrote into a migration: their locks and their harm, judged as those of a plan are. Their replay
//! shows the locks, the facts tell what is read and written anew under them, and what goes with its data is told twice: by what the
//! server still has of it afterwards, and by a plan between the schemas before and after.

use crate::desired::Desired;
use crate::dev::DevDatabase;
use crate::files::FileTexts;
use crate::impact::Impact;
use crate::plan::between;
use crate::proof::replay;
use crate::side::{There, Workshop};
use crate::{EngineError, Settings, Switch};
use std::collections::{BTreeMap, BTreeSet};
use underpin_migrations::{Mode, New};
use underpin_model::{Batch, Diagnostic, Fingerprint, Hazard, HazardKind, Phase, Run, Stage, Step, Strategy};
use underpin_postgres::{PgCatalog, RUNNER, Server};
use underpin_sql::quote;

/// What was found.
pub(crate) struct Judged {
    /// A stage with a step for each statement. The first has the changes and the data that is lost, for which no single
    /// statement can be told.
    pub stage: Stage,
    /// What the facts do not know.
    pub findings: Vec<Diagnostic>,
}

impl Judged {
    /// The steps.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stage.batches.iter().flat_map(|b| &b.steps)
    }
}

/// Judges a migration of a contract; `database` has the schema before it, and has the one after it when this is done.
pub(crate) fn judged(
    settings: &Settings,
    workshop: &Workshop<'_>,
    new: &New,
    database: &mut DevDatabase<'_>,
    (before, after): (&PgCatalog, &PgCatalog),
    server: &Server,
) -> Result<Judged, EngineError> {
    let (changes, mut hazards) = between_schemas(settings, workshop, (before, after), server)?;
    let held = Held::read(database)?;
    let steps = new.up.iter().enumerate().map(|(n, sql)| {
        let mut step = Step::new(format!("{}, statement {}", new.slug, n + 1), Run::Locked, vec![sql.clone()]);
        step.hazards.extend(rows_change(sql));
        step
    });
    let mut steps: Vec<Step> = steps.collect();
    if let Some(first) = steps.first_mut() {
        first.changes = changes;
        first.reason = Some("written by hand".to_owned());
        first.hazards.append(&mut hazards);
    }
    let batches = if new.mode == Mode::Whole {
        vec![Batch { transaction: true, steps }]
    } else {
        steps.into_iter().map(|step| Batch { transaction: false, steps: vec![step] }).collect()
    };
    let gate = new.summary.iter().find_map(|line| line.strip_prefix("Gate: ")).map(str::to_owned);
    let mut stage = Stage {
        phase: Phase::Contract,
        gate,
        old_sides: Vec::new(),
        // Nothing runs it from here.
        fingerprint: Fingerprint(String::new()),
        touches: BTreeSet::new(),
        batches,
    };
    let mut impact = Impact::new(server, true);
    replay(database, &mut stage, (server, &mut impact), settings.trust_sql)?;
    let lost = held.lost(&Held::read(database)?);
    if let Some(first) = stage.batches.first_mut().and_then(|b| b.steps.first_mut()) {
        let is_told = |message: &String| first.hazards.iter().any(|h| h.message == *message);
        let lost: Vec<String> = lost.into_iter().filter(|message| !is_told(message)).collect();
        first.hazards.extend(lost.into_iter().map(|message| Hazard { kind: HazardKind::DataLoss, message }));
    }
    Ok(Judged { stage, findings: impact.findings() })
}

/// The columns that hold values, by the OIDs of their tables and their numbers there, with their names: what is dropped and made
/// again under its old name is another one.
struct Held(BTreeMap<(u32, i16), (String, String)>);

impl Held {
    fn read(database: &mut DevDatabase<'_>) -> Result<Self, EngineError> {
        let rows = database.loader.query(
            "SELECT c.oid, a.attnum, n.nspname::text, c.relname::text, a.attname::text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' \
             WHERE c.relkind = 'r' AND c.oid >= 16384 AND c.relpersistence <> 't'",
            &[],
        )?;
        let held = rows.iter().map(|row| {
            let table = quote::qualified(&[row.get(2), row.get(3)]);
            ((row.get(0), row.get(1)), (table, quote::ident(row.get(4))))
        });
        Ok(Self(held.collect()))
    }

    /// What of it is not there any more, in words.
    fn lost(&self, after: &Self) -> Vec<String> {
        let stays: BTreeSet<u32> = after.0.keys().map(|(oid, _)| *oid).collect();
        let mut lost: Vec<String> = Vec::new();
        for (at, (table, column)) in self.0.iter().filter(|(at, _)| !after.0.contains_key(at)) {
            let words = if stays.contains(&at.0) {
                format!("the values of {table}.{column} are lost")
            } else {
                format!("the rows of {table} are lost")
            };
            if !lost.contains(&words) {
                lost.push(words);
            }
        }
        lost
    }
}

/// What changes between two schemas, in words, and the data that goes with it.
fn between_schemas(
    settings: &Settings,
    workshop: &Workshop<'_>,
    (before, after): (&PgCatalog, &PgCatalog),
    server: &Server,
) -> Result<(Vec<String>, Vec<Hazard>), EngineError> {
    let plain = Settings {
        strategy: Strategy::Direct,
        owners: Switch::Manage,
        privileges: Switch::Manage,
        quarantine: None,
        versioned_views: None,
        pg_repack: false,
        assume_rows: false,
        ..settings.clone()
    };
    let there = There { live: None, server: server.clone(), user: RUNNER.to_owned(), catalog: before.clone() };
    let desired = Desired { catalog: after.clone(), ..Desired::default() };
    match between(&plain, workshop, (there, desired, FileTexts::default()), false) {
        Ok((made, _)) => {
            let changes = made.plan.steps().flat_map(|s| s.changes.clone()).collect();
            let loses = made.plan.steps().flat_map(|s| s.hazards.clone()).filter(|h| h.kind == HazardKind::DataLoss);
            Ok((changes, loses.collect()))
        }
        // What cannot be planned may lose anything.
        Err(EngineError::Unproved(_) | EngineError::Failure(_)) => {
            let message =
                "what goes with its data cannot be told, as no plan leads where these statements lead".to_owned();
            Ok((Vec::new(), vec![Hazard { kind: HazardKind::DataLoss, message }]))
        }
        Err(error) => Err(error),
    }
}

/// The harm of a statement that changes rows and leaves the schema as it is, which no comparison of schemas shows.
fn rows_change(sql: &str) -> Option<Hazard> {
    let word = sql.split_whitespace().next()?.to_ascii_uppercase();
    let changes = matches!(word.as_str(), "DELETE" | "TRUNCATE" | "UPDATE" | "MERGE" | "WITH");
    let head: String = sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    let message = format!("a statement changes rows or takes them away: {}", quote::literal(&head));
    changes.then_some(Hazard { kind: HazardKind::DataLoss, message })
}
