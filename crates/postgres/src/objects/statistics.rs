//! Extended statistics (manual, CREATE STATISTICS; `pg_statistic_ext`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::{Lexer, Sql, TokenKind};

/// Extended statistics over columns and expressions of one relation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// The relation.
    pub on: PgId,
    /// What `CREATE STATISTICS` says after the name, as the server prints it.
    pub definition: String,
    /// The statistics target (13), where it is not the default.
    pub target: Option<i32>,
}

impl Statistics {
    fn target_statement(id: &PgId, target: Option<i32>) -> Sql {
        // -1 is the default (manual, ALTER STATISTICS).
        Sql::new("ALTER STATISTICS").name(&id.parts()).kw("SET STATISTICS").number(target.unwrap_or(-1))
    }
}

/// A definition with its columns in an order of their own: the server lists them by their places, which mean nothing here.
/// Expressions follow them, in the order in which they were said.
fn sorted(definition: &str) -> String {
    let (mut depth, mut last) = (0_usize, 0);
    let (mut items, mut begins, mut ends) = (Vec::new(), None, definition.len());
    for token in Lexer::new(definition) {
        let word = token.text(definition);
        match token.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            TokenKind::Word if depth == 0 && word == "ON" && begins.is_none() => {
                begins = Some(token.end);
                last = token.end;
            }
            TokenKind::Comma if depth == 0 && begins.is_some() => {
                items.push(definition[last..token.start].trim());
                last = token.end;
            }
            TokenKind::Word if depth == 0 && word == "FROM" => ends = token.start,
            _ => {}
        }
    }
    let Some(begins) = begins else { return definition.to_owned() };
    items.push(definition[last..ends].trim());
    let is_column = |item: &&str| Lexer::new(item).count() == 1;
    let (mut columns, expressions): (Vec<&str>, Vec<&str>) = items.into_iter().partition(is_column);
    columns.sort_unstable();
    let items: Vec<&str> = columns.into_iter().chain(expressions).collect();
    format!("{} {} {}", &definition[..begins], items.join(", "), &definition[ends..])
}

impl Item for Statistics {
    const COVERAGE: Coverage = Coverage::of(
        &[again("relation"), again("definition"), alters("statistics target").since(13)],
        &["testdata/cases/postgres/statistics/definition_and_target"],
    )
    .later(&[("expressions", 14)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { on, definition, target } = self;
        let mut list = Vec::new();
        differ(&mut list, "relation", on, &to.on);
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "statistics target", target, &to.target);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("statistics", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("STATISTICS").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.on != to.on || self.definition != to.definition {
            return Alteration::Replace("what statistics are about cannot be changed".to_owned());
        }
        Alteration::InPlace(vec![PgOp::one(Self::target_statement(id, to.target))])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = vec![Sql::new("CREATE").then(self.address(id)).server_text(&self.definition).build()];
        if self.target.is_some() {
            sql.push(Self::target_statement(id, self.target).build());
        }
        vec![Draft::sql(sql)]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let target = if server.has_statistics_target() { "s.stxstattarget" } else { "NULL" };
        // The definition begins with CREATE STATISTICS and the qualified name, which are the address.
        vec![format!(
            "SELECT s.oid, s.stxname, s.stxnamespace, s.stxowner, s.stxrelid, {target}, \
             substr(pg_get_statisticsobjdef(s.oid), length('CREATE STATISTICS ' || quote_ident(n.nspname) || '.' || quote_ident(s.stxname)) + 2) \
             FROM pg_statistic_ext s JOIN pg_namespace n ON n.oid = s.stxnamespace WHERE s.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        let Some(on) = reader.find(class::CLASS, row.oid(4), 0).cloned() else { continue };
        if !reader.is_ours(class::STATISTIC_EXT, oid) || !reader.is_ours(class::CLASS, row.oid(4)) {
            continue;
        }
        let id = PgId::new(PgKind::Statistics, [schema.as_str(), row.text(1)]);
        let target = row.opt(5).and_then(|t| t.parse().ok()).filter(|n| *n >= 0);
        let statistics = Statistics { on: on.clone(), definition: sorted(row.text(6)), target };
        reader.add(class::STATISTIC_EXT, oid, id.clone(), PgObject::Statistics(statistics));
        reader.depends(&id, &on);
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
    }
}

#[cfg(test)]
mod tests {
    use super::sorted;

    #[test]
    fn the_order_of_columns_means_nothing() {
        assert_eq!(
            sorted("(mcv) ON b, \"A, ON\", (b + a), abs(a) FROM s.t"),
            "(mcv) ON \"A, ON\", b, (b + a), abs(a) FROM s.t"
        );
        assert_eq!(sorted("ON a, b FROM t"), "ON a, b FROM t");
    }
}
