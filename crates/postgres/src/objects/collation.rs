//! Collations (manual, CREATE COLLATION; `pg_collation`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A collation. The version of the library that it was made with is a fact of the machine, not of the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collation {
    /// `libc`, `icu` or `builtin` (17).
    pub provider: String,
    /// The locale of an ICU or built-in collation.
    pub locale: Option<String>,
    /// `LC_COLLATE` of a libc collation.
    pub lc_collate: Option<String>,
    /// `LC_CTYPE` of a libc collation.
    pub lc_ctype: Option<String>,
    /// Whether only equal bytes are equal.
    pub deterministic: bool,
    /// ICU rules of its own (16).
    pub rules: Option<String>,
}

impl Item for Collation {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("provider"),
            again("locale"),
            again("lc_collate"),
            again("lc_ctype"),
            again("deterministic"),
            again("rules").since(16),
        ],
        &[
            "testdata/cases/postgres/collations/come_and_go",
            "testdata/cases/postgres/collations/replaced_under_columns",
        ],
    )
    .later(&[("the provider builtin", 17)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { provider, locale, lc_collate, lc_ctype, deterministic, rules } = self;
        let mut list = Vec::new();
        differ(&mut list, "provider", provider, &to.provider);
        differ(&mut list, "locale", locale, &to.locale);
        differ(&mut list, "lc_collate", lc_collate, &to.lc_collate);
        differ(&mut list, "lc_ctype", lc_ctype, &to.lc_ctype);
        differ(&mut list, "deterministic", deterministic, &to.deterministic);
        differ(&mut list, "rules", rules, &to.rules);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("collation", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("COLLATION").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a collation cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut parts = vec![Sql::new("provider =").server_text(&self.provider)];
        if let Some(locale) = &self.locale {
            parts.push(Sql::new("locale =").literal(locale));
        }
        match (&self.lc_collate, &self.lc_ctype) {
            (Some(collate), Some(ctype)) if collate == ctype => parts.push(Sql::new("locale =").literal(collate)),
            (collate, ctype) => {
                parts.extend(collate.as_ref().map(|l| Sql::new("lc_collate =").literal(l)));
                parts.extend(ctype.as_ref().map(|l| Sql::new("lc_ctype =").literal(l)));
            }
        }
        if !self.deterministic {
            parts.push(Sql::new("deterministic = false"));
        }
        parts.extend(self.rules.as_ref().map(|r| Sql::new("rules =").literal(r)));
        let sql = Sql::new("CREATE").then(self.address(id)).paren(|w| w.list(parts, Sql::then));
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let locale = server.collation_locale_column();
        let rules = if server.has_collation_rules() { "collicurules" } else { "NULL" };
        vec![format!(
            "SELECT oid, collname, collnamespace, collowner, collprovider, {locale}, collcollate, collctype, collisdeterministic, {rules} \
             FROM pg_collation WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::COLLATION, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Collation, [schema.as_str(), row.text(1)]);
        let libc = row.char(4) == 'c';
        let collation = Collation {
            provider: match row.char(4) {
                'i' => "icu",
                'b' => "builtin",
                _ => "libc",
            }
            .to_owned(),
            locale: if libc { None } else { row.opt_string(5) },
            lc_collate: if libc { row.opt_string(6) } else { None },
            lc_ctype: if libc { row.opt_string(7) } else { None },
            deterministic: row.bool(8),
            rules: row.opt_string(9),
        };
        reader.add(class::COLLATION, oid, id.clone(), PgObject::Collation(collation));
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
    }
}
