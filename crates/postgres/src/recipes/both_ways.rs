//! The trigger of a column whose new one, of another type, is written too while it stands beside: each side's changes
//! go over to the other, told by what changed and not by who wrote.

use super::Wishes;
use super::carried::Value;
use super::new_column::Pair;
use super::road::is_aside;
use crate::conversion::zoned;
use crate::objects::{Column, acl, parts_of};
use crate::{PgId, PgKind, PgObject, Postgres};
use std::collections::BTreeSet;
use underpin_sql::{Lexer, Sql, quote};

/// The body of the function; `assign` is the statement that gives the new column its value out of the old one.
pub(super) fn body(dialect: &Postgres<'_>, wishes: &Wishes, pair: &Pair<'_>, assign: &str) -> String {
    let (old, new) = (quote::ident(pair.id.last()), quote::ident(&pair.new_name()));
    let given = format!("NEW.{new}");
    let down = match wishes.downs.get(pair.id) {
        Some(down) => over_new_row(dialect, pair, down),
        None => zoned(&pair.new.type_name, &pair.old.type_name, &given, &wishes.time_zone).unwrap_or(given),
    };
    let up = pair.in_trigger();
    let now = match pair.unfit() {
        None => format!("_underpin_now := {up};"),
        Some(_) => {
            let unfit = "EXCEPTION WHEN data_exception OR check_violation THEN _underpin_now := NULL;";
            format!("BEGIN _underpin_now := {up}; {unfit} END;")
        }
    };
    // As text, which every type has: json and others are never equal.
    let differ = |a: &str, b: &str| format!("{a}::text IS DISTINCT FROM {b}::text");
    let changed = |column: &str| differ(&format!("NEW.{column}"), &format!("OLD.{column}"));
    let read = read(dialect, pair);
    let old_changed = read.iter().map(|c| changed(&quote::ident(c))).collect::<Vec<_>>().join(" OR ");
    let (of, new_changed) = (&pair.type_name, changed(&new));
    let is_other = differ("_underpin_now", &format!("NEW.{new}"));
    let lines = [
        format!("DECLARE _underpin_now {of};"),
        "BEGIN".to_owned(),
        "IF TG_OP = 'INSERT' THEN".to_owned(),
        format!("  IF NEW.{new} IS NULL THEN {assign}"),
        format!("  ELSE NEW.{old} := {down}; END IF;"),
        // Nobody writes the new column but the new application and the backfill.
        format!("ELSIF {new_changed} THEN"),
        // What the backfill writes says the same as the old side, which may say it in another way.
        format!("  {now}"),
        format!("  IF {is_other} THEN NEW.{old} := {down}; END IF;"),
        format!("ELSIF {old_changed} OR NEW.{new} IS NULL THEN"),
        format!("  {assign}"),
        "END IF;".to_owned(),
        "RETURN NEW;".to_owned(),
        "END".to_owned(),
    ];
    lines.join("\n")
}

/// The columns of the old side that the new value comes from.
fn read(dialect: &Postgres<'_>, pair: &Pair<'_>) -> BTreeSet<String> {
    let mut read = BTreeSet::from([pair.id.last().to_owned()]);
    if let Value::Said(expression) = &pair.value {
        let names = Lexer::new(expression).filter(|t| t.kind.is_name()).map(|t| underpin_sql::ident(expression, t));
        let column = |name: &String| PgId::new(PgKind::Column, [pair.id.part(0), pair.id.part(1), name]);
        read.extend(names.filter(|name| dialect.from.objects.contains_key(&column(name))));
    }
    read
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
