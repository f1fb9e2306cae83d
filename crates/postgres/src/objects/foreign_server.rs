//! Foreign servers (manual, CREATE SERVER; `pg_foreign_server`).

use super::{Context, ForeignOptions, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A foreign server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignServer {
    /// The name of its foreign-data wrapper.
    pub wrapper: String,
    /// `TYPE`.
    pub server_type: Option<String>,
    /// `VERSION`.
    pub version: Option<String>,
    /// Its options.
    pub options: ForeignOptions,
}

impl Item for ForeignServer {
    const COVERAGE: Coverage = Coverage::of(
        &[again("foreign-data wrapper"), again("type"), alters("version"), alters("options")],
        &[
            "testdata/cases/postgres/foreign_data/servers_and_mappings",
            "testdata/cases/postgres/foreign_data/server_is_replaced",
        ],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { wrapper, server_type, version, options } = self;
        let mut list = Vec::new();
        differ(&mut list, "foreign-data wrapper", wrapper, &to.wrapper);
        differ(&mut list, "type", server_type, &to.server_type);
        differ(&mut list, "version", version, &to.version);
        differ(&mut list, "options", &options.plain, &to.options.plain);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("foreign server", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("SERVER").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.wrapper != to.wrapper {
            return Alteration::Replace("a server's foreign-data wrapper cannot be changed".to_owned());
        }
        if self.server_type != to.server_type {
            return Alteration::Replace("a server's type cannot be changed".to_owned());
        }
        let alter = || Sql::new("ALTER").then(self.address(id));
        let mut ops = Vec::new();
        if self.version != to.version {
            let sql = alter().kw("VERSION");
            ops.push(PgOp::one(match &to.version {
                Some(version) => sql.literal(version),
                None => sql.kw("NULL"),
            }));
        }
        ops.extend(self.options.write_change(&to.options, alter()).map(PgOp::one));
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE").then(self.address(id));
        if let Some(server_type) = &self.server_type {
            sql = sql.kw("TYPE").literal(server_type);
        }
        if let Some(version) = &self.version {
            sql = sql.kw("VERSION").literal(version);
        }
        let sql = sql.kw("FOREIGN DATA WRAPPER").ident(&self.wrapper);
        let mut draft = Draft::sql(vec![self.options.write(sql).build()]);
        draft.reason = self.options.left_out();
        vec![draft]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT s.oid, s.srvname, s.srvowner, s.srvacl, s.srvoptions, s.srvtype, s.srvversion, w.fdwname \
             FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw WHERE s.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        if !reader.is_ours(class::FOREIGN_SERVER, oid) {
            continue;
        }
        let id = PgId::new(PgKind::ForeignServer, [row.text(1)]);
        let server = ForeignServer {
            wrapper: row.string(7),
            server_type: row.opt_string(5),
            version: row.opt_string(6),
            options: ForeignOptions::parse(row.array(4)),
        };
        reader.add(class::FOREIGN_SERVER, oid, id.clone(), PgObject::ForeignServer(server));
        reader.owner(&id, row.oid(2));
        reader.grants(&id, &id, row.opt(3), acl::Defaults::FOREIGN, row.oid(2));
    }
}
