//! Range types with their multirange types (manual, CREATE TYPE; `pg_range`). The constructor functions and casts that come
//! with them are parts of them.

use super::{Context, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A range type. Nothing of it can be changed in place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The type of the bounds.
    pub subtype: String,
    /// The operator class of the bounds, qualified, where it is not the default one.
    pub operator_class: Option<String>,
    /// The collation, qualified and quoted, where it is not the subtype's.
    pub collation: Option<String>,
    /// The function that brings values to one form.
    pub canonical: Option<String>,
    /// The function that tells how far two bounds are apart.
    pub difference: Option<String>,
    /// Schema and name of the multirange type (14).
    pub multirange: Option<(String, String)>,
}

impl Range {
    /// What has to be renamed along with a type that is moved aside: its multirange type, and those of the functions that
    /// the server made with both whose arguments the new type's functions may have too (manual, 8.17.6).
    pub(crate) fn park(&self, id: &PgId, aside: impl Fn(&PgId) -> PgId) -> Vec<String> {
        let mut sql = Vec::new();
        let old = aside(id);
        for bounds in ["", ", pg_catalog.text"] {
            let function = Sql::new("ALTER FUNCTION").name(&id.parts());
            let function = function.paren(|w| w.server_text(&format!("{0}, {0}{bounds}", self.subtype)));
            sql.push(function.kw("RENAME TO").ident(old.last()).build());
        }
        if let Some((schema, name)) = &self.multirange {
            let multirange = PgId::new(PgKind::Range, [schema, name]);
            let old = aside(&multirange);
            sql.push(Sql::new("ALTER TYPE").name(&[schema, name]).kw("RENAME TO").ident(old.last()).build());
            sql.push(
                Sql::new("ALTER FUNCTION").name(&[schema, name]).paren(|w| w).kw("RENAME TO").ident(old.last()).build(),
            );
        }
        sql
    }
}

impl Item for Range {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("subtype"),
            again("operator class"),
            again("collation"),
            again("canonical function"),
            again("difference function"),
            again("multirange type").since(14),
        ],
        &["testdata/cases/postgres/type/range"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { subtype, operator_class, collation, canonical, difference, multirange } = self;
        let mut list = Vec::new();
        differ(&mut list, "subtype", subtype, &to.subtype);
        differ(&mut list, "operator class", operator_class, &to.operator_class);
        differ(&mut list, "collation", collation, &to.collation);
        differ(&mut list, "canonical function", canonical, &to.canonical);
        differ(&mut list, "difference function", difference, &to.difference);
        differ(&mut list, "multirange type", multirange, &to.multirange);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        let mut slots = vec![slot("type", &id.parts())];
        slots.extend(self.multirange.as_ref().map(|(schema, name)| slot("type", &[schema, name])));
        slots
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("TYPE").name(&id.parts())
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a range type cannot be changed".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut lines = vec![Sql::new("subtype =").server_text(&self.subtype)];
        let mut line = |keyword, value: &Option<String>| {
            lines.extend(value.as_ref().map(|v| Sql::new(keyword).server_text(v)));
        };
        line("subtype_opclass =", &self.operator_class);
        line("collation =", &self.collation);
        line("canonical =", &self.canonical);
        line("subtype_diff =", &self.difference);
        if let Some((schema, name)) = &self.multirange {
            lines.push(Sql::new("multirange_type_name =").name(&[schema, name]));
        }
        vec![Draft::sql(vec![Sql::new("CREATE TYPE").name(&id.parts()).kw("AS RANGE").block(lines).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let (multirange, join, internal) = if server.has_multiranges() {
            (
                "m.typarray, m.oid, mn.nspname, m.typname",
                "LEFT JOIN pg_type m ON m.oid = r.rngmultitypid LEFT JOIN pg_namespace mn ON mn.oid = m.typnamespace",
                "IN ('r', 'm')",
            )
        } else {
            ("NULL, NULL, NULL, NULL", "", "= 'r'")
        };
        let function = |column: &str| {
            format!(
                "(SELECT quote_ident(n.nspname) || '.' || quote_ident(p.proname) FROM pg_proc p \
                 JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = {column})"
            )
        };
        vec![
            format!(
                "SELECT t.oid, t.typname, t.typnamespace, t.typowner, t.typacl, t.typarray, format_type(r.rngsubtype, NULL), \
                 CASE WHEN NOT o.opcdefault THEN quote_ident(n.nspname) || '.' || quote_ident(o.opcname) END, \
                 CASE WHEN r.rngcollation <> s.typcollation THEN (SELECT quote_ident(cn.nspname) || '.' || quote_ident(l.collname) \
                 FROM pg_collation l JOIN pg_namespace cn ON cn.oid = l.collnamespace WHERE l.oid = r.rngcollation) END, \
                 {canonical}, {difference}, {multirange} FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid \
                 JOIN pg_type s ON s.oid = r.rngsubtype JOIN pg_opclass o ON o.oid = r.rngsubopc \
                 JOIN pg_namespace n ON n.oid = o.opcnamespace {join} WHERE r.rngtypid >= {FIRST_USER_OID}",
                canonical = function("r.rngcanonical"),
                difference = function("r.rngsubdiff"),
            ),
            format!(
                "SELECT d.classid, d.objid, d.refobjid FROM pg_depend d JOIN pg_type t ON t.oid = d.refobjid \
                 WHERE d.classid IN ('pg_proc'::regclass, 'pg_cast'::regclass) AND d.refclassid = 'pg_type'::regclass \
                 AND d.deptype = 'i' AND d.objid >= {FIRST_USER_OID} AND t.typtype {internal}"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TYPE, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Range, [schema.as_str(), row.text(1)]);
        let object = Range {
            subtype: row.string(6),
            operator_class: row.opt_string(7),
            collation: row.opt_string(8),
            canonical: row.opt_string(9),
            difference: row.opt_string(10),
            multirange: row.opt_string(13).zip(row.opt_string(14)),
        };
        reader.add(class::TYPE, oid, id.clone(), PgObject::Range(object));
        for part in [5, 11, 12] {
            if row.oid(part) != 0 {
                reader.alias(class::TYPE, row.oid(part), 0, &id);
            }
        }
        reader.depends(&id, &PgId::new(PgKind::Schema, [&schema]));
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TYPE, row.oid(3));
    }
    for row in results[1].iter() {
        reader.hide(row.oid(0), row.oid(1));
        if let Some(id) = reader.find(class::TYPE, row.oid(2), 0).cloned() {
            reader.alias(row.oid(0), row.oid(1), 0, &id);
        }
    }
}
