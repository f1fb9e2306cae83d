//! The way back of a migration: planned between the schemas after it and before it, and refused where it would only look so.

use crate::desired::{Desired, Part, Renamed, Said};
use crate::files::FileTexts;
use crate::new_files::Draft;
use crate::plan::between;
use crate::side::{There, Workshop};
use crate::{EngineError, Settings, Switch};
use underpin_migrations::Down;
use underpin_model::{Change, Strategy};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, Server};

/// Hints that say the renames of `said` the other way round.
pub(crate) fn reversed(said: &Said) -> Said {
    let renames = said.renames.iter().filter_map(|hint| {
        let old = hint.old.last()?.clone();
        let schema =
            if hint.old.len() > 1 && hint.part.is_none() { hint.old.first().cloned() } else { hint.schema.clone() };
        let (name, part, was) = match &hint.part {
            None => (old, None, hint.name.clone()),
            Some(Part::Column(is)) => (hint.name.clone(), Some(Part::Column(old)), is.clone()),
            Some(Part::Constraint(is)) => (hint.name.clone(), Some(Part::Constraint(old)), is.clone()),
            Some(Part::Value(is)) => (hint.name.clone(), Some(Part::Value(old)), is.clone()),
        };
        Some(Renamed { schema, name, part, old: vec![was], space: hint.space.clone(), origin: hint.origin.clone() })
    });
    Said { renames: renames.collect(), ..Said::default() }
}

/// What takes a draft back, whose schemas before and after are known.
pub(crate) fn down(
    settings: &Settings,
    workshop: &Workshop<'_>,
    draft: &Draft,
    (before, after): (&PgCatalog, &PgCatalog),
    server: &Server,
    back: &Said,
) -> Result<Down, EngineError> {
    if !draft.lost.is_empty() {
        return Ok(Down::Cannot(format!("data is gone: {}", draft.lost.join("; "))));
    }
    if draft.fills {
        return Ok(Down::By { transaction: true, sql: Vec::new() });
    }
    if let Some(undo) = draft.undo.as_ref().filter(|undo| !undo.is_empty()) {
        let sql: Vec<String> = undo.iter().rev().flatten().cloned().collect();
        return Ok(Down::By { transaction: true, sql });
    }
    if underpin_diff::diff(after, before).is_empty() {
        return Ok(Down::By { transaction: true, sql: Vec::new() });
    }
    // Both sides are known whole.
    let direct = Settings {
        strategy: Strategy::Direct,
        owners: Switch::Manage,
        privileges: Switch::Manage,
        versioned_views: None,
        quarantine: None,
        ..settings.clone()
    };
    let there = There { live: None, server: server.clone(), user: "postgres".to_owned(), catalog: after.clone() };
    let desired = Desired { catalog: before.clone(), said: back.clone(), ..Desired::default() };
    let made = match between(&direct, workshop, (there, desired, FileTexts::default()), false) {
        Ok(made) => made,
        Err(EngineError::Unproved(_) | EngineError::Failure(_)) => {
            return Ok(Down::Cannot("no plan back could be proved".to_owned()));
        }
        Err(error) => return Err(error),
    };
    if let Some(gone) = made_anew(after, before, back) {
        return Ok(Down::Cannot(format!("data is gone: {gone} held some")));
    }
    let steps: Vec<_> = made.plan.steps().collect();
    let batches: Vec<_> = made.plan.stages.iter().flat_map(|s| &s.batches).collect();
    let alone = |sql: &str| sql.split_whitespace().any(|w| w.eq_ignore_ascii_case("concurrently"));
    // An index that was built beside the traffic is dropped beside it.
    if !draft.new.transaction
        && let [step] = steps.as_slice()
        && let [sql] = step.sql.as_slice()
    {
        let beside = match sql.strip_prefix("DROP INDEX ") {
            Some(rest) if draft.new.up.iter().any(|up| alone(up)) && !alone(sql) => {
                format!("DROP INDEX CONCURRENTLY {rest}")
            }
            _ => sql.clone(),
        };
        return Ok(Down::By { transaction: !alone(&beside), sql: vec![beside] });
    }
    if batches.iter().any(|b| !b.transaction) {
        return Ok(Down::Cannot("the way back needs several steps outside a transaction".to_owned()));
    }
    Ok(Down::By { transaction: true, sql: steps.into_iter().flat_map(|s| s.sql.clone()).collect() })
}

/// A table or column that the way back makes anew: what it held is not there any more.
fn made_anew(after: &PgCatalog, before: &PgCatalog, back: &Said) -> Option<PgId> {
    let renamed = |id: &PgId| {
        back.renames.iter().any(|r| match &r.part {
            None => r.name == id.last() || (id.kind == PgKind::Column && r.name == id.part(1)),
            Some(Part::Column(column)) => id.kind == PgKind::Column && column == id.last() && r.name == id.part(1),
            Some(Part::Constraint(_) | Part::Value(_)) => false,
        })
    };
    let changes: Vec<Change<PgObject>> = underpin_diff::diff(after, before);
    changes.into_iter().find_map(|change| match change {
        Change::Create(id) if matches!(id.kind, PgKind::Table | PgKind::Column) && !renamed(&id) => {
            let generated = matches!(before.objects.get(&id), Some(PgObject::Column(c)) if c.generated.is_some());
            (!generated).then_some(id)
        }
        _ => None,
    })
}
