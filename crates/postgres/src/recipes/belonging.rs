//! To which object something belongs that stands beside while a plan is in flight.

use super::road::ASIDE;
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject};
use std::collections::{BTreeMap, HashMap};

/// The longest name (NAMEDATALEN - 1); one of ours that was cut is as long.
const LONGEST: usize = 63;

/// For each of these objects, which stand beside, the one that it belongs to: the table that it is named after, or the type, sequence
/// or view. Those whose names tell of none are left out.
#[must_use]
pub fn beside(catalog: &PgCatalog, ids: &[&PgId]) -> Vec<(PgId, PgId)> {
    if ids.is_empty() {
        return Vec::new();
    }
    let mut named: HashMap<&str, BTreeMap<&str, &PgId>> = HashMap::new();
    for id in catalog.objects.keys().filter(|id| id.of.is_none() && can_own(id.kind)) {
        named.entry(id.part(0)).or_default().entry(id.last()).or_insert(id);
    }
    let mut cut = Cut::default();
    let mut owner = |id: &PgId| {
        let there = named.get(id.part(0))?;
        let name = id.part(1);
        let (word, of) = name.strip_prefix(ASIDE)?.split_once('_')?;
        if name.len() == LONGEST {
            let prefix = format!("{ASIDE}{word}_");
            return cut.named(catalog, id.part(0), prefix).get(name).cloned();
        }
        // `table`, `table.column` and `table<-source`; of two tables that it may be, the longer name.
        let ends = std::iter::once(of.len()).chain(of.rmatch_indices(['.', '<']).map(|(at, _)| at));
        ends.filter_map(|end| there.get(&of[..end])).next().map(|owner| (*owner).clone())
    };
    ids.iter().filter_map(|id| Some(((*id).clone(), owner(id)?))).collect()
}

fn can_own(kind: PgKind) -> bool {
    matches!(
        kind,
        PgKind::Table
            | PgKind::View
            | PgKind::Enum
            | PgKind::Domain
            | PgKind::Composite
            | PgKind::Range
            | PgKind::Sequence
    )
}

/// The names that were cut, made again from what they may be of; by schema and by what they begin with.
#[derive(Default)]
struct Cut(HashMap<(String, String), HashMap<String, PgId>>);

impl Cut {
    fn named(&mut self, catalog: &PgCatalog, schema: &str, prefix: String) -> &HashMap<String, PgId> {
        let key = (schema.to_owned(), prefix);
        self.0.entry(key).or_insert_with_key(|(schema, prefix)| {
            let inside = catalog.objects.iter().filter(|(id, _)| id.of.is_none() && id.part(0) == schema);
            let names = inside.filter_map(|(id, object)| match object {
                PgObject::Column(_) => {
                    let of = format!("{}.{}", id.part(1), id.last());
                    Some((name_aside(prefix, &of), id.prefix(PgKind::Table, 2)))
                }
                _ if can_own(id.kind) => Some((name_aside(prefix, id.last()), id.clone())),
                _ => None,
            });
            names.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Schema;

    #[test]
    fn names_tell_what_they_are_of() {
        let mut catalog = PgCatalog::default();
        let long = "t".repeat(60);
        for table in ["a", "a.b", "c", long.as_str()] {
            // What is known of it does not matter here.
            catalog.objects.insert(PgId::new(PgKind::Table, ["s", table]), PgObject::Schema(Schema {}));
        }
        for (name, table) in [
            ("_underpin_done_a.v".to_owned(), Some("a")),
            ("_underpin_sync_a.b.v".to_owned(), Some("a.b")),
            ("_underpin_done_c<-a".to_owned(), Some("c")),
            ("_underpin_base_c".to_owned(), Some("c")),
            (name_aside("_underpin_base_", &long), Some(long.as_str())),
            ("_underpin_done_x.v".to_owned(), None),
        ] {
            let id = PgId::new(PgKind::Sequence, ["s", &name]);
            let found = beside(&catalog, &[&id]);
            assert_eq!(found.first().map(|(_, owner)| owner.last().to_owned()).as_deref(), table, "{name}");
        }
    }
}
