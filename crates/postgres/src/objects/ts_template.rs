//! Text search templates (manual, CREATE TEXT SEARCH TEMPLATE; `pg_ts_template`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A text search template: its functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TsTemplate {
    /// `INIT`.
    pub init: Option<String>,
    /// `LEXIZE`.
    pub lexize: String,
}

impl Item for TsTemplate {
    const COVERAGE: Coverage =
        Coverage::of(&[again("init"), again("lexize")], &["testdata/cases/postgres/text_search/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { init, lexize } = self;
        let mut list = Vec::new();
        differ(&mut list, "init", init, &to.init);
        differ(&mut list, "lexize", lexize, &to.lexize);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("text search template", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TEXT SEARCH TEMPLATE").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a text search template cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut parts: Vec<Sql> = self.init.iter().map(|f| Sql::new("INIT =").server_text(f)).collect();
        parts.push(Sql::new("LEXIZE =").server_text(&self.lexize));
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).block(parts).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT oid, tmplname, tmplnamespace, CASE WHEN tmplinit <> 0 THEN tmplinit END, tmpllexize FROM pg_ts_template \
             WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TS_TEMPLATE, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::TsTemplate, [schema.as_str(), row.text(1)]);
        let template = TsTemplate { init: row.opt_string(3), lexize: row.string(4) };
        reader.add_in_schema(class::TS_TEMPLATE, row.oid(0), &id, PgObject::TsTemplate(template));
    }
}
