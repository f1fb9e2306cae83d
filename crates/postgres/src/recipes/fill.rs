//! # Values first, rules after
//!
//! A column that is new with a default that differs from row to row, or that becomes NOT NULL and has a value for the rows that
//! lack one, gets its values in batches before the rule comes.
//!
//! 1. Expand: the column is added without NOT NULL and without its default, and the default is set after: both only touch the
//!    catalog, whereas `ADD COLUMN … DEFAULT random()` writes the whole table anew under ACCESS EXCLUSIVE (manual, ALTER TABLE,
//!    notes; 12 to 18). New rows have their values from here on.
//! 2. Backfill: the rows that were there get theirs in batches, each with its own commit.
//! 3. Then what rests on the values: NOT NULL by a proved check, indexes beside the traffic, constraints in two steps.
//!
//! The value is the column's default, or what `-- underpin: backfill EXPR` on the column says. A new column that is NOT NULL and
//! has neither cannot be given to a table with rows: that is an error that says what to write.
//!
//! Once the check for NOT NULL is there, a row that still has a NULL cannot be updated at all, so the values come before the
//! check and never after.
//!
//! After a crash: the batches that were committed stay, and the walk goes on behind the last one.

use super::road::{Fill, FillWork, Road, Wishes};
use super::shadow_table::Shadow;
use super::{computed, domain_check};
use crate::facts::may_be_volatile;
use crate::objects::Column;
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{HashMap, HashSet};
use underpin_sql::{Sql, quote};

/// For a column, those that inherit it.
pub(super) type Heirs = HashMap<PgId, Vec<PgId>>;

const NAME: &str = "values-before-rules";

/// Finds the columns and changes the line of schemas.
pub(super) fn plan(dialect: &Postgres<'_>, wishes: &Wishes, shadows: &[Shadow], road: &mut Road<'_>) {
    let (from, to) = (dialect.from, dialect.to);
    let columns: Vec<(&PgId, &Column)> = to
        .objects
        .iter()
        .filter_map(|(id, o)| if let PgObject::Column(c) = o { Some((id, c)) } else { None })
        .filter(|(id, c)| {
            c.inherits.is_none() && c.generated.is_none() && c.identity.is_none() && is_in_use(dialect, id)
        })
        .collect();
    let mut heirs: Heirs = HashMap::new();
    for (id, object) in &to.objects {
        if let PgObject::Column(Column { inherits: Some(parent), .. }) = object {
            heirs.entry(parent.clone()).or_default().push(id.clone());
        }
    }
    super::new_identity::plan(dialect, &heirs, road);
    // What is only in a table's copy has its values there.
    let in_copy = |id: &PgId| {
        !from.objects.contains_key(id)
            && shadows.iter().any(|s| s.table == Column::table(id))
            && domain_check::comes_by_copy(dialect, wishes, id)
    };
    let (copied, columns): (Vec<_>, Vec<_>) = columns.into_iter().partition(|(id, _)| in_copy(id));
    for (id, column) in copied {
        let has_value = to.objects.contains_key(&id.prefix(PgKind::Default, 3))
            || has_domain_default(to, id)
            || wishes.backfills.contains_key(id);
        if column.not_null && !has_value {
            road.valueless.push(id.clone());
        }
    }
    let mut computed: HashSet<PgId> = HashSet::new();
    for group in computed::groups(dialect, wishes, columns.iter().map(|(id, _)| *id)) {
        let waits = computed::stand(dialect, &group, road);
        for (id, value) in group.columns {
            if waits {
                lower((dialect, &heirs), road, &id);
                road.fills.push(computed::fill(&id, &value));
            }
            computed.insert(id);
        }
    }
    for (id, column) in columns {
        let default = match to.objects.get(&id.prefix(PgKind::Default, 3)) {
            Some(PgObject::Default(default)) => Some(default.expression.as_str()),
            _ => None,
        };
        let said = wishes.backfills.get(id).map(String::as_str);
        let is_new = !from.objects.contains_key(id);
        // What is computed from other columns has been seen to above.
        if said.is_some() && (is_new || computed.contains(id)) {
            continue;
        }
        match from.objects.get(id) {
            None => {
                let volatile = default.is_some_and(may_be_volatile) && !is_constrained(to, id);
                if let Some(value) = default.filter(|_| volatile) {
                    let words = format!("give {} its value in the rows that are there", name(id));
                    lower((dialect, &heirs), road, id);
                    road.fills.push(fill(id, value, words));
                    if !column.not_null {
                        mark(road, id);
                    }
                } else if column.not_null && default.is_none() && !has_domain_default(to, id) {
                    road.valueless.push(id.clone());
                }
            }
            Some(PgObject::Column(old)) if !old.not_null && column.not_null && old.type_name == column.type_name => {
                if let Some(value) = said.or(default) {
                    let words = format!("give {} a value in the rows that have none", name(id));
                    lower((dialect, &heirs), road, id);
                    road.fills.push(fill(id, value, words));
                }
            }
            Some(_) => {
                // A walk that was begun for a column that may be NULL goes on.
                if from.objects.contains_key(&marker(id))
                    && let Some(value) = said.or(default)
                {
                    let words = format!("give {} its value in the rows that are there", name(id));
                    lower((dialect, &heirs), road, id);
                    road.fills.push(fill(id, value, words));
                    mark(road, id);
                }
            }
        }
    }
}

fn name(id: &PgId) -> String {
    Sql::empty().name(&id.parts()).build()
}

/// Whether the column is one of a table with rows of its own that is there and stays.
pub(super) fn is_in_use(dialect: &Postgres<'_>, id: &PgId) -> bool {
    let table = Column::table(id);
    let own = |catalog: &PgCatalog| match catalog.objects.get(&table) {
        Some(PgObject::Table(t)) => t.foreign.is_none(),
        _ => false,
    };
    own(dialect.from) && own(dialect.to) && !dialect.is_replaced(&table)
}

/// Whether the column's type is a domain with rules, which are checked in every row when the column is added.
fn is_constrained(catalog: &PgCatalog, id: &PgId) -> bool {
    catalog.needs(id).any(|n| n.kind == PgKind::Domain)
}

pub(super) fn has_domain_default(catalog: &PgCatalog, id: &PgId) -> bool {
    catalog.needs(id).any(|n| n.kind == PgKind::Domain && catalog.objects.contains_key(&n.prefix(PgKind::Default, 2)))
}

pub(super) fn fill(id: &PgId, value: &str, words: String) -> Fill {
    let column = quote::ident(id.last());
    Fill {
        table: Column::table(id),
        wrong: format!("{column} IS NULL"),
        work: FillWork::Set { column, value: format!("({value})"), typed: None },
        words,
        reason: "in batches, each with its own commit, so that no row is locked for long".to_owned(),
        hazards: Vec::new(),
        recipe: NAME,
    }
}

/// The column and its heirs are without NOT NULL, and what rests on the values is not there, until the rows have them.
pub(super) fn lower((dialect, heirs): (&Postgres<'_>, &Heirs), road: &mut Road<'_>, id: &PgId) {
    let mut line = vec![id.clone()];
    let mut next = 0;
    while let Some(parent) = line.get(next) {
        let below = heirs.get(parent).cloned().unwrap_or_default();
        line.extend(below);
        next += 1;
    }
    for id in &line {
        if let Some(PgObject::Column(column)) = road.expanded.objects.get_mut(id) {
            column.not_null = false;
            column.not_null_rule = None;
        }
    }
    let line: HashSet<&PgId> = line.iter().collect();
    // What is new and rests on the values.
    let waits = |other: &PgId| !dialect.from.objects.contains_key(other);
    let out: Vec<PgId> = road
        .expanded
        .objects
        .iter()
        .filter(|(other, _)| {
            matches!(other.kind, PgKind::Index | PgKind::Constraint)
                && road.expanded.needs(other).any(|n| line.contains(n))
                && waits(other)
        })
        .map(|(other, _)| other.clone())
        .collect();
    Road::take_out(&mut road.expanded, out);
}

/// What tells that rows still wait for values that may be NULL.
fn marker(id: &PgId) -> PgId {
    let of = format!("{}.{}", id.part(1), id.last());
    PgId::new(PgKind::Sequence, [id.part(0), &name_aside("_underpin_fill_", &of)])
}

fn mark(road: &mut Road<'_>, id: &PgId) {
    let marker = marker(id);
    road.beside_expanded.push(Sql::new("CREATE SEQUENCE").name(&marker.parts()).build());
    // The mark is there before the column: a column without it is taken for a filled one.
    road.first.push((marker, id.clone()));
}
