//! From two sides to a proved plan.

use crate::desired::{Desired, Said};
use crate::files::FileTexts;
use crate::live::Live;
use crate::proof::{Case, prove};
use crate::side::{There, Workshop, likeness_of, without_database};
use crate::source::Source;
use crate::{EngineError, Settings, majors, refuse_gaps, renames, scope, slice};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use underpin_model::{
    Batch, Diagnostic, Fingerprint, Object, Phase, Plan, Severity, Source as Origin, Stage, Step, Timeouts,
};
use underpin_planner::{Planned, PlannedStep};
use underpin_postgres::{PgCatalog, PgId, PgKind, Postgres, introspect};

/// A plan with what it was made from.
pub struct Made {
    /// The plan, proved.
    pub plan: Plan,
    /// The live side.
    pub from: PgCatalog,
    /// The desired side.
    pub to: PgCatalog,
    /// The texts of the desired SQL.
    pub texts: FileTexts,
    /// What apply will need and lacks, in words.
    pub lacking: Vec<String>,
    /// The version of the live server as it prints it.
    pub server: String,
}

/// Both sides, read.
pub(crate) struct Sides<'a> {
    pub workshop: Workshop<'a>,
    pub there: There,
    pub desired: Desired,
    pub texts: FileTexts,
}

/// Reads both sides, at the same time where they are two.
pub(crate) fn sides(settings: &Settings) -> Result<Sides<'_>, EngineError> {
    let Some(schema) = &settings.schema else {
        return Err(EngineError::Usage(
            "no desired schema was given; name it with --schema, on the command line or in underpin.toml".to_owned(),
        ));
    };
    let Source::Database(target) = &settings.db else {
        let workshop = Workshop::new(settings, likeness_of(settings, None));
        let (mut there, read, _) = without_database(&workshop, settings)?;
        there.catalog.diagnostics = read.diagnostics;
        let (desired, texts) = workshop.desired(schema)?;
        return Ok(Sides { workshop, there, desired, texts });
    };
    let mut live = Live::connect(target)?;
    let workshop = Workshop::new(settings, likeness_of(settings, Some(&live)));
    let (catalog, desired) = std::thread::scope(|threads| {
        let desired = threads.spawn(|| workshop.desired(schema));
        let catalog = introspect(&mut live.client, &live.server, &HashMap::new());
        let desired = desired
            .join()
            .unwrap_or_else(|_| Err(EngineError::Failure("elaborating the desired schema failed".to_owned())));
        (catalog, desired)
    });
    let (desired, texts) = desired.map_err(|error| match (error, workshop.major()) {
        (EngineError::Input(mut list), Some(major)) if major != live.server.major() => {
            list.push(majors::other_major(live.server.major(), major));
            EngineError::Input(list)
        }
        (error, _) => error,
    })?;
    let there =
        There { server: live.server.clone(), user: live.likeness.user.clone(), catalog: catalog?, live: Some(live) };
    Ok(Sides { workshop, there, desired, texts })
}

/// Makes a plan and proves it.
///
/// # Errors
/// When a side cannot be read, or the plan does not reach the desired schema.
pub fn plan(settings: &Settings) -> Result<Made, EngineError> {
    let Sides { workshop, there, desired, texts } = sides(settings)?;
    let There { mut live, server, user, catalog: read } = there;
    let Desired { catalog: mut to, said, mut diagnostics, major } = desired;
    diagnostics.extend(read.diagnostics.iter().cloned());
    diagnostics = settings.patterns.concerned(diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    to.diagnostics.clear();
    // As the development server prints it, where that is of another version.
    let alike = majors::alike(&workshop, (&server, &user), &read, &to, major, true)?.map(|alike| {
        to = alike.to;
        diagnostics.push(alike.diagnostic);
        (alike.from, alike.server)
    });
    let (from, dev_server) = alike.as_ref().map_or((&read, &server), |(from, server)| (from, server));
    let mut to = settings.patterns.narrow(from, to);
    let (mut pending, findings) = renames::pending(from, &to, &said.renames);
    diagnostics.extend(findings);
    let renamed = |renames: &[renames::Rename]| {
        renames::renamed(workshop.dev()?, dev_server, &user, from, renames, settings.trust_sql)
    };
    let mut base = if pending.is_empty() { None } else { Some(renamed(&pending)?) };
    let along = base.as_ref().map(|base| renames::along(base, &to, &pending)).unwrap_or_default();
    if !along.is_empty() {
        pending.extend(along);
        base = Some(renamed(&pending)?);
    }
    let base_ref = base.as_ref().unwrap_or(from);
    scope::adopt(base_ref, &mut to, settings.owners, settings.privileges);
    diagnostics.append(&mut to.diagnostics);
    let changes = underpin_diff::diff(base_ref, &to);
    diagnostics.extend(renames::likely(base_ref, &to, &changes));
    let usings: BTreeMap<PgId, String> = said
        .usings
        .iter()
        .map(|(schema, table, column, using)| (PgId::new(PgKind::Column, [schema, table, column]), using.clone()))
        .collect();
    let mut plan = Plan {
        dialect: "postgres".to_owned(),
        server: server.text.clone(),
        strategy: settings.strategy,
        from: read.fingerprint_of_all(),
        to: to.fingerprint_of_all(),
        stages: Vec::new(),
        diagnostics: Vec::new(),
    };
    let mut lacking = Vec::new();
    if !changes.is_empty() || !pending.is_empty() {
        let planned_for = |server| {
            let dialect = Postgres::new(server, settings.strategy, &user, base_ref, &to, &usings);
            underpin_planner::plan(&dialect, base_ref, &to, &changes)
        };
        let planned = planned_for(&server)?;
        let mut touched = planned.touched.clone();
        touched.extend(pending.iter().flat_map(|r| [r.from.clone(), r.to.clone()]));
        plan.stages = stages(&read, &to, planned, &pending, &said, &touched);
        if !plan.is_empty() {
            let slice = slice::slice(from, &to, &touched);
            let whole = settings.full_proof || !pending.is_empty();
            let case = Case {
                server: dev_server,
                live: &server,
                user: &user,
                from,
                to: &to,
                slice: if whole { None } else { Some(&slice) },
                trust: settings.trust_sql,
            };
            let dev = workshop.dev()?;
            let proved = |plan: &mut Plan| match prove(dev, &case, plan) {
                // A function's text may name what no dependency tells of, and a slice then lacks it: the whole decides.
                Err(EngineError::Unproved(_)) if !whole => prove(dev, &Case { slice: None, ..case }, plan),
                other => other,
            };
            if dev_server.major() == server.major() {
                proved(&mut plan)?;
            } else {
                // Proved in the words of the server that proves it.
                let mut there = plan.clone();
                there.stages = stages(&read, &to, planned_for(dev_server)?, &pending, &said, &touched);
                proved(&mut there)?;
                take_locks(&mut plan, &there);
            }
            if let Some(live) = &mut live {
                lacking = crate::rights::lacking(&mut live.client, from, &to, &touched)?;
            }
        }
    }
    for lack in &lacking {
        diagnostics.push(Diagnostic::new(
            Severity::Warning,
            "right-is-lacking",
            format!("apply will need a right that it lacks: {lack}"),
        ));
    }
    let mut seen = BTreeSet::new();
    diagnostics.retain(|d| seen.insert((d.code.clone(), d.message.clone())));
    plan.diagnostics = diagnostics;
    let server = server.text;
    let from = alike.map_or(read, |(from, _)| from);
    Ok(Made { plan, from, to, texts, lacking, server })
}

/// The locks of the same statements in another plan.
fn take_locks(plan: &mut Plan, other: &Plan) {
    let steps = other.stages.iter().flat_map(|s| &s.batches).flat_map(|b| &b.steps);
    let known: HashMap<&[String], &Step> = steps.map(|step| (step.sql.as_slice(), step)).collect();
    for step in plan.stages.iter_mut().flat_map(|s| &mut s.batches).flat_map(|b| &mut b.steps) {
        if let Some(same) = known.get(step.sql.as_slice()) {
            step.locks.clone_from(&same.locks);
        }
    }
}

/// The longest that an attempt may wait for a lock of a step; the first attempts wait for less.
const LOCK_MS: u64 = 1000;

/// The planner's batches as stages. There is one stage until the roads that need gates come.
fn stages(
    from: &PgCatalog,
    to: &PgCatalog,
    planned: Planned<Postgres<'_>>,
    renames: &[renames::Rename],
    said: &Said,
    touched: &BTreeSet<PgId>,
) -> Vec<Stage> {
    let mut number = 0;
    let mut id = || {
        number += 1;
        format!("s{number:03}")
    };
    let mut batches: Vec<Batch> = Vec::new();
    let renaming: Vec<Step> = renames
        .iter()
        .map(|r| Step {
            id: id(),
            run: underpin_model::Run::Locked,
            sql: r.sql.clone(),
            backfill: None,
            changes: vec![r.words.clone()],
            reason: Some(r.reason.to_owned()),
            recipe: None,
            source: r.origin.clone(),
            locks: Vec::new(),
            work: underpin_model::Work::Instant,
            hazards: Vec::new(),
            undo: None,
            timeouts: Timeouts { lock_ms: LOCK_MS, statement_ms: 0 },
        })
        .collect();
    if !renaming.is_empty() {
        batches.push(Batch { transaction: true, steps: renaming });
    }
    for batch in planned.batches {
        let steps: Vec<Step> = batch.steps.into_iter().map(|s| step(id(), s, said)).collect();
        // A rename shares the transaction of what follows it.
        match batches.last_mut() {
            Some(first)
                if !renames.is_empty()
                    && batch.transaction
                    && first.transaction
                    && first.steps.len() == renames.len() =>
            {
                first.steps.extend(steps);
            }
            _ => batches.push(Batch { transaction: batch.transaction, steps }),
        }
    }
    if batches.is_empty() {
        return Vec::new();
    }
    // What is touched, what it is a part of, and what it rests on, before and after.
    let around = |id: &PgId| -> Vec<PgId> {
        let parents = [from, to].into_iter().filter_map(|c| c.objects.get(id).and_then(|o| o.parent(id)));
        parents.chain(from.needs(id).cloned()).chain(to.needs(id).cloned()).chain([id.clone()]).collect()
    };
    let touches: BTreeSet<String> = touched.iter().flat_map(around).map(|id| id.to_string()).collect();
    let fingerprint: Fingerprint = from.fingerprint(&touches);
    vec![Stage { phase: Phase::Expand, gate: None, old_sides: Vec::new(), fingerprint, touches, batches }]
}

fn step(id: String, planned: PlannedStep<PgId>, said: &Said) -> Step {
    let PlannedStep { draft, changes, objects } = planned;
    let lock_ms = match draft.run {
        underpin_model::Run::Build => 0,
        _ => LOCK_MS,
    };
    Step {
        id,
        run: draft.run,
        sql: draft.sql,
        backfill: draft.backfill,
        changes,
        reason: draft.reason,
        recipe: draft.recipe,
        source: objects.iter().find_map(|o| origin(o, said)),
        locks: Vec::new(),
        work: draft.work,
        hazards: draft.hazards,
        undo: draft.undo,
        timeouts: Timeouts { lock_ms, statement_ms: 0 },
    }
}

/// Where the desired SQL makes an object: by its own name, its column's, or that of what it is a part of.
fn origin(id: &PgId, said: &Said) -> Option<Origin> {
    let look =
        |schema: &str, name: &str, part: &str| said.origins.get(&(schema.to_owned(), name.to_owned(), part.to_owned()));
    let found = match id.depth() {
        0 => None,
        1 => look("public", id.part(0), "").or_else(|| look("", id.part(0), "")),
        2 => look(id.part(0), id.part(1), ""),
        _ => look(id.part(0), id.part(1), id.part(2))
            .or_else(|| look(id.part(0), id.part(2), ""))
            .or_else(|| look(id.part(0), &format!("{}.{}", id.part(1), id.part(2)), ""))
            .or_else(|| look(id.part(0), id.part(1), "")),
    };
    found.cloned()
}
