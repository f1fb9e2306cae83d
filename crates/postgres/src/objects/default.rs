//! Defaults of columns (manual, 5.2; `pg_attrdef`).

use super::{Column, Context, Item, Query, SequenceOwner};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A column's default; of a table or of a view. Or a domain's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Default {
    /// The expression as the server prints it.
    pub expression: String,
    /// The column, the view of which it is one, or the domain.
    pub parent: PgId,
}

impl Default {
    fn alter_sql(&self, id: &PgId) -> Sql {
        if self.parent.kind == PgKind::Domain {
            return Sql::new("ALTER DOMAIN").name(&id.parts());
        }
        // ONLY: the columns of heirs and partitions have defaults of their own.
        let sql =
            if self.parent.kind == PgKind::Column { Sql::new("ALTER TABLE ONLY") } else { Sql::new("ALTER TABLE") };
        sql.name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last())
    }

    pub(super) fn set(&self, id: &PgId) -> String {
        self.alter_sql(id).kw("SET DEFAULT").server_text(&crate::restate::restated(&self.expression)).build()
    }
}

impl Item for Default {
    const COVERAGE: Coverage = Coverage::of(&[alters("expression")], &["testdata/cases/postgres/default/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { expression, parent: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "expression", expression, &to.expression);
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.parent.clone())
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(vec![PgOp::plain(vec![to.set(id)])])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![self.set(id)])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![self.alter_sql(id).kw("DROP DEFAULT").build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            // A default speaks of no column, so it is printed without its table (manual, 9.26: "if the expression will not
            // contain Vars, zero is sufficient"); to look a table up costs the server far more than to print.
            format!(
                "SELECT d.oid, d.adrelid, d.adnum, a.attname, \
                 pg_get_expr(d.adbin, CASE WHEN a.attgenerated <> '' THEN d.adrelid ELSE 0 END), a.attgenerated \
                 FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
                 WHERE d.adrelid >= {FIRST_USER_OID}"
            ),
            // Which sequence a column owns is a tie of its own.
            format!(
                "SELECT objid, refobjid, refobjsubid FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid >= {FIRST_USER_OID} \
                 AND refclassid = 'pg_class'::regclass AND deptype = 'a' AND refobjsubid > 0 \
                 AND objid IN (SELECT seqrelid FROM pg_sequence)"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let sub = i32::try_from(row.int(2)).unwrap_or(0);
        let Some(owner) = reader.find(class::CLASS, row.oid(1), sub).cloned() else { continue };
        if !reader.is_ours(class::CLASS, row.oid(1)) {
            continue;
        }
        if !matches!(owner.kind, PgKind::Column | PgKind::View) {
            reader.unclaimed.push(((class::CLASS, row.oid(1)), "default of a column of"));
            continue;
        }
        if row.char(5) != ' ' {
            // A generated column's expression is the column's own.
            if let Some(PgObject::Column(column)) = reader.catalog.objects.get_mut(&owner)
                && let Some(generated) = &mut column.generated
            {
                generated.expression = row.string(4);
            }
            reader.alias(class::ATTRDEF, row.oid(0), 0, &owner);
            continue;
        }
        let id = PgId::new(PgKind::Default, [owner.part(0), owner.part(1), row.text(3)]);
        let default = Default { expression: row.string(4), parent: owner.clone() };
        reader.add(class::ATTRDEF, row.oid(0), id.clone(), PgObject::Default(default));
        reader.depends(&id, &owner);
    }
    for row in results[1].iter() {
        let sub = i32::try_from(row.int(2)).unwrap_or(0);
        let sequence = reader.find(class::CLASS, row.oid(0), 0).filter(|s| s.kind == PgKind::Sequence).cloned();
        let column = reader.find(class::CLASS, row.oid(1), sub).filter(|c| c.kind == PgKind::Column).cloned();
        if let (Some(sequence), Some(column)) = (sequence, column) {
            let id = sequence.attached(PgKind::SequenceOwner, &[]);
            reader.depends(&id, &sequence);
            reader.depends(&id, &column);
            // Both have one owner: the tie is made when they have, and goes before one of them gets another.
            reader.depends(&id, &sequence.attached(PgKind::Owner, &[]));
            reader.depends(&id, &Column::table(&column).attached(PgKind::Owner, &[]));
            reader.add_part(id, PgObject::SequenceOwner(SequenceOwner { column }));
        }
    }
}
