//! Hints by which names change places: `a` is renamed from `b`, and `b` from `a`.

use crate::EngineError;
use crate::desired::{Part, Renamed};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Diagnostic, Severity};
use underpin_sql::quote;

/// A name, with what it is told apart by: what kind of name it is, the schema, and for a part what it is a part of.
type Named<'a> = (&'a str, &'a str, &'a str, &'a str);

/// The new name and the old one.
fn named(hint: &Renamed) -> Option<(Named<'_>, Named<'_>)> {
    let schema = hint.schema.as_deref().unwrap_or("public");
    let old = hint.old.last()?;
    let (kind, new) = match &hint.part {
        None => {
            let before = hint.old.len().checked_sub(2).map_or(schema, |n| hint.old[n].as_str());
            return Some(((&hint.space, schema, "", &hint.name), (&hint.space, before, "", old)));
        }
        Some(Part::Column(name)) => ("column", name),
        Some(Part::Constraint(name)) => ("constraint", name),
        Some(Part::Value(name)) => ("value", name),
    };
    Some(((kind, schema, &hint.name, new), (kind, schema, &hint.name, old)))
}

/// Refuses hints that let names change places. Both names are there before and after, so that no schema tells whether it was
/// done already, and a plan after the plan would do it again.
///
/// # Errors
/// Where there are such: what to write instead.
pub(crate) fn refuse(hints: &[Renamed]) -> Result<(), EngineError> {
    let came_from: BTreeMap<Named<'_>, (Named<'_>, &Renamed)> =
        hints.iter().filter_map(|hint| named(hint).map(|(new, old)| (new, (old, hint)))).collect();
    let mut found = Vec::new();
    let mut told: BTreeSet<Named<'_>> = BTreeSet::new();
    for (new, (_, hint)) in &came_from {
        let mut ring = vec![*new];
        while let Some((before, _)) = ring.last().and_then(|last| came_from.get(last)) {
            if ring.contains(before) {
                break;
            }
            ring.push(*before);
        }
        let closes = ring.last().and_then(|last| came_from.get(last)).is_some_and(|(before, _)| before == new);
        // A name that comes from itself says nothing.
        if !closes || ring.len() < 2 || ring.iter().any(|name| told.contains(name)) {
            continue;
        }
        told.extend(&ring);
        let names: Vec<String> = ring.iter().map(|(_, _, _, name)| quote::ident(name)).collect();
        let (first, second) = (&names[0], &names[1]);
        let message = format!(
            "{}:{}: hints let {} take each other's names",
            hint.origin.file,
            hint.origin.line,
            names.join(" and ")
        );
        found.push(
            Diagnostic::new(Severity::Error, "names-change-places", message)
                .note("the same names are there before and after, so that nothing tells whether it was done already")
                .help(format!(
                    "go by a third name, with a plan for each step: say {first} under another name (`-- underpin: renamed-from {first}` \
                     on that), apply; then `-- underpin: renamed-from {second}` on {first}, apply; then rename the third name to \
                     {second}"
                )),
        );
    }
    if found.is_empty() { Ok(()) } else { Err(EngineError::Input(found)) }
}
