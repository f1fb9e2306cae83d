//! The tie of a typed table to its composite type (manual, CREATE TABLE … OF; `pg_class.reloftype`). While it is there,
//! the columns of the table cannot be changed; it is tied when all of them are there.

use super::{Context, Item};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// Which composite type the rows of a table are of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TypedTable {
    /// The type as `format_type` prints it.
    pub of: String,
}

impl TypedTable {
    fn alter_table(id: &PgId) -> Sql {
        Sql::new("ALTER TABLE").name(&id.parts())
    }
}

impl Item for TypedTable {
    const COVERAGE: Coverage = Coverage::of(&[again("type")], &["testdata/cases/postgres/type/typed_table"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { of } = self;
        let mut list = Vec::new();
        differ(&mut list, "type", of, &to.of);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        id.target(0)
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("the columns can be changed only between two types".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Self::alter_table(id).kw("OF").server_text(&self.of).build()])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Self::alter_table(id).kw("NOT OF").build()])]
    }
}

/// It is the tie, not the table, that rests on the type, and on every column of the table.
pub(crate) fn tie_typed_tables(catalog: &mut PgCatalog) {
    let ties: Vec<PgId> = catalog.objects.keys().filter(|id| id.kind == PgKind::TypedTable).cloned().collect();
    for tie in ties {
        let Some(table) = tie.target(0) else { continue };
        let mut needs: Vec<PgId> = vec![table.clone()];
        if let Some(of_table) = catalog.rests_on.get_mut(&table) {
            needs.extend(of_table.iter().filter(|n| n.kind == PgKind::Composite).cloned());
            of_table.retain(|n| n.kind != PgKind::Composite);
        }
        let columns = super::table::parts_of(catalog, PgKind::Column, &table.parts());
        needs.extend(columns.into_iter().filter(|(_, o)| matches!(o, PgObject::Column(_))).map(|(id, _)| id.clone()));
        for needed in needs {
            catalog.add_dependency(tie.clone(), needed);
        }
    }
}
