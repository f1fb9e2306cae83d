//! Which objects are in scope: patterns hold for an object by its name or kind, and for what hangs on a table by that too.

use crate::Patterns;
use underpin_model::{Diagnostic, Kind, Object, Severity};
use underpin_sqlite::{LiteCatalog, LiteId, LiteObject};

/// Whether an object is in scope.
fn holds(patterns: &Patterns, id: &LiteId, object: &LiteObject) -> bool {
    let parent = object.parent(id);
    let names: Vec<String> = std::iter::once(id)
        .chain(parent.as_ref())
        .flat_map(|id| {
            [id.part(0).to_owned(), format!("{}:{}", id.kind.name(), id.part(0)), format!("main.{}", id.part(0))]
        })
        .collect();
    patterns.hold_names(&names)
}

/// A catalog without what is out of scope.
pub(crate) fn only(patterns: &Patterns, catalog: LiteCatalog) -> LiteCatalog {
    if patterns.is_empty() { catalog } else { catalog.filtered(|id, object| holds(patterns, id, object)) }
}

/// The desired side as it is within the scope: what is out of it is what it is on the live one, and keeps the table that it is on.
pub(crate) fn narrow(patterns: &Patterns, from: &LiteCatalog, to: LiteCatalog) -> (LiteCatalog, Vec<Diagnostic>) {
    let mut told = Vec::new();
    if patterns.is_empty() {
        return (to, told);
    }
    let mut narrowed = to.filtered(|id, object| holds(patterns, id, object));
    let keep = |id: &LiteId, narrowed: &mut LiteCatalog| {
        let Some(object) = from.objects.get(id) else { return };
        if let Some(needs) = from.rests_on.get(id) {
            narrowed.rests_on.insert(id.clone(), needs.clone());
        }
        if let Some(place) = from.places.get(id) {
            narrowed.places.insert(id.clone(), *place);
        }
        narrowed.objects.insert(id.clone(), object.clone());
    };
    for (id, object) in from.objects.iter().filter(|(id, object)| !holds(patterns, id, object)) {
        keep(id, &mut narrowed);
        let parent = object.parent(id).filter(|parent| !narrowed.objects.contains_key(parent));
        if let Some(parent) = parent {
            keep(&parent, &mut narrowed);
            let message = format!("{parent} stays: what is out of scope stands on it");
            told.push(
                Diagnostic::new(Severity::Note, "kept-for-others", message).help("include that too, or exclude both"),
            );
        }
    }
    (narrowed, told)
}
