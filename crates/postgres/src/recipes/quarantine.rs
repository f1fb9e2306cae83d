//! # What goes is put aside before it is dropped
//!
//! With `--quarantine DAYS` (or `quarantine = DAYS` in underpin.toml) a column or table that goes is not dropped in the
//! contract stage but renamed: to `_underpin_dropped_`, the day from which it may go (`20261231`), and its name. Who
//! misses it has it back by renaming it, at once and with its values; the step says the statement.
//!
//! 1. Expand and backfill: as without (see `contract-drops`).
//! 2. Contract, behind the gate: the foreign keys of such tables, and over such columns, are dropped one by one, each
//!    in a transaction of its own, for each locks two tables. Then the renames, in one short transaction. Of a column
//!    the rules go with it (constraints, unique indexes), since nobody gives it values any more; its index and its
//!    default stay.
//! 3. Until the day no plan changes it, whatever `--quarantine` says then; `drift` and `status` name it. A plan from
//!    the day on drops it in its contract stage, without a gate, with the hazard data-loss.
//!
//! It applies to plans in stages. Partitions and tables with partitions or heirs, tables of a type, foreign tables, and
//! what has to give its name to something new in the same plan are dropped as ever, with the hazard data-loss. Where
//! something new needs the name of an index, constraint or sequence of what is put aside, that one goes first.
//!
//! Locks: ACCESS EXCLUSIVE for an instant; no row is read.
//!
//! After a crash: what has its new name keeps it, the rest follows with the next plan.
//!
//! Sources: manual, ALTER TABLE (RENAME).

use super::road::{Move, Road, Wishes};
use crate::objects::{Column, ConstraintKind, NotNull, SequenceOwner, parts_of};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeSet, HashSet};
use underpin_model::{Kind, Object};
use underpin_sql::{Sql, quote};

const NAME: &str = "quarantine";

/// How the names of what is put aside begin; the day follows.
const DROPPED: &str = "_underpin_dropped_";

/// The day in a name: from when on its owner may go.
fn day_in(name: &str) -> Option<&str> {
    let (day, _) = name.strip_prefix(DROPPED)?.split_once('_')?;
    (day.len() == 8 && day.bytes().all(|b| b.is_ascii_digit())).then_some(day)
}

/// For a column or table that was put aside, and for what is in such a table: the day from which on it may go.
#[must_use]
pub fn quarantined_until(id: &PgId) -> Option<&str> {
    id.parts().into_iter().skip(1).find_map(day_in)
}

/// Whether anything in a schema was put aside.
#[must_use]
pub fn holds_quarantined(catalog: &PgCatalog) -> bool {
    catalog.objects.keys().any(|id| matches!(id.kind, PgKind::Table | PgKind::Column) && day_in(id.last()).is_some())
}

/// Leaves alone what was put aside: it counts as wanted, with what belongs to it and what it rests on, until its day
/// has come.
pub fn keep_quarantined(live: &PgCatalog, wanted: &mut PgCatalog, today: &str) {
    let is_there = |id: &PgId| match id.kind {
        PgKind::Table => true,
        PgKind::Column => wanted.objects.contains_key(&Column::table(id)),
        _ => false,
    };
    let stays = |id: &&PgId| day_in(id.last()).is_some_and(|day| day > today) && is_there(id);
    let roots: Vec<PgId> = live.objects.keys().filter(stays).cloned().collect();
    if roots.is_empty() {
        return;
    }
    let taken: HashSet<String> = wanted.objects.iter().flat_map(|(id, o)| o.slots(id)).collect();
    let (children, dependents) = (live.children(), live.dependents());
    let mut queue = roots;
    while let Some(id) = queue.pop() {
        let Some(object) = live.objects.get(&id).filter(|_| !wanted.objects.contains_key(&id)) else { continue };
        let foreign = matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign);
        if foreign || object.slots(&id).iter().any(|slot| taken.contains(slot)) {
            continue;
        }
        Road::put_in(wanted, live, &id);
        queue.extend(children.get(&id).into_iter().flatten().map(|c| (*c).clone()));
        queue.extend(live.needs(&id).filter(|n| !matches!(n.kind, PgKind::Constraint)).cloned());
        let stands = |d: &PgId| match live.objects.get(d) {
            Some(PgObject::Index(index)) => !index.unique && index.valid,
            Some(PgObject::SequenceOwner(SequenceOwner { column })) => *column == id,
            _ => false,
        };
        if id.kind == PgKind::Column {
            queue.extend(dependents.get(&id).into_iter().flatten().filter(|d| stands(d)).map(|d| (*d).clone()));
        }
    }
}

/// Whether a column or table that goes can be put aside.
fn can_rest(dialect: &Postgres<'_>, road: &Road<'_>, id: &PgId) -> bool {
    let from = dialect.from;
    let table = match id.kind {
        PgKind::Table => id.clone(),
        PgKind::Column => Column::table(id),
        _ => return false,
    };
    let Some(PgObject::Table(t)) = from.objects.get(&table) else { return false };
    let tied = |kind: PgKind| from.objects.contains_key(&table.attached(kind, &[]));
    if t.foreign.is_some() || tied(PgKind::TypedTable) || quarantined_until(id).is_some() {
        return false;
    }
    match from.objects.get(id) {
        Some(PgObject::Column(column)) => column.inherits.is_none() && road.expanded.objects.contains_key(&table),
        _ => {
            let alone = t.partition_by.is_none() && t.inherits.is_empty() && !tied(PgKind::Partition);
            alone && !dialect.branches.contains_key(&table)
        }
    }
}

/// Puts aside what would be dropped in the contract stage.
pub(super) fn plan(dialect: &Postgres<'_>, wishes: &Wishes, road: &mut Road<'_>, gone: &BTreeSet<PgId>) {
    let Some(until) = &wishes.quarantine else { return };
    let from = dialect.from;
    let resting: BTreeSet<&PgId> = gone.iter().filter(|id| can_rest(dialect, road, id)).collect();
    let plain = |words: String, sql: String, reason: &str| Move {
        words,
        sql: vec![sql],
        reason: reason.to_owned(),
        recipe: Some(NAME),
        hazards: Vec::new(),
        undo: None,
        source: None,
    };
    let keys = from.objects.iter().filter(|(id, object)| {
        let foreign =
            matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign && c.part_of.is_none());
        let own = || resting.contains(&id.prefix(PgKind::Table, 2));
        foreign
            && gone.contains(*id)
            && (own() || from.needs(id).any(|n| n.kind == PgKind::Column && resting.contains(n)))
    });
    for (id, _) in keys {
        let drop = Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("DROP CONSTRAINT").ident(id.last()).build();
        let words = format!("drop constraint {}", quote::qualified(&id.parts()));
        road.unbound.push(plain(words, drop, "it locks two tables, and what is put aside is to hold nobody up"));
    }
    for id in resting {
        let parent = from.objects.get(id).and_then(|o| o.parent(id));
        if parent.is_some_and(|p| gone.contains(&p)) && id.kind == PgKind::Column {
            continue;
        }
        let aside = name_aside(&format!("{DROPPED}{until}_"), id.last());
        let rename = |from: &str, to: &str| match id.kind {
            PgKind::Column => {
                let table = Sql::new("ALTER TABLE").name(&id.parts()[..2]);
                table.kw("RENAME COLUMN").ident(from).kw("TO").ident(to).build()
            }
            _ => Sql::new("ALTER TABLE").name(&[id.part(0), from]).kw("RENAME TO").ident(to).build(),
        };
        let name = quote::qualified(&id.parts());
        let words =
            format!("put {} {name} aside until {}-{}-{}", id.kind.name(), &until[..4], &until[4..6], &until[6..]);
        let mut step = plain(
            words,
            rename(id.last(), &aside),
            "it can be had back by its name until then; a plan after that drops it",
        );
        let mut undo = vec![rename(&aside, id.last())];
        // A new table of the name would find the names of its NOT NULL taken, and get others.
        for name in own_rules(dialect, id) {
            let away = name_aside(&format!("{DROPPED}{until}_"), &name);
            let named = |table: &str, from: &str, to: &str| {
                let table = Sql::new("ALTER TABLE").name(&[id.part(0), table]);
                table.kw("RENAME CONSTRAINT").ident(from).kw("TO").ident(to).build()
            };
            step.sql.push(named(&aside, &name, &away));
            undo.push(named(id.last(), &away, &name));
        }
        step.undo = Some(undo);
        road.switch.push(step);
    }
}

/// The names of a table's NOT NULL, where these are constraints (18).
fn own_rules(dialect: &Postgres<'_>, table: &PgId) -> Vec<String> {
    if table.kind != PgKind::Table || !dialect.server.has_not_null_constraints() {
        return Vec::new();
    }
    let columns = parts_of(dialect.from, PgKind::Column, &table.parts()).into_iter();
    columns
        .filter_map(|(id, object)| match object {
            PgObject::Column(c) if c.not_null => Some(NotNull::name_on(c.not_null_rule.as_ref(), id)),
            _ => None,
        })
        .collect()
}
