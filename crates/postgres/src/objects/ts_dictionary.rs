//! Text search dictionaries (manual, CREATE TEXT SEARCH DICTIONARY; `pg_ts_dict`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A text search dictionary.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TsDictionary {
    /// The template, qualified.
    pub template: String,
    /// The options in order: name and value, each as the server writes it.
    pub options: Vec<(String, String)>,
}

/// Takes `dictinitoption` apart: `name = 'value', name2 = 'value'` (`serialize_deflist`,
/// `src/backend/commands/tsearchcmds.c`). What it quotes stays quoted.
fn parse_options(text: &str) -> Vec<(String, String)> {
    let mut items = Vec::new();
    let (mut start, mut quote, mut escapes) = (0, None, false);
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match (quote, c) {
            (None, '\'' | '"') => {
                escapes = c == '\'' && text[..at].ends_with(['E', 'e']);
                quote = Some(c);
            }
            (Some('\''), '\\') if escapes => {
                chars.next();
            }
            (Some(q), c) if q == c => quote = None,
            (None, ',') => {
                items.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&text[start..]);
    items
        .iter()
        .filter_map(|item| item.split_once(" = "))
        .map(|(k, v)| (k.trim().to_owned(), v.trim().to_owned()))
        .collect()
}

impl Item for TsDictionary {
    const COVERAGE: Coverage =
        Coverage::of(&[again("template"), alters("options")], &["testdata/cases/postgres/text_search/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { template, options } = self;
        let mut list = Vec::new();
        differ(&mut list, "template", template, &to.template);
        differ(&mut list, "options", options, &to.options);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("text search dictionary", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TEXT SEARCH DICTIONARY").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.template != to.template {
            return Alteration::Replace("a dictionary's template cannot be changed in place".to_owned());
        }
        // Each option that is named is taken out and put at the end, so naming all of them gives their order too.
        let gone = self.options.iter().filter(|(k, _)| !to.options.iter().any(|(t, _)| t == k));
        let mut parts: Vec<Sql> = gone.map(|(k, _)| Sql::empty().server_text(k)).collect();
        parts.extend(to.options.iter().map(|(k, v)| Sql::empty().server_text(k).kw("=").server_text(v)));
        Alteration::InPlace(vec![PgOp::one(
            Sql::new("ALTER").then(self.address(id)).paren(|w| w.list(parts, |w, p| w.then(p))),
        )])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut parts = vec![Sql::new("TEMPLATE =").server_text(&self.template)];
        parts.extend(self.options.iter().map(|(k, v)| Sql::empty().server_text(k).kw("=").server_text(v)));
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).block(parts).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT d.oid, d.dictname, d.dictnamespace, d.dictowner, quote_ident(n.nspname) || '.' || quote_ident(t.tmplname), \
             d.dictinitoption FROM pg_ts_dict d JOIN pg_ts_template t ON t.oid = d.dicttemplate \
             JOIN pg_namespace n ON n.oid = t.tmplnamespace WHERE d.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TS_DICT, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::TsDictionary, [schema.as_str(), row.text(1)]);
        let dictionary = TsDictionary { template: row.string(4), options: parse_options(row.text(5)) };
        reader.add_in_schema(class::TS_DICT, row.oid(0), &id, PgObject::TsDictionary(dictionary));
        reader.owner(&id, row.oid(3));
    }
}

#[cfg(test)]
mod tests {
    use super::parse_options;

    #[test]
    fn options_come_apart() {
        let pair = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(parse_options(""), []);
        assert_eq!(
            parse_options(r#"language = 'a, b = ''c''', "Odd, name" = E'x\\\', y', n = 3"#),
            [pair("language", "'a, b = ''c'''"), pair("\"Odd, name\"", r"E'x\\\', y'"), pair("n", "3")]
        );
    }
}
