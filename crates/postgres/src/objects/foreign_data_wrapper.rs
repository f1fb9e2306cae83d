//! Foreign-data wrappers that no extension brings (manual, CREATE FOREIGN DATA WRAPPER; `pg_foreign_data_wrapper`).

use super::{Context, ForeignOptions, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A foreign-data wrapper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForeignDataWrapper {
    /// The handler function, qualified and quoted.
    pub handler: Option<String>,
    /// The validator function, qualified and quoted.
    pub validator: Option<String>,
    /// Its options.
    pub options: ForeignOptions,
}

impl Item for ForeignDataWrapper {
    const COVERAGE: Coverage = Coverage::of(
        &[alters("handler"), alters("validator"), alters("options")],
        &["testdata/cases/postgres/foreign_data/servers_and_mappings"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { handler, validator, options } = self;
        let mut list = Vec::new();
        differ(&mut list, "handler", handler, &to.handler);
        differ(&mut list, "validator", validator, &to.validator);
        differ(&mut list, "options", &options.plain, &to.options.plain);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("foreign-data wrapper", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("FOREIGN DATA WRAPPER").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        let alter = || Sql::new("ALTER").then(self.address(id));
        let mut ops = Vec::new();
        if self.handler != to.handler {
            ops.push(PgOp::one(match &to.handler {
                Some(name) => alter().kw("HANDLER").server_text(name),
                None => alter().kw("NO HANDLER"),
            }));
        }
        if self.validator != to.validator {
            ops.push(PgOp::one(match &to.validator {
                Some(name) => alter().kw("VALIDATOR").server_text(name),
                None => alter().kw("NO VALIDATOR"),
            }));
        }
        ops.extend(self.options.write_change(&to.options, alter()).map(PgOp::one));
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE").then(self.address(id));
        if let Some(name) = &self.handler {
            sql = sql.kw("HANDLER").server_text(name);
        }
        if let Some(name) = &self.validator {
            sql = sql.kw("VALIDATOR").server_text(name);
        }
        let mut draft = Draft::sql(vec![self.options.write(sql).build()]);
        draft.reason = self.options.left_out();
        vec![draft]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT oid, fdwname, fdwowner, fdwacl, fdwoptions, CASE WHEN fdwhandler <> 0 THEN fdwhandler::regproc END, \
             CASE WHEN fdwvalidator <> 0 THEN fdwvalidator::regproc END \
             FROM pg_foreign_data_wrapper WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        if !reader.is_ours(class::FOREIGN_DATA_WRAPPER, oid) {
            continue;
        }
        let id = PgId::new(PgKind::ForeignDataWrapper, [row.text(1)]);
        let wrapper = ForeignDataWrapper {
            handler: row.opt_string(5),
            validator: row.opt_string(6),
            options: ForeignOptions::parse(row.array(4)),
        };
        reader.add(class::FOREIGN_DATA_WRAPPER, oid, id.clone(), PgObject::ForeignDataWrapper(wrapper));
        reader.owner(&id, row.oid(2));
        reader.grants(&id, &id, row.opt(3), acl::Defaults::FOREIGN, row.oid(2));
    }
}
