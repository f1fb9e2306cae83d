//! Which tables go the road of `shadow_table.rs`.

use super::road::{Wishes, is_aside};
use super::shadow_family::{can_be_parted_anew, is_parted_anew};
use super::shadow_table::Shadow;
use super::ties::Ties;
use super::{carried, domain_check, type_remade};
use crate::objects::{Column, ConstraintKind, Table, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap, HashSet};
use underpin_model::Object;
use underpin_sql::quote;

/// The search for tables that go this road: what is asked for many of them is answered once.
pub(super) struct Search<'a> {
    pub dialect: &'a Postgres<'a>,
    pub wishes: &'a Wishes,
    pub from: Ties<'a>,
    pub to: Ties<'a>,
    is_sent: OnceCell<bool>,
    tied: OnceCell<HashSet<PgId>>,
    could_be_copied: RefCell<HashMap<PgId, bool>>,
}

impl<'a> Search<'a> {
    fn new(dialect: &'a Postgres<'a>, wishes: &'a Wishes) -> Self {
        Self {
            dialect,
            wishes,
            from: Ties::of(dialect.from),
            to: Ties::of(dialect.to),
            is_sent: OnceCell::new(),
            tied: OnceCell::new(),
            could_be_copied: RefCell::default(),
        }
    }

    /// Whether changes of every table are sent to others, or rows come from others: a new table would be sent, or not
    /// be written to.
    fn is_published_or_subscribed(&self) -> bool {
        *self.is_sent.get_or_init(|| {
            let catalogs = [self.dialect.from, self.dialect.to].into_iter();
            catalogs.flat_map(|catalog| catalog.objects.values()).any(|object| match object {
                PgObject::Publication(p) => p.all_tables,
                PgObject::Subscription(_) => true,
                _ => false,
            })
        })
    }

    /// Whether a foreign key ties the table to a column whose type changes.
    fn is_tied_to_retyped(&self, table: &PgId) -> bool {
        let tied = self.tied.get_or_init(|| {
            let mut tied = HashSet::new();
            for catalog in [self.dialect.from, self.dialect.to] {
                for (id, object) in &catalog.objects {
                    let PgObject::Constraint(c) = object else { continue };
                    let ends = || catalog.needs(id).filter(|n| n.kind == PgKind::Column);
                    if c.kind == ConstraintKind::Foreign && ends().any(|column| retypes(self.dialect, column)) {
                        tied.insert(id.prefix(PgKind::Table, 2));
                        tied.extend(ends().map(Column::table));
                    }
                }
            }
            tied
        });
        tied.contains(table)
    }

    /// Whether a copy of the table could take its place.
    pub fn could_be_copied(&self, id: &PgId) -> bool {
        if let Some(known) = self.could_be_copied.borrow().get(id) {
            return *known;
        }
        let could = match (self.dialect.from.objects.get(id), self.dialect.to.objects.get(id)) {
            (Some(PgObject::Table(old)), Some(PgObject::Table(new))) => {
                !self.is_published_or_subscribed()
                    && copied(self, id, old, new).is_some_and(|shadow| can_be_made_again(self, &shadow))
            }
            _ => false,
        };
        self.could_be_copied.borrow_mut().insert(id.clone(), could);
        could
    }
}

/// The tables that go this road.
pub(super) fn shadows(dialect: &Postgres<'_>, wishes: &Wishes) -> Vec<Shadow> {
    let search = Search::new(dialect, wishes);
    let checked = domain_check::come_by_copy(&search);
    let mut list = Vec::new();
    for (id, object) in &dialect.to.objects {
        if let (PgObject::Table(new), Some(PgObject::Table(old))) = (object, dialect.from.objects.get(id))
            && needs_new_files(&search, &checked, id, old, new)
        {
            list.extend(copied(&search, id, old, new));
        }
    }
    if list.is_empty() || search.is_published_or_subscribed() {
        return Vec::new();
    }
    // Each that cannot go takes none with it: what is tied to it is made again in its own way.
    list.retain(|shadow| can_be_made_again(&search, shadow));
    for shadow in &mut list {
        let columns = parts_of(dialect.to, PgKind::Column, &shadow.table.parts()).into_iter();
        shadow.checked = columns.map(|(column, _)| column).filter(|c| checked.contains(c)).cloned().collect();
    }
    list
}

/// The copy of a table, where one can be made as far as the table itself goes.
fn copied(search: &Search<'_>, id: &PgId, old: &Table, new: &Table) -> Option<Shadow> {
    let Search { dialect, wishes, .. } = *search;
    if !is_alone(search, id, old, new) || !columns_stay(dialect, wishes, id) {
        return None;
    }
    let parted = is_parted_anew(dialect, id, old, new);
    let Keys { key, constraint, arbiter } = keys((dialect, wishes), id, parted)?;
    let family = search.to.family(id).into_iter().collect();
    let (place, checked) = (Shadow::of(id), BTreeSet::new());
    Some(Shadow { table: id.clone(), place, key, constraint, arbiter, family, parted, checked })
}

/// Whether something of the table changes that only new files hold.
fn needs_new_files(search: &Search<'_>, checked: &HashSet<&PgId>, id: &PgId, old: &Table, new: &Table) -> bool {
    let (dialect, from, to) = (search.dialect, search.dialect.from, search.dialect.to);
    if old.unlogged != new.unlogged || old.tablespace != new.tablespace || old.access_method != new.access_method {
        return true;
    }
    if is_parted_anew(dialect, id, old, new) {
        return true;
    }
    let mut columns = parts_of(to, PgKind::Column, &id.parts()).into_iter().map(|(column, _)| column);
    let generated = columns
        .any(|column| is_held(dialect, column) || only_a_copy_retypes(search, column) || checked.contains(column));
    let excluded = parts_of(to, PgKind::Constraint, &id.parts()).into_iter().any(|(constraint, object)| {
        matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Exclude && c.enforced)
            && from.objects.get(constraint).is_none_or(|old| !old.compare(object).is_empty())
    });
    generated || excluded
}

/// Whether a column is a stored generated one that only the new table has so.
pub(super) fn is_held(dialect: &Postgres<'_>, id: &PgId) -> bool {
    let Some(PgObject::Column(new)) = dialect.to.objects.get(id) else { return false };
    if !new.generated.as_ref().is_some_and(|g| g.stored) {
        return false;
    }
    match dialect.from.objects.get(id) {
        Some(PgObject::Column(old)) => old.generated != new.generated || old.type_name != new.type_name,
        _ => true,
    }
}

/// Whether the table is tied to no other by inheritance or a type, on both sides, and has no partitions, or other ones than before.
fn is_alone(search: &Search<'_>, id: &PgId, old: &Table, new: &Table) -> bool {
    let parted = is_parted_anew(search.dialect, id, old, new);
    let alone = |(ties, table): (&Ties<'_>, &Table)| {
        let catalog = ties.catalog();
        table.foreign.is_none()
            && (parted || table.partition_by.is_none())
            && table.inherits.is_empty()
            && !table.force_row_security
            && !catalog.objects.contains_key(&id.attached(PgKind::Partition, &[]))
            && !catalog.objects.contains_key(&id.attached(PgKind::TypedTable, &[]))
            && !ties.about(id).iter().any(|other| match other.kind {
                PgKind::Partition => !parted,
                PgKind::Table => true,
                _ => false,
            })
    };
    // What no object stands for would be lost with the old table.
    [(&search.from, old), (&search.to, new)].into_iter().all(alone)
        && !search.from.is_told_of(id)
        && (!parted || can_be_parted_anew(search, id))
}

/// Whether the values of the columns can be copied: no other road is taken, and where a type changes, an expression says how.
fn columns_stay(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId) -> bool {
    let (from, to) = (dialect.from, dialect.to);
    let in_flight = parts_of(from, PgKind::Column, &id.parts()).into_iter().any(|(column, _)| is_aside(column));
    !in_flight
        && parts_of(to, PgKind::Column, &id.parts()).into_iter().all(|(column, object)| {
            let PgObject::Column(new) = object else { return true };
            let Some(PgObject::Column(old)) = from.objects.get(column) else {
                return new.identity.is_none();
            };
            old.identity.is_some() >= new.identity.is_some()
                && (old.generated.is_some() || new.generated.is_none())
                && (is_held(dialect, column)
                    || !is_retyped(dialect, wishes, column)
                    || carried::carried(dialect, wishes, column, (old, new)).is_some())
                && !type_remade::is_made_anew(dialect, column)
        })
}

/// Whether a column changes its type so that the rows are written anew.
pub(super) fn is_retyped(dialect: &Postgres<'_>, wishes: &Wishes, id: &PgId) -> bool {
    match (dialect.from.objects.get(id), dialect.to.objects.get(id)) {
        (Some(PgObject::Column(old)), Some(PgObject::Column(new))) => {
            carried::is_carried(dialect, wishes, id, old, new)
        }
        _ => false,
    }
}

/// Whether no other recipe gives a column its new type: it is part of an exclusion constraint, or something is computed from it.
fn only_a_copy_retypes(search: &Search<'_>, id: &PgId) -> bool {
    let bound = |ties: &Ties<'_>| {
        ties.below(id).iter().any(|other| match ties.catalog().objects.get(other) {
            Some(PgObject::Constraint(c)) => c.kind == ConstraintKind::Exclude,
            Some(PgObject::Column(c)) => c.generated.is_some(),
            _ => false,
        })
    };
    is_retyped(search.dialect, search.wishes, id) && (bound(&search.from) || bound(&search.to))
}

/// By what the copy tells rows from each other.
struct Keys {
    /// The quoted columns of a key that the old table has.
    key: Vec<String>,
    /// A key of the new one, by which the copy knows a row that is there already.
    constraint: PgId,
    /// The quoted columns of that.
    arbiter: Vec<String>,
}

/// The keys of both tables: one that stays, or, where the partitions become others, one that holds the columns of the other, as that
/// of a partitioned table has to hold its partition key.
fn keys((dialect, wishes): (&Postgres<'_>, &Wishes), id: &PgId, parted: bool) -> Option<Keys> {
    let (from, to) = (dialect.from, dialect.to);
    let is_plain = |name: &String, is_held: bool| {
        let is_named = |column: &PgId| quote::ident(column.last()) == *name;
        let columns = parts_of(to, PgKind::Column, &id.parts()).into_iter().map(|(column, _)| column);
        columns.filter(|column| is_named(column)).any(|column| {
            match (from.objects.get(column), to.objects.get(column)) {
                (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
                    a.generated.is_none()
                        && b.generated.is_none()
                        && (b.not_null || is_held)
                        && is_comparable((dialect, wishes), column, a, b)
                }
                _ => false,
            }
        })
    };
    let (old, new) = (super::road::keys_of(from, id), super::road::keys_of(to, id));
    // A primary key that stays until the switch lets no NULL in, whatever comes then.
    let is_held = |id: &PgId| parted && matches!(from.objects.get(id), Some(PgObject::Constraint(c)) if c.is_primary());
    let plain = || old.iter().filter(|(id, key)| key.iter().all(|column| is_plain(column, is_held(id))));
    let stays =
        plain().find_map(|(constraint, key)| match (from.objects.get(constraint), to.objects.get(constraint)) {
            (Some(PgObject::Constraint(a)), Some(PgObject::Constraint(b)))
                if (a.kind, &a.definition, b.deferrable) == (b.kind, &b.definition, false) =>
            {
                Some(Keys { key: key.clone(), constraint: constraint.clone(), arbiter: key.clone() })
            }
            _ => None,
        });
    let within = |a: &[String], b: &[String]| a.iter().all(|column| b.contains(column));
    let wider = || {
        plain().find_map(|(_, key)| {
            let held = |(_, list): &&(PgId, Vec<String>)| within(key, list) || within(list, key);
            let (constraint, arbiter) = new.iter().find(held)?;
            Some(Keys { key: key.clone(), constraint: constraint.clone(), arbiter: arbiter.clone() })
        })
    };
    if parted { stays.or_else(wider) } else { stays }
}

/// Whether a value of the old column can be compared with that which becomes of it, and both are the same.
fn is_comparable((dialect, wishes): (&Postgres<'_>, &Wishes), id: &PgId, old: &Column, new: &Column) -> bool {
    if old.type_name == new.type_name {
        return true;
    }
    let whole = |c: &Column| matches!(c.type_name.as_str(), "smallint" | "integer" | "bigint");
    let words = |c: &Column| matches!(c.type_name.as_str(), "text" | "character varying");
    let short = |c: &Column| c.type_name.starts_with("character varying(");
    !wishes.usings.contains_key(id)
        && dialect.conversion(id, old, new).is_none()
        && old.collation == new.collation
        && ((whole(old) && whole(new)) || ((words(old) || short(old)) && words(new)))
}

/// All that rests on tables or their parts, directly or through others, and is no part of them.
pub(super) fn resting(ties: &Ties<'_>, tables: &BTreeSet<PgId>) -> BTreeSet<PgId> {
    let is_part = |id: &PgId| match ties.catalog().objects.get(id) {
        Some(PgObject::Index(index)) => tables.contains(&index.on),
        Some(PgObject::Statistics(statistics)) => tables.contains(&statistics.on),
        Some(PgObject::SequenceOwner(owner)) => tables.contains(&Column::table(&owner.column)),
        _ => tables.contains(&id.prefix(PgKind::Table, 2)) && !is_callable(id.kind),
    };
    let mut seen: BTreeSet<PgId> = tables.clone();
    let mut queue: Vec<PgId> = tables.iter().cloned().collect();
    while let Some(id) = queue.pop() {
        for next in ties.below(&id) {
            // A sequence that a column owns is let go before.
            if next.kind != PgKind::SequenceOwner && !seen.contains(next) {
                seen.insert(next.clone());
                queue.push(next.clone());
            }
        }
    }
    seen.retain(|id| !is_part(id));
    seen
}

/// Whether the first two parts of such an address may be those of a table that it has nothing to do with.
fn is_callable(kind: PgKind) -> bool {
    matches!(
        kind,
        PgKind::Function
            | PgKind::Procedure
            | PgKind::Aggregate
            | PgKind::Sequence
            | PgKind::View
            | PgKind::MaterializedView
    )
}

/// Whether all that rests on the table can be ended and made again in one short transaction.
fn can_be_made_again(search: &Search<'_>, shadow: &Shadow) -> bool {
    let made_again = |catalog: &PgCatalog, id: &PgId| match catalog.objects.get(id) {
        Some(PgObject::Constraint(c)) => {
            c.kind == ConstraintKind::Foreign
                && !c.inherited
                && c.part_of.is_none()
                && matches!(catalog.objects.get(&id.prefix(PgKind::Table, 2)), Some(PgObject::Table(_)))
        }
        Some(PgObject::Index(index)) => index.on.kind == PgKind::MaterializedView,
        Some(PgObject::Statistics(statistics)) => statistics.on.kind == PgKind::MaterializedView,
        Some(PgObject::Column(_) | PgObject::Default(_)) => {
            matches!(catalog.objects.get(&PgId::new(PgKind::View, &id.parts()[..2])), Some(PgObject::View(_)))
        }
        _ => matches!(
            id.kind,
            PgKind::View
                | PgKind::MaterializedView
                | PgKind::Function
                | PgKind::Procedure
                | PgKind::Rule
                | PgKind::Trigger
                | PgKind::Policy
                | PgKind::Comment
                | PgKind::Owner
                | PgKind::Grant
                | PgKind::PublicationTable
                | PgKind::SecurityLabel
        ),
    };
    let all = |ties: &Ties<'_>| {
        let tables = ties.family(&shadow.table).into_iter().collect();
        resting(ties, &tables).iter().all(|id| made_again(ties.catalog(), id))
    };
    // A neighbour whose columns take another road has foreign keys of its own by then.
    all(&search.from) && all(&search.to) && !search.is_tied_to_retyped(&shadow.table)
}

/// Whether a column gets another type.
pub(super) fn retypes(dialect: &Postgres<'_>, column: &PgId) -> bool {
    match (dialect.from.objects.get(column), dialect.to.objects.get(column)) {
        (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => a.type_name != b.type_name,
        _ => false,
    }
}
