//! Rewrite rules, but for the one that makes a view a view (manual, CREATE RULE; `pg_rewrite`, `pg_get_ruledef`).

use super::trigger::Firing;
use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A rewrite rule. Its address is the relation's with its own name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The table or view.
    pub on: PgId,
    /// The whole statement as the server prints it, without a semicolon.
    pub definition: String,
    /// When it fires.
    pub firing: Firing,
}

impl Rule {
    fn set_firing(&self, id: &PgId) -> String {
        Sql::new("ALTER TABLE").name(&self.on.parts()).kw(self.firing.verb()).kw("RULE").ident(id.last()).build()
    }
}

impl Item for Rule {
    const COVERAGE: Coverage = Coverage::of(
        &[again("relation"), alters("definition"), alters("firing")],
        &["testdata/cases/postgres/rule/every_part"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { on, definition, firing } = self;
        let mut list = Vec::new();
        differ(&mut list, "relation", on, &to.on);
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "firing", firing, &to.firing);
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.on.clone())
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("rule", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("RULE").ident(id.last()).kw("ON").name(&id.parts()[..2])
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.on != to.on {
            return Alteration::Replace("it stands on another relation".to_owned());
        }
        let mut sql = Vec::new();
        if self.definition != to.definition {
            sql.push(crate::restate::restated(&to.definition).replacen("CREATE RULE", "CREATE OR REPLACE RULE", 1));
        }
        // Replacing a rule leaves alone when it fires (`InsertRule`, rewrite/rewriteDefine.c).
        if self.firing != to.firing {
            sql.push(to.set_firing(id));
        }
        Alteration::InPlace(vec![PgOp::plain(sql)])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = vec![crate::restate::restated(&self.definition).into_owned()];
        if self.firing != Firing::Origin {
            sql.push(self.set_firing(id));
        }
        vec![Draft::sql(sql)]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT r.oid, r.rulename, r.ev_class, r.ev_enabled, pg_get_ruledef(r.oid) FROM pg_rewrite r \
             WHERE r.oid >= {FIRST_USER_OID} AND r.ev_class >= {FIRST_USER_OID} AND r.rulename <> '_RETURN'"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(on) = reader.find(class::CLASS, row.oid(2), 0).cloned() else { continue };
        if !reader.is_ours(class::CLASS, row.oid(2)) || !reader.is_ours(class::REWRITE, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::Rule, [on.part(0), on.part(1), row.text(1)]);
        let rule = Rule {
            on: on.clone(),
            definition: row.text(4).trim_end_matches(';').to_owned(),
            firing: Firing::of(row.char(3)),
        };
        reader.add(class::REWRITE, row.oid(0), id.clone(), PgObject::Rule(rule));
        reader.depends(&id, &on);
    }
}
