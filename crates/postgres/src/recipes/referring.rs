//! Foreign keys that rest on a key or an index that is replaced: they go and come back in the transaction of the swap, NOT VALID, so that there
//! is no moment without them, and are proved after.

use super::two_steps::validate;
use super::{comment_again, retypes};
use crate::objects::{Constraint, ConstraintKind, Context, Table};
use crate::{PgId, PgObject};
use underpin_planner::Draft;

/// The foreign keys that rest on a key or an index, and stay what they are; none where something else rests on it, or one of them changes
/// in the plan.
pub(crate) fn referring(id: &PgId, cx: &Context<'_>) -> Option<Vec<PgId>> {
    let mut found = Vec::new();
    for dependent in cx.leaned_on.get(id).into_iter().flatten() {
        let Some(PgObject::Constraint(old)) = cx.from.objects.get(dependent) else { return None };
        let Some(new) = cx.to.objects.get(dependent) else {
            // It is gone before.
            continue;
        };
        let table = Constraint::table(dependent);
        let plain = matches!(cx.from.objects.get(&table), Some(PgObject::Table(t)) if t.partition_by.is_none())
            && !Table::is_partition(cx.from, &table);
        let same = matches!(new, PgObject::Constraint(new) if new == old) && !retypes(dependent, cx);
        if old.kind != ConstraintKind::Foreign || !plain || !same {
            return None;
        }
        found.push(dependent.clone());
    }
    Some(found)
}

/// What stands before and after the swap in its transaction, and the steps that come after it.
pub(crate) fn around_swap(id: &PgId, cx: &Context<'_>) -> (Vec<String>, Vec<String>, Vec<Draft>) {
    let (mut before, mut after, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
    // One that the plan makes anyway is gone now, and comes later.
    for key in referring(id, cx).unwrap_or_default().into_iter().filter(|key| !cx.is_made(key)) {
        let Some(PgObject::Constraint(foreign)) = cx.from.objects.get(&key) else { continue };
        let alter = || Constraint::alter_table(&key, false);
        before.push(alter().kw("DROP CONSTRAINT").ident(key.last()).build());
        let add = alter().kw("ADD").then(foreign.clause_without_validity(&key));
        after.push(add.kw_if(foreign.enforced, "NOT VALID").build());
        after.extend(comment_again(&key, cx));
        if foreign.valid && foreign.enforced {
            proofs.push(validate(&key));
        }
    }
    (before, after, proofs)
}
