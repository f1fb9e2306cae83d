//! Procedural languages that no extension brought (manual, CREATE LANGUAGE; `pg_language`).

use super::{Context, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A procedural language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Language {
    /// `TRUSTED`: everyone may write functions in it.
    pub trusted: bool,
    /// `HANDLER`.
    pub handler: String,
    /// `INLINE`: runs `DO`.
    pub inline: Option<String>,
    /// `VALIDATOR`.
    pub validator: Option<String>,
}

impl Language {
    fn create(&self, id: &PgId, keywords: &'static str) -> Sql {
        let mut sql = Sql::new(keywords).kw_if(self.trusted, "TRUSTED").kw("PROCEDURAL LANGUAGE").ident(id.last());
        sql = sql.kw("HANDLER").server_text(&self.handler);
        if let Some(function) = &self.inline {
            sql = sql.kw("INLINE").server_text(function);
        }
        if let Some(function) = &self.validator {
            sql = sql.kw("VALIDATOR").server_text(function);
        }
        sql
    }
}

impl Item for Language {
    const COVERAGE: Coverage = Coverage::of(
        &[alters("trusted"), alters("handler"), alters("inline"), alters("validator")],
        &["testdata/cases/postgres/language/changes"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { trusted, handler, inline, validator } = self;
        let mut list = Vec::new();
        differ(&mut list, "trusted", trusted, &to.trusted);
        differ(&mut list, "handler", handler, &to.handler);
        differ(&mut list, "inline", inline, &to.inline);
        differ(&mut list, "validator", validator, &to.validator);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("language", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("LANGUAGE").name(&id.parts())
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
            "SELECT oid, lanname, lanowner, lanacl, lanpltrusted, lanplcallfoid::regproc, \
             CASE WHEN laninline <> 0 THEN laninline::regproc END, CASE WHEN lanvalidator <> 0 THEN lanvalidator::regproc END \
             FROM pg_language WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        if !reader.is_ours(class::LANGUAGE, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::Language, [row.text(1)]);
        let language = Language {
            trusted: row.bool(4),
            handler: row.string(5),
            inline: row.opt_string(6),
            validator: row.opt_string(7),
        };
        reader.add(class::LANGUAGE, row.oid(0), id.clone(), PgObject::Language(language));
        reader.owner(&id, row.oid(2));
        reader.grants(&id, &id, row.opt(3), acl::Defaults::LANGUAGE, row.oid(2));
    }
}
