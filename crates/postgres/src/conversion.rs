//! How the values of a column get over to another type.

use crate::facts::is_fixed_bits;
use crate::objects::{Column, Composite, ValuesGo, base_type, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use underpin_sql::Sql;

impl<'a> Postgres<'a> {
    /// Whether a column's values go over to its new type as text: no cast is there from or to a user's own type, but every
    /// type has a text form (manual, 4.2.9, I/O conversion casts).
    pub(crate) fn goes_through_text(&self, id: &PgId) -> bool {
        has_own_values(self.from, id) || has_own_values(self.to, id)
    }

    /// How a column's values go over to its new type where the user has said nothing; `own` says that one of the types is a
    /// user's.
    pub(crate) fn values_go(&self, from: &Column, to: &Column, own: bool) -> ValuesGo {
        let (a, b) = (base_type(&from.type_name), base_type(&to.type_name));
        if own || !self.server.can_cast(&a, &b) {
            ValuesGo::ThroughText
        } else if (is_fixed_bits(&from.type_name, &to.type_name) && from.type_name != to.type_name)
            || !self.server.can_assign(&a, &b)
        {
            ValuesGo::ByCast
        } else {
            ValuesGo::ByAssignment
        }
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
        let value = Sql::empty().ident(id.last()).build();
        self.convert(&value, &from.type_name, &to.type_name)
    }

    /// As [`Self::conversion`], for the expression `value`; none where its text form is a value of the new type too.
    fn convert(&self, value: &str, from: &str, to: &str) -> Option<Sql> {
        let (old, new) = (composite(self.from, from)?, composite(self.to, to)?);
        let mut same = old.fields.len() == new.fields.len();
        let mut fields = Vec::new();
        for (n, field) in new.fields.iter().enumerate() {
            same &= old.fields.get(n).is_some_and(|f| f.name == field.name);
            let Some(before) = old.field(&field.name) else {
                fields.push(Sql::new("NULL"));
                continue;
            };
            let part = format!("({value}).{}", underpin_sql::quote::ident(&field.name));
            if let Some(inner) = self.convert(&part, &before.type_name, &field.type_name) {
                same = false;
                fields.push(inner);
                continue;
            }
            let mut text = part;
            // A type with a qualified name is a user's, and may be another one now under its old name.
            if before.type_name != field.type_name || field.type_name.contains('.') {
                let array = before.type_name.ends_with("[]") && field.type_name.ends_with("[]");
                text = format!("{text}::{}::{}", if array { "text[]" } else { "text" }, field.type_name);
            }
            fields.push(Sql::empty().server_text(&text));
        }
        // IS NULL would also hold for a row of nulls.
        let case = Sql::new("CASE WHEN")
            .server_text(value)
            .kw("IS DISTINCT FROM NULL THEN CAST")
            .paren(|w| w.kw("ROW").paren(|w| w.list(fields, |w, field| w.then(field))).kw("AS").server_text(to));
        (!same).then(|| case.kw("END"))
    }
}

impl Postgres<'_> {
    /// Whether the object is about several columns that get other types: between the one and the other change, an
    /// expression over both would be about two types that do not go together.
    pub(crate) fn joins_columns(&self, id: &PgId) -> bool {
        let changes = |column: &PgId| {
            let retyped = || {
                self.from.needs(column).any(|t| t.kind.is_type() && self.from.objects.get(t) != self.to.objects.get(t))
            };
            column.kind == PgKind::Column && (self.type_differs(column) || retyped())
        };
        // A part of a parent's index or key names the parent's columns as well, which change with its own.
        let changed: Vec<PgId> = self.from.needs(id).filter(|n| changes(n)).map(Column::table).collect();
        changed.iter().enumerate().any(|(n, table)| changed[..n].contains(table))
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

/// The composite type that the server prints under that name.
fn composite<'a>(catalog: &'a PgCatalog, type_name: &str) -> Option<&'a Composite> {
    let of_name = |id: &PgId| underpin_sql::quote::qualified(&id.parts()) == type_name;
    let first = PgId::new(PgKind::Composite, [""]);
    let composites = catalog.objects.range(first..).take_while(|(id, _)| id.kind == PgKind::Composite);
    composites.filter(|(id, _)| of_name(id)).find_map(|(_, object)| match object {
        PgObject::Composite(composite) => Some(composite),
        _ => None,
    })
}

/// A conversion between local times and instants, which hangs on the session's zone: said with the zone, it is the same
/// in every session.
pub(crate) fn zoned(from: &str, to: &str, value: &str, zone: &str) -> Option<String> {
    let is = |name: &str, with: bool| {
        name.starts_with("timestamp") && name.ends_with(if with { "with time zone" } else { "without time zone" })
    };
    let zone = underpin_sql::quote::literal(zone);
    let at = |value: &str| format!("pg_catalog.timezone({zone}, {value})");
    if (is(from, false) && is(to, true)) || (is(from, true) && is(to, false)) {
        return Some(format!("({})::{to}", at(value)));
    }
    if from == "date" && is(to, true) {
        return Some(format!("({})::{to}", at(&format!("({value})::timestamp without time zone"))));
    }
    (is(from, true) && to == "date").then(|| format!("({})::date", at(value)))
}
