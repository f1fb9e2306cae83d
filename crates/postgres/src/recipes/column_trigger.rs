//! The column of the new type, and the triggers that keep it in step with the old one.

use super::both_ways;
use super::carried::Value;
use super::new_column::Pair;
use super::road::{Road, Wishes};
use crate::objects::parts_of;
use crate::render::name_aside;
use crate::{PgId, PgKind, PgObject, Postgres};
use std::collections::HashSet;
use underpin_sql::{Lexer, Sql, Token, quote};

/// The new column, its function and its trigger.
pub(super) fn stand_beside(
    (dialect, wishes): (&Postgres<'_>, &Wishes),
    pair: &Pair<'_>,
    has_domain_default: bool,
    road: &mut Road<'_>,
) {
    let table = pair.id.parts()[..2].to_vec();
    let add = |table: &PgId| {
        let mut add = Sql::new("ALTER TABLE").name(&table.parts()).kw("ADD COLUMN").ident(&pair.new_name());
        add = add.server_text(&pair.type_name);
        if let Some(collation) = &pair.new.collation {
            add = add.kw("COLLATE").server_text(collation);
        }
        // Of rows that had the domain's default nobody could tell that they wait for their values.
        add.kw_if(has_domain_default, "DEFAULT NULL").build()
    };
    let function = pair.beside("_underpin_sync_");
    let function_id = PgId::new(PgKind::Function, [function[0].as_str(), function[1].as_str(), ""]);
    let new = quote::ident(&pair.new_name());
    let mut assign = format!("NEW.{new} := {};", pair.in_trigger());
    road.beside.extend(pair.declared.iter().map(add));
    if let Some(unfit) = pair.unfit() {
        // An old writer must not fail for what only the new type refuses.
        let noted = unfit.noted();
        assign = format!(
            "BEGIN {assign} EXCEPTION WHEN data_exception OR check_violation THEN NEW.{new} := NULL; {noted} END;"
        );
        unfit.stand(&function_id, road);
    }
    let body = if wishes.both_ways {
        if matches!(pair.value, Value::Said(_)) && !wishes.downs.contains_key(pair.id) {
            road.no_way_back.push(pair.id.clone());
        }
        both_ways::body(dialect, wishes, pair, &assign)
    } else {
        format!("BEGIN {assign} RETURN NEW; END")
    };
    let path = format!("pg_catalog, {}, public", quote::ident(pair.id.part(0)));
    let path = if pair.id.part(0) == "public" { "pg_catalog, public".to_owned() } else { path };
    let make = Sql::new("CREATE FUNCTION")
        .name(&[&function[0], &function[1]])
        .kw("() RETURNS trigger LANGUAGE plpgsql SET search_path =")
        .server_text(&path)
        .kw("AS")
        .literal(&body);
    road.beside.push(make.build());
    for table in &pair.fired {
        for (name, events, when) in [
            (trigger_name(pair), "BEFORE UPDATE ON", changed(dialect, pair).filter(|_| !wishes.both_ways)),
            (insert_trigger_name(pair), "BEFORE INSERT ON", None),
        ] {
            let mut trigger =
                Sql::new("CREATE TRIGGER").ident(&name).kw(events).name(&table.parts()).kw("FOR EACH ROW");
            if let Some(when) = when {
                trigger = trigger.kw("WHEN (").server_text(&when).kw(")");
            }
            road.beside.push(trigger.kw("EXECUTE FUNCTION").name(&[&function[0], &function[1]]).kw("()").build());
        }
    }
    let column = PgId::new(PgKind::Column, [table[0], table[1], &pair.new_name()]);
    road.first.push((column, function_id));
}

/// The trigger on UPDATE.
pub(super) fn trigger_name(pair: &Pair<'_>) -> String {
    name_aside(super::road::TRIGGER, pair.id.last())
}

/// The trigger on INSERT.
pub(super) fn insert_trigger_name(pair: &Pair<'_>) -> String {
    name_aside(super::road::TRIGGER, &format!("{}.insert", pair.id.last()))
}

/// When a row that is updated needs its new value: what that comes from has changed, or it has none yet. A batch of the walk, which
/// brings the value, is spared the call of the function. Values are compared
/// byte by byte, which needs no operator of their types (manual, 9.24.6 Composite Type Comparison). None where that cannot be told.
fn changed(dialect: &Postgres<'_>, pair: &Pair<'_>) -> Option<String> {
    let columns: Vec<&str> = match &pair.value {
        Value::Of(_) | Value::Assigned => vec![pair.id.last()],
        Value::Said(expression) => {
            let names = |t: &Token| t.kind.is_name().then(|| underpin_sql::ident(expression, *t));
            let said: HashSet<String> = Lexer::new(expression).filter_map(|t| names(&t)).collect();
            let all = parts_of(dialect.from, PgKind::Column, &pair.table().parts()).into_iter();
            let read: Vec<_> = all.filter(|(id, _)| said.contains(id.last())).collect();
            let computed = |o: &PgObject| matches!(o, PgObject::Column(c) if c.generated.is_some());
            // A whole row has more than is named, and what is computed is not there yet when such a trigger fires.
            if read.is_empty() || said.contains(pair.id.part(1)) || read.iter().any(|(_, o)| computed(o)) {
                return None;
            }
            read.into_iter().map(|(id, _)| id.last()).collect()
        }
    };
    let row = |side: &str| {
        let columns: Vec<String> = columns.iter().map(|c| format!("{side}.{}", quote::ident(c))).collect();
        format!("ROW({})", columns.join(", "))
    };
    let new = quote::ident(&pair.new_name());
    // As an operator the server would print it so that it reads as a comparison of the columns.
    Some(format!("pg_catalog.record_image_ne({}, {}) OR NEW.{new} IS NULL", row("OLD"), row("NEW")))
}
