//! # A new table's foreign keys come in transactions of their own
//!
//! A foreign key takes SHARE ROW EXCLUSIVE on the table that it refers to: writes there wait until the transaction ends. In one transaction with all
//! else that a plan makes, they wait for all of that, and for several tables at once.
//!
//! Steps:
//!
//! 1. `CREATE TABLE` without its foreign keys to tables that are there.
//! 2. `ALTER TABLE … ADD CONSTRAINT … FOREIGN KEY`, each in a transaction of its own: SHARE ROW EXCLUSIVE on the table that is referred to, for a
//!    moment. The new table has no rows that would have to be read.
//!
//! It does not apply to foreign keys between tables that the same plan makes: nobody uses those yet.
//!
//! After a crash: the table is there, and the next plan adds what is missing, in two steps (see `constraint-in-two-steps`).
//!
//! Sources: manual, CREATE TABLE, ALTER TABLE; locks read off PostgreSQL 12 to 18.

use crate::PgId;
use crate::PgKind;
use crate::objects::{Constraint, ConstraintKind, Context};
use underpin_model::Strategy;
use underpin_planner::{Draft, Isolation};

/// The recipe's name.
pub(crate) const NAME: &str = "foreign-key-apart";

/// Gives the step that adds a constraint to a new table a transaction of its own, where it is a foreign key to a table in use.
pub(crate) fn set_apart(draft: &mut Draft, constraint: &Constraint, id: &PgId, cx: &Context<'_>) {
    let own = Constraint::table(id);
    let used = |table: &PgId| *table != own && cx.from.objects.contains_key(table) && !cx.is_made(table);
    let refers_to_used =
        cx.to.needs(id).filter(|n| n.kind == PgKind::Column).any(|n| used(&n.prefix(PgKind::Table, 2)));
    if cx.strategy == Strategy::Online && constraint.kind == ConstraintKind::Foreign && refers_to_used {
        draft.isolation = Isolation::OwnTransaction;
        draft.recipe = Some(NAME.to_owned());
    }
}
