//! Materialized views (manual, CREATE MATERIALIZED VIEW; `pg_class`). Their rows can be had again at any time, so ending
//! one loses nothing.

use super::table::{identity_of, option_changes, options_list, parse_options, replica_identity};
use super::trigger::{bound_to_extension, extension_changes};
use super::view::{ColumnRow, ViewColumn, columns, columns_query, name_columns};
use super::{Context, Item, Query, acl, not_of_an_extension, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::recipes::view_replaced;
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// How the rows of one column are kept, where that is not the default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Keeping {
    /// The statistics target.
    pub statistics: Option<i32>,
    /// The storage mode.
    pub storage: Option<String>,
    /// The compression method.
    pub compression: Option<String>,
    /// Attribute options such as `n_distinct`.
    pub options: BTreeMap<String, String>,
}

impl Words for Keeping {
    fn words(&self) -> String {
        let said = [self.statistics.words(), self.storage.words(), self.compression.words(), self.options.words()];
        said.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// A materialized view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaterializedView {
    /// The query as the server prints it, without a semicolon.
    pub definition: String,
    /// What the query gives, in order.
    pub columns: Vec<ViewColumn>,
    /// How columns are kept, by name, where that is not the default.
    pub keeping: BTreeMap<String, Keeping>,
    /// Storage parameters; those of the TOAST table begin with `toast.`.
    pub options: BTreeMap<String, String>,
    /// The tablespace, where it is not the database's.
    pub tablespace: Option<String>,
    /// The access method, where it is not `heap`.
    pub access_method: Option<String>,
    /// Extensions that take it with them when they are dropped (`DEPENDS ON EXTENSION`).
    pub extensions: Vec<String>,
    /// `REPLICA IDENTITY`: default, full or nothing; the one by an index is said by the index.
    #[serde(default = "default_identity")]
    pub replica_identity: String,
    /// Whether it holds rows. That is a matter of refreshing, as rows of a table are of data, and is never a difference.
    pub populated: bool,
}

fn default_identity() -> String {
    "default".to_owned()
}

impl MaterializedView {
    /// The statements that make it under the name of `id`.
    pub(crate) fn create(&self, id: &PgId, populated: bool) -> Vec<String> {
        let mut sql = Sql::new("CREATE MATERIALIZED VIEW").name(&id.parts());
        if let Some(method) = &self.access_method {
            sql = sql.kw("USING").ident(method);
        }
        if !self.options.is_empty() {
            sql = sql.kw("WITH").paren(|w| options_list(w, &self.options));
        }
        if let Some(space) = &self.tablespace {
            sql = sql.kw("TABLESPACE").ident(space);
        }
        sql = sql.server_text(&format!("AS\n{}", crate::restate::restated(&self.definition)));
        if !populated {
            sql = sql.server_text("\nWITH NO DATA");
        }
        let mut statements = vec![sql.build()];
        statements.extend(Self::keep(id, &BTreeMap::new(), &self.keeping));
        statements.extend(extension_changes(|| self.address(id), &[], &self.extensions));
        if !["default", "index"].contains(&self.replica_identity.as_str()) {
            statements.push(replica_identity(id, &self.replica_identity).build());
        }
        statements
    }

    fn alter_sql(id: &PgId) -> Sql {
        Sql::new("ALTER MATERIALIZED VIEW").name(&id.parts())
    }

    /// Statements that change how columns are kept.
    fn keep(id: &PgId, from: &BTreeMap<String, Keeping>, to: &BTreeMap<String, Keeping>) -> Vec<String> {
        let none = Keeping::default();
        let names: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).collect();
        let mut sql = Vec::new();
        for name in names {
            let (a, b) = (from.get(name).unwrap_or(&none), to.get(name).unwrap_or(&none));
            let alter = || Self::alter_sql(id).kw("ALTER COLUMN").ident(name);
            if a.statistics != b.statistics {
                sql.push(alter().kw("SET STATISTICS").number(b.statistics.unwrap_or(-1)).build());
            }
            if a.storage != b.storage {
                sql.push(alter().kw("SET STORAGE").server_text(b.storage.as_deref().unwrap_or("DEFAULT")).build());
            }
            if a.compression != b.compression {
                sql.push(
                    alter().kw("SET COMPRESSION").server_text(b.compression.as_deref().unwrap_or("default")).build(),
                );
            }
            sql.extend(option_changes(alter, &a.options, &b.options).into_iter().map(Sql::build));
        }
        sql
    }
}

/// The materialized views that keep whole rows of a table, each behind that table: a change that rewrites the table is refused while
/// they are there (`find_composite_type_dependencies`, commands/tablecmds.c).
pub(crate) fn keepers(catalog: &PgCatalog) -> Vec<(PgId, PgId)> {
    let mut found = Vec::new();
    for (id, object) in &catalog.objects {
        let PgObject::MaterializedView(view) = object else { continue };
        // Names that the server has quoted, and that we would; without quotes both are the same.
        let bare = |name: &str| name.replace('"', "");
        let kept: Vec<String> = view.columns.iter().map(|c| bare(c.type_name.trim_end_matches("[]"))).collect();
        let tables = catalog.needs(id).filter(|n| n.kind == PgKind::Table);
        found.extend(tables.filter(|t| kept.contains(&t.parts().join("."))).map(|t| (t.clone(), id.clone())));
    }
    found
}

/// What keeps whole rows rests on every column of them.
pub(crate) fn tie_keepers(catalog: &mut PgCatalog) {
    for (table, view) in keepers(catalog) {
        let columns = super::table::parts_of(catalog, PgKind::Column, &table.parts());
        let columns: Vec<PgId> = columns.into_iter().map(|(id, _)| id.clone()).collect();
        for column in columns {
            catalog.add_dependency(view.clone(), column);
        }
    }
}

impl Item for MaterializedView {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again_where("definition", "something rests on it, or the plan is direct"),
            again_where("columns", "something rests on it, or the plan is direct"),
            again_where("storage of columns", "a storage mode is taken back before 16"),
            alters("storage parameters"),
            alters("tablespace"),
            again_where("access method", "the server is older than 15"),
            again_where("extensions", "it is freed of one before 13"),
            alters("replica identity"),
        ],
        &["testdata/cases/postgres/matview/altered", "testdata/cases/postgres/matview/replica_identity"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            definition,
            columns,
            keeping,
            options,
            tablespace,
            access_method,
            extensions,
            replica_identity,
            populated: _,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "columns", columns, &to.columns);
        differ(&mut list, "storage of columns", keeping, &to.keeping);
        differ(&mut list, "storage parameters", options, &to.options);
        differ(&mut list, "tablespace", tablespace, &to.tablespace);
        differ(&mut list, "access method", access_method, &to.access_method);
        differ(&mut list, "extensions", extensions, &to.extensions);
        differ(&mut list, "replica identity", replica_identity, &to.replica_identity);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("relation", &id.parts()), slot("type", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("MATERIALIZED VIEW").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        let other = self.definition != to.definition || self.columns != to.columns;
        if other && view_replaced::applies(self, id, cx) {
            return Alteration::InPlace(vec![PgOp::Anew]);
        }
        if other {
            return Alteration::Replace("the query of a materialized view cannot be changed in place".to_owned());
        }
        if self.access_method != to.access_method && !cx.server.can_set_access_method() {
            return Alteration::Replace("the access method cannot be changed in place before PostgreSQL 15".to_owned());
        }
        if let Some(replaced) = bound_to_extension(&self.extensions, &to.extensions, cx) {
            return replaced;
        }
        // Only a type's own storage mode can be had back without knowing which it is by making the view again, before
        // `SET STORAGE DEFAULT` (16).
        let gives_back = |name: &String, k: &Keeping| {
            k.storage.is_some() && to.keeping.get(name).is_none_or(|t| t.storage.is_none())
        };
        if !cx.server.can_set_storage_default() && self.keeping.iter().any(|(name, k)| gives_back(name, k)) {
            return Alteration::Replace(
                "a column's storage mode cannot be set back to its type's before PostgreSQL 16".to_owned(),
            );
        }
        let alter = || Self::alter_sql(id);
        let mut ops = Vec::new();
        if self.access_method != to.access_method {
            ops.push(PgOp::rewrite(
                alter().kw("SET ACCESS METHOD").ident(to.access_method.as_deref().unwrap_or("heap")),
            ));
        }
        if self.tablespace != to.tablespace {
            ops.push(PgOp::rewrite(
                alter().kw("SET TABLESPACE").ident(to.tablespace.as_deref().unwrap_or("pg_default")),
            ));
        }
        ops.extend(option_changes(alter, &self.options, &to.options).into_iter().map(PgOp::one));
        let keep = Self::keep(id, &self.keeping, &to.keeping);
        if !keep.is_empty() {
            ops.push(PgOp::plain(keep));
        }
        let extensions = extension_changes(|| self.address(id), &self.extensions, &to.extensions);
        if !extensions.is_empty() {
            ops.push(PgOp::plain(extensions));
        }
        if self.replica_identity != to.replica_identity {
            // The one by an index is said by the index.
            let by_index = to.replica_identity == "index";
            ops.push(if by_index { PgOp::Implicit } else { PgOp::one(replica_identity(id, &to.replica_identity)) });
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        // One that had rows has rows again.
        let had_rows = matches!(cx.from.objects.get(id), Some(PgObject::MaterializedView(m)) if m.populated);
        let populated = self.populated || had_rows;
        let mut draft = Draft::sql(self.create(id, populated));
        draft.work = if populated { Work::Scan } else { Work::Instant };
        if populated && had_rows && cx.strategy == Strategy::Online {
            let name = Sql::empty().name(&id.parts()).build();
            let message = format!("{name} cannot be read while its query runs and its indexes are built");
            draft.hazards.push(Hazard { kind: HazardKind::BlocksReads, message });
        }
        vec![draft]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let ours = not_of_an_extension("pg_class", "c.oid");
        vec![
            columns_query('m', server.has_column_compression()),
            format!(
                "SELECT c.oid, c.relname, c.relnamespace, c.relowner, c.relacl, c.reloptions, t.reloptions, s.spcname, \
                 CASE WHEN am.amname <> 'heap' THEN am.amname END, c.relispopulated, pg_get_viewdef(c.oid), c.reltype, y.typarray, \
                 r.oid, c.relreplident FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid \
                 LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace LEFT JOIN pg_am am ON am.oid = c.relam \
                 LEFT JOIN pg_type y ON y.oid = c.reltype \
                 LEFT JOIN pg_rewrite r ON r.ev_class = c.oid AND r.rulename = '_RETURN' \
                 WHERE c.relkind = 'm' AND c.oid >= {FIRST_USER_OID} AND {ours}"
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
        let id = PgId::new(PgKind::MaterializedView, [schema.as_str(), row.text(1)]);
        let columns = columns.remove(&oid).unwrap_or_default();
        let mut options = parse_options(row.array(5), "");
        options.extend(parse_options(row.array(6), "toast."));
        let view = MaterializedView {
            definition: row.text(10).trim_end_matches(';').to_owned(),
            columns: columns.iter().map(|c| c.column.clone()).collect(),
            keeping: keeping(&columns),
            options,
            tablespace: row.opt_string(7),
            access_method: row.opt_string(8),
            extensions: reader.goes_with(class::CLASS, oid, &id),
            replica_identity: identity_of(row.char(14)).to_owned(),
            populated: row.bool(9),
        };
        reader.add(class::CLASS, oid, id.clone(), PgObject::MaterializedView(view));
        reader.alias(class::TYPE, row.oid(11), 0, &id);
        reader.alias(class::TYPE, row.oid(12), 0, &id);
        reader.alias(class::REWRITE, row.oid(13), 0, &id);
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TABLE, row.oid(3));
        name_columns(reader, oid, &id, &columns);
    }
}

fn keeping(columns: &[ColumnRow]) -> BTreeMap<String, Keeping> {
    columns
        .iter()
        .map(|c| {
            let keeping = Keeping {
                statistics: c.statistics,
                storage: c.storage.map(str::to_owned),
                compression: c.compression.map(str::to_owned),
                options: c.options.clone(),
            };
            (c.column.name.clone(), keeping)
        })
        .filter(|(_, k)| *k != Keeping::default())
        .collect()
}
