//! Enums that lose values or have them in another order: another type stands beside them and takes their name at the
//! switch.

use crate::objects::Enum;
use crate::render::name_aside;
use crate::{PgId, PgKind, PgObject, Postgres};
use underpin_sql::quote;

/// An enum that loses values, or has them in another order: a new type takes its place.
pub(super) struct Shrunk {
    pub(super) id: PgId,
    /// As columns print it.
    pub(super) name: String,
    /// The new type while it stands beside, in the same way.
    pub(super) beside: String,
}

impl Shrunk {
    pub(super) fn beside_id(id: &PgId) -> PgId {
        PgId::new(PgKind::Enum, [id.part(0), &name_aside("_underpin_new_", id.last())])
    }
}

/// The enum that a column of that type has values of, be they single or in arrays.
#[must_use]
pub fn element(type_name: &str) -> &str {
    type_name.strip_suffix("[]").unwrap_or(type_name)
}

/// The value of an enum's column, or of one of arrays of it, in its new type; none where the values of arrays change
/// places, which cannot be said of all their dimensions at once.
#[must_use]
pub fn mapped(value: &str, pairs: &[(String, String)], type_name: &str) -> Option<String> {
    if !type_name.ends_with("[]") {
        return Some(mapped_one(value, pairs, type_name));
    }
    // One after the other: a value that another one becomes has to be gone by then.
    let mut left: Vec<&(String, String)> = pairs.iter().filter(|(old, new)| old != new).collect();
    let mut text = format!("({value})::text[]");
    while !left.is_empty() {
        let next = left.iter().position(|(_, new)| !left.iter().any(|(old, _)| old == new))?;
        let (old, new) = left.remove(next);
        text = format!("pg_catalog.array_replace({text}, {}, {})", quote::literal(old), quote::literal(new));
    }
    Some(format!("({text})::{type_name}"))
}

fn mapped_one(value: &str, pairs: &[(String, String)], type_name: &str) -> String {
    let whens: String =
        pairs.iter().map(|(old, new)| format!(" WHEN {} THEN {}", quote::literal(old), quote::literal(new))).collect();
    if whens.is_empty() {
        format!("({value})::text::{type_name}")
    } else {
        format!("(CASE ({value})::text{whens} ELSE ({value})::text END)::{type_name}")
    }
}

/// Whether values of an enum go, or come in another order.
pub(super) fn is_remade(old: &Enum, new: &Enum) -> bool {
    let mut wanted = new.labels.iter();
    !old.labels.iter().all(|label| wanted.any(|w| w == label))
}

/// The enums of which every use is a column that can have another beside it.
pub(super) fn shrunk(dialect: &Postgres<'_>) -> Vec<Shrunk> {
    let (from, to) = (dialect.from, dialect.to);
    let loses = |(id, object): &(&PgId, &PgObject)| {
        let (PgObject::Enum(new), Some(PgObject::Enum(old))) = (object, from.objects.get(*id)) else { return false };
        is_remade(old, new)
    };
    let enums: Vec<&PgId> = to.objects.iter().filter(loses).map(|(id, _)| id).collect();
    if enums.is_empty() {
        return Vec::new();
    }
    let dependents = from.dependents();
    let mut list = Vec::new();
    for id in enums {
        let name = quote::qualified(&id.parts());
        let plain = |user: &&PgId| match from.objects.get(*user) {
            Some(PgObject::Column(c)) => {
                element(&c.type_name) == name
                    && matches!(to.objects.get(*user), Some(PgObject::Column(n)) if n.type_name == c.type_name)
            }
            Some(PgObject::Default(_) | PgObject::Index(_) | PgObject::Constraint(_)) => true,
            Some(PgObject::View(_) | PgObject::Comment(_) | PgObject::Grant(_) | PgObject::Owner(_)) => true,
            _ => false,
        };
        let users = dependents.get(id).map_or(&[][..], Vec::as_slice);
        if users.iter().any(|u| u.kind == PgKind::Column) && users.iter().all(plain) {
            let beside = quote::qualified(&Shrunk::beside_id(id).parts());
            list.push(Shrunk { id: id.clone(), name, beside });
        }
    }
    list
}
