//! Enumerated types (manual, CREATE TYPE and ALTER TYPE; `pg_type` with `typtype = 'e'`, `pg_enum`).

use super::{Context, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again_where};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, Effect, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// An enumerated type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Enum {
    /// The labels in their order.
    pub labels: Vec<String>,
}

impl Enum {
    /// Whether all labels stay in their order, so that the others can be added between them.
    fn grows_into(&self, to: &Self) -> bool {
        let mut wanted = to.labels.iter();
        self.labels.iter().all(|label| wanted.any(|w| w == label))
    }

    /// One `ADD VALUE` a new label, each anchored on a label that is there when it runs.
    fn additions(&self, id: &PgId, to: &Self) -> Vec<String> {
        let mut sql = Vec::new();
        let mut last_old = to.labels.iter().rposition(|l| self.labels.contains(l));
        for (n, label) in to.labels.iter().enumerate() {
            if self.labels.contains(label) {
                continue;
            }
            let add = Sql::new("ALTER TYPE").name(&id.parts()).kw("ADD VALUE").literal(label);
            let add = match (n.checked_sub(1), last_old) {
                // Behind all that is there needs no anchor.
                (_, None) => add,
                (Some(_), Some(last)) if n > last => add,
                (Some(before), Some(_)) => add.kw("AFTER").literal(&to.labels[before]),
                (None, Some(_)) => match self.labels.first() {
                    Some(first) => add.kw("BEFORE").literal(first),
                    None => add,
                },
            };
            last_old = last_old.max(Some(n));
            sql.push(add.build());
        }
        sql
    }
}

impl Item for Enum {
    const COVERAGE: Coverage = Coverage::of(
        &[again_where("labels", "labels go or move")],
        &["testdata/cases/postgres/type/enum_grows", "testdata/cases/postgres/type/enum_rebuilt"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { labels } = self;
        let mut list = Vec::new();
        differ(&mut list, "labels", labels, &to.labels);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("type", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TYPE").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if !self.grows_into(to) {
            return Alteration::Replace("labels of an enum cannot be taken away or moved".to_owned());
        }
        // A new label can be used only after the commit (manual, ALTER TYPE, notes).
        let sql = self.additions(id, to);
        Alteration::InPlace(vec![PgOp::Statements { sql, effect: Effect::CommitBeforeUse }])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE TYPE").name(&id.parts()).kw("AS ENUM");
        vec![Draft::sql(vec![sql.paren(|w| w.list(&self.labels, |w, label| w.literal(label))).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            format!(
                "SELECT oid, typname, typnamespace, typowner, typacl, typarray FROM pg_type \
                 WHERE typtype = 'e' AND oid >= {FIRST_USER_OID}"
            ),
            format!(
                "SELECT enumtypid, enumlabel FROM pg_enum WHERE enumtypid >= {FIRST_USER_OID} ORDER BY enumtypid, enumsortorder"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut labels: HashMap<u32, Vec<String>> = HashMap::new();
    for row in results[1].iter() {
        labels.entry(row.oid(0)).or_default().push(row.string(1));
    }
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TYPE, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Enum, [schema.as_str(), row.text(1)]);
        let object = Enum { labels: labels.remove(&oid).unwrap_or_default() };
        reader.add(class::TYPE, oid, id.clone(), PgObject::Enum(object));
        reader.alias(class::TYPE, row.oid(5), 0, &id);
        reader.depends(&id, &PgId::new(PgKind::Schema, [&schema]));
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TYPE, row.oid(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(labels: &[&str]) -> Enum {
        Enum { labels: labels.iter().map(|l| (*l).to_owned()).collect() }
    }

    fn additions(from: &[&str], to: &[&str]) -> Vec<String> {
        let prefix = "ALTER TYPE s.e ADD VALUE ";
        let id = PgId::new(PgKind::Enum, ["s", "e"]);
        of(from)
            .additions(&id, &of(to))
            .iter()
            .map(|s| s.strip_prefix(prefix).expect("an addition").to_owned())
            .collect()
    }

    #[test]
    fn new_labels_are_anchored_on_what_is_there() {
        assert_eq!(additions(&["m"], &["a", "b", "m"]), ["'a' BEFORE 'm'", "'b' AFTER 'a'"]);
        assert_eq!(additions(&["a", "z"], &["a", "m", "n", "z", "zz"]), ["'m' AFTER 'a'", "'n' AFTER 'm'", "'zz'"]);
        assert_eq!(additions(&[], &["a", "b"]), ["'a'", "'b'"]);
    }

    #[test]
    fn an_enum_grows_only_where_the_order_stays() {
        assert!(of(&["a", "c"]).grows_into(&of(&["a", "b", "c"])));
        assert!(!of(&["a", "c"]).grows_into(&of(&["c", "a"])));
        assert!(!of(&["a", "c"]).grows_into(&of(&["a"])));
    }
}
