//! Schemas (manual, CREATE SCHEMA; `pg_namespace`).

use super::{Context, Item, Query, acl, not_of_an_extension, slot};
use crate::coverage::Coverage;
use crate::reader::{Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A schema. All that can be said about it (owner, grants, comment) are objects of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schema {}

impl Item for Schema {
    const COVERAGE: Coverage = Coverage::of(
        &[],
        &["testdata/cases/postgres/schema/come_and_go", "testdata/cases/postgres/default_privileges/new_schema"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let (Self {}, Self {}) = (self, to);
        Vec::new()
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("schema", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("SCHEMA").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(Vec::new())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        // Extensions are read after what they may be made in.
        let is_own = not_of_an_extension("pg_namespace", "n.oid");
        vec![format!("SELECT n.oid, n.nspname, n.nspowner, n.nspacl, {is_own} FROM pg_namespace n")]
    },
    read,
};

/// The comment that `initdb` puts on the schema `public`; `pg_dump` leaves it out too.
pub(crate) const PUBLIC_COMMENT: &str = "standard public schema";

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let (oid, name, owner) = (row.oid(0), row.string(1), row.oid(2));
        reader.schemas.insert(oid, name.clone());
        if reader.schema(oid).is_none() {
            continue;
        }
        // One that an extension makes comes and goes with it.
        if !row.bool(4) {
            continue;
        }
        let id = PgId::new(PgKind::Schema, [&name]);
        // `public` is made by initdb with an OID of its own, and its owner and grants depend on the version.
        let builtin = name == "public" && oid < crate::reader::FIRST_USER_OID;
        if !builtin && !reader.is_ours(class::NAMESPACE, oid) {
            continue;
        }
        reader.add(class::NAMESPACE, oid, id.clone(), PgObject::Schema(Schema {}));
        if builtin {
            let defaults = acl::Defaults::public_schema(reader.server);
            reader.public_schema(&id, row.opt(3), defaults, owner);
        } else {
            reader.owner(&id, owner);
            reader.grants(&id, &id, row.opt(3), acl::Defaults::SCHEMA, owner);
        }
    }
}
