//! # A serial becomes an identity and counts on
//!
//! `ADD GENERATED … AS IDENTITY` only touches the catalog, but the new counter has to begin behind the numbers that are
//! there. To look for the greatest one is a scan under ACCESS EXCLUSIVE where no index begins with the column; and the
//! serial's own sequence knows the next number anyway.
//!
//! 1. Contract: in one transaction the default goes, the old sequence steps aside, the column becomes an identity with
//!    the desired options, its counter is put where the old one stands (`setval`), and the old sequence is dropped.
//!
//! There is a gate before it where an application may notice: `GENERATED ALWAYS` refuses numbers that it sends itself
//! (428C9), and a sequence of another name is not found by `nextval` any more.
//!
//! Locks: ACCESS EXCLUSIVE on the table for an instant; no row is read.
//!
//! It does not apply to columns of partitioned tables and of tables with heirs, to columns whose default is more than
//! one sequence's next value, and where something else draws from the sequence. There, and where a plain column becomes
//! an identity, the counter begins behind the column's greatest number; without an index that begins with the column
//! the step carries the hazard blocks-reads.
//!
//! After a crash: it is one transaction, so that all of it is there or nothing.
//!
//! Sources: manual, ALTER TABLE (ADD GENERATED), CREATE SEQUENCE, 9.17 Sequence Manipulation Functions.

use super::road::{Move, Road, is_aside};
use crate::objects::{Column, ConstraintKind, identity_clause, parts_of};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use rustc_hash::FxHashMap;
use std::cell::OnceCell;
use underpin_sql::{Sql, quote};

const NAME: &str = "identity-from-serial";

/// What rests on objects, by these.
type Dependents<'a> = FxHashMap<&'a PgId, Vec<&'a PgId>>;

/// The one sequence that a column's default draws from, where nothing else does.
fn sequence_of<'a>(dialect: &Postgres<'a>, id: &PgId, dependents: &OnceCell<Dependents<'a>>) -> Option<&'a PgId> {
    let from = dialect.from;
    let default = id.prefix(PgKind::Default, 3);
    let mut drawn = from.needs(&default).filter(|n| n.kind == PgKind::Sequence);
    let (sequence, None) = (drawn.next()?, drawn.next()) else { return None };
    let Some(PgObject::Default(said)) = from.objects.get(&default) else { return None };
    let plain = said.expression.starts_with("nextval(") && said.expression.matches('(').count() == 1;
    let is_own = |user: &PgId| *user == default || user.target(0).as_ref() == Some(sequence);
    let users = |sequence| dependents.get_or_init(|| from.dependents()).get(sequence);
    let alone = || users(sequence).into_iter().flatten().all(|user| is_own(user));
    // One of ours is another recipe's.
    (plain && alone() && !is_aside(sequence) && !dialect.to.objects.contains_key(sequence)).then_some(sequence)
}

/// Finds the columns and changes the line of schemas.
pub(super) fn plan(dialect: &Postgres<'_>, road: &mut Road<'_>) {
    let (from, to) = (dialect.from, dialect.to);
    let dependents = OnceCell::new();
    for (id, object) in &to.objects {
        let (PgObject::Column(new), Some(PgObject::Column(old))) = (object, from.objects.get(id)) else { continue };
        let Some(identity) = new.identity.as_ref().filter(|_| old.identity.is_none()) else { continue };
        let family = old.inherits.is_some() || new.inherits.is_some() || dialect.heirs.contains_key(id);
        if family || old.generated.is_some() || !super::fill::is_in_use(dialect, id) {
            continue;
        }
        let Some(sequence) = sequence_of(dialect, id, &dependents) else { continue };
        // Where the type changes too, the column has another beside it and is called otherwise after the switch.
        let beside = old.type_name != new.type_name;
        let stays = |o: Option<&PgObject>| matches!(o, Some(PgObject::Column(c)) if c.type_name == old.type_name);
        if beside && !stays(road.filled.objects.get(id)) {
            continue;
        }
        let default = id.prefix(PgKind::Default, 3);
        let kept: Vec<&PgId> = from
            .objects
            .keys()
            .filter(|k| *k == sequence || **k == default || k.target(0).as_ref() == Some(sequence))
            .collect();
        road.change_both(|catalog| {
            if let Some(PgObject::Column(column)) = catalog.objects.get_mut(id) {
                column.identity = None;
            }
            for id in &kept {
                Road::put_in(catalog, from, id);
            }
        });
        let aside = [sequence.part(0), &name_aside("_underpin_old_", sequence.last())];
        let table = || Sql::new("ALTER TABLE").name(&id.parts()[..2]);
        let drawn = if beside { name_aside("_underpin_old_", id.last()) } else { id.last().to_owned() };
        let (schema, own) = &identity.sequence;
        let own_name = quote::qualified(&[schema, own]);
        let name = Sql::empty().name(&id.parts()).build();
        road.switch.push(Move {
            words: format!("make {name} an identity"),
            sql: vec![
                table().kw("ALTER COLUMN").ident(&drawn).kw("DROP DEFAULT").build(),
                Sql::new("ALTER SEQUENCE").name(&sequence.parts()).kw("RENAME TO").ident(aside[1]).build(),
                identity_clause(table().kw("ALTER COLUMN").ident(id.last()).kw("ADD"), identity).build(),
                format!(
                    "SELECT pg_catalog.setval({}, last_value, is_called) FROM {}",
                    quote::literal(&own_name),
                    quote::qualified(&aside)
                ),
                Sql::new("DROP SEQUENCE").name(&aside).build(),
            ],
            reason: "its numbers go on where those of the sequence end; no row is read".to_owned(),
            recipe: Some(NAME),
            hazards: Vec::new(),
            undo: None,
            source: None,
        });
        if identity.always {
            road.gates.insert(format!("sends no number of its own for {name}"));
        }
        if quote::qualified(&sequence.parts()) != own_name {
            road.gates.insert(format!("works without sequence {}", quote::qualified(&sequence.parts())));
        }
    }
}

/// Whether the greatest value of a column is found at the end of an index.
pub(crate) fn is_first_in_index(column: &PgId, catalog: &PgCatalog) -> bool {
    let name = quote::ident(column.last());
    let leads = |definition: &str| {
        let first = super::road::first_list(definition).and_then(|list| list.into_iter().next());
        first.is_some_and(|item| item == name || item.strip_prefix(&name).is_some_and(|rest| rest.starts_with(' ')))
    };
    let table = Column::table(column);
    let keys = parts_of(catalog, PgKind::Constraint, &table.parts());
    let key = |object: &PgObject| {
        matches!(object, PgObject::Constraint(c)
            if matches!(c.kind, ConstraintKind::Primary | ConstraintKind::Unique) && leads(&c.definition))
    };
    let index = |object: &PgObject| {
        matches!(object, PgObject::Index(i) if i.on == table && i.valid && i.definition.starts_with("btree ")
            && !i.definition.contains(" WHERE ") && leads(&i.definition))
    };
    keys.into_iter().any(|(_, object)| key(object)) || catalog.objects.values().any(index)
}
