//! Transforms between types and procedural languages (manual, CREATE TRANSFORM; `pg_transform`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A transform. Its address is the type and the language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transform {
    /// `FROM SQL WITH FUNCTION`: the function with its argument types.
    pub from_sql: Option<String>,
    /// `TO SQL WITH FUNCTION`: the function with its argument types.
    pub to_sql: Option<String>,
}

impl Transform {
    fn create(&self, id: &PgId, keywords: &'static str) -> Sql {
        let mut parts = Vec::new();
        parts.extend(self.from_sql.iter().map(|f| Sql::new("FROM SQL WITH FUNCTION").server_text(f)));
        parts.extend(self.to_sql.iter().map(|f| Sql::new("TO SQL WITH FUNCTION").server_text(f)));
        Sql::new(keywords).then(self.address(id)).paren(|w| w.list(parts, |w, p| w.then(p)))
    }
}

impl Item for Transform {
    const COVERAGE: Coverage =
        Coverage::of(&[alters("from SQL"), alters("to SQL")], &["testdata/cases/postgres/transform/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { from_sql, to_sql } = self;
        let mut list = Vec::new();
        differ(&mut list, "from SQL", from_sql, &to.from_sql);
        differ(&mut list, "to SQL", to_sql, &to.to_sql);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("transform", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TRANSFORM FOR").server_text(id.part(0)).kw("LANGUAGE").ident(id.part(1))
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(vec![PgOp::one(to.create(id, "CREATE OR REPLACE"))])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![self.create(id, "CREATE").build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT t.oid, format_type(t.trftype, NULL), l.lanname, \
             CASE WHEN t.trffromsql <> 0 THEN t.trffromsql::oid::regprocedure END, \
             CASE WHEN t.trftosql <> 0 THEN t.trftosql::oid::regprocedure END \
             FROM pg_transform t JOIN pg_language l ON l.oid = t.trflang WHERE t.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        if reader.is_ours(class::TRANSFORM, row.oid(0)) {
            let id = PgId::new(PgKind::Transform, [row.text(1), row.text(2)]);
            let transform = Transform { from_sql: row.opt_string(3), to_sql: row.opt_string(4) };
            reader.add(class::TRANSFORM, row.oid(0), id, PgObject::Transform(transform));
        }
    }
}
