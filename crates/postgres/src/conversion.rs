//! How the values of a column get over to another type.

use crate::objects::{Column, Composite, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use underpin_sql::Sql;

impl<'a> Postgres<'a> {
    /// Whether a column's values go over to its new type as text: no cast is there from or to a user's own type, but every
    /// type has a text form (manual, 4.2.9, I/O conversion casts).
    pub(crate) fn goes_through_text(&self, id: &PgId) -> bool {
        has_own_values(self.from, id) || has_own_values(self.to, id)
    }

    /// Whether `dependent` cannot stay as it is while the attributes of a composite type change in place.
    pub(crate) fn minds_shape_of_type(&self, id: &PgId, dependent: &PgId) -> bool {
        let (Some(PgObject::Composite(old)), Some(PgObject::Composite(new))) =
            (self.from.objects.get(id), self.to.objects.get(id))
        else {
            return false;
        };
        // What holds an expression may read an attribute that goes.
        let loses = old.fields.iter().any(|f| !new.fields.contains(f));
        let expression =
            matches!(dependent.kind, PgKind::Constraint | PgKind::Index | PgKind::Default | PgKind::DomainConstraint);
        dependent.kind == PgKind::TypedTable || (loses && (expression || dependent.kind.reads_columns()))
    }

    /// A typed table takes no column that its type does not have, and is tied when no column is there any more that the
    /// type does not have: the tie holds the names of those that come and of those that go.
    pub(crate) fn slots_of_typed_table(&self, tie: &PgId) -> Vec<String> {
        let columns = |of: &'a PgCatalog| parts_of(of, PgKind::Column, &tie.parts()).into_iter();
        let come = columns(self.to).filter(|(id, _)| !self.from.objects.contains_key(id));
        let go = columns(self.from).filter(|(id, _)| !self.to.objects.contains_key(id));
        come.chain(go).flat_map(|(id, object)| object.slots(id)).collect()
    }

    /// For a column of a composite type whose attributes are not the same ones in the same order any more: an expression
    /// that converts attribute by attribute.
    pub(crate) fn conversion(&self, id: &PgId, from: &Column, to: &Column) -> Option<Sql> {
        let (_, old) = composite_of(self.from, id, from)?;
        let (type_id, new) = composite_of(self.to, id, to)?;
        new.convert(type_id, old, id.last())
    }
}

/// Whether a column's type is an enum, a composite type or a range, or a domain over one, or an array of such.
fn has_own_values(catalog: &PgCatalog, id: &PgId) -> bool {
    catalog.needs(id).any(|need| match need.kind {
        PgKind::Enum | PgKind::Composite | PgKind::Range => true,
        PgKind::Domain => has_own_values(catalog, need),
        _ => false,
    })
}

/// The composite type that is a column's type itself, not that of its elements.
fn composite_of<'a>(catalog: &'a PgCatalog, id: &PgId, column: &Column) -> Option<(&'a PgId, &'a Composite)> {
    if column.type_name.ends_with("[]") {
        return None;
    }
    let type_id = catalog.needs(id).find(|n| n.kind == PgKind::Composite)?;
    match catalog.objects.get_key_value(type_id) {
        Some((id, PgObject::Composite(composite))) => Some((id, composite)),
        _ => None,
    }
}
