//! Has the database left the schema?

use crate::ground::Ground;
use crate::history::History;
use crate::plan::{Sides, sides};
use crate::side::snapshot_of;
use crate::source::Source;
use crate::{Dialect, EngineError, FileTexts, Settings, before, majors, refuse_gaps, renames, scope, versions};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Change, Diagnostic, Kind, Object, Severity};
use underpin_postgres::recipes::{is_aside, keep_quarantined, left_by_reindex, quarantined_until, rename_view};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, sql_of};
use underpin_report::{DriftChange, DriftDifference, DriftReport};

/// Compares the database with the desired schema. Nothing is planned.
///
/// # Errors
/// When a side cannot be read.
pub fn drift(settings: &Settings) -> Result<(DriftReport, FileTexts), EngineError> {
    match settings.of_dialect()? {
        Dialect::Postgres => {}
        Dialect::Sqlite => return crate::sqlite::drift(settings),
    }
    let Sides { workshop, there, desired, texts } = sides(settings)?;
    let mut diagnostics = desired.diagnostics;
    diagnostics.extend(there.catalog.diagnostics.iter().cloned());
    diagnostics = settings.patterns.concerned(diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    let mut to = desired.catalog;
    to.diagnostics.clear();
    let mut from = there.catalog;
    // Views of versions are no part of either side.
    diagnostics.extend(versions::told(&from));
    from = versions::bare(&from).unwrap_or(from);
    to = versions::bare(&to).unwrap_or(to);
    // What is in flight is a transition and no drift: until its contract the schema from before is kept.
    let before = match there.live {
        Some(mut live) => {
            if let Some(Source::Migrations(folder)) = &settings.schema {
                History::read(folder, Dialect::Postgres.into())?.refuse_stuck(&mut live.client)?;
            }
            before::recall(&mut live.client)?
        }
        None => None,
    };
    let mut before = before.map(|text| snapshot_of("the schema from before", &text)).transpose()?;
    before = before.map(|before| versions::bare(&before).unwrap_or(before));
    let veils: Vec<String> = rename_view::veiled(&from).into_iter().flat_map(|(_, sql)| sql).collect();
    if !veils.is_empty() || before.is_some() {
        let ground = Ground { dev: &workshop, server: &there.server, user: &there.user, trust: settings.trust_sql };
        // What is renamed goes by its new name, be both there already or not.
        let renamed = |catalog: &PgCatalog| renames::follow(&ground, catalog, &to, &desired.said.renames);
        if !veils.is_empty() {
            from = ground.elaborated(&from, &[&veils])?;
        }
        if let Some(base) = renamed(&from)?.base {
            from = base;
        }
        if let Some(base) = before.as_ref().map(renamed).transpose()?.and_then(|followed| followed.base) {
            before = Some(base);
        }
    }
    if let Some(alike) = majors::alike(&workshop, (&there.server, &there.user), &from, &to, desired.major, false)? {
        (from, to) = (alike.from, alike.to);
        diagnostics.push(alike.diagnostic);
    }
    let mut to = settings.patterns.narrow(&from, to);
    scope::adopt(&from, &mut to, settings.owners, settings.privileges);
    // What was put aside is on its way out, be it due or not.
    keep_quarantined(&from, &mut to, "");
    diagnostics.extend(resting(&from));
    diagnostics.append(&mut to.diagnostics);
    let mut on_the_way: BTreeSet<String> = BTreeSet::new();
    let mut by_object: BTreeMap<_, (DriftChange, Vec<String>)> = BTreeMap::new();
    for change in underpin_diff::diff(&from, &to) {
        let id = change.id().clone();
        if is_in_flight(&id, (&from, &to), before.as_ref()) {
            on_the_way.insert(id.to_string());
            continue;
        }
        if let Some(index) = left_by_reindex(&from, &id).filter(|_| !to.objects.contains_key(&id)) {
            diagnostics.push(left_behind(&id, &index));
            continue;
        }
        // What goes or comes with its table is told by the table.
        let parent = |catalog: &underpin_postgres::PgCatalog| {
            catalog.objects.get(&id).and_then(|o| underpin_model::Object::parent(o, &id))
        };
        let told_by_parent = match &change {
            Change::Create(_) => parent(&to).is_some_and(|p| !from.objects.contains_key(&p)),
            Change::Drop(_) => parent(&from).is_some_and(|p| !to.objects.contains_key(&p)),
            Change::Alter { .. } | Change::Rename { .. } => false,
        };
        if told_by_parent {
            continue;
        }
        let kind = match &change {
            Change::Create(_) => DriftChange::Missing,
            Change::Drop(_) => DriftChange::Unexpected,
            Change::Alter { .. } | Change::Rename { .. } => DriftChange::Changed,
        };
        let entry = by_object.entry(id).or_insert((kind, Vec::new()));
        if let Change::<PgObject>::Alter { attribute, .. } = &change {
            entry.1.push(attribute.to_string());
        }
    }
    if !on_the_way.is_empty() {
        let some: Vec<&str> = on_the_way.iter().take(5).map(String::as_str).collect();
        let more = if on_the_way.len() > some.len() { ", …" } else { "" };
        diagnostics.push(
            Diagnostic::new(
                Severity::Note,
                "in-transition",
                format!(
                    "{} object(s) are on the way of a plan that is in flight, which is no drift: {}{more}",
                    on_the_way.len(),
                    some.join(", ")
                ),
            )
            .help("`underpin status` shows what it waits for; `underpin apply` goes on, `underpin undo` takes it back"),
        );
    }
    let differences = by_object
        .into_iter()
        .map(|(id, (change, attributes))| DriftDifference {
            object: id.to_string(),
            kind: id.kind.name().to_owned(),
            change,
            attributes,
            expected: sql_of(&there.server, &to, &id),
            actual: sql_of(&there.server, &from, &id),
        })
        .collect();
    let report =
        DriftReport { database: settings.db.words(), server: there.server.text.clone(), differences, diagnostics };
    Ok((report, texts))
}

/// Names what was put aside.
fn resting(live: &PgCatalog) -> Option<Diagnostic> {
    let named = |id: &PgId| match id.kind {
        PgKind::Table | PgKind::Column => {
            let own = quarantined_until(id)
                .filter(|_| id.kind == PgKind::Table || quarantined_until(&id.prefix(PgKind::Table, 2)).is_none());
            own.map(|day| format!("{id}, which may go from {}-{}-{} on", &day[..4], &day[4..6], &day[6..]))
        }
        _ => None,
    };
    let all: Vec<String> = live.objects.keys().filter_map(named).collect();
    let told = Diagnostic::new(
        Severity::Note,
        "in-quarantine",
        format!(
            "{} object(s) were put aside before they are dropped, which is no drift: {}",
            all.len(),
            all.join("; ")
        ),
    );
    (!all.is_empty()).then(|| told.help("a plan from that day on drops it; who needs it renames it back"))
}

/// What is no schema's and no drift either.
fn left_behind(id: &PgId, index: &str) -> Diagnostic {
    let name = underpin_sql::quote::qualified(&id.parts());
    Diagnostic::new(
        Severity::Warning,
        "left-by-reindex",
        format!("{name} cannot be used: REINDEX CONCURRENTLY of {index} left it when it failed, or is under way"),
    )
    .help(format!(
        "`underpin apply` drops it; by hand: DROP INDEX CONCURRENTLY {name}, and then REINDEX INDEX CONCURRENTLY of {index}"
    ))
}

/// Whether an object that is not what the schema says is so because of a plan in flight: it stands beside, or is still what it
/// was before, or has only lost a NOT NULL that the new application does not keep.
fn is_in_flight(id: &PgId, (live, wanted): (&PgCatalog, &PgCatalog), before: Option<&PgCatalog>) -> bool {
    if is_aside(id)
        || rename_view::is_old_name(live, id)
        || id.target(0).is_some_and(|t| rename_view::is_old_name(live, &t))
    {
        return true;
    }
    let Some(before) = before else { return false };
    match (before.objects.get(id), live.objects.get(id)) {
        (None, None) => true,
        (Some(then @ PgObject::Column(_)), Some(now @ PgObject::Column(_))) => lacks_rules_only(now, then),
        (Some(then), Some(now)) => then.compare(now).is_empty(),
        // It came with the plan and has not got all of its rules; what nobody wants is a stranger's.
        (None, Some(now)) => wanted.objects.get(id).is_some_and(|wanted| lacks_rules_only(now, wanted)),
        (Some(_), None) => false,
    }
}

/// Whether an object is the same as another, but that a column may be without NOT NULL and without its identity meanwhile, and a
/// constraint not validated.
fn lacks_rules_only(now: &PgObject, other: &PgObject) -> bool {
    match (now, other) {
        (PgObject::Column(now), PgObject::Column(other)) => {
            let mut kept = now.clone();
            if !now.not_null {
                kept.not_null = other.not_null;
                kept.not_null_rule.clone_from(&other.not_null_rule);
            }
            if now.identity.is_none() {
                kept.identity.clone_from(&other.identity);
            }
            PgObject::Column(kept).compare(&PgObject::Column(other.clone())).is_empty()
        }
        (PgObject::Constraint(now), PgObject::Constraint(other)) => {
            let mut kept = now.clone();
            kept.valid = other.valid;
            PgObject::Constraint(kept).compare(&PgObject::Constraint(other.clone())).is_empty()
        }
        // An identity's default stands for it.
        (now, other) => now.compare(other).is_empty(),
    }
}
