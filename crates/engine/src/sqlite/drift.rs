//! Has the database left the schema?

use super::history::refuse_stuck;
use super::plan::{Sides, sides};
use super::scope;
use crate::files::FileTexts;
use crate::history::History;
use crate::{EngineError, Settings, Source, refuse_gaps};
use std::collections::BTreeMap;
use underpin_model::{Change, Kind, Object};
use underpin_report::{DriftChange, DriftDifference, DriftReport};
use underpin_sqlite::{Library, LiteCatalog, LiteId, LiteObject};

/// Compares the database with the desired schema. Nothing is planned.
pub(crate) fn drift(settings: &Settings) -> Result<(DriftReport, FileTexts), EngineError> {
    let Sides { there: from, live, desired, texts } = sides(settings)?;
    if let (Some(live), Some(Source::Migrations(folder))) = (&live, &settings.schema) {
        refuse_stuck(&History::read(folder, underpin_migrations::Dialect::Sqlite)?, live)?;
    }
    let mut diagnostics = settings.patterns.concerned(desired.diagnostics);
    if settings.strict {
        refuse_gaps(&diagnostics)?;
    }
    let (to, told) = scope::narrow(&settings.patterns, &from, desired.catalog);
    diagnostics.extend(told);
    let mut by_object: BTreeMap<LiteId, (DriftChange, Vec<String>)> = BTreeMap::new();
    for change in underpin_diff::diff(&from, &to) {
        let id = change.id().clone();
        let parent = |catalog: &LiteCatalog| catalog.objects.get(&id).and_then(|o| o.parent(&id));
        // What is missing with its table is told by that.
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
        if let Change::<LiteObject>::Alter { attribute, .. } = &change {
            entry.1.push(attribute.to_string());
        }
    }
    let sql = |catalog: &LiteCatalog, id: &LiteId| catalog.objects.get(id).map(|o| format!("{};\n", o.sql()));
    let differences = by_object
        .into_iter()
        .map(|(id, (change, attributes))| DriftDifference {
            object: id.to_string(),
            kind: id.kind.name().to_owned(),
            change,
            attributes,
            expected: sql(&to, &id),
            actual: sql(&from, &id),
        })
        .collect();
    let server = Library::bundled().to_string();
    Ok((DriftReport { database: settings.db.words(), server, differences, diagnostics }, texts))
}
