//! What another owner means for the grants on an object: the server puts the new owner in the place of the old one, also where
//! that one was granted something, so that the new one has what both had and the old one nothing (`aclnewowner`,
//! utils/adt/acl.c). What is wanted for the two is said right after; their grants say nothing themselves then.

use super::{Context, Grant, acl, grant};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use std::collections::BTreeSet;

fn role(catalog: &PgCatalog, owner: &PgId) -> Option<String> {
    match catalog.objects.get(owner) {
        Some(PgObject::Owner(owner)) => Some(owner.role.clone()),
        _ => None,
    }
}

/// The old and the new owner of an object that stays and gets another one.
fn owners(object: &PgId, cx: &Context<'_>) -> Option<(String, String)> {
    let owner = object.attached(PgKind::Owner, &[]);
    let (old, new) = (role(cx.from, &owner)?, role(cx.to, &owner)?);
    let stays = |c: &PgCatalog| c.objects.contains_key(object);
    (old != new && stays(cx.from) && stays(cx.to) && !cx.is_made(object)).then_some((old, new))
}

/// Whether the grant is to the old or the new owner of what changes its owner, and so is said with that.
pub(super) fn says(id: &PgId, cx: &Context<'_>) -> bool {
    let Some(target) = id.target(1) else { return false };
    let of_relation = |kind: PgKind| owners(&target.prefix(kind, 2), cx);
    let changed = if target.kind == PgKind::Column {
        let made = cx.is_made(&target) || cx.to.objects.contains_key(&target) != cx.from.objects.contains_key(&target);
        let kinds = [PgKind::Table, PgKind::View, PgKind::MaterializedView];
        if made { None } else { kinds.into_iter().find_map(of_relation) }
    } else {
        owners(&target, cx)
    };
    // A sequence that belongs to a column gets its owner with the table, at a time of its own.
    let apart =
        target.kind == PgKind::Sequence && super::SequenceOwner::rules(cx.to, &target.attached(PgKind::Owner, &[]));
    !apart && changed.is_some_and(|(old, new)| id.last() == old || id.last() == new)
}

/// The statements that follow `OWNER TO`: what the old and the new owner may do with the object and its columns.
pub(super) fn statements(object: &PgId, cx: &Context<'_>) -> Vec<String> {
    let Some((old, new)) = owners(object, cx) else { return Vec::new() };
    let mut targets = BTreeSet::from([object.clone()]);
    for catalog in [cx.from, cx.to] {
        let first = PgId::new(PgKind::Column, object.parts()).attached(PgKind::Grant, &[]);
        let grants = catalog.objects.range(first..).map(|(id, _)| id);
        let parts = object.parts();
        let under = |id: &&PgId| id.kind == PgKind::Grant && id.of == Some(PgKind::Column) && id.is_under(&parts);
        targets.extend(grants.take_while(under).filter(|id| says(id, cx)).filter_map(|id| id.target(1)));
    }
    let mut sql = Vec::new();
    for target in targets {
        let id = |role: &str| target.attached(PgKind::Grant, &[role]);
        let held = |catalog: &PgCatalog, role: &str, owner: &str| match catalog.objects.get(&id(role)) {
            Some(PgObject::Grant(Grant { privileges, .. })) => privileges.clone(),
            _ => grant::unsaid(&id(role), owner, cx),
        };
        let mut have = held(cx.from, &new, &old);
        for (letter, option) in held(cx.from, &old, &old) {
            *have.entry(letter).or_default() |= option;
        }
        sql.extend(grant::statements(&id(&new), &have, &held(cx.to, &new, &new), cx));
        sql.extend(grant::statements(&id(&old), &acl::Privileges::new(), &held(cx.to, &old, &new), cx));
    }
    sql
}
