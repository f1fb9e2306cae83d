//! Conversions between encodings (manual, CREATE CONVERSION; `pg_conversion`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A conversion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conversion {
    /// `DEFAULT`: taken where a client asks for the encodings and not for a conversion.
    pub default: bool,
    /// The encoding that it takes.
    pub from_encoding: String,
    /// The encoding that it gives.
    pub to_encoding: String,
    /// The function.
    pub function: String,
}

impl Item for Conversion {
    const COVERAGE: Coverage = Coverage::of(
        &[again("default"), again("from encoding"), again("to encoding"), again("function")],
        &["testdata/cases/postgres/conversion/changes"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { default, from_encoding, to_encoding, function } = self;
        let mut list = Vec::new();
        differ(&mut list, "default", default, &to.default);
        differ(&mut list, "from encoding", from_encoding, &to.from_encoding);
        differ(&mut list, "to encoding", to_encoding, &to.to_encoding);
        differ(&mut list, "function", function, &to.function);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        let mut slots = vec![slot("conversion", &id.parts())];
        // A schema has at most one default for two encodings.
        slots.extend(
            self.default.then(|| slot("default conversion", &[id.part(0), &self.from_encoding, &self.to_encoding])),
        );
        slots
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("CONVERSION").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a conversion cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE")
            .kw_if(self.default, "DEFAULT")
            .then(self.address(id))
            .kw("FOR")
            .literal(&self.from_encoding);
        let sql = sql.kw("TO").literal(&self.to_encoding).kw("FROM").server_text(&self.function);
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT oid, conname, connamespace, conowner, condefault, pg_encoding_to_char(conforencoding), \
             pg_encoding_to_char(contoencoding), conproc FROM pg_conversion WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::CONVERSION, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::Conversion, [schema.as_str(), row.text(1)]);
        let conversion = Conversion {
            default: row.bool(4),
            from_encoding: row.string(5),
            to_encoding: row.string(6),
            function: row.string(7),
        };
        reader.add_in_schema(class::CONVERSION, row.oid(0), &id, PgObject::Conversion(conversion));
        reader.owner(&id, row.oid(3));
    }
}
