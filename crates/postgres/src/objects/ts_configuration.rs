//! Text search configurations (manual, CREATE TEXT SEARCH CONFIGURATION; `pg_ts_config`, `pg_ts_config_map`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A text search configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TsConfiguration {
    /// The parser, qualified.
    pub parser: String,
    /// For each type of token, the dictionaries that are asked, in order, each qualified.
    pub mappings: BTreeMap<String, Vec<String>>,
}

impl TsConfiguration {
    fn mapping(&self, id: &PgId, keywords: &'static str, token: &str, dictionaries: Option<&Vec<String>>) -> String {
        let sql = Sql::new("ALTER").then(self.address(id)).kw(keywords).ident(token);
        match dictionaries {
            Some(list) => sql.kw("WITH").list(list, |w, d| w.server_text(d)),
            None => sql,
        }
        .build()
    }
}

impl Item for TsConfiguration {
    const COVERAGE: Coverage =
        Coverage::of(&[again("parser"), alters("mappings")], &["testdata/cases/postgres/text_search/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { parser, mappings } = self;
        let mut list = Vec::new();
        differ(&mut list, "parser", parser, &to.parser);
        differ(&mut list, "mappings", mappings, &to.mappings);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("text search configuration", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TEXT SEARCH CONFIGURATION").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.parser != to.parser {
            return Alteration::Replace("a configuration's parser cannot be changed in place".to_owned());
        }
        let mut sql = Vec::new();
        for token in self.mappings.keys().filter(|t| !to.mappings.contains_key(*t)) {
            sql.push(self.mapping(id, "DROP MAPPING FOR", token, None));
        }
        for (token, dictionaries) in &to.mappings {
            match self.mappings.get(token) {
                Some(before) if before == dictionaries => {}
                Some(_) => sql.push(self.mapping(id, "ALTER MAPPING FOR", token, Some(dictionaries))),
                None => sql.push(self.mapping(id, "ADD MAPPING FOR", token, Some(dictionaries))),
            }
        }
        Alteration::InPlace(vec![PgOp::plain(sql)])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let create = Sql::new("CREATE").then(self.address(id)).paren(|w| w.kw("PARSER =").server_text(&self.parser));
        let mut sql = vec![create.build()];
        sql.extend(self.mappings.iter().map(|(t, d)| self.mapping(id, "ADD MAPPING FOR", t, Some(d))));
        vec![Draft::sql(sql)]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            format!(
                "SELECT c.oid, c.cfgname, c.cfgnamespace, c.cfgowner, quote_ident(n.nspname) || '.' || quote_ident(p.prsname) \
                 FROM pg_ts_config c JOIN pg_ts_parser p ON p.oid = c.cfgparser JOIN pg_namespace n ON n.oid = p.prsnamespace \
                 WHERE c.oid >= {FIRST_USER_OID}"
            ),
            format!(
                "SELECT m.mapcfg, t.alias, quote_ident(n.nspname) || '.' || quote_ident(d.dictname) FROM pg_ts_config c \
                 CROSS JOIN LATERAL ts_token_type(c.cfgparser) t \
                 JOIN pg_ts_config_map m ON m.mapcfg = c.oid AND m.maptokentype = t.tokid \
                 JOIN pg_ts_dict d ON d.oid = m.mapdict JOIN pg_namespace n ON n.oid = d.dictnamespace \
                 WHERE c.oid >= {FIRST_USER_OID} ORDER BY m.mapcfg, m.maptokentype, m.mapseqno"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut mappings: HashMap<u32, BTreeMap<String, Vec<String>>> = HashMap::new();
    for row in results[1].iter() {
        mappings.entry(row.oid(0)).or_default().entry(row.string(1)).or_default().push(row.string(2));
    }
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TS_CONFIG, oid) {
            continue;
        }
        let id = PgId::new(PgKind::TsConfiguration, [schema.as_str(), row.text(1)]);
        let configuration =
            TsConfiguration { parser: row.string(4), mappings: mappings.remove(&oid).unwrap_or_default() };
        reader.add_in_schema(class::TS_CONFIG, oid, &id, PgObject::TsConfiguration(configuration));
        reader.owner(&id, row.oid(3));
    }
}
