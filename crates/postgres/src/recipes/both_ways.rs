//! The trigger of a column whose new one, of another type, is written too while it stands beside: each side's changes go over to
//! the other, told by what changed and not by who wrote.

use super::Wishes;
use super::carried::Value;
use super::new_column::Pair;
use super::road::is_aside;
use crate::objects::{Column, acl, parts_of};
use crate::{PgId, PgKind, PgObject, Postgres};
use underpin_sql::{Sql, quote};

/// The body of the function; `assign` is the statement that gives the new column its value out of the old one.
pub(super) fn body(dialect: &Postgres<'_>, wishes: &Wishes, pair: &Pair<'_>, assign: &str) -> String {
    let (old, new) = (quote::ident(pair.id.last()), quote::ident(&pair.new_name()));
    let down = match wishes.downs.get(pair.id) {
        Some(down) => over_new_row(dialect, pair, down),
        None => format!("NEW.{new}"),
    };
    let up = pair.in_trigger();
    let now = match pair.unfit() {
        None => format!("_underpin_now := {up};"),
        Some(_) => format!(
            "BEGIN _underpin_now := {up}; EXCEPTION WHEN data_exception OR check_violation THEN _underpin_now := NULL; END;"
        ),
    };
    // As text, which every type has: json and others are never equal.
    let changed = |column: &str| format!("NEW.{column}::text IS DISTINCT FROM OLD.{column}::text");
    format!(
        "DECLARE _underpin_now {of};\nBEGIN\nIF TG_OP = 'INSERT' THEN\n  IF NEW.{new} IS NULL THEN {assign}\n  ELSE NEW.{old} := {down};\n  \
         END IF;\nELSIF {new_changed} AND NOT {old_changed} THEN\n  {now}\n  IF _underpin_now::text IS DISTINCT FROM NEW.{new}::text THEN \
         NEW.{old} := {down}; END IF;\nELSIF {old_changed} OR NEW.{new} IS NULL THEN\n  {assign}\nEND IF;\nRETURN NEW;\nEND",
        of = pair.type_name,
        new_changed = changed(&new),
        old_changed = format_args!("({})", changed(&old)),
    )
}

/// The way back over a row in which the column has its new type.
fn over_new_row(dialect: &Postgres<'_>, pair: &Pair<'_>, down: &str) -> String {
    let table = Column::table(pair.id);
    let columns = parts_of(dialect.from, PgKind::Column, &table.parts()).into_iter().map(|(id, _)| id);
    let row = Sql::empty().list(columns.filter(|id: &&PgId| !is_aside(id)), |w, id| {
        if id == pair.id {
            w.server_text(&format!("NEW.{}", quote::ident(&pair.new_name()))).kw("AS").ident(id.last())
        } else {
            w.server_text(&format!("NEW.{}", quote::ident(id.last())))
        }
    });
    format!("(SELECT ({down}) FROM (SELECT {}) AS {})", row.build(), quote::ident(table.last()))
}

/// The grants on the column, for the new one: views on it ask for the rights of who reads them.
pub(super) fn grants(dialect: &Postgres<'_>, pair: &Pair<'_>) -> Vec<String> {
    let first = pair.id.attached(PgKind::Grant, &[""]);
    let grants = dialect.to.objects.range(first..).take_while(|(id, _)| id.target(1).as_ref() == Some(pair.id));
    let mut sql = Vec::new();
    for (id, object) in grants {
        let PgObject::Grant(grant) = object else { continue };
        let to = if id.last() == acl::PUBLIC { acl::PUBLIC.to_owned() } else { quote::ident(id.last()) };
        for (letter, option) in &grant.privileges {
            let Some(privilege) = acl::privilege_name(*letter) else { continue };
            let say = Sql::new("GRANT").kw(privilege).paren(|w| w.ident(&pair.new_name())).kw("ON");
            let say = say.name(&pair.id.parts()[..2]).kw("TO").server_text(&to);
            sql.push(say.kw_if(*option, "WITH GRANT OPTION").build());
        }
    }
    sql
}

/// Whether the value is said by an expression that nothing is known of.
pub(super) fn needs_word(value: &Value) -> bool {
    matches!(value, Value::Said(_))
}
