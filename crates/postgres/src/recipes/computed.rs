//! # A new column out of old ones
//!
//! A new column with `-- underpin: backfill EXPR`, an expression over the row: a full name out of two columns, a status out of a
//! date. The old application does not know the column and never sends it, so that a trigger computes it for its writes until the
//! contract stage.
//!
//! 1. Expand: the column is added without NOT NULL, and a trigger decides by what changed, not by who writes: an INSERT that does
//!    not give the column gets the computed value; an UPDATE that changes what the expression reads, and not the column, computes
//!    it anew; where the column itself changes, it is left alone. So no value of the new application is lost.
//!    With `-- underpin: down EXPR` on the column, and one old column in EXPR that goes, the trigger keeps that one in step too:
//!    a change of the new column alone sets the old one. An expression that fails on a row leaves NULL (a value that was there stays
//!    where the new column's does not give an old one): no writer fails for it. The backfill then names such rows.
//! 2. Backfill: rows that have no value get theirs in batches. Then NOT NULL, indexes and constraints.
//! 3. Contract, behind a gate: the trigger goes, once nothing was computed for an old writer for a while. The trigger notes the
//!    time of its last work in a sequence, which is what the gate looks at.
//!
//! Locks: ADD COLUMN and CREATE TRIGGER hold theirs for an instant; the trigger costs each write the evaluation of the expression.
//!
//! After a crash: recognised by the names of trigger, function and sequences; batches that were committed stay.
//!
//! Sources: manual, CREATE TRIGGER; 43.10 Trigger Functions.

use super::road::{Fill, FillWork, Move, Road, TRIGGER, Wishes};
use crate::objects::Column;
use crate::render::name_aside;
use crate::{PgId, PgKind, PgObject, Postgres};
use underpin_model::OldSide;
use underpin_sql::{Lexer, Sql, quote};

const NAME: &str = "computed-column";

/// Whether a trigger of ours stands on the column's table for it.
pub(super) fn is_in_flight(dialect: &Postgres<'_>, id: &PgId) -> bool {
    dialect.from.objects.contains_key(&trigger(id))
}

fn trigger(id: &PgId) -> PgId {
    PgId::new(PgKind::Trigger, [id.part(0), id.part(1), &name_aside(TRIGGER, id.last())])
}

/// What stands beside a column, by its purpose.
fn beside(prefix: &str, id: &PgId) -> PgId {
    let of = format!("{}.{}", id.part(1), id.last());
    PgId::new(PgKind::Sequence, [id.part(0), &name_aside(prefix, &of)])
}

/// Stands beside the table, and says what the contract has to take away. Whether rows still have to be filled.
pub(super) fn stand(dialect: &Postgres<'_>, wishes: &Wishes, road: &mut Road<'_>, id: &PgId, value: &str) -> bool {
    let (function, seen, done) =
        (beside("_underpin_sync_", id), beside("_underpin_seen_", id), beside("_underpin_done_", id));
    let table = Column::table(id);
    let column = quote::ident(id.last());
    let row = |which: &str| format!("(SELECT ({value}) FROM (SELECT {which}.*) AS {})", quote::ident(id.part(1)));
    let note = format!(
        "IF (SELECT last_value FROM {0}) < pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::bigint THEN PERFORM \
         pg_catalog.setval({1}, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::bigint); END IF;",
        quote::qualified(&seen.parts()),
        quote::literal(&quote::qualified(&seen.parts())),
    );
    // No writer fails for what only an expression of the new schema does not take.
    let tried = |set: String| format!("BEGIN {set} EXCEPTION WHEN data_exception THEN NULL; END;");
    let (mut back_insert, mut back_update) = (String::new(), String::new());
    if let Some((old, down)) = way_back(dialect, wishes, id, value) {
        let old = quote::ident(&old);
        let down = format!("(SELECT ({down}) FROM (SELECT NEW.*) AS {})", quote::ident(id.part(1)));
        let set = tried(format!("NEW.{old} := {down};"));
        back_insert = format!(" IF NEW.{old} IS NULL AND NEW.{column} IS NOT NULL THEN {set} END IF;");
        back_update = format!(
            " IF NEW.{column} IS DISTINCT FROM OLD.{column} AND NEW.{old} IS NOT DISTINCT FROM OLD.{old} THEN {set} END IF;"
        );
    }
    let own = type_of(dialect, id);
    let body = format!(
        "DECLARE\n  _underpin_now {own};\n  _underpin_was {own};\nBEGIN\n\
         IF TG_OP = 'INSERT' THEN{back_insert}\n  IF NEW.{column} IS NULL THEN\n    {}\n    NEW.{column} := _underpin_now;\n    \
         {note}\n  END IF;\n\
         ELSE{back_update}\n  IF NEW.{column} IS NOT DISTINCT FROM OLD.{column} THEN\n    {}\n    {}\n    \
         IF _underpin_now IS DISTINCT FROM _underpin_was THEN\n      NEW.{column} := _underpin_now;\n      {note}\n    \
         ELSIF NEW.{column} IS NULL THEN\n      NEW.{column} := _underpin_now;\n    END IF;\n  END IF;\n\
         END IF;\nRETURN NEW;\nEND",
        tried(format!("_underpin_now := {};", row("NEW"))),
        tried(format!("_underpin_now := {};", row("NEW"))),
        tried(format!("_underpin_was := {};", row("OLD"))),
    );
    let path = if id.part(0) == "public" {
        "pg_catalog, public".to_owned()
    } else {
        format!("pg_catalog, {}, public", quote::ident(id.part(0)))
    };
    let sequence = |id: &PgId| Sql::new("CREATE SEQUENCE").name(&id.parts()).build();
    road.beside.push(sequence(&seen));
    road.beside.push(Sql::new("GRANT SELECT, UPDATE ON SEQUENCE").name(&seen.parts()).kw("TO PUBLIC").build());
    road.beside.push(
        Sql::new("CREATE FUNCTION")
            .name(&function.parts())
            .kw("() RETURNS trigger LANGUAGE plpgsql SET search_path =")
            .server_text(&path)
            .kw("AS")
            .literal(&body)
            .build(),
    );
    road.beside.push(
        Sql::new("CREATE TRIGGER")
            .ident(trigger(id).last())
            .kw("BEFORE INSERT OR UPDATE ON")
            .name(&table.parts())
            .kw("FOR EACH ROW EXECUTE FUNCTION")
            .name(&function.parts())
            .kw("()")
            .build(),
    );
    let function_id = PgId::new(PgKind::Function, [function.part(0), function.part(1), ""]);
    road.first.push((seen.clone(), function_id.clone()));
    road.first.push((id.clone(), function_id));
    let is_done = dialect.from.objects.contains_key(&done);
    if is_done { &mut road.beside } else { &mut road.beside_filled }.push(sequence(&done));
    let name = Sql::empty().name(&id.parts()).build();
    road.gates.insert(format!("writes {name} itself"));
    road.old_sides.push(OldSide {
        sequence: quote::qualified(&seen.parts()),
        what: format!("rows without a value of their own for {name}"),
    });
    road.switch.push(Move {
        words: format!("stop computing {name}"),
        sql: vec![
            Sql::new("DROP TRIGGER").ident(trigger(id).last()).kw("ON").name(&table.parts()).build(),
            Sql::new("DROP FUNCTION").name(&function.parts()).kw("()").build(),
            Sql::new("DROP SEQUENCE").name(&seen.parts()).build(),
            Sql::new("DROP SEQUENCE").name(&done.parts()).build(),
        ],
        reason: "every running application writes it itself".to_owned(),
        recipe: Some(NAME),
        hazards: Vec::new(),
        source: None,
    });
    !is_done
}

/// The column's type, as SQL.
fn type_of<'a>(dialect: &Postgres<'a>, id: &PgId) -> &'a str {
    match dialect.to.objects.get(id) {
        Some(PgObject::Column(column)) => &column.type_name,
        // A caller gives a column only; text takes the value of any.
        _ => "text",
    }
}

/// The one old column that goes and that the value is made from, with the way back to it.
fn way_back(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId, value: &str) -> Option<(String, String)> {
    let down = wishes.downs.get(id)?;
    let read: std::collections::BTreeSet<String> = Lexer::new(value)
        .filter(|t| t.kind.is_name())
        .map(|t| underpin_sql::ident(value, t))
        .filter(|name| {
            let old = PgId::new(PgKind::Column, [id.part(0), id.part(1), name]);
            matches!(dialect.from.objects.get(&old), Some(PgObject::Column(_)))
                && !dialect.to.objects.contains_key(&old)
        })
        .collect();
    let mut read = read.into_iter();
    match (read.next(), read.next()) {
        (Some(old), None) => Some((old, down.clone())),
        _ => None,
    }
}

/// The rows that have no value yet.
pub(super) fn fill(id: &PgId, value: &str) -> Fill {
    let column = quote::ident(id.last());
    Fill {
        table: Column::table(id),
        wrong: format!("{column} IS NULL AND ({value}) IS NOT NULL"),
        work: FillWork::Set(column, format!("({value})")),
        words: format!("compute {} in the rows that are there", Sql::empty().name(&id.parts()).build()),
        reason: "in batches, each with its own commit, so that no row is locked for long".to_owned(),
        hazards: Vec::new(),
        recipe: NAME,
    }
}
