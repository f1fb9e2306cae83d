//! The tie of a sequence to the column that owns it (manual, ALTER SEQUENCE … OWNED BY).

use super::{Context, Item};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::{Attribute, PgId, PgOp};
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

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(vec![PgOp::plain(vec![Self::statement(id, Some(&to.column))])])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Self::statement(id, Some(&self.column))])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Self::statement(id, None)])]
    }
}
