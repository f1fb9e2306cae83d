//! Access methods for indexes and tables (manual, CREATE ACCESS METHOD; `pg_am`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// An access method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccessMethod {
    /// Whether it stores tables; otherwise it is for indexes.
    pub for_tables: bool,
    /// The handler function.
    pub handler: String,
}

impl Item for AccessMethod {
    const COVERAGE: Coverage =
        Coverage::of(&[again("for tables"), again("handler")], &["testdata/cases/postgres/access_method/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { for_tables, handler } = self;
        let mut list = Vec::new();
        differ(&mut list, "for tables", for_tables, &to.for_tables);
        differ(&mut list, "handler", handler, &to.handler);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("access method", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("ACCESS METHOD").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("an access method cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql =
            Sql::new("CREATE").then(self.address(id)).kw("TYPE").kw(if self.for_tables { "TABLE" } else { "INDEX" });
        vec![Draft::sql(vec![sql.kw("HANDLER").server_text(&self.handler).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| vec![format!("SELECT oid, amname, amtype, amhandler FROM pg_am WHERE oid >= {FIRST_USER_OID}")],
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        if reader.is_ours(class::ACCESS_METHOD, row.oid(0)) {
            let id = PgId::new(PgKind::AccessMethod, [row.text(1)]);
            let method = AccessMethod { for_tables: row.char(2) == 't', handler: row.string(3) };
            reader.add(class::ACCESS_METHOD, row.oid(0), id, PgObject::AccessMethod(method));
        }
    }
}
