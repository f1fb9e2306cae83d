//! The tie of a sequence to the column that owns it (manual, ALTER SEQUENCE … OWNED BY).

use super::{Column, Context, Item};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::roles::Roles;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// Which column owns the sequence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SequenceOwner {
    /// The column.
    pub column: PgId,
}

impl SequenceOwner {
    fn statement(id: &PgId, column: Option<&PgId>) -> String {
        let sql = Sql::new("ALTER SEQUENCE").name(&id.parts()).kw("OWNED BY");
        match column {
            Some(column) => sql.name(&column.parts()),
            None => sql.kw("NONE"),
        }
        .build()
    }

    /// Whether the object is the owner of a sequence that belongs to a column in that catalog. Its role is the table's, which
    /// takes it along; the server refuses to change it by itself (`ATExecChangeOwner`, commands/tablecmds.c).
    pub(super) fn rules(catalog: &PgCatalog, owner: &PgId) -> bool {
        owner
            .target(0)
            .is_some_and(|sequence| catalog.objects.contains_key(&sequence.attached(PgKind::SequenceOwner, &[])))
    }

    /// The sequence that is not tied gets the owner of its table, as the tie needs it.
    fn owner_first(id: &PgId, cx: &Context<'_>) -> Option<String> {
        let sequence = id.target(0)?;
        let owner = sequence.attached(PgKind::Owner, &[]);
        let role = |catalog: &PgCatalog| match catalog.objects.get(&owner) {
            Some(PgObject::Owner(owner)) => Some(owner.role.clone()),
            _ => None,
        };
        let wanted = role(cx.to)?;
        let made = cx.is_made(&sequence) || !cx.from.objects.contains_key(&sequence);
        let has = if made { Some(cx.user.to_owned()).filter(|_| !cx.names_user) } else { role(cx.from) };
        let sql = Sql::new("ALTER SEQUENCE").name(&sequence.parts()).kw("OWNER TO").role(&wanted);
        (has.as_ref() != Some(&wanted)).then(|| sql.build())
    }
}

impl Item for SequenceOwner {
    const COVERAGE: Coverage =
        Coverage::of(&[alters("owned by")], &["testdata/cases/postgres/sequence/options_and_owner"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { column } = self;
        let mut list = Vec::new();
        differ(&mut list, "owned by", column, &to.column);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        id.target(0)
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        let mut sql = Vec::new();
        if Column::table(&self.column) != Column::table(&to.column) {
            sql.push(Self::statement(id, None));
            sql.extend(Self::owner_first(id, cx));
        }
        sql.push(Self::statement(id, Some(&to.column)));
        Alteration::InPlace(vec![PgOp::plain(sql)])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let mut sql: Vec<String> = Self::owner_first(id, cx).into_iter().collect();
        sql.push(Self::statement(id, Some(&self.column)));
        vec![Draft::sql(sql)]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Self::statement(id, None)])]
    }
}
