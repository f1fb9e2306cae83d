//! # A new column out of old ones
//!
//! A new column with `-- underpin: backfill EXPR`, an expression over the row: a full name out of two columns, a status out of a
//! date. The old application does not know the column and never sends it, so that a trigger computes it for its writes until the
//! contract stage.
//!
//! 1. Expand: the column is added without NOT NULL, and a trigger decides by what changed, not by who writes: an INSERT that does
//!    not give the column gets the computed value; an UPDATE that changes what the expression reads, and not the column, computes
//!    it anew; where the column itself changes, it is left alone. So no value of the new application is lost.
//!    With `-- underpin: down EXPR` on the column, and one old column in the value that goes, the trigger keeps that one in step
//!    too: a change of the new column alone sets the old one. Where the value is made of several old columns that go, each is told
//!    how: `-- underpin: down COLUMN = EXPR, COLUMN = EXPR`. New columns that are made of one old column (a first and a last name
//!    out of a full one) are computed and kept together: where one of them changes, none is computed anew out of the old one,
//!    which may say less. An expression that fails on a row leaves NULL (a value that was there stays where the new
//!    column's does not give an old one): no writer fails for it. The backfill then names such rows.
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
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, OldSide, Severity};
use underpin_sql::{Lexer, Sql, quote};

const NAME: &str = "computed-column";

/// Columns that are computed together, by one trigger, since they share old columns that they are made from and that are kept in
/// step with them.
pub(super) struct Group {
    /// The new columns, each with its expression over the row.
    pub columns: Vec<(PgId, String)>,
    /// The old columns that go, each with the expression that it is kept by.
    backs: Vec<(String, String)>,
    /// The old columns that go and that nothing is said of.
    left: BTreeSet<String>,
}

impl Group {
    /// The column after which what stands beside is called.
    fn leader(&self) -> &PgId {
        &self.columns[0].0
    }
}

/// The new columns that are computed, and those of which a trigger is there, in groups.
pub(super) fn groups<'a>(
    dialect: &Postgres<'_>,
    wishes: &Wishes,
    columns: impl Iterator<Item = &'a PgId>,
) -> Vec<Group> {
    let mut list: Vec<(Group, BTreeSet<String>)> = Vec::new();
    for id in columns {
        let Some(value) = wishes.backfills.get(id) else { continue };
        let read = going(dialect, id, value);
        let backs = ways_back(dialect, wishes, id, &read);
        let own = (Group { columns: vec![(id.clone(), value.clone())], backs, left: BTreeSet::new() }, read);
        // One old column that is kept from two new ones is kept from both.
        let shares = |(other, read): &(Group, BTreeSet<String>)| {
            Column::table(other.leader()) == Column::table(id)
                && other.backs.iter().chain(&own.0.backs).any(|(old, _)| read.contains(old) && own.1.contains(old))
        };
        let (with, without): (Vec<_>, Vec<_>) = std::mem::take(&mut list).into_iter().partition(shares);
        list = without;
        let mut joined = (Group { columns: Vec::new(), backs: Vec::new(), left: BTreeSet::new() }, BTreeSet::new());
        for (group, read) in with.into_iter().chain([own]) {
            joined.0.columns.extend(group.columns);
            for (old, down) in group.backs {
                if !joined.0.backs.iter().any(|(other, _)| *other == old) {
                    joined.0.backs.push((old, down));
                }
            }
            joined.1.extend(read);
        }
        list.push(joined);
    }
    let from = dialect.from;
    list.into_iter()
        .filter_map(|(mut group, read)| {
            group.left = read.into_iter().filter(|old| !group.backs.iter().any(|(back, _)| back == old)).collect();
            let in_flight = group.columns.iter().any(|(id, _)| from.objects.contains_key(&trigger(id)));
            group.columns.retain(|(id, _)| in_flight || !from.objects.contains_key(id));
            (!group.columns.is_empty()).then_some(group)
        })
        .collect()
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
pub(super) fn stand(dialect: &Postgres<'_>, group: &Group, road: &mut Road<'_>) -> bool {
    let id = group.leader();
    let (function, seen, done) =
        (beside("_underpin_sync_", id), beside("_underpin_seen_", id), beside("_underpin_done_", id));
    let table = Column::table(id);
    let body = body(dialect, group, &seen);
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
    for (column, _) in &group.columns {
        road.first.push((column.clone(), function_id.clone()));
    }
    let is_done = dialect.from.objects.contains_key(&done);
    if is_done { &mut road.beside } else { &mut road.beside_filled }.push(sequence(&done));
    let names: Vec<String> = group.columns.iter().map(|(id, _)| Sql::empty().name(&id.parts()).build()).collect();
    for name in &names {
        road.gates.insert(format!("writes {name} itself"));
    }
    let names = names.join(", ");
    if !group.left.is_empty() {
        let left: Vec<String> = group.left.iter().map(|old| quote::ident(old)).collect();
        let left = left.join(", ");
        let message = format!(
            "nothing is carried back to {left} of {}, so that the old application does not see there what the new one writes \
             to {names}",
            Sql::empty().name(&table.parts()).build()
        );
        road.findings.push(Diagnostic::new(Severity::Warning, "no-way-back", message).help(
            "write the way back on the new column: `-- underpin: down EXPR`, with EXPR over the new row; where it is made of \
             several old columns, `-- underpin: down COLUMN = EXPR, …`",
        ));
    }
    road.old_sides.push(OldSide {
        sequence: quote::qualified(&seen.parts()),
        what: format!("rows without a value of their own for {names}"),
    });
    road.switch.push(Move {
        words: format!("stop computing {names}"),
        sql: vec![
            Sql::new("DROP TRIGGER").ident(trigger(id).last()).kw("ON").name(&table.parts()).build(),
            Sql::new("DROP FUNCTION").name(&function.parts()).kw("()").build(),
            Sql::new("DROP SEQUENCE").name(&seen.parts()).build(),
            Sql::new("DROP SEQUENCE").name(&done.parts()).build(),
        ],
        reason: "every running application writes it itself".to_owned(),
        recipe: Some(NAME),
        hazards: Vec::new(),
        undo: None,
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

/// The body of the trigger's function.
fn body(dialect: &Postgres<'_>, group: &Group, seen: &PgId) -> String {
    let table = quote::ident(group.leader().part(1));
    let over = |text: &str, row: &str| format!("(SELECT ({text}) FROM (SELECT {row}.*) AS {table})");
    // No writer fails for what only an expression of the new schema does not take.
    let tried = |variable: &str, value: &str| {
        format!("BEGIN {variable} := {value}; EXCEPTION WHEN data_exception THEN NULL; END;")
    };
    let note = format!(
        "IF (SELECT last_value FROM {0}) < pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::bigint THEN PERFORM \
         pg_catalog.setval({1}, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp())::bigint); END IF;",
        quote::qualified(&seen.parts()),
        quote::literal(&quote::qualified(&seen.parts())),
    );
    let names: Vec<String> = group.columns.iter().map(|(id, _)| quote::ident(id.last())).collect();
    let any = |test: &dyn Fn(&String) -> String| names.iter().map(test).collect::<Vec<_>>().join(" OR ");
    let (mut inserted, mut kept) = (String::new(), String::new());
    for (old, down) in &group.backs {
        let old = quote::ident(old);
        let set = tried(&format!("NEW.{old}"), &over(down, "NEW"));
        inserted.push_str(&format!("    IF NEW.{old} IS NULL THEN {set} END IF;\n"));
        kept.push_str(&format!("    IF NEW.{old} IS NOT DISTINCT FROM OLD.{old} THEN {set} END IF;\n"));
    }
    let (mut computed, mut begun, mut anew) = (String::new(), String::new(), String::new());
    for ((id, value), column) in group.columns.iter().zip(&names) {
        let new = format!("NEW.{column}");
        computed.push_str(&format!(
            "    {}\n    IF {new} IS NOT NULL THEN {note} END IF;\n",
            tried(&new, &over(value, "NEW"))
        ));
        // A row that was not filled yet: what is not given is what the old columns say, before they are kept in step.
        begun.push_str(&format!(
            "    IF {new} IS NULL AND OLD.{column} IS NULL THEN {} END IF;\n",
            tried(&new, &over(value, "OLD"))
        ));
        anew.push_str(&format!(
            "    DECLARE _underpin_now {of}; _underpin_was {of};\n    BEGIN\n      {}\n      {}\n      IF _underpin_now IS DISTINCT \
             FROM _underpin_was THEN\n        {new} := _underpin_now;\n        {note}\n      ELSIF {new} IS NULL THEN\n        \
             {new} := _underpin_now;\n      END IF;\n    END;\n",
            tried("_underpin_now", &over(value, "NEW")),
            tried("_underpin_was", &over(value, "OLD")),
            of = type_of(dialect, id),
        ));
    }
    format!(
        "BEGIN\nIF TG_OP = 'INSERT' THEN\n  IF {} THEN\n{inserted}{}  ELSE\n{computed}  END IF;\nELSE\n  IF {} THEN\n{begun}{kept}  \
         ELSE\n{anew}  END IF;\nEND IF;\nRETURN NEW;\nEND",
        any(&|c| format!("NEW.{c} IS NOT NULL")),
        if inserted.is_empty() { "    NULL;\n" } else { "" },
        any(&|c| format!("NEW.{c} IS DISTINCT FROM OLD.{c}")),
    )
}

/// The old columns that go and that the value is made from.
fn going(dialect: &Postgres<'_>, id: &PgId, value: &str) -> BTreeSet<String> {
    Lexer::new(value)
        .filter(|t| t.kind.is_name())
        .map(|t| underpin_sql::ident(value, t))
        .filter(|name| {
            let old = PgId::new(PgKind::Column, [id.part(0), id.part(1), name]);
            matches!(dialect.from.objects.get(&old), Some(PgObject::Column(_)))
                && !dialect.to.objects.contains_key(&old)
        })
        .collect()
}

/// The old columns that are kept in step, with the expression that says how: one expression where there is one such column, else
/// an assignment to each.
fn ways_back(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId, read: &BTreeSet<String>) -> Vec<(String, String)> {
    let Some(down) = wishes.downs.get(id) else { return Vec::new() };
    let is_old = |name: &str| {
        let old = PgId::new(PgKind::Column, [id.part(0), id.part(1), name]);
        dialect.from.objects.contains_key(&old) && !dialect.to.objects.contains_key(&old)
    };
    if let Some(list) = underpin_sql::hints::assignments(down)
        && list.iter().all(|(name, _)| is_old(name))
    {
        return list;
    }
    let mut read = read.iter();
    match (read.next(), read.next()) {
        (Some(old), None) => vec![(old.clone(), down.clone())],
        _ => Vec::new(),
    }
}

/// The rows that have no value yet.
pub(super) fn fill(id: &PgId, value: &str) -> Fill {
    let column = quote::ident(id.last());
    Fill {
        table: Column::table(id),
        wrong: format!("{column} IS NULL AND ({value}) IS NOT NULL"),
        work: FillWork::Set { column, value: format!("({value})"), typed: None },
        words: format!("compute {} in the rows that are there", Sql::empty().name(&id.parts()).build()),
        reason: "in batches, each with its own commit, so that no row is locked for long".to_owned(),
        hazards: Vec::new(),
        recipe: NAME,
    }
}
