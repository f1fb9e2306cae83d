//! From two sides to a proved plan: one stage, in one transaction, so that nothing is ever half done.

use super::desired::{Desired, Said};
use super::memory::{Memory, words};
use super::proof::{Unproved, needs_application, prove};
use super::side::{Side, read};
use super::{DIALECT, expressions, renames, rows, scope, size, statistics, values};
use crate::files::FileTexts;
use crate::plan::Made;
use crate::{EngineError, Settings, refuse_gaps};
use rusqlite::Connection;
use std::collections::BTreeSet;
use underpin_model::{
    Batch, Change, Diagnostic, Hazard, HazardKind, Phase, Plan, Run, Severity, Stage, Step, Strategy, Timeouts,
};
use underpin_planner::Planned;
use underpin_sqlite::{Library, LiteCatalog, LiteId, LiteKind, LiteObject, Sqlite, fingerprint};

/// Both sides, read.
pub(crate) struct Sides {
    pub there: LiteCatalog,
    pub live: Option<Connection>,
    pub desired: Desired,
    pub texts: FileTexts,
}

/// Reads both sides.
pub(crate) fn sides(settings: &Settings) -> Result<Sides, EngineError> {
    let Some(schema) = &settings.schema else {
        return Err(EngineError::Usage(
            "no desired schema was given; name it with --schema, on the command line or in underpin.toml".to_owned(),
        ));
    };
    let Side { desired: there, live, .. } = read(settings, &settings.db)?;
    let Side { mut desired, texts, .. } = read(settings, schema)?;
    desired.diagnostics.extend(there.diagnostics);
    Ok(Sides { there: there.catalog, live, desired, texts })
}

/// Makes a plan and proves it.
pub(crate) fn plan(settings: &Settings) -> Result<Made, EngineError> {
    let sides = sides(settings)?;
    let (plan, texts) = between(settings, sides, Library::bundled())?;
    Ok(Made { plan, texts, lacking: Vec::new(), server: Library::bundled().to_string() })
}

/// A plan between two sides, for a library of that version to run.
pub(crate) fn between(settings: &Settings, sides: Sides, library: Library) -> Result<(Plan, FileTexts), EngineError> {
    let Sides { there: from, live, desired, texts } = sides;
    let Desired { catalog: to, said, diagnostics, broken } = desired;
    let mut diagnostics = settings.patterns.concerned(diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    if settings.quarantine.is_some() || settings.versioned_views.is_some() {
        return Err(EngineError::Usage(
            "--quarantine and --versioned-views are for plans in several stages, and plans for SQLite have one"
                .to_owned(),
        ));
    }
    if settings.pg_repack {
        return Err(EngineError::Usage(
            "--pg-repack is for PostgreSQL, and the plan is for SQLite, which has no tablespaces\nnext: leave it out, or take \
             pg_repack out of underpin.toml"
                .to_owned(),
        ));
    }
    let (to, told) = scope::narrow(&settings.patterns, &from, to);
    diagnostics.extend(told);
    let followed = renames::follow(&from, &to, &said)?;
    diagnostics.extend(followed.findings);
    let base = followed.base.as_ref().unwrap_or(&from);
    let changes = underpin_diff::diff(base, &to);
    let mut wishes = said.wishes.clone();
    wishes.moved = followed.moved;
    diagnostics.extend(renames::likely(base, &to, &changes, &wishes));
    diagnostics.extend(unknown_modules(base, &to, &changes)?);
    let (moves, told) = rows::read(&said.rows, (&from, &to), &followed.pending)?;
    diagnostics.extend(told);
    expressions::check(base, &to, (&said, &mut wishes))?;
    let names = values::Names { from: &from, base, to: &to, renames: &followed.pending };
    values::ask(live.as_ref(), settings.assume_rows, &names, (&said, &mut wishes))?;
    let mut forced = BTreeSet::new();
    let (mut batches, has_stand_ins) = loop {
        let dialect = Sqlite::new(library, &wishes, &forced, base, &to);
        let planned = underpin_planner::plan(&dialect, base, &to, &changes)?;
        let (batches, about) = written(planned, (&followed.pending, &moves), &said, settings.strategy);
        match prove((&from, base, &to), &batches, &about, &forced) {
            Ok(has_stand_ins) => break (batches, has_stand_ins),
            // Each time round there are more of them, so that this ends.
            Err(Unproved::Anew(tables)) => forced.extend(tables),
            Err(Unproved::Wrong(error)) => return Err(error),
        }
    };
    batches.retain(|b| !b.steps.is_empty());
    if has_stand_ins {
        diagnostics.extend(needs_application(&from, &batches)?);
    }
    if settings.strategy == Strategy::Online
        && !broken.is_empty()
        && let Some(last) = batches.last_mut().and_then(|b| b.steps.last_mut())
    {
        let memory = Memory::of(base).map_err(|e| EngineError::Failure(words(&e)))?;
        let before = super::broken::broken(&memory, base);
        last.hazards.extend(broken.iter().filter(|b| !before.contains(b)).map(|b| Hazard {
            kind: HazardKind::BreaksApplication,
            message: format!("after the plan {}", b.message()),
        }));
    }
    let mut plan = Plan {
        dialect: DIALECT.to_owned(),
        server: Library::bundled().to_string(),
        strategy: settings.strategy,
        from: fingerprint(&from),
        to: fingerprint(&to),
        stages: Vec::new(),
        diagnostics: Vec::new(),
    };
    if !batches.is_empty() {
        // An index that came meanwhile would go with the table that is made anew: the whole schema has to be what was planned for.
        let touches = from.objects.keys().chain(to.objects.keys()).map(ToString::to_string).collect();
        plan.stages = vec![Stage {
            phase: Phase::Expand,
            gate: None,
            old_sides: Vec::new(),
            fingerprint: fingerprint(&from),
            touches,
            batches,
        }];
    }
    if let Some(live) = &live {
        diagnostics.extend(size::tell(live, &names, &mut plan.stages));
        diagnostics.extend(statistics::told(live, &names, &plan));
    }
    let mut seen = BTreeSet::new();
    // Two hints that are not understood stand in two places.
    let place = |d: &Diagnostic| d.span.as_ref().map(|span| (span.file.clone(), span.start));
    diagnostics.retain(|d| seen.insert((d.code.clone(), d.message.clone(), place(d))));
    plan.diagnostics = diagnostics;
    Ok((plan, texts))
}

/// Virtual tables of modules that this program lacks cannot be changed by it.
fn unknown_modules(
    base: &LiteCatalog,
    to: &LiteCatalog,
    changes: &[Change<LiteObject>],
) -> Result<Vec<Diagnostic>, EngineError> {
    for change in changes {
        let id = change.id();
        for object in [base.objects.get(id), to.objects.get(id)].into_iter().flatten() {
            if let LiteObject::VirtualTable(table) = object
                && table.columns.is_none()
            {
                return Err(EngineError::Input(vec![
                    Diagnostic::new(
                        Severity::Error,
                        "no-module",
                        format!("{change}: it is of the module {}, which this program does not have", table.module),
                    )
                    .help("change it with a program that has the module, or name it in --exclude"),
                ]));
            }
        }
    }
    Ok(Vec::new())
}

/// The planner's steps written down, behind the renames; and the objects of each.
fn written(
    planned: Planned<Sqlite<'_>>,
    (pending, moves): (&[renames::Rename], &[rows::Rows]),
    said: &Said,
    strategy: Strategy,
) -> (Vec<Batch>, Vec<Vec<LiteId>>) {
    let (mut steps, mut about) = (Vec::new(), Vec::new());
    let next = |steps: &Vec<Step>| format!("s{:03}", steps.len() + 1);
    for rename in pending {
        let mut step = Step::new(next(&steps), Run::Sql, rename.sql.clone());
        step.changes = vec![rename.words.clone()];
        step.reason = Some(rename.reason.to_owned());
        step.source.clone_from(&rename.origin);
        if rename.breaks && strategy == Strategy::Online {
            step.hazards.push(Hazard {
                kind: HazardKind::BreaksApplication,
                message: format!("{}: an application that uses the old name fails from then on", rename.words),
            });
        }
        let loss = rename.loses.clone().map(|message| Hazard { kind: HazardKind::DataLoss, message });
        step.hazards.extend(loss);
        steps.push(step);
        about.push(Vec::new());
    }
    // What goes and comes with its name in another case is found by those who read it.
    let all = planned.batches.iter().flat_map(|b| &b.steps);
    let made = all.flat_map(|s| s.objects.iter().filter(|id| s.changes.contains(&format!("create {id}"))));
    let comes: BTreeSet<String> = made.map(|id| id.part(0).to_ascii_lowercase()).collect();
    for planned in planned.batches.into_iter().flat_map(|b| b.steps) {
        let mut step = Step::new(next(&steps), Run::Sql, planned.draft.sql);
        step.changes = planned.changes;
        step.reason = planned.draft.reason;
        step.recipe = planned.draft.recipe;
        step.work = planned.draft.work;
        step.hazards = planned.draft.hazards;
        if strategy == Strategy::Online {
            let views = planned.objects.iter().filter(|id| id.kind == LiteKind::View);
            let gone = views.filter(|id| {
                step.changes.contains(&format!("drop {id}")) && !comes.contains(&id.part(0).to_ascii_lowercase())
            });
            step.hazards.extend(gone.map(|id| Hazard {
                kind: HazardKind::BreaksApplication,
                message: format!("{id} goes: an application that reads it fails from then on"),
            }));
        }
        step.undo = planned.draft.undo;
        step.timeouts = Timeouts { lock_ms: 0, statement_ms: 0 };
        let of = |id: &LiteId| said.origins.get(&id.part(0).to_ascii_lowercase()).cloned();
        step.source = planned.objects.iter().find_map(of);
        steps.push(step);
        about.push(planned.objects);
    }
    rows::put(moves, &mut steps, &mut about, pending.len());
    (vec![Batch { transaction: true, steps }], about)
}
