//! Security labels (manual, SECURITY LABEL; `pg_seclabel`).

use super::comment::target_address;
use super::{Context, Item, Query};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// What one provider says about an object. The provider is the last part of the address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityLabel {
    /// The label.
    pub label: String,
    /// The object with which it goes: its target, or the relation where the target is a column without an object.
    pub parent: PgId,
}

fn statement(label: Option<&str>, id: &PgId, cx: &Context<'_>) -> Vec<String> {
    let Some(address) = id.target(1).and_then(|t| target_address(&t, cx)) else { return Vec::new() };
    let sql = Sql::new("SECURITY LABEL FOR").ident(id.last()).kw("ON").then(address).kw("IS");
    vec![
        match label {
            Some(label) => sql.literal(label),
            None => sql.kw("NULL"),
        }
        .build(),
    ]
}

impl Item for SecurityLabel {
    const COVERAGE: Coverage = Coverage::of(&[alters("label")], &["crates/postgres/tests/security_label.rs"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { label, parent: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "label", label, &to.label);
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.parent.clone())
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(vec![PgOp::plain(statement(Some(&to.label), id, cx))])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(statement(Some(&self.label), id, cx))]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(statement(None, id, cx))]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT classoid, objoid, objsubid, provider, label FROM pg_seclabel WHERE objoid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let sub = i32::try_from(row.int(2)).unwrap_or(0);
        if let Some((id, parent)) = reader.find_fine(row.oid(0), row.oid(1), sub) {
            let label = SecurityLabel { label: row.string(4), parent };
            reader.add_part(id.attached(PgKind::SecurityLabel, &[row.text(3)]), PgObject::SecurityLabel(label));
        } else {
            reader.unclaimed.push(((row.oid(0), row.oid(1)), "security label on"));
        }
    }
}
