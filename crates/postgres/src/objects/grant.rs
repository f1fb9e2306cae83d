//! What one role may do with an object (manual, GRANT; the ACL columns of the catalogs).

use super::comment::target_address;
use super::{Context, Item, acl, default_privileges, owner_grants};
use crate::attribute::differ;
use crate::coverage::{Coverage, again_where};
use crate::roles::Roles;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// The privileges of one role on one object, where they are not the default. The role is the last part of the address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// By letter, with whether it may be granted on. Empty: what the default grants has been revoked.
    pub privileges: acl::Privileges,
    /// The object with which the grant goes: its target, or the relation where the target is a column without an object.
    pub parent: PgId,
    /// The owner of the target, whose own privileges are there by default.
    pub owner: String,
}

pub(super) fn words(privileges: &acl::Privileges) -> String {
    if privileges.is_empty() {
        return "nothing".to_owned();
    }
    let word = |(letter, option): (&char, &bool)| {
        let name = acl::privilege_name(*letter).unwrap_or("?");
        if *option { format!("{name} with grant option") } else { name.to_owned() }
    };
    privileges.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// What a kind of object grants by default.
#[must_use]
pub fn defaults_of(target: PgKind) -> acl::Defaults {
    match target {
        PgKind::Column => acl::Defaults::COLUMN,
        PgKind::Sequence => acl::Defaults::SEQUENCE,
        PgKind::Schema => acl::Defaults::SCHEMA,
        PgKind::Function | PgKind::Procedure | PgKind::Aggregate => acl::Defaults::ROUTINE,
        PgKind::ForeignDataWrapper | PgKind::ForeignServer => acl::Defaults::FOREIGN,
        PgKind::Language => acl::Defaults::LANGUAGE,
        PgKind::BaseType => acl::Defaults::TYPE,
        kind if kind.is_type() => acl::Defaults::TYPE,
        _ => acl::Defaults::TABLE,
    }
}

/// What that object grants by default.
pub(super) fn defaults(target: &PgId, cx: &Context<'_>) -> acl::Defaults {
    if target.kind == PgKind::Schema && target.last() == "public" {
        return acl::Defaults::public_schema(cx.server);
    }
    defaults_of(target.kind)
}

/// What the grantee of a grant has where nothing is said.
pub(super) fn unsaid(id: &PgId, owner: &str, cx: &Context<'_>) -> acl::Privileges {
    id.target(1).map_or_else(acl::Privileges::new, |target| defaults(&target, cx).of(id.last(), owner, cx.server))
}

/// The statements that bring a role from some privileges to others.
pub(super) fn statements(id: &PgId, have: &acl::Privileges, want: &acl::Privileges, cx: &Context<'_>) -> Vec<String> {
    let Some(target) = id.target(1) else { return Vec::new() };
    let Some(address) = grant_address(&target, cx) else { return Vec::new() };
    let column = (target.kind == PgKind::Column).then(|| target.last());
    privilege_statements(have, want, &address, Grantee::of(id.last(), cx), column).into_iter().map(Sql::build).collect()
}

/// Whom a grant is to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Grantee<'a> {
    /// Everyone.
    Public,
    /// The role that runs the plan, which has another name on a private server.
    Oneself,
    /// A role by name.
    Role(&'a str),
}

impl<'a> Grantee<'a> {
    pub(super) fn of(name: &'a str, cx: &Context<'_>) -> Self {
        match name {
            acl::PUBLIC => Self::Public,
            name if name == cx.user && !cx.names_user => Self::Oneself,
            name => Self::Role(name),
        }
    }
}

/// The statements that bring `grantee` from some privileges `on` something to others; of one column where that is said.
pub(super) fn privilege_statements(
    have: &acl::Privileges,
    want: &acl::Privileges,
    on: &Sql,
    grantee: Grantee<'_>,
    column: Option<&str>,
) -> Vec<Sql> {
    let role = |sql: Sql| match grantee {
        Grantee::Public => sql.kw("PUBLIC"),
        Grantee::Oneself => sql.kw("CURRENT_USER"),
        Grantee::Role(name) => sql.role(name),
    };
    let list = |sql: Sql, letters: &[char]| {
        sql.list(letters.iter().filter_map(|l| acl::privilege_name(*l)), |w, name| {
            let w = w.kw(name);
            match column {
                Some(column) => w.paren(|w| w.ident(column)),
                None => w,
            }
        })
    };
    let mut sql = Vec::new();
    let pick = |f: &dyn Fn(char) -> bool| -> Vec<char> {
        have.keys()
            .chain(want.keys())
            .copied()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .filter(|l| f(*l))
            .collect()
    };
    let revoked = pick(&|l| have.contains_key(&l) && !want.contains_key(&l));
    if !revoked.is_empty() {
        sql.push(role(list(Sql::new("REVOKE"), &revoked).kw("ON").then(on.clone()).kw("FROM")));
    }
    let narrowed = pick(&|l| have.get(&l) == Some(&true) && want.get(&l) == Some(&false));
    if !narrowed.is_empty() {
        sql.push(role(list(Sql::new("REVOKE GRANT OPTION FOR"), &narrowed).kw("ON").then(on.clone()).kw("FROM")));
    }
    let granted = pick(&|l| want.get(&l) == Some(&false) && !have.contains_key(&l));
    if !granted.is_empty() {
        sql.push(role(list(Sql::new("GRANT"), &granted).kw("ON").then(on.clone()).kw("TO")));
    }
    let widened = pick(&|l| want.get(&l) == Some(&true) && have.get(&l) != Some(&true));
    if !widened.is_empty() {
        sql.push(role(list(Sql::new("GRANT"), &widened).kw("ON").then(on.clone()).kw("TO")).kw("WITH GRANT OPTION"));
    }
    sql
}

/// How `GRANT … ON` names the target: views are tables to it, and columns name their relation.
pub(super) fn grant_address(target: &PgId, cx: &Context<'_>) -> Option<Sql> {
    match target.kind {
        PgKind::Column => Some(Sql::new("TABLE").name(&target.parts()[..2])),
        _ => cx.to.objects.get(target).or_else(|| cx.from.objects.get(target)).map_or_else(
            || target_address(target, cx),
            |object| {
                Some(match object {
                    // The types alone name an aggregate to it, as if it were a function.
                    PgObject::Aggregate(_) => {
                        let name = Sql::new("FUNCTION").name(&target.parts()[..2]).build();
                        Sql::empty().server_text(&format!("{name}({})", target.part(2)))
                    }
                    PgObject::Table(_) | PgObject::View(_) | PgObject::MaterializedView(_) => {
                        Sql::new("TABLE").name(&target.parts())
                    }
                    PgObject::ForeignServer(_) => Sql::new("FOREIGN SERVER").name(&target.parts()),
                    other => other.address(target),
                })
            },
        ),
    }
}

impl Item for Grant {
    const COVERAGE: Coverage = Coverage::of(
        &[again_where("privileges", "of a column, and those of its table change too")],
        &["testdata/cases/postgres/view/column_grants"],
    )
    .later(&[("MAINTAIN", 17)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { privileges, parent: _, owner: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "privileges", &words(privileges), &words(&to.privileges));
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.parent.clone())
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        // What a role has on a relation goes before it gets something on a column: revoking the one takes the other.
        vec![super::slot("grant", &[id.part(0), id.part(1), id.last()])]
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if owner_grants::says(id, cx) {
            return Alteration::InPlace(vec![PgOp::Implicit]);
        }
        let relation = cx.from.needs(id).find(|n| n.kind == PgKind::Grant);
        if relation.is_some_and(|r| cx.from.objects.get(r) != cx.to.objects.get(r)) {
            return Alteration::Replace("what changes on the relation changes on the column too".to_owned());
        }
        Alteration::InPlace(vec![PgOp::plain(statements(id, &self.privileges, &to.privileges, cx))])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        if owner_grants::says(id, cx) {
            return Vec::new();
        }
        // A column's sequence is no object by itself: it comes with the column, or with its becoming an identity.
        let had_sequence =
            matches!(cx.from.objects.get(&self.parent), Some(PgObject::Column(c)) if c.identity.is_some());
        let comes_along = |target: &PgId| target.kind == PgKind::Sequence && !cx.to.objects.contains_key(target);
        let new =
            |target: &PgId| cx.is_made(target) || (comes_along(target) && (cx.is_made(&self.parent) || !had_sequence));
        let have = id
            .target(1)
            .filter(new)
            .and_then(|target| default_privileges::at_first(&target, &self.owner, id.last(), cx));
        let have = have.unwrap_or_else(|| unsaid(id, &self.owner, cx));
        vec![Draft::sql(statements(id, &have, &self.privileges, cx))]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        if owner_grants::says(id, cx) {
            return Vec::new();
        }
        let want = unsaid(id, &self.owner, cx);
        vec![Draft::sql(statements(id, &self.privileges, &want, cx))]
    }
}
