//! The way back of a migration: planned between the schemas after it and before it, and refused where it would only look so.

use crate::desired::{Desired, Part, Renamed, Said};
use crate::files::FileTexts;
use crate::new_files::Draft;
use crate::plan::between;
use crate::side::{There, Workshop};
use crate::{EngineError, Settings, Switch};
use underpin_migrations::{Down, Mode};
use underpin_model::Strategy;
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, RUNNER, Server};

/// Hints that say the renames of `said` the other way round.
pub(crate) fn reversed(said: &Said) -> Said {
    // Where a table has another name or schema, what is renamed in it is found under the old ones on the way back.
    let whole = |hint: &Renamed| {
        let from = said.renames.iter().find(|r| r.part.is_none() && r.schema == hint.schema && r.name == hint.name);
        from.map_or((hint.schema.clone(), hint.name.clone()), old_name)
    };
    let renames = said.renames.iter().filter_map(|hint| {
        let (schema, name) = whole(hint);
        let old = || hint.old.last().cloned();
        let (part, was) = match &hint.part {
            None => (None, hint.schema.iter().cloned().chain([hint.name.clone()]).collect()),
            Some(Part::Column(is)) => (Some(Part::Column(old()?)), vec![is.clone()]),
            Some(Part::Constraint(is)) => (Some(Part::Constraint(old()?)), vec![is.clone()]),
            Some(Part::Value(is)) => (Some(Part::Value(old()?)), vec![is.clone()]),
        };
        Some(Renamed { schema, name, part, old: was, space: hint.space.clone(), origin: hint.origin.clone() })
    });
    Said { renames: renames.collect(), ..Said::default() }
}

/// The old schema and name of what is renamed as a whole.
fn old_name(hint: &Renamed) -> (Option<String>, String) {
    let name = hint.old.last().cloned().unwrap_or_default();
    let schema = if hint.old.len() > 1 { hint.old.first().cloned() } else { hint.schema.clone() };
    (schema, name)
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
        return Ok(Down::By { mode: Mode::Whole, sql: Vec::new() });
    }
    if let Some(undo) = draft.undo.as_ref().filter(|undo| !undo.is_empty()) {
        let sql: Vec<String> = undo.iter().rev().flatten().cloned().collect();
        return Ok(Down::By { mode: Mode::Whole, sql });
    }
    if underpin_diff::diff(after, before).is_empty() {
        return Ok(Down::By { mode: Mode::Whole, sql: Vec::new() });
    }
    // Both sides are known whole.
    let direct = Settings {
        strategy: Strategy::Direct,
        owners: Switch::Manage,
        privileges: Switch::Manage,
        versioned_views: None,
        pg_repack: false,
        quarantine: None,
        // What the way forward has made has no rows of which something would have to be said.
        assume_rows: false,
        ..settings.clone()
    };
    let there = There { live: None, server: server.clone(), user: RUNNER.to_owned(), catalog: after.clone() };
    let desired = Desired { catalog: before.clone(), said: back.clone(), ..Desired::default() };
    let made = match between(&direct, workshop, (there, desired, FileTexts::default()), false) {
        Ok((made, _)) => made,
        Err(EngineError::Unproved(_) | EngineError::Failure(_)) => {
            return Ok(Down::Cannot("no plan back could be proved".to_owned()));
        }
        Err(error) => return Err(error),
    };
    let steps: Vec<_> = made.plan.steps().collect();
    if let Some(gone) = steps.iter().flat_map(|s| &s.changes).find_map(|words| made_anew(words, before)) {
        return Ok(Down::Cannot(format!("the way back would make {gone} anew, without what it held")));
    }
    let batches: Vec<_> = made.plan.stages.iter().flat_map(|s| &s.batches).collect();
    let alone = |sql: &str| sql.split_whitespace().any(|w| w.eq_ignore_ascii_case("concurrently"));
    // An index that was built beside the traffic is dropped beside it.
    if draft.new.mode == Mode::Alone
        && let [step] = steps.as_slice()
        && let [sql] = step.sql.as_slice()
    {
        let beside = match sql.strip_prefix("DROP INDEX ") {
            Some(rest) if draft.new.up.iter().any(|up| alone(up)) && !alone(sql) => {
                format!("DROP INDEX CONCURRENTLY {rest}")
            }
            _ => sql.clone(),
        };
        let mode = if alone(&beside) { Mode::Alone } else { Mode::Whole };
        return Ok(Down::By { mode, sql: vec![beside] });
    }
    if batches.iter().any(|b| !b.transaction) {
        return Ok(Down::Cannot("the way back needs several steps outside a transaction".to_owned()));
    }
    Ok(Down::By { mode: Mode::Whole, sql: steps.into_iter().flat_map(|s| s.sql.clone()).collect() })
}

/// What the way back makes anew although it held something that is not in the schema, by the words of one of its steps.
fn made_anew(words: &str, before: &PgCatalog) -> Option<String> {
    let made = words.strip_prefix("create ")?;
    if made.starts_with("column ") {
        let is = |id: &PgId| id.kind == PgKind::Column && id.to_string() == made;
        let computed = |object: &PgObject| matches!(object, PgObject::Column(c) if c.generated.is_some());
        let found = before.objects.iter().find(|(id, _)| is(id));
        return found.is_none_or(|(_, object)| !computed(object)).then(|| made.to_owned());
    }
    // Those of a walk say only that it was done, and by whom.
    let tells = ["_underpin_done_", "_underpin_seen_"].iter().any(|name| made.contains(name));
    (made.starts_with("table ") || made.starts_with("sequence ") && !tells).then(|| made.to_owned())
}
