//! Text search parsers (manual, CREATE TEXT SEARCH PARSER; `pg_ts_parser`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A text search parser: its functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TsParser {
    /// `START`.
    pub start: String,
    /// `GETTOKEN`.
    pub get_token: String,
    /// `END`.
    pub end: String,
    /// `LEXTYPES`.
    pub lex_types: String,
    /// `HEADLINE`.
    pub headline: Option<String>,
}

impl Item for TsParser {
    const COVERAGE: Coverage = Coverage::of(
        &[again("start"), again("gettoken"), again("end"), again("lextypes"), again("headline")],
        &["testdata/cases/postgres/text_search/parser"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { start, get_token, end, lex_types, headline } = self;
        let mut list = Vec::new();
        differ(&mut list, "start", start, &to.start);
        differ(&mut list, "gettoken", get_token, &to.get_token);
        differ(&mut list, "end", end, &to.end);
        differ(&mut list, "lextypes", lex_types, &to.lex_types);
        differ(&mut list, "headline", headline, &to.headline);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("text search parser", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TEXT SEARCH PARSER").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a text search parser cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut parts = vec![
            Sql::new("START =").server_text(&self.start),
            Sql::new("GETTOKEN =").server_text(&self.get_token),
            Sql::new("END =").server_text(&self.end),
        ];
        parts.extend(self.headline.iter().map(|f| Sql::new("HEADLINE =").server_text(f)));
        parts.push(Sql::new("LEXTYPES =").server_text(&self.lex_types));
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).block(parts).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT oid, prsname, prsnamespace, prsstart, prstoken, prsend, prslextype, \
             CASE WHEN prsheadline <> 0 THEN prsheadline END FROM pg_ts_parser WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TS_PARSER, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::TsParser, [schema.as_str(), row.text(1)]);
        let parser = TsParser {
            start: row.string(3),
            get_token: row.string(4),
            end: row.string(5),
            lex_types: row.string(6),
            headline: row.opt_string(7),
        };
        reader.add_in_schema(class::TS_PARSER, row.oid(0), &id, PgObject::TsParser(parser));
    }
}
