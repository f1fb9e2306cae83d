//! Row security policies (manual, CREATE POLICY and ALTER POLICY; `pg_policy`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::roles::Roles;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A row security policy. Its address is the table's with its own name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// `PERMISSIVE`; else `RESTRICTIVE`.
    pub permissive: bool,
    /// The command it is for, or `ALL`.
    pub command: String,
    /// The roles it is for, in the order of their names; none for everyone.
    pub roles: Vec<String>,
    /// `USING`, as the server prints it.
    pub using: Option<String>,
    /// `WITH CHECK`, as the server prints it.
    pub check: Option<String>,
}

fn to_roles(sql: Sql, roles: &[String]) -> Sql {
    let sql = sql.kw("TO");
    if roles.is_empty() { sql.kw("PUBLIC") } else { sql.list(roles, |w, r| w.role(r)) }
}

fn clause(sql: Sql, keywords: &'static str, expression: Option<&String>) -> Sql {
    match expression {
        Some(expression) => sql.kw(keywords).paren(|w| w.server_text(&crate::restate::restated(expression))),
        None => sql,
    }
}

impl Item for Policy {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("permissive"),
            again("command"),
            alters("roles"),
            again_where("using", "it is taken away"),
            again_where("with check", "it is taken away"),
        ],
        &["testdata/cases/postgres/policy/every_part"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { permissive, command, roles, using, check } = self;
        let mut list = Vec::new();
        differ(&mut list, "permissive", permissive, &to.permissive);
        differ(&mut list, "command", command, &to.command);
        differ(&mut list, "roles", roles, &to.roles);
        differ(&mut list, "using", using, &to.using);
        differ(&mut list, "with check", check, &to.check);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(id.prefix(PgKind::Table, 2))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("policy", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("POLICY").ident(id.last()).kw("ON").name(&id.parts()[..2])
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.permissive != to.permissive || self.command != to.command {
            return Alteration::Replace(
                "a policy's command and its being permissive cannot be changed in place".to_owned(),
            );
        }
        if (self.using.is_some() && to.using.is_none()) || (self.check.is_some() && to.check.is_none()) {
            return Alteration::Replace("an expression cannot be taken from a policy in place".to_owned());
        }
        let mut sql = Sql::new("ALTER").then(self.address(id));
        if self.roles != to.roles {
            sql = to_roles(sql, &to.roles);
        }
        sql = clause(sql, "USING", to.using.as_ref().filter(|_| self.using != to.using));
        sql = clause(sql, "WITH CHECK", to.check.as_ref().filter(|_| self.check != to.check));
        Alteration::InPlace(vec![PgOp::one(sql)])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE").then(self.address(id)).kw_if(!self.permissive, "AS RESTRICTIVE");
        if self.command != "ALL" {
            sql = sql.kw("FOR").server_text(&self.command);
        }
        if !self.roles.is_empty() {
            sql = to_roles(sql, &self.roles);
        }
        sql = clause(sql, "USING", self.using.as_ref());
        sql = clause(sql, "WITH CHECK", self.check.as_ref());
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT p.oid, p.polname, p.polrelid, p.polpermissive, p.polcmd, p.polroles, pg_get_expr(p.polqual, p.polrelid), \
             pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_policy p WHERE p.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(on) = reader.find(class::CLASS, row.oid(2), 0).cloned() else { continue };
        if !reader.is_ours(class::CLASS, row.oid(2)) || !reader.is_ours(class::POLICY, row.oid(0)) {
            continue;
        }
        // Everyone is role 0, and is then the only one.
        let mut roles: Vec<String> = row
            .array(5)
            .iter()
            .filter_map(|r| r.parse::<u32>().ok())
            .filter(|r| *r != 0)
            .map(|r| reader.role(r))
            .collect();
        roles.sort();
        let id = PgId::new(PgKind::Policy, [on.part(0), on.part(1), row.text(1)]);
        let policy = Policy {
            permissive: row.bool(3),
            command: match row.char(4) {
                'r' => "SELECT",
                'a' => "INSERT",
                'w' => "UPDATE",
                'd' => "DELETE",
                _ => "ALL",
            }
            .to_owned(),
            roles,
            using: row.opt_string(6),
            check: row.opt_string(7),
        };
        reader.add(class::POLICY, row.oid(0), id.clone(), PgObject::Policy(policy));
        reader.depends(&id, &on);
    }
}
