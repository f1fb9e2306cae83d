//! From two sides to a proved plan.

use crate::desired::Desired;
use crate::files::FileTexts;
use crate::ground::Ground;
use crate::live::Live;
use crate::scene::Scene;
use crate::side::{There, Workshop, likeness_of, snapshot_of, without_database};
use crate::source::Source;
use crate::versions::Versions;
use crate::{
    Dialect, EngineError, Settings, before, majors, moved, refuse_gaps, renames, repack, scope, values, versions,
};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use underpin_model::{Diagnostic, Plan, Severity, Strategy};
use underpin_postgres::recipes::{Wishes, keep_quarantined, rename_view};
use underpin_postgres::{PgCatalog, PgId, PgObject, introspect};

/// A plan with what it was made from.
pub struct Made {
    /// The plan, proved.
    pub plan: Plan,
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
    match settings.of_dialect()? {
        Dialect::Postgres => {}
        Dialect::Sqlite => return crate::sqlite::plan(settings),
    }
    let Sides { workshop, there, desired, texts } = sides(settings)?;
    between(settings, &workshop, (there, desired, texts), true).map(|(made, _)| made)
}

/// Makes a plan that takes back what is in flight: to the schema as it was before the expand stage. Nothing where nothing is, or
/// where the contract has begun.
///
/// # Errors
/// As [`plan`].
pub fn undo(settings: &Settings) -> Result<Option<Made>, EngineError> {
    let Source::Database(target) = &settings.db else {
        return Err(EngineError::Usage(
            "undo takes back what is in flight in a database; give its URL in --db".to_owned(),
        ));
    };
    let mut live = Live::connect(target)?;
    let Some(text) = before::recall(&mut live.client)? else { return Ok(None) };
    let catalog = snapshot_of("the schema from before", &text)?;
    let workshop = Workshop::new(settings, likeness_of(settings, Some(&live)));
    let read = introspect(&mut live.client, &live.server, &HashMap::new())?;
    let there =
        There { server: live.server.clone(), user: live.likeness.user.clone(), catalog: read, live: Some(live) };
    let desired = Desired { catalog, ..Desired::default() };
    between(settings, &workshop, (there, desired, FileTexts::default()), false).map(|(made, _)| Some(made))
}

/// A plan between two sides, in stages where it `may` be; and the desired side as it was planned for.
pub(crate) fn between(
    settings: &Settings,
    workshop: &Workshop<'_>,
    (there, desired, texts): (There, Desired, FileTexts),
    may: bool,
) -> Result<(Made, PgCatalog), EngineError> {
    let There { mut live, server, user, catalog: mut read } = there;
    let Desired { catalog: mut to, said, mut diagnostics, major } = desired;
    diagnostics.extend(read.diagnostics.iter().cloned());
    diagnostics = settings.patterns.concerned(diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    if may && settings.pg_repack {
        let (without, told) = repack::without_extension(read, &to);
        read = without;
        diagnostics.extend(told);
    }
    to.diagnostics.clear();
    // As the development server prints it, where that is of another version.
    let alike = majors::alike(workshop, (&server, &user), &read, &to, major, true)?.map(|alike| {
        to = alike.to;
        diagnostics.push(alike.diagnostic);
        (alike.from, alike.server)
    });
    let (from, dev_server) = alike.as_ref().map_or((&read, &server), |(from, server)| (from, server));
    // As it is without the views that stand in the place of tables for a while.
    let veils: Vec<String> = rename_view::veiled(&read).into_iter().flat_map(|(_, sql)| sql).collect();
    let ground = Ground { dev: workshop, server: dev_server, user: &user, trust: settings.trust_sql };
    let unveiled = if veils.is_empty() { None } else { Some(ground.elaborated(from, &[&veils])?) };
    let full = unveiled.as_ref().unwrap_or(from);
    // Views of versions stand over what is planned; undo plans for them as for all else.
    let versions = if may { Versions::find(settings, full, live.as_mut())? } else { Versions::default() };
    let without_versions = if versions.stand() { versions::bare(full) } else { None };
    let from = without_versions.as_ref().unwrap_or(full);
    if may && let Some(bare) = versions::bare(&to) {
        to = bare;
    }
    let mut to = settings.patterns.narrow(from, to);
    let renames::Followed { pending, base, findings } = renames::follow(&ground, from, &to, &said.renames)?;
    diagnostics.extend(findings);
    let base_ref = base.as_ref().unwrap_or(from);
    scope::adopt(base_ref, &mut to, settings.owners, settings.privileges);
    let today = crate::day::after(0);
    keep_quarantined(base_ref, &mut to, &today);
    diagnostics.append(&mut to.diagnostics);
    let changes = underpin_diff::diff(base_ref, &to);
    diagnostics.extend(renames::likely(base_ref, &to, &changes));
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
    let rows = if may && dev_server.major() == server.major() && !said.rows.is_empty() {
        let (rows, told) = moved::rows(&ground, (from, &to), (&said, &texts), &pending, live.as_mut())?;
        diagnostics.extend(told);
        rows
    } else {
        if may && !said.rows.is_empty() {
            let message = "no rows move by queries in a plan between servers of different major versions";
            diagnostics.push(Diagnostic::new(Severity::Warning, "rows-not-moved", message));
        }
        Vec::new()
    };
    let place = versions::Place { settings, to: &to, server: &server, user: &user };
    let views_are_missing = versions.are_missing(&place, full)?;
    let mut is_staged = true;
    let mut front = None;
    if !changes.is_empty() || !pending.is_empty() || !veils.is_empty() || views_are_missing {
        let wishes = Wishes {
            rows,
            quarantine: settings.quarantine.map(crate::day::after),
            both_ways: versions.are_wanted(),
            emptied: values::emptied(&read, live.as_mut()),
            ..values::wishes(base_ref, &to, &said, workshop.time_zone())
        };
        let scene = Scene {
            workshop,
            settings,
            server: &server,
            dev_server,
            user: &user,
            read: &read,
            from,
            full,
            versions: &versions,
            base: base_ref,
            to: &to,
            wishes: &wishes,
            today: &today,
            pending: &pending,
            said: &said,
            steps_before: 0,
            findings: RefCell::default(),
        };
        if may && settings.pg_repack {
            let (stage, told) = repack::front(&scene, live.as_mut())?;
            front = stage;
            diagnostics.extend(told);
        }
        let is_all = front.as_ref().is_some_and(|f| underpin_diff::diff(&f.base, &to).is_empty())
            && pending.is_empty()
            && veils.is_empty()
            && !views_are_missing;
        let scene = match &front {
            Some(front) => scene.behind(front),
            None => scene,
        };
        let mut touched = BTreeSet::new();
        let staged = if is_all {
            Some((Vec::new(), BTreeSet::new()))
        } else if may && settings.strategy == Strategy::Online && dev_server.major() == server.major() {
            let mut findings = Vec::new();
            let made = scene.veil().and_then(|veil| {
                let road = scene.road(&veil);
                values::asked_for(&scene, &road, live.as_mut())?;
                findings.clone_from(&road.findings);
                scene.staged(road, &veil)
            });
            match made {
                Ok(staged) => {
                    diagnostics.extend(findings);
                    Some(staged)
                }
                Err(error @ (EngineError::Unproved(_) | EngineError::Failure(_))) => {
                    diagnostics.push(not_staged(&error));
                    None
                }
                Err(error) => return Err(error),
            }
        } else {
            if settings.assume_rows && live.is_none() {
                values::asked_for_at_once(&scene)?;
            }
            None
        };
        let (stages, all) = match staged {
            Some(staged) => staged,
            None => {
                diagnostics.extend(moved::rows_stay(&scene.wishes.rows, from));
                if settings.quarantine.is_some() {
                    diagnostics.push(not_put_aside());
                }
                is_staged = false;
                if versions.stand() { scene.in_one_below_versions()? } else { scene.in_one()? }
            }
        };
        plan.stages = front.iter().map(|f| f.stage.clone()).chain(stages).collect();
        touched.extend(front.iter().flat_map(|f| f.touched.iter().cloned()));
        diagnostics.append(&mut scene.findings.take());
        touched.extend(all);
        if !plan.is_empty()
            && let Some(live) = &mut live
        {
            lacking = crate::rights::lacking(&mut live.client, from, &to, &touched)?;
            crate::size::tell(&mut live.client, &mut plan.stages)?;
            let unfit = |id: &PgId| matches!(from.objects.get(id), Some(PgObject::Index(index)) if !index.valid);
            if touched.iter().any(unfit) {
                diagnostics.extend(crate::building::tell(&mut live.client)?);
            }
        }
    }
    diagnostics.extend(versions.findings(settings, (is_staged, plan.is_empty()), !veils.is_empty()));
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
    Ok((Made { plan, texts, lacking, server }, to))
}

/// What is told where a plan in one stage cannot do as it was asked.
fn not_put_aside() -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "no-quarantine",
        "the plan has one stage, so that columns and tables that go are dropped at once and not put aside",
    )
    .help("only plans in stages put aside: --strategy online, with a development server of the live one's version")
}

/// What is told where no road in stages could be proved.
fn not_staged(error: &EngineError) -> Diagnostic {
    let mut told = Diagnostic::new(
        Severity::Warning,
        "not-staged",
        "the plan in stages could not be proved, so that all is in one stage; it may stop a running application",
    );
    if let EngineError::Unproved(list) = error {
        for d in list {
            told = told.note(d.message.clone());
            for note in &d.notes {
                told = told.note(note.clone());
            }
        }
    } else {
        told = told.note(error.to_string());
    }
    told.help("this is a bug in underpin, or something that it does not know of; please report it with both schemas")
}
