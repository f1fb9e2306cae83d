//! Has the database left the schema?

use crate::plan::{Sides, sides};
use crate::{EngineError, FileTexts, Settings, majors, scope};
use std::collections::BTreeMap;
use underpin_model::{Change, Kind};
use underpin_postgres::{PgObject, sql_of};
use underpin_report::{DriftChange, DriftDifference, DriftReport};

/// Compares the database with the desired schema. Nothing is planned.
///
/// # Errors
/// When a side cannot be read.
pub fn drift(settings: &Settings) -> Result<(DriftReport, FileTexts), EngineError> {
    let Sides { workshop, there, desired, texts } = sides(settings)?;
    let mut diagnostics = desired.diagnostics;
    diagnostics.extend(there.catalog.diagnostics.iter().cloned());
    let mut to = desired.catalog;
    to.diagnostics.clear();
    let mut from = there.catalog;
    if let Some(alike) = majors::alike(&workshop, (&there.server, &there.user), &from, &to, desired.major, false)? {
        (from, to) = (alike.from, alike.to);
        diagnostics.push(alike.diagnostic);
    }
    let mut to = settings.patterns.narrow(&from, to);
    scope::adopt(&from, &mut to, settings.owners, settings.privileges);
    diagnostics.append(&mut to.diagnostics);
    let mut by_object: BTreeMap<_, (DriftChange, Vec<String>)> = BTreeMap::new();
    for change in underpin_diff::diff(&from, &to) {
        let id = change.id().clone();
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
