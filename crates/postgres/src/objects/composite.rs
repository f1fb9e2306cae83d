//! Composite types that stand alone (manual, CREATE TYPE and ALTER TYPE; `pg_class` with `relkind = 'c'`).

use super::{Context, Item, Query, acl, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again_where};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, Effect, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// An attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// The type as `format_type` prints it, with its modifier.
    pub type_name: String,
    /// The collation, qualified and quoted, where it is not the type's.
    pub collation: Option<String>,
}

impl Field {
    fn definition(&self) -> Sql {
        self.typed(Sql::empty().ident(&self.name))
    }

    fn typed(&self, sql: Sql) -> Sql {
        let sql = sql.server_text(&self.type_name);
        match &self.collation {
            Some(collation) => sql.kw("COLLATE").server_text(collation),
            None => sql,
        }
    }
}

impl Words for Field {
    fn words(&self) -> String {
        self.definition().build()
    }
}

/// A composite type. The order of its attributes is the order of the values in a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Composite {
    /// The attributes in order.
    pub fields: Vec<Field>,
}

impl Composite {
    /// The attribute of that name.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// Whether what stays keeps its order, and what is new comes behind it: `ADD ATTRIBUTE` can only append.
    pub(crate) fn grows_into(&self, to: &Self) -> bool {
        let kept: Vec<&str> = self.fields.iter().map(|f| f.name.as_str()).filter(|n| to.field(n).is_some()).collect();
        to.fields.iter().take(kept.len()).map(|f| f.name.as_str()).eq(kept)
    }
}

impl Item for Composite {
    const COVERAGE: Coverage = Coverage::of(
        &[again_where("attributes", "attributes move, or one changes its type while columns hold such rows")],
        &["testdata/cases/postgres/type/composite", "testdata/cases/postgres/type/composite_rebuilt"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { fields } = self;
        let mut list = Vec::new();
        differ(&mut list, "attributes", fields, &to.fields);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("type", &id.parts()), slot("relation", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TYPE").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if !self.grows_into(to) {
            return Alteration::Replace(
                "attributes of a composite type cannot be moved, nor added in front of others".to_owned(),
            );
        }
        let changed: Vec<&Field> =
            to.fields.iter().filter(|f| self.field(&f.name).is_some_and(|old| old != *f)).collect();
        let is_used = || {
            cx.from
                .rests_on
                .iter()
                .any(|(user, needs)| (user.kind == PgKind::Column || user.kind.is_type()) && needs.contains(id))
        };
        if !changed.is_empty() && is_used() {
            return Alteration::Replace(
                "the server does not change the type of an attribute while a column holds such rows".to_owned(),
            );
        }
        let alter = || Sql::new("ALTER TYPE").name(&id.parts());
        let mut sql = Vec::new();
        for field in self.fields.iter().filter(|f| to.field(&f.name).is_none()) {
            sql.push(alter().kw("DROP ATTRIBUTE").ident(&field.name).build());
        }
        for field in changed {
            sql.push(field.typed(alter().kw("ALTER ATTRIBUTE").ident(&field.name).kw("TYPE")).build());
        }
        for field in to.fields.iter().filter(|f| self.field(&f.name).is_none()) {
            sql.push(alter().kw("ADD ATTRIBUTE").then(field.definition()).build());
        }
        Alteration::InPlace(vec![PgOp::Statements { sql, effect: Effect::RowShape }])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE TYPE").name(&id.parts()).kw("AS").block(self.fields.iter().map(Field::definition));
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            format!(
                "SELECT c.oid, t.oid, c.relname, c.relnamespace, c.relowner, t.typacl, t.typarray FROM pg_class c \
                 JOIN pg_type t ON t.oid = c.reltype WHERE c.relkind = 'c' AND c.oid >= {FIRST_USER_OID} AND c.relpersistence <> 't'"
            ),
            format!(
                "SELECT a.attrelid, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), \
                 CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(n.nspname) || '.' || quote_ident(l.collname) END \
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
                 LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = l.collnamespace \
                 WHERE c.relkind = 'c' AND a.attrelid >= {FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped \
                 ORDER BY a.attrelid, a.attnum"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut fields: HashMap<u32, Vec<(i32, Field)>> = HashMap::new();
    for row in results[1].iter() {
        let field = Field { name: row.string(2), type_name: row.string(3), collation: row.opt_string(4) };
        fields.entry(row.oid(0)).or_default().push((i32::try_from(row.int(1)).unwrap_or(0), field));
    }
    for row in results[0].iter() {
        let (relation, oid) = (row.oid(0), row.oid(1));
        let Some(schema) = reader.schema(row.oid(3)).map(str::to_owned) else { continue };
        // Membership of an extension is told of the type or of the relation.
        if !reader.is_ours(class::TYPE, oid) || !reader.is_ours(class::CLASS, relation) {
            continue;
        }
        let id = PgId::new(PgKind::Composite, [schema.as_str(), row.text(2)]);
        let fields = fields.remove(&relation).unwrap_or_default();
        for (number, field) in &fields {
            let column = PgId::new(PgKind::Column, [schema.as_str(), row.text(2), &field.name]);
            reader.alias_fine(class::CLASS, relation, *number, column, id.clone());
        }
        let object = Composite { fields: fields.into_iter().map(|(_, f)| f).collect() };
        reader.add(class::TYPE, oid, id.clone(), PgObject::Composite(object));
        reader.alias(class::CLASS, relation, 0, &id);
        reader.alias(class::TYPE, row.oid(6), 0, &id);
        reader.depends(&id, &PgId::new(PgKind::Schema, [&schema]));
        reader.owner(&id, row.oid(4));
        reader.grants(&id, &id, row.opt(5), acl::Defaults::TYPE, row.oid(4));
    }
}
