//! How a value gets over to another type in statements of ours, for the recipes that write rows anew.

use super::road::Wishes;
use crate::conversion::zoned;
use crate::facts::{Standing, loss_of_type_change, work_of_type_change};
use crate::objects::{Column, ValuesGo};
use crate::{PgId, Postgres};
use underpin_model::Work;
use underpin_sql::quote;

/// How the new value is had.
pub(super) enum Value {
    /// The user's expression over the row.
    Said(String),
    /// An expression over the old column's name.
    Of(String),
    /// It is assigned.
    Assigned,
}

impl Value {
    /// The value in a statement on the table, over plain column names.
    pub fn in_statement(&self, column: &str) -> String {
        match self {
            Self::Said(expression) => format!("({expression})"),
            Self::Of(expression) => expression.replace("{}", ""),
            Self::Assigned => quote::ident(column),
        }
    }

    /// Whether every value of the old type has one of the new type.
    pub fn always(&self, old: &str, new: &str) -> bool {
        let total = |a: &str, b: &str| {
            const WHOLE: [&str; 3] = ["smallint", "integer", "bigint"];
            let place = |t: &str| WHOLE.iter().position(|w| *w == t);
            match (place(a), place(b)) {
                (Some(a), Some(b)) => a <= b,
                (Some(_), None) => matches!(b, "numeric" | "double precision" | "text" | "character varying"),
                _ => {
                    matches!(b, "text" | "character varying")
                        || (a.starts_with("timestamp") && b.starts_with("timestamp"))
                }
            }
        };
        matches!(self, Self::Assigned | Self::Of(_)) && total(old, new)
    }
}

/// A value cast to a type, but for its length and precision: what does not fit is refused when it is assigned, where an explicit cast
/// to `varchar(5)` would cut it.
pub(super) fn typed(value: &str, type_name: &str) -> String {
    let (element, array) = type_name.split_once('[').map_or((type_name, ""), |(element, _)| (element, "[]"));
    // Without a length these two are of one character and one bit.
    let without_length = match element.split_once('(') {
        _ if element.contains('"') => element.to_owned(),
        Some(("character", _)) => "pg_catalog.bpchar".to_owned(),
        Some(("bit", _)) => "pg_catalog.\"bit\"".to_owned(),
        Some((before, rest)) => format!("{before}{}", rest.split_once(')').map_or("", |(_, behind)| behind)),
        None => element.to_owned(),
    };
    format!("CAST({value} AS {without_length}{array})")
}

/// Whether a change of type writes every row anew.
pub(super) fn is_rewritten(old: &Column, new: &Column) -> bool {
    let same_collation = old.collation == new.collation;
    work_of_type_change(&old.type_name, &new.type_name, same_collation, Standing::default()) == Work::Rewrite
}

/// How a value of the new type is had; none where no expression of ours makes one.
pub(super) fn value(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId, old: &Column, new: &Column) -> Option<Value> {
    if let Some(expression) = wishes.usings.get(id) {
        return Some(Value::Said(expression.clone()));
    }
    if dialect.conversion(id, old, new).is_some() {
        return None;
    }
    let name = format!("{{}}{}", quote::ident(id.last()));
    Some(zoned(&old.type_name, &new.type_name, &name, &wishes.time_zone).map_or_else(
        || match dialect.values_go(old, new, dialect.goes_through_text(id)) {
            ValuesGo::ByAssignment => Value::Assigned,
            way => Value::Of(new.converted(&name, old, way)),
        },
        Value::Of,
    ))
}

/// What becomes of a column's values when its type changes and the rows are written anew.
pub(super) struct Carried {
    /// The new value, over plain names of columns.
    pub value: String,
    /// Whether the user said it.
    pub is_said: bool,
    /// Whether every value of the old type has one of the new type.
    pub always: bool,
    /// What is lost, in words.
    pub loss: Option<String>,
}

/// Whether a column's values change with its type: none where the rows stay as they are.
pub(super) fn is_carried(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId, old: &Column, new: &Column) -> bool {
    if old.type_name == new.type_name && old.collation == new.collation {
        return false;
    }
    (old.type_name != new.type_name && (wishes.usings.contains_key(id) || dialect.goes_through_text(id)))
        || is_rewritten(old, new)
}

/// How a column's values get over to another type; none where no expression of ours makes them.
pub(super) fn carried(
    dialect: &Postgres<'_>,
    wishes: &Wishes,
    id: &PgId,
    (old, new): (&Column, &Column),
) -> Option<Carried> {
    let value = value(dialect, wishes, id, old, new)?;
    let is_said = matches!(value, Value::Said(_));
    let loss = if is_said { None } else { loss_of_type_change(&old.type_name, &new.type_name) };
    let always = value.always(&old.type_name, &new.type_name);
    Some(Carried { value: value.in_statement(id.last()), is_said, always, loss })
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn casts_cut_nothing() {
        for (name, cast) in [
            ("bigint", "bigint"),
            ("character varying(5)", "character varying"),
            ("character(5)[]", "pg_catalog.bpchar[]"),
            ("bit(3)", "pg_catalog.\"bit\""),
            ("bit varying(3)", "bit varying"),
            ("timestamp(3) with time zone", "timestamp with time zone"),
            ("numeric(10,2)[]", "numeric[]"),
            ("app.\"odd(1)\"", "app.\"odd(1)\""),
        ] {
            assert_eq!(typed("a", name), format!("CAST(a AS {cast})"));
        }
    }
}
