//! Views (manual, CREATE VIEW and ALTER VIEW; `pg_class`, `pg_get_viewdef`). A view's defaults, rules and triggers are
//! objects of their own.

use super::table::{option_changes, options_list, parse_column_options, parse_options};
use super::{Context, Item, Query, acl, not_of_an_extension, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again_where};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A column of a view or of a materialized view, which is what its query gives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewColumn {
    /// Its name.
    pub name: String,
    /// The type as `format_type` prints it, with its modifier.
    pub type_name: String,
    /// The collation, qualified and quoted, where it is not the type's.
    pub collation: Option<String>,
}

impl Words for ViewColumn {
    fn words(&self) -> String {
        match &self.collation {
            Some(collation) => format!("{} {} collate {collation}", self.name, self.type_name),
            None => format!("{} {}", self.name, self.type_name),
        }
    }
}

/// A view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// The query as the server prints it, without a semicolon.
    pub definition: String,
    /// What the query gives, in order.
    pub columns: Vec<ViewColumn>,
    /// `security_barrier`, `security_invoker` (15), `check_option`.
    pub options: BTreeMap<String, String>,
}

impl View {
    /// `CREATE [OR REPLACE] VIEW`. Replacing sets the options to those that are named, so all are.
    fn create(&self, id: &PgId, replace: bool) -> String {
        let mut sql = Sql::new("CREATE").kw_if(replace, "OR REPLACE").kw("VIEW").name(&id.parts());
        if !self.options.is_empty() {
            sql = sql.kw("WITH").paren(|w| options_list(w, &self.options));
        }
        sql.server_text(&format!("AS\n{}", crate::restate::restated(&self.definition))).build()
    }
}

impl Item for View {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again_where("definition", "its columns change"),
            again_where("columns", "they do not only grow at the end"),
            again_where("options", "its columns change"),
        ],
        &["testdata/cases/postgres/view/replaced_in_place", "testdata/cases/postgres/view/columns_change"],
    )
    .later(&[("security_invoker", 15)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { definition, columns, options } = self;
        let mut list = Vec::new();
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "columns", columns, &to.columns);
        differ(&mut list, "options", options, &to.options);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("relation", &id.parts()), slot("type", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("VIEW").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        // Replacing may only add columns at the end (manual, CREATE VIEW; `checkViewColumns` in commands/view.c).
        if !to.columns.starts_with(&self.columns) {
            return Alteration::Replace(
                "a view can be replaced in place only where its columns stay as they are and new ones come last"
                    .to_owned(),
            );
        }
        if self.definition == to.definition && self.columns == to.columns {
            let alter = || Sql::new("ALTER VIEW").name(&id.parts());
            return Alteration::InPlace(
                option_changes(alter, &self.options, &to.options).into_iter().map(PgOp::one).collect(),
            );
        }
        Alteration::InPlace(vec![PgOp::plain(vec![to.create(id, true)])])
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![self.create(id, false)])]
    }
}

/// A row about a column of a view or of a materialized view.
pub(super) struct ColumnRow {
    pub column: ViewColumn,
    /// The statistics target, where it is not the default.
    pub statistics: Option<i32>,
    /// The storage mode, where it is not the type's.
    pub storage: Option<&'static str>,
    /// The compression method, where it is not the default.
    pub compression: Option<&'static str>,
    /// Attribute options such as `n_distinct`.
    pub options: BTreeMap<String, String>,
    number: i32,
    acl: Option<String>,
}

/// The query for the columns of relations of one `relkind`.
pub(super) fn columns_query(relkind: char, compression: bool) -> String {
    let compression = if compression { "a.attcompression" } else { "''" };
    format!(
        "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, \
         CASE WHEN a.attcollation <> t.typcollation THEN quote_ident(n.nspname) || '.' || quote_ident(l.collname) END, \
         a.attnum, a.attacl, a.attstattarget, CASE WHEN a.attstorage <> t.typstorage THEN a.attstorage END, {compression}, \
         a.attoptions \
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid \
         LEFT JOIN pg_collation l ON l.oid = a.attcollation LEFT JOIN pg_namespace n ON n.oid = l.collnamespace \
         WHERE c.relkind = '{relkind}' AND a.attrelid >= {FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped \
         ORDER BY a.attrelid, a.attnum"
    )
}

/// The rows of [`columns_query`] by relation.
pub(super) fn columns(reader: &Reader<'_>, rows: &Rows) -> HashMap<u32, Vec<ColumnRow>> {
    let mut columns: HashMap<u32, Vec<ColumnRow>> = HashMap::new();
    for row in rows.iter() {
        columns.entry(row.oid(0)).or_default().push(ColumnRow {
            column: ViewColumn {
                name: row.string(1),
                type_name: reader.type_name(row.oid(2), i32::try_from(row.int(3)).unwrap_or(-1)),
                collation: row.opt_string(4),
            },
            number: i32::try_from(row.int(5)).unwrap_or(0),
            acl: row.opt_string(6),
            statistics: row.opt(7).and_then(|t| t.parse().ok()).filter(|n| *n >= 0),
            storage: row.opt(8).map(|_| match row.char(8) {
                'p' => "PLAIN",
                'e' => "EXTERNAL",
                'x' => "EXTENDED",
                _ => "MAIN",
            }),
            compression: match row.char(9) {
                'p' => Some("pglz"),
                'l' => Some("lz4"),
                _ => None,
            },
            options: parse_column_options(row.array(10)),
        });
    }
    columns
}

/// Makes the columns known to comments and grants.
pub(super) fn name_columns(reader: &mut Reader<'_>, oid: u32, id: &PgId, columns: &[ColumnRow]) {
    for row in columns {
        let column_id = PgId::new(PgKind::Column, [id.part(0), id.part(1), &row.column.name]);
        reader.alias_fine(class::CLASS, oid, row.number, column_id.clone(), id.clone());
        // Columns grant nothing by themselves, whoever owns them.
        reader.grants(&column_id, id, row.acl.as_deref(), acl::Defaults::COLUMN, 0);
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let ours = not_of_an_extension("pg_class", "c.oid");
        vec![
            columns_query('v', server.has_column_compression()),
            format!(
                "SELECT c.oid, c.relname, c.relnamespace, c.relowner, c.relacl, c.reloptions, pg_get_viewdef(c.oid), c.reltype, \
                 y.typarray, r.oid FROM pg_class c LEFT JOIN pg_type y ON y.oid = c.reltype \
                 LEFT JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN' \
                 WHERE c.relkind = 'v' AND c.oid >= {FIRST_USER_OID} AND c.relpersistence <> 't' AND {ours}"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut columns = columns(reader, &results[0]);
    for row in results[1].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::CLASS, oid) {
            continue;
        }
        let id = PgId::new(PgKind::View, [schema.as_str(), row.text(1)]);
        let columns = columns.remove(&oid).unwrap_or_default();
        let view = View {
            definition: row.text(6).trim_end_matches(';').to_owned(),
            columns: columns.iter().map(|c| c.column.clone()).collect(),
            options: parse_options(row.array(5), ""),
        };
        reader.add(class::CLASS, oid, id.clone(), PgObject::View(view));
        reader.alias(class::TYPE, row.oid(7), 0, &id);
        reader.alias(class::TYPE, row.oid(8), 0, &id);
        reader.alias(class::REWRITE, row.oid(9), 0, &id);
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TABLE, row.oid(3));
        name_columns(reader, oid, &id, &columns);
    }
}
