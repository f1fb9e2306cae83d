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
//! It does not apply where no table has a column of the domain: then the check is added at once. Where a table has the domain inside of arrays or
//! rows, which the server does not look into, the domain is made again.
//!
//! After a crash: the check is there as NOT VALID, and the next plan validates it.
//!
//! Sources: manual, ALTER DOMAIN; `validateDomainCheckConstraint` in commands/typecmds.c; locks read off PostgreSQL 12 to 18.

use crate::objects::{Column, Context, DomainConstraint};
use crate::{PgId, PgKind};
use std::collections::BTreeSet;
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

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
