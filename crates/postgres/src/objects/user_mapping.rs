//! User mappings of foreign servers (manual, CREATE USER MAPPING; the view `pg_user_mappings`, which shows options only to
//! those who may use them).

use super::{Context, ForeignOptions, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::roles::Roles;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_model::{Diagnostic, Severity};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A user mapping. Its address is the server and the role; [`acl::PUBLIC`] is everyone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UserMapping {
    /// Its options; none where the connecting role may not read them.
    pub options: Option<ForeignOptions>,
}

impl Item for UserMapping {
    const COVERAGE: Coverage =
        Coverage::of(&[alters("options")], &["testdata/cases/postgres/foreign_data/servers_and_mappings"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { options } = self;
        let mut list = Vec::new();
        // What cannot be read cannot be compared.
        if let (Some(from), Some(to)) = (options, &to.options) {
            differ(&mut list, "options", &from.plain, &to.plain);
        }
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("user mapping", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        let sql = Sql::new("USER MAPPING FOR");
        let sql = if id.last() == acl::PUBLIC { sql.kw("PUBLIC") } else { sql.role(id.last()) };
        sql.kw("SERVER").ident(id.part(0))
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        let change = match (&self.options, &to.options) {
            (Some(from), Some(to)) => from.write_change(to, Sql::new("ALTER").then(self.address(id))),
            _ => None,
        };
        Alteration::InPlace(change.into_iter().map(PgOp::one).collect())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE").then(self.address(id));
        let Some(options) = &self.options else { return vec![Draft::sql(vec![sql.build()])] };
        let mut draft = Draft::sql(vec![options.write(sql).build()]);
        draft.reason = options.left_out();
        vec![draft]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT m.umid, m.srvname, m.umuser, m.umoptions, \
             (m.umuser <> 0 AND m.usename = current_user AND (pg_has_role(s.srvowner, 'USAGE') OR has_server_privilege(s.oid, 'USAGE'))) \
             OR (m.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE')) \
             OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), m.srvid \
             FROM pg_user_mappings m JOIN pg_foreign_server s ON s.oid = m.srvid WHERE m.umid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut unreadable = Vec::new();
    for row in results[0].iter() {
        let oid = row.oid(0);
        if !reader.is_ours(class::USER_MAPPING, oid) || !reader.is_ours(class::FOREIGN_SERVER, row.oid(5)) {
            continue;
        }
        let user = if row.oid(2) == 0 { acl::PUBLIC.to_owned() } else { reader.role(row.oid(2)) };
        let id = PgId::new(PgKind::UserMapping, [row.text(1), &user]);
        let options = row.bool(4).then(|| ForeignOptions::parse(row.array(3)));
        if options.is_none() {
            unreadable.push(id.to_string());
        }
        let server = id.prefix(PgKind::ForeignServer, 1);
        reader.add(class::USER_MAPPING, oid, id.clone(), PgObject::UserMapping(UserMapping { options }));
        reader.depends(&id, &server);
    }
    if !unreadable.is_empty() {
        let message = format!(
            "the options of {} cannot be read by the connecting role, so they are not compared",
            unreadable.join(", ")
        );
        let help =
            "connect as the mapped role with USAGE on the server, as the server's owner for PUBLIC, or as a superuser";
        reader.diagnose(Diagnostic::new(Severity::Warning, "user-mapping-unreadable", message).help(help));
    }
}
