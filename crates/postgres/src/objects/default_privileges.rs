//! Default privileges (manual, ALTER DEFAULT PRIVILEGES; `pg_default_acl`), and what they do to the objects that a plan
//! makes.
//!
//! A plan alters default privileges before it makes anything that they are about, so a new object begins with what the
//! desired side's default privileges of the connecting role give it. Where that is not what the object shall have, the
//! step that makes it takes back what is too much, and its [`super::Grant`]s count from there.

use super::grant::{Grantee, grant_address, privilege_statements};
use super::{Column, Context, Item, Query, acl};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::Reader;
use crate::results::Rows;
use crate::roles::Roles;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp, Postgres, Server};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use underpin_planner::{Action, Alteration, Draft, Verb};
use underpin_sql::Sql;

/// What objects of one kind grant when a role makes them, beyond what the server has built in. The address is the role,
/// the schema (empty for all), and the kind of objects (`tables`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DefaultPrivileges {
    /// By grantee. For all schemas: those whose privileges are not the built-in ones, with what they get instead. For one
    /// schema: what they get besides.
    pub grants: BTreeMap<String, acl::Privileges>,
}

/// Privileges by grantee.
type Acl = BTreeMap<String, acl::Privileges>;

/// The kinds of objects that have default privileges, as `GRANT … ON` names them, with their letter in `defaclobjtype`.
const OBJECTS: [(char, &str, acl::Defaults); 6] = [
    ('r', "tables", acl::Defaults::TABLE),
    ('S', "sequences", acl::Defaults::SEQUENCE),
    ('f', "functions", acl::Defaults::ROUTINE),
    ('T', "types", acl::Defaults::TYPE),
    ('n', "schemas", acl::Defaults::SCHEMA),
    ('L', "large objects", acl::Defaults { owner: "rw", public: "" }),
];

/// The kind of default privileges that new objects of a kind get.
fn objects_of(kind: PgKind) -> Option<&'static str> {
    match kind {
        PgKind::Table | PgKind::View | PgKind::MaterializedView => Some("tables"),
        PgKind::Sequence => Some("sequences"),
        PgKind::Function | PgKind::Procedure | PgKind::Aggregate => Some("functions"),
        PgKind::Schema => Some("schemas"),
        PgKind::BaseType => Some("types"),
        _ if kind.is_type() => Some("types"),
        _ => None,
    }
}

/// What the server has built in for objects of the kind that `role` makes.
fn builtin(objects: &str, role: &str, server: &Server) -> Acl {
    let defaults = OBJECTS.iter().find(|(_, name, _)| *name == objects).map_or(acl::Defaults::COLUMN, |(_, _, d)| *d);
    [role, acl::PUBLIC].map(|g| (g.to_owned(), defaults.of(g, role, server))).into()
}

fn id_of(role: &str, schema: &str, objects: &str) -> PgId {
    PgId::new(PgKind::DefaultPrivileges, [role, schema, objects])
}

impl DefaultPrivileges {
    /// What a role gets when nothing has been said: what is built in, or nothing besides.
    fn unsaid(id: &PgId, grantee: &str, server: &Server) -> acl::Privileges {
        if id.part(1).is_empty() {
            builtin(id.last(), id.part(0), server).remove(grantee).unwrap_or_default()
        } else {
            acl::Privileges::new()
        }
    }

    fn statements(id: &PgId, from: &Acl, to: &Acl, cx: &Context<'_>) -> Vec<String> {
        let grantees: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
        let mut sql = Vec::new();
        for grantee in grantees {
            let side = |acl: &Acl| acl.get(grantee).cloned().unwrap_or_else(|| Self::unsaid(id, grantee, cx.server));
            let objects = Sql::new(match id.last() {
                "tables" => "TABLES",
                "sequences" => "SEQUENCES",
                "functions" => "FUNCTIONS",
                "types" => "TYPES",
                "schemas" => "SCHEMAS",
                _ => "LARGE OBJECTS",
            });
            for grant in privilege_statements(&side(from), &side(to), &objects, Grantee::of(grantee, cx), None) {
                let mut alter = Sql::new("ALTER DEFAULT PRIVILEGES");
                // Those of the connecting role need no name; on a private server the role has another one.
                if id.part(0) != cx.user || cx.names_user {
                    alter = alter.kw("FOR ROLE").role(id.part(0));
                }
                if !id.part(1).is_empty() {
                    alter = alter.kw("IN SCHEMA").ident(id.part(1));
                }
                sql.push(alter.then(grant).build());
            }
        }
        sql
    }

    /// Whether the object gets these default privileges, whose address is `own`, when their role makes it.
    fn applies(own: &PgId, id: &PgId) -> bool {
        let (schema, objects) = (own.part(1), own.last());
        // A column may bring a sequence.
        let kind = objects_of(id.kind) == Some(objects) || (id.kind == PgKind::Column && objects == "sequences");
        kind && (schema.is_empty() || (id.depth() > 1 && id.part(0) == schema))
    }
}

/// Which actions come before which others: default privileges of the connecting role before what they are about.
pub(crate) fn first(user: &str, actions: &[Action<Postgres<'_>>]) -> Vec<(usize, usize)> {
    let own = |a: &Action<Postgres<'_>>| a.id.kind == PgKind::DefaultPrivileges && a.id.part(0) == user;
    let mut pairs = Vec::new();
    for (n, action) in actions.iter().enumerate().filter(|(_, a)| own(a)) {
        let made =
            |a: &Action<Postgres<'_>>| a.verb == Verb::Make || (a.verb == Verb::Alter && a.id.kind == PgKind::Column);
        let about =
            actions.iter().enumerate().filter(|(_, a)| made(a) && DefaultPrivileges::applies(&action.id, &a.id));
        pairs.extend(about.map(|(m, _)| (n, m)));
        // What an extension makes is its own business, and so is who may use it.
        if action.id.last() != "schemas" {
            let extensions =
                actions.iter().enumerate().filter(|(_, a)| a.verb == Verb::Make && a.id.kind == PgKind::Extension);
            pairs.extend(extensions.map(|(m, _)| (m, n)));
        }
    }
    pairs
}

/// What a new object grants at once when `role` makes it; none where that is what the server has built in.
fn initial(catalog: &PgCatalog, role: &str, target: &PgId, server: &Server) -> Option<Acl> {
    let objects = objects_of(target.kind)?;
    let said = |schema: &str| match catalog.objects.get(&id_of(role, schema, objects)) {
        Some(PgObject::DefaultPrivileges(d)) => Some(&d.grants),
        _ => None,
    };
    let everywhere = said("");
    let here = if target.depth() > 1 { said(target.part(0)) } else { None };
    // The schema `public` has at its start what any schema has, and not what it has in a new database.
    let public = target.kind == PgKind::Schema && target.last() == "public";
    if everywhere.is_none() && here.is_none() && !public {
        return None;
    }
    let mut acl = builtin(objects, role, server);
    acl.extend(everywhere.into_iter().flatten().map(|(g, p)| (g.clone(), p.clone())));
    for (grantee, privileges) in here.into_iter().flatten() {
        merge(acl.entry(grantee.clone()).or_default(), privileges);
    }
    Some(acl)
}

fn merge(into: &mut acl::Privileges, more: &acl::Privileges) {
    for (letter, option) in more {
        *into.entry(*letter).or_insert(false) |= option;
    }
}

/// What `grantee` has on an object that this plan makes and gives to `owner`, before any grant is said; none where that
/// is the built-in default.
pub(super) fn at_first(target: &PgId, owner: &str, grantee: &str, cx: &Context<'_>) -> Option<acl::Privileges> {
    let mut acl = initial(cx.to, cx.user, target, cx.server)?;
    if owner != cx.user {
        // The maker's own privileges go over to the new owner.
        let own = acl.remove(cx.user).unwrap_or_default();
        merge(acl.entry(owner.to_owned()).or_default(), &own);
    }
    Some(acl.remove(grantee).unwrap_or_default())
}

/// The statements that bring a new object, which the connecting role has just made, from what default privileges gave it
/// to what is built in, for those that the desired side says nothing about.
pub(crate) fn corrections(target: &PgId, owned: &PgId, cx: &Context<'_>) -> Vec<String> {
    let Some(acl) = initial(cx.to, cx.user, target, cx.server) else { return Vec::new() };
    let Some(address) = grant_address(target, cx) else { return Vec::new() };
    let owner = match cx.to.objects.get(&owned.attached(PgKind::Owner, &[])) {
        Some(PgObject::Owner(owner)) => owner.role.as_str(),
        _ => cx.user,
    };
    let mut sql = Vec::new();
    for (grantee, have) in &acl {
        let finally = if grantee == cx.user { owner } else { grantee };
        let said = cx.to.objects.contains_key(&target.attached(PgKind::Grant, &[finally]));
        // What the new owner has been given goes together with what it owns.
        if said || (grantee == owner && grantee != cx.user) {
            continue;
        }
        let want = super::grant::defaults(target, cx).of(grantee, cx.user, cx.server);
        sql.extend(
            privilege_statements(have, &want, &address, Grantee::of(grantee, cx), None).into_iter().map(Sql::build),
        );
    }
    sql
}

/// What a step that makes an object has to take back, of the object and of the sequence that comes with a column.
pub(crate) fn taken_back(id: &PgId, cx: &Context<'_>) -> Vec<String> {
    match cx.to.objects.get(id) {
        Some(PgObject::Column(column)) => column.identity.as_ref().map_or_else(Vec::new, |identity| {
            let sequence = PgId::new(PgKind::Sequence, [&identity.sequence.0, &identity.sequence.1]);
            corrections(&sequence, &Column::table(id), cx)
        }),
        _ => corrections(id, id, cx),
    }
}

impl Item for DefaultPrivileges {
    const COVERAGE: Coverage = Coverage::of(
        &[alters("privileges")],
        &[
            "testdata/cases/postgres/default_privileges/narrower",
            "testdata/cases/postgres/default_privileges/new_objects_differ",
        ],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { grants } = self;
        let words = |acl: &Acl| {
            acl.iter().map(|(g, p)| format!("{g}: {}", super::grant::words(p))).collect::<Vec<_>>().join("; ")
        };
        let mut list = Vec::new();
        differ(&mut list, "privileges", &words(grants), &words(&to.grants));
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        (!id.part(1).is_empty()).then(|| PgId::new(PgKind::Schema, [id.part(1)]))
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(vec![PgOp::plain(Self::statements(id, &self.grants, &to.grants, cx))])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(Self::statements(id, &Acl::new(), &self.grants, cx))]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(Self::statements(id, &self.grants, &Acl::new(), cx))]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| vec!["SELECT defaclrole, defaclnamespace, defaclobjtype, defaclacl, oid FROM pg_default_acl".to_owned()],
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let schema = match row.oid(1) {
            0 => None,
            oid => match reader.find(crate::reader::class::NAMESPACE, oid, 0) {
                Some(id) => Some(id.clone()),
                None => continue,
            },
        };
        let Some((_, objects, defaults)) = OBJECTS.iter().find(|(letter, ..)| *letter == row.char(2)) else { continue };
        let role = reader.role(row.oid(0));
        let grants = if schema.is_some() {
            acl::parse(row.text(3), |r| reader.alias_of(r))
        } else {
            acl::differing(row.text(3), *defaults, &role, reader.server, |r| reader.alias_of(r))
        };
        let id = id_of(&role, schema.as_ref().map_or("", |s| s.last()), objects);
        if let Some(schema) = &schema {
            reader.depends(&id, schema);
        }
        reader.add(
            crate::reader::class::DEFAULT_ACL,
            row.oid(4),
            id,
            PgObject::DefaultPrivileges(DefaultPrivileges { grants }),
        );
    }
}
