//! # A partitioned table's foreign key comes partition by partition
//!
//! Before 18 a foreign key of a partitioned table cannot be added NOT VALID: added plain, it compares all rows of all partitions under SHARE ROW
//! EXCLUSIVE on them and on the table that it refers to.
//!
//! Steps:
//!
//! 1. For each partition with rows of its own: `ADD CONSTRAINT … NOT VALID`, then `VALIDATE CONSTRAINT` in a transaction of its own: SHARE UPDATE
//!    EXCLUSIVE on the partition, ROW SHARE on the table that is referred to.
//! 2. `ALTER TABLE` of the partitioned table `ADD CONSTRAINT …` in a transaction of its own: the server takes the partitions' foreign keys for its
//!    parts and compares nothing. ACCESS EXCLUSIVE on the table that is referred to, for a moment.
//!
//! A partition that is attached brings its foreign keys along the same way, and keeps them when it is detached.
//!
//! It does not apply from 18 on, where the partitioned table's own is added NOT VALID and validated (see `constraint-in-two-steps`).
//!
//! After a crash: the next plan goes on with the partitions that are left.
//!
//! Sources: manual, ALTER TABLE; `tryAttachPartitionForeignKey` and `DetachPartitionFinalize` in commands/tablecmds.c; locks read off PostgreSQL
//! 12 to 18.

use super::two_steps::{unproved, validate};
use crate::objects::{Constraint, ConstraintKind, Context, Table, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use std::collections::BTreeMap;
use underpin_model::Strategy;
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "foreign-key-of-partitioned";

/// The table that a partition is attached to.
pub(super) fn parent_of<'a>(catalog: &'a PgCatalog, table: &PgId) -> Option<&'a PgId> {
    match catalog.objects.get(&table.attached(PgKind::Partition, &[])) {
        Some(PgObject::Partition(tie)) => Some(&tie.parent),
        _ => None,
    }
}

/// Whether neither the table nor one that it is a partition of is made again in the plan: rows that are put aside for that have to be back before
/// anything is committed.
pub(crate) fn stays_in_place(table: &PgId, cx: &Context<'_>) -> bool {
    [cx.from, cx.to].into_iter().all(|catalog| {
        let mut next = Some(table);
        while let Some(table) = next {
            if cx.from.objects.contains_key(table) && cx.is_made(table) {
                return false;
            }
            next = parent_of(catalog, table);
        }
        true
    })
}

fn foreign_keys<'a>(catalog: &'a PgCatalog, table: &PgId) -> Vec<(&'a PgId, &'a Constraint)> {
    let constraints = parts_of(catalog, PgKind::Constraint, &table.parts()).into_iter();
    let foreign = constraints.filter_map(|(id, object)| match object {
        PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign => Some((id, c)),
        _ => None,
    });
    foreign.collect()
}

/// The foreign keys of the tables above a partition, which hold for it too.
fn above<'a>(catalog: &'a PgCatalog, table: &PgId) -> Vec<(&'a PgId, &'a Constraint)> {
    let mut found = Vec::new();
    let mut next = parent_of(catalog, table);
    while let Some(parent) = next {
        found.extend(foreign_keys(catalog, parent));
        next = parent_of(catalog, parent);
    }
    found
}

/// Whether the server takes the one for a copy of the other.
fn is_same(a: &Constraint, b: &Constraint) -> bool {
    a.definition == b.definition && (a.deferrable, a.deferred, a.enforced) == (b.deferrable, b.deferred, b.enforced)
}

/// Whether a partition's own foreign key that is there becomes the part of one above it, so that it is not dropped.
pub(crate) fn is_taken_over(own: &Constraint, id: &PgId, cx: &Context<'_>) -> bool {
    if own.kind != ConstraintKind::Foreign || (!own.valid && cx.strategy == Strategy::Direct) {
        return false;
    }
    let table = Constraint::table(id);
    let joins = parent_of(cx.from, &table) != parent_of(cx.to, &table);
    above(cx.to, &table).into_iter().any(|(whole, c)| {
        let comes = !cx.from.objects.contains_key(whole);
        (joins || (comes && cx.strategy == Strategy::Online)) && is_same(own, c)
    })
}

/// The foreign keys that a table keeps when it is no longer a partition.
fn kept<'a>(table: &PgId, cx: &Context<'a>) -> Vec<(&'a PgId, &'a Constraint)> {
    let stays = |id: &PgId| cx.to.objects.contains_key(id) && !cx.is_made(id);
    above(cx.from, table).into_iter().filter(|(id, _)| stays(id)).collect()
}

/// For a foreign key of a table that leaves its parent: the statements where the table keeps it from the parent; none where it is new.
pub(crate) fn keep(own: &Constraint, id: &PgId, cx: &Context<'_>) -> Option<Vec<String>> {
    let table = Constraint::table(id);
    let leaves = parent_of(cx.from, &table).is_some_and(|parent| Table::leaves(cx.from, cx.to, &table, parent));
    if own.kind != ConstraintKind::Foreign || !leaves {
        return None;
    }
    let (whole, _) = kept(&table, cx).into_iter().find(|(_, c)| is_same(own, c))?;
    let rename = Constraint::alter_table(id, false).kw("RENAME CONSTRAINT").ident(whole.last());
    Some(if whole.last() == id.last() { Vec::new() } else { vec![rename.kw("TO").ident(id.last()).build()] })
}

/// The statements that drop what a table that leaves its parent keeps and shall not have.
pub(crate) fn drop_kept(table: &PgId, cx: &Context<'_>) -> Vec<String> {
    if !cx.to.objects.contains_key(table) || parent_of(cx.to, table).is_some() {
        return Vec::new();
    }
    let wanted = foreign_keys(cx.to, table);
    let unwanted = kept(table, cx).into_iter().filter(|(_, c)| !wanted.iter().any(|(_, w)| is_same(w, c)));
    let drop = |(whole, _): (&PgId, &Constraint)| {
        Sql::new("ALTER TABLE").name(&table.parts()).kw("DROP CONSTRAINT").ident(whole.last()).build()
    };
    unwanted.map(drop).collect()
}

/// The partitions of a table that hold rows and were there before.
fn leaves(table: &PgId, cx: &Context<'_>) -> Vec<PgId> {
    let mut branches: BTreeMap<&PgId, Vec<PgId>> = BTreeMap::new();
    for (id, object) in &cx.to.objects {
        if let PgObject::Partition(tie) = object
            && cx.from.objects.contains_key(id)
        {
            branches.entry(&tie.parent).or_default().extend(id.target(0));
        }
    }
    let mut found = Vec::new();
    let mut open = vec![table.clone()];
    while let Some(next) = open.pop() {
        match cx.to.objects.get(&next) {
            Some(PgObject::Table(t)) if t.partition_by.is_some() => {
                open.extend(branches.get(&next).into_iter().flatten().rev().cloned());
            }
            // One that is taken out and put in again gets its foreign key from the whole.
            Some(PgObject::Table(t))
                if t.foreign.is_none() && !cx.is_made(&next) && !cx.is_made(&next.attached(PgKind::Partition, &[])) =>
            {
                found.push(next);
            }
            _ => {}
        }
    }
    found
}

/// The steps that give a table that has rows a foreign key like one above it, as far as it has none.
pub(super) fn prepared(table: &PgId, whole: &Constraint, name: &str, cx: &Context<'_>) -> Vec<Draft> {
    let has = foreign_keys(cx.from, table).into_iter().find(|(_, c)| is_same(c, whole));
    let id = PgId::new(PgKind::Constraint, [table.part(0), table.part(1), name]);
    match has {
        Some((own, c)) if !c.valid => vec![validate(own)],
        Some(_) => Vec::new(),
        None => {
            let add = Constraint::alter_table(&id, false).kw("ADD").then(whole.clause_without_validity(&id));
            vec![unproved(add), validate(&id)]
        }
    }
}

/// The foreign keys that a table has to have when it becomes a partition, so that the server compares nothing then.
pub(super) fn prepared_for(table: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let stands = |id: &PgId| cx.from.objects.contains_key(id) && !cx.is_made(id);
    let whole = above(cx.to, table).into_iter().filter(|(id, c)| stands(id) && c.enforced);
    whole.flat_map(|(id, c)| prepared(table, c, id.last(), cx)).collect()
}

/// The steps for a foreign key of a partitioned table in use, where it cannot be added NOT VALID.
pub(crate) fn drafts(whole: &Constraint, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
    let table = Constraint::table(id);
    let mut drafts: Vec<Draft> =
        leaves(&table, cx).iter().flat_map(|leaf| prepared(leaf, whole, id.last(), cx)).collect();
    let add = Constraint::alter_table(id, false).kw("ADD").then(whole.clause_without_validity(id));
    let mut last = Draft::sql(vec![add.build()]);
    last.isolation = Isolation::OwnTransaction;
    last.reason =
        Some("the partitions' foreign keys are proved and become its parts, so that nothing is compared".to_owned());
    drafts.push(last);
    for draft in &mut drafts {
        draft.recipe = Some(NAME.to_owned());
    }
    drafts
}
