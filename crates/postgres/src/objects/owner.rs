//! The owner of an object (manual, "Ownership" under 5.8 Privileges).

use super::{Context, Item, SequenceOwner, owner_grants};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::roles::Roles;
use crate::{Attribute, PgId, PgKind, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// Who owns an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    /// The role.
    pub role: String,
    /// Whether nobody said so: the object is its maker's.
    pub implicit: bool,
}

impl Owner {
    fn statement(&self, id: &PgId, cx: &Context<'_>) -> Option<String> {
        let target = id.target(0)?;
        let object = cx.to.objects.get(&target)?;
        Some(Sql::new("ALTER").then(object.address(&target)).kw("OWNER TO").role(&self.role).build())
    }
}

impl Item for Owner {
    const COVERAGE: Coverage =
        Coverage::of(&[alters("owner")], &["testdata/cases/postgres/default_privileges/other_owner"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { role, implicit: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "owner", role, &to.role);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        id.target(0)
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if SequenceOwner::rules(cx.to, id) {
            return Alteration::InPlace(vec![PgOp::Implicit]);
        }
        let mut sql: Vec<String> = to.statement(id, cx).into_iter().collect();
        sql.extend(id.target(0).into_iter().flat_map(|target| owner_grants::statements(&target, cx)));
        Alteration::InPlace(vec![PgOp::plain(sql)])
    }

    /// A new object is the connecting user's; only another owner has to be said.
    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let own_work = id.target(0).is_some_and(|t| cx.is_made(&t) || !cx.from.objects.contains_key(&t));
        if (cx.user == self.role && own_work && !cx.names_user) || SequenceOwner::rules(cx.to, id) {
            return Vec::new();
        }
        self.statement(id, cx).map(|s| Draft::sql(vec![s])).into_iter().collect()
    }

    /// An owner goes only with its object; but the schema `public` has one of its own when nobody says another (15).
    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        match id.target(0) {
            Some(target) if cx.to.objects.contains_key(&target) && cx.server.major() >= 15 => {
                let sql = Sql::new("ALTER SCHEMA").name(&target.parts()).kw("OWNER TO").ident("pg_database_owner");
                if target == PgId::new(PgKind::Schema, ["public"]) {
                    vec![Draft::sql(vec![sql.build()])]
                } else {
                    Vec::new()
                }
            }
            _ => Vec::new(),
        }
    }
}
