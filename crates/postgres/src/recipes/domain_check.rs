//! # A domain's check in two steps
//!
//! A check that is added to a domain reads every table with a column of the domain, one after the other, under a SHARE lock on each that is
//! kept to the end: writes to all of them wait.
//!
//! Steps:
//!
//! 1. `ALTER DOMAIN … ADD CONSTRAINT … NOT VALID`: no table is locked. New values are checked from here on; a value that a transaction under way
//!    has written before may still come in.
//! 2. `ALTER DOMAIN … VALIDATE CONSTRAINT`, in a transaction of its own: SHARE on every table with a column of the domain, for as long as reading all
//!    of them takes. No version has a way that lets writes go on, so the plan asks for it by name.
//!
//! Who cannot let writes wait leaves the check NOT VALID in the desired schema, and gives each table a check of its own, which is proved
//! beside the traffic.
//!
//! A column that is added with a domain that has checks, or changes its type to it, is written anew under ACCESS
//! EXCLUSIVE, whatever is in it. So its table grows anew beside the old one with the column in it, and takes its place (see
//! `shadow-table`): each value is checked as its row is copied, and nobody waits. Where a table cannot be copied, and the domain
//! gets its first checks in the same plan, the checks come after: the column is added while the domain has none, which only touches
//! the catalog, or beside the old one (see `type-by-new-column`), and the checks come after the backfill in the two steps above.
//! Where the table cannot be copied and the domain has checks already, or where `-- underpin: down` is said of a new column, the
//! step carries the hazard blocks-reads; a column of the base type with a check of the table's own does what the domain does.
//!
//! It does not apply where no table has a column of the domain: then the check is added at once. Where a table has the domain inside of arrays or
//! rows, which the server does not look into, the domain is made again.
//!
//! After a crash: the check is there as NOT VALID, and the next plan validates it.
//!
//! Sources: manual, ALTER DOMAIN; `validateDomainCheckConstraint` in commands/typecmds.c; locks read off PostgreSQL 12 to 18.

use super::road::Road;
use super::shadow_found::Search;
use super::shadow_table::Shadow;
use crate::objects::{Column, Context, DomainConstraint, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeSet, HashMap, HashSet};
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::{Sql, quote};

/// The recipe's name.
pub(crate) const NAME: &str = "domain-check-in-two-steps";

/// The tables of the live side with a column of the domain.
fn users(domain: &PgId, cx: &Context<'_>) -> BTreeSet<PgId> {
    let columns = cx.from.rests_on.iter().filter(|(id, needs)| id.kind == PgKind::Column && needs.contains(domain));
    columns.map(|(id, _)| Column::table(id)).collect()
}

/// Whether a check that is added or proved would stop writes.
pub(crate) fn applies(id: &PgId, cx: &Context<'_>) -> bool {
    cx.strategy == Strategy::Online && !users(&DomainConstraint::domain(id), cx).is_empty()
}

/// The second step.
pub(crate) fn validate(id: &PgId, cx: &Context<'_>) -> Draft {
    let sql = DomainConstraint::alter_sql(id).kw("VALIDATE CONSTRAINT").ident(id.last()).build();
    let mut draft = Draft::sql(vec![sql]);
    draft.work = Work::Scan;
    let tables = users(&DomainConstraint::domain(id), cx);
    if cx.strategy == Strategy::Online && !tables.is_empty() {
        let names: Vec<String> = tables.iter().map(|t| Sql::empty().name(&t.parts()).build()).collect();
        let message = format!(
            "writes to {} wait while the values of the domain are read; leave the check NOT VALID, and give the tables checks of their \
             own, where they must not",
            names.join(", ")
        );
        draft.hazards.push(Hazard { kind: HazardKind::BlocksWrites, message });
        draft.isolation = Isolation::OwnTransaction;
        draft.recipe = Some(NAME.to_owned());
    }
    draft
}

/// Whether values of the domain, or of one that it is made from, are checked.
pub(crate) fn is_checked(domain: &PgId, catalog: &PgCatalog) -> bool {
    let not_null = matches!(catalog.objects.get(domain), Some(PgObject::Domain(d)) if d.not_null);
    let mut below = catalog.needs(domain).filter(|n| n.kind == PgKind::Domain);
    not_null
        || !parts_of(catalog, PgKind::DomainConstraint, &domain.parts()).is_empty()
        || below.any(|d| is_checked(d, catalog))
}

/// The domain that is a column's type itself, and not that of a part of it, whose values are only checked as they are
/// made.
pub(crate) fn domain_of<'a>(catalog: &'a PgCatalog, column: &PgId) -> Option<&'a PgId> {
    let Some(PgObject::Column(c)) = catalog.objects.get(column) else { return None };
    catalog.needs(column).find(|n| n.kind == PgKind::Domain && quote::qualified(&n.parts()) == c.type_name)
}

/// Whether a column that shall have a domain cannot have it without being written anew: the domain is checked already.
pub(super) fn comes_too_late(dialect: &Postgres<'_>, column: &PgId) -> bool {
    let mut open: Vec<&PgId> = domain_of(dialect.to, column).into_iter().collect();
    while let Some(domain) = open.pop() {
        if is_checked(domain, dialect.from) {
            return true;
        }
        open.extend(dialect.to.needs(domain).filter(|n| n.kind == PgKind::Domain));
    }
    false
}

/// The columns that tables which are there get with a domain that has checks, be it new or by a change of type: only a
/// copy of the table has them without being written anew under a lock. A domain that gets its first checks in the plan
/// has them from the first on only where all its columns come so.
pub(super) fn come_by_copy<'a>(search: &Search<'a>) -> HashSet<&'a PgId> {
    let Search { dialect, wishes, .. } = *search;
    let (from, to) = (dialect.from, dialect.to);
    let changes = |column: &PgId| match (from.objects.get(column), to.objects.get(column)) {
        // What is written to it before the copy has taken its place would not be there.
        (None, _) => !wishes.downs.contains_key(column),
        (Some(PgObject::Column(old)), Some(PgObject::Column(new))) => old.type_name != new.type_name,
        _ => false,
    };
    let comes = |domain: &PgId, id: &PgId| {
        !matches!(to.objects.get(id), Some(PgObject::Column(_)))
            || to.needs(id).all(|n| n != domain)
            || !super::fill::is_in_use(dialect, id)
            || (changes(id) && domain_of(to, id).is_some() && search.could_be_copied(&Column::table(id)))
    };
    let is_there = |column: &PgId| from.objects.contains_key(&Column::table(column));
    let mut all_come: HashMap<&PgId, bool> = HashMap::new();
    let columns = to.objects.keys().filter(|id| id.kind == PgKind::Column && id.of.is_none());
    let columns = columns.filter(|column| {
        let Some(domain) = domain_of(to, column).filter(|domain| is_checked(domain, to)) else { return false };
        let all = || search.to.below(domain).iter().all(|id| comes(domain, id));
        changes(column)
            && is_there(column)
            && (comes_too_late(dialect, column) || *all_come.entry(domain).or_insert_with(all))
    });
    columns.collect()
}

/// Lets the first checks of domains wait until columns of tables that are in use have come to them, but for those that
/// come in copies. On the way nothing tells whether a column is there for long, so that those of columns that are there wait
/// too.
pub(super) fn checks_after_columns(dialect: &Postgres<'_>, shadows: &[Shadow], road: &mut Road<'_>) {
    let to = dialect.to;
    let in_copy: HashSet<&PgId> = shadows.iter().flat_map(|s| &s.checked).collect();
    let domains: BTreeSet<&PgId> = to
        .objects
        .iter()
        .filter(|(id, o)| matches!(o, PgObject::Column(_)) && super::fill::is_in_use(dialect, id))
        .filter(|(id, _)| !in_copy.contains(id) && !comes_too_late(dialect, id))
        .filter_map(|(id, _)| domain_of(to, id))
        .collect();
    for domain in domains {
        let checks = parts_of(to, PgKind::DomainConstraint, &domain.parts());
        if !checks.is_empty() {
            Road::take_out(&mut road.expanded, checks.into_iter().map(|(id, _)| id.clone()));
        }
    }
}
