//! Which objects are in scope: patterns hold for an object by its name or kind, and for what hangs on a table by that too.

use crate::Patterns;
use underpin_model::{Kind, Object};
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

/// The desired side as it is within the scope: what is out of it is what it is on the live one.
pub(crate) fn narrow(patterns: &Patterns, from: &LiteCatalog, to: LiteCatalog) -> LiteCatalog {
    if patterns.is_empty() {
        return to;
    }
    let mut narrowed = to.filtered(|id, object| holds(patterns, id, object));
    for (id, object) in from.objects.iter().filter(|(id, object)| !holds(patterns, id, object)) {
        if let Some(needs) = from.rests_on.get(id) {
            narrowed.rests_on.insert(id.clone(), needs.clone());
        }
        if let Some(place) = from.places.get(id) {
            narrowed.places.insert(id.clone(), *place);
        }
        narrowed.objects.insert(id.clone(), object.clone());
    }
    narrowed
}
