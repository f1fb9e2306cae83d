//! Tables: ordinary, partitioned and partitions (manual, CREATE TABLE; `pg_class`).

use super::{Column, Constraint, Context, ForeignOptions, Item, NotNull, Query, TypedTable, acl, slot};
use crate::attribute::differ;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use underpin_model::{Hazard, HazardKind};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// What makes a table a foreign one (manual, CREATE FOREIGN TABLE; `pg_foreign_table`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Foreign {
    /// The name of the foreign server.
    pub server: String,
    /// Its options.
    pub options: ForeignOptions,
}

/// A table without its columns and constraints, which are objects of their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// `UNLOGGED`.
    pub unlogged: bool,
    /// The partition key as `PARTITION BY` writes it.
    pub partition_by: Option<String>,
    /// Parents by inheritance, in their order; a partition's parent is told by its [`super::Partition`].
    pub inherits: Vec<PgId>,
    /// Storage parameters; those of the TOAST table begin with `toast.`.
    pub options: BTreeMap<String, String>,
    /// The tablespace, where it is not the database's.
    pub tablespace: Option<String>,
    /// The access method, where it is not `heap`.
    pub access_method: Option<String>,
    /// `ENABLE ROW LEVEL SECURITY`.
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`.
    pub force_row_security: bool,
    /// For a foreign table: where its rows are.
    pub foreign: Option<Foreign>,
    /// `REPLICA IDENTITY`: default, full or nothing; the one by an index is said by the index.
    pub replica_identity: String,
}

/// Objects of `kind` whose address begins with these parts, in the order of their places.
#[must_use]
pub fn parts_of<'a>(catalog: &'a PgCatalog, kind: PgKind, prefix: &[&str]) -> Vec<(&'a PgId, &'a PgObject)> {
    let first = PgId::new(kind, prefix);
    let mut found: Vec<_> = catalog
        .objects
        .range(first..)
        .take_while(|(id, _)| id.kind == kind && id.of.is_none() && id.is_under(prefix))
        .collect();
    found.sort_by_key(|(id, _)| catalog.place(id));
    found
}

/// `SET (…)` and `RESET (…)` that bring storage parameters from one state to another.
pub(super) fn option_changes(
    alter: impl Fn() -> Sql,
    from: &BTreeMap<String, String>,
    to: &BTreeMap<String, String>,
) -> Vec<Sql> {
    let mut sql = Vec::new();
    let set: Vec<_> = to.iter().filter(|(k, v)| from.get(*k) != Some(*v)).collect();
    if !set.is_empty() {
        sql.push(alter().kw("SET").paren(|w| options_list(w, set)));
    }
    let reset: Vec<_> = from.keys().filter(|k| !to.contains_key(*k)).collect();
    if !reset.is_empty() {
        sql.push(alter().kw("RESET").paren(|w| w.list(reset, |w, k| w.name(&k.split('.').collect::<Vec<_>>()))));
    }
    sql
}

/// Storage parameters as `WITH (…)` and `SET (…)` list them.
pub(super) fn options_list<'a>(w: Sql, options: impl IntoIterator<Item = (&'a String, &'a String)>) -> Sql {
    w.list(options, |w, (k, v)| w.name(&k.split('.').collect::<Vec<_>>()).kw("=").literal(v))
}

/// Takes `reloptions` apart.
pub(super) fn parse_options(items: Vec<String>, prefix: &str) -> BTreeMap<String, String> {
    items.into_iter().filter_map(|i| i.split_once('=').map(|(k, v)| (format!("{prefix}{k}"), v.to_owned()))).collect()
}

impl Table {
    fn alter_sql(id: &PgId) -> Sql {
        Sql::new("ALTER TABLE").name(&id.parts())
    }

    /// Whether the table is a partition in that catalog.
    pub(crate) fn is_partition(catalog: &PgCatalog, id: &PgId) -> bool {
        catalog.objects.contains_key(&id.attached(PgKind::Partition, &[]))
    }
}

impl Item for Table {
    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            unlogged,
            partition_by,
            inherits,
            options,
            tablespace,
            access_method,
            row_security,
            force_row_security,
            foreign,
            replica_identity,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "unlogged", unlogged, &to.unlogged);
        differ(&mut list, "partition key", partition_by, &to.partition_by);
        differ(&mut list, "inherits", inherits, &to.inherits);
        differ(&mut list, "storage parameters", options, &to.options);
        differ(&mut list, "tablespace", tablespace, &to.tablespace);
        differ(&mut list, "access method", access_method, &to.access_method);
        differ(&mut list, "row level security", row_security, &to.row_security);
        differ(&mut list, "forced row level security", force_row_security, &to.force_row_security);
        let server = |f: &Option<Foreign>| f.as_ref().map(|f| f.server.clone());
        differ(&mut list, "foreign server", &server(foreign), &server(&to.foreign));
        if let (Some(from), Some(to)) = (foreign, &to.foreign) {
            differ(&mut list, "foreign options", &from.options.plain, &to.options.plain);
        }
        differ(&mut list, "replica identity", replica_identity, &to.replica_identity);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("relation", &id.parts()), slot("type", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new(if self.foreign.is_some() { "FOREIGN TABLE" } else { "TABLE" }).name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if self.partition_by != to.partition_by {
            return Alteration::Replace("a table's partition key cannot be changed".to_owned());
        }
        match (&self.foreign, &to.foreign) {
            (None, None) => {}
            (Some(a), Some(b)) if a.server == b.server => {}
            (Some(_), Some(_)) => return Alteration::Replace("a foreign table's server cannot be changed".to_owned()),
            (None, Some(_)) => return Alteration::Replace("a table cannot become a foreign one".to_owned()),
            (Some(_), None) => {
                return Alteration::Replace("a foreign table cannot become one of this database".to_owned());
            }
        }
        // INHERIT leaves the columns the table's own, and no statement says that it only inherits them.
        let becomes_heir = |column: &PgId| match (cx.from.objects.get(column), cx.to.objects.get(column)) {
            (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => a.local && !b.local && a.inherits.is_none(),
            _ => false,
        };
        let gains = to.inherits.iter().any(|p| !self.inherits.contains(p));
        if gains && parts_of(cx.to, PgKind::Column, &id.parts()).iter().any(|(column, _)| becomes_heir(column)) {
            return Alteration::Replace(
                "columns that it declares itself cannot become ones that it only inherits".to_owned(),
            );
        }
        if self.access_method != to.access_method && !cx.server.can_set_access_method() {
            return Alteration::Replace(
                "a table's access method cannot be changed in place before PostgreSQL 15".to_owned(),
            );
        }
        let alter = || Self::alter_sql(id);
        let mut ops = Vec::new();
        if let (Some(a), Some(b)) = (&self.foreign, &to.foreign) {
            ops.extend(
                a.options.write_change(&b.options, Sql::new("ALTER FOREIGN TABLE").name(&id.parts())).map(PgOp::one),
            );
        }
        // A partitioned table has no rows of its own, and a foreign one has them elsewhere.
        let stored = to.partition_by.is_none() && to.foreign.is_none();
        let moved = |sql: Sql| if stored { PgOp::rewrite(sql) } else { PgOp::one(sql) };
        if self.access_method != to.access_method {
            let set = alter().kw("SET ACCESS METHOD");
            ops.push(moved(match to.access_method.as_deref() {
                // A partitioned table has none of its own unless it is said.
                None if to.partition_by.is_some() && cx.server.has_access_method_of_partitioned() => set.kw("DEFAULT"),
                method => set.ident(method.unwrap_or("heap")),
            }));
        }
        if self.tablespace != to.tablespace {
            let space = to.tablespace.as_deref().unwrap_or("pg_default");
            ops.push(moved(alter().kw("SET TABLESPACE").ident(space)));
        }
        if self.unlogged != to.unlogged {
            ops.push(moved(alter().kw(if to.unlogged { "SET UNLOGGED" } else { "SET LOGGED" })));
        }
        let mut op = |sql: Sql| ops.push(PgOp::one(sql));
        for parent in self.inherits.iter().filter(|p| !to.inherits.contains(p)) {
            op(alter().kw("NO INHERIT").name(&parent.parts()));
        }
        for parent in to.inherits.iter().filter(|p| !self.inherits.contains(p)) {
            op(alter().kw("INHERIT").name(&parent.parts()));
        }
        option_changes(alter, &self.options, &to.options).into_iter().for_each(&mut op);
        if self.row_security != to.row_security {
            op(alter().kw(if to.row_security { "ENABLE ROW LEVEL SECURITY" } else { "DISABLE ROW LEVEL SECURITY" }));
        }
        if self.force_row_security != to.force_row_security {
            op(alter().kw(if to.force_row_security {
                "FORCE ROW LEVEL SECURITY"
            } else {
                "NO FORCE ROW LEVEL SECURITY"
            }));
        }
        if self.replica_identity != to.replica_identity {
            // One that is by an index is said by the index when it is made; nothing here may undo it.
            let by_index = parts_of(cx.to, PgKind::Constraint, &id.parts())
                .into_iter()
                .any(|(_, o)| matches!(o, PgObject::Constraint(c) if c.replica_identity));
            if !by_index {
                op(replica_identity(id, &to.replica_identity));
            }
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let partition = Self::is_partition(cx.to, id);
        let mut lines: Vec<Sql> = Vec::new();
        for (column_id, object) in parts_of(cx.to, PgKind::Column, &id.parts()) {
            let PgObject::Column(column) = object else { continue };
            if column.inherits.is_some() && !partition && !column.local {
                continue;
            }
            lines.push(Column::definition(column, column_id, cx));
        }
        for (constraint_id, object) in parts_of(cx.to, PgKind::Constraint, &id.parts()) {
            let PgObject::Constraint(constraint) = object else { continue };
            let comes_with_parent = constraint.inherited && !partition;
            if cx.is_folded(constraint_id) && !comes_with_parent {
                lines.push(Constraint::clause(constraint, constraint_id));
            }
        }
        let mut sql = Sql::new("CREATE").kw_if(self.unlogged, "UNLOGGED").then(self.address(id));
        sql = sql.block(lines);
        if !self.inherits.is_empty() {
            sql = sql.kw("INHERITS").paren(|w| w.list(&self.inherits, |w, p| w.name(&p.parts())));
        }
        if let Some(foreign) = &self.foreign {
            sql = foreign.options.write(sql.kw("SERVER").ident(&foreign.server));
        }
        if let Some(key) = &self.partition_by {
            sql = sql.kw("PARTITION BY").server_text(key);
        }
        if let Some(method) = &self.access_method {
            sql = sql.kw("USING").ident(method);
        }
        if !self.options.is_empty() {
            sql = sql.kw("WITH").paren(|w| options_list(w, &self.options));
        }
        if let Some(space) = &self.tablespace {
            sql = sql.kw("TABLESPACE").ident(space);
        }
        let mut statements = vec![sql.build()];
        if self.row_security {
            statements.push(Self::alter_sql(id).kw("ENABLE ROW LEVEL SECURITY").build());
        }
        if self.force_row_security {
            statements.push(Self::alter_sql(id).kw("FORCE ROW LEVEL SECURITY").build());
        }
        if self.replica_identity != "default" {
            statements.push(replica_identity(id, &self.replica_identity).build());
        }
        for (constraint_id, object) in parts_of(cx.to, PgKind::Constraint, &id.parts()) {
            if let PgObject::Constraint(constraint) = object
                && cx.is_folded(constraint_id)
            {
                statements.extend(constraint.marks(constraint_id, None));
            }
        }
        for (column_id, object) in parts_of(cx.to, PgKind::Column, &id.parts()) {
            if let PgObject::Column(column) = object
                && cx.is_folded(column_id)
            {
                statements.extend(NotNull::after_definition(column, column_id, cx));
                statements.extend(column.extras(column_id, &Column::plain(column), cx));
            }
        }
        vec![Draft::sql(statements)]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let mut draft = Draft::sql(vec![Sql::new("DROP").then(self.address(id)).build()]);
        if self.foreign.is_some() {
            // Its rows are elsewhere and stay there.
            return vec![draft];
        }
        let message = if cx.again {
            format!(
                "the rows of {} are lost: the table has to be dropped and made again",
                Sql::empty().name(&id.parts()).build()
            )
        } else {
            format!("the rows of {} are lost", Sql::empty().name(&id.parts()).build())
        };
        draft.hazards.push(Hazard { kind: HazardKind::DataLoss, message });
        vec![draft]
    }
}

fn replica_identity(id: &PgId, identity: &str) -> Sql {
    let sql = Table::alter_sql(id).kw("REPLICA IDENTITY");
    match identity {
        "full" => sql.kw("FULL"),
        "nothing" => sql.kw("NOTHING"),
        _ => sql.kw("DEFAULT"),
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            format!(
                "SELECT c.oid, c.relname, c.relnamespace, c.relowner, c.relacl, c.relkind, c.relpersistence, \
                 c.reloptions, t.reloptions, s.spcname, CASE WHEN am.amname <> 'heap' THEN am.amname END, \
                 c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.reltype, \
                 CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, \
                 CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END, y.typarray, \
                 f.srvname, ft.ftoptions FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid \
                 LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace LEFT JOIN pg_am am ON am.oid = c.relam \
                 LEFT JOIN pg_type y ON y.oid = c.reltype \
                 LEFT JOIN pg_foreign_table ft ON ft.ftrelid = c.oid LEFT JOIN pg_foreign_server f ON f.oid = ft.ftserver \
                 WHERE c.relkind IN ('r', 'p', 'f') AND c.oid >= {FIRST_USER_OID} AND c.relpersistence <> 't'"
            ),
            format!(
                "SELECT i.inhrelid, i.inhparent, c.relispartition FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid \
                 WHERE c.relkind IN ('r', 'p', 'f') AND i.inhrelid >= {FIRST_USER_OID} ORDER BY i.inhrelid, i.inhseqno"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::CLASS, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Table, [schema.as_str(), row.text(1)]);
        let mut options = parse_options(row.array(7), "");
        options.extend(parse_options(row.array(8), "toast."));
        let table = Table {
            unlogged: row.char(6) == 'u',
            partition_by: row.opt_string(15),
            inherits: Vec::new(),
            options,
            tablespace: row.opt_string(9),
            access_method: row.opt_string(10),
            row_security: row.bool(11),
            force_row_security: row.bool(12),
            foreign: row.opt_string(18).map(|server| Foreign { server, options: ForeignOptions::parse(row.array(19)) }),
            replica_identity: match row.char(13) {
                // It has none, which is said as if it had been taken from it.
                _ if row.char(5) == 'f' => "default",
                'f' => "full",
                'n' => "nothing",
                'i' => "index",
                _ => "default",
            }
            .to_owned(),
        };
        reader.add(class::CLASS, oid, id.clone(), PgObject::Table(table));
        if let Some(of) = row.opt_string(16) {
            reader.add_part(id.attached(PgKind::TypedTable, &[]), PgObject::TypedTable(TypedTable { of }));
        }
        reader.alias(class::TYPE, row.oid(14), 0, &id);
        reader.alias(class::TYPE, row.oid(17), 0, &id);
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TABLE, row.oid(3));
    }
    for row in results[1].iter() {
        if row.bool(2) {
            continue;
        }
        let (child, parent) =
            (reader.find(class::CLASS, row.oid(0), 0).cloned(), reader.find(class::CLASS, row.oid(1), 0).cloned());
        if let (Some(child), Some(parent)) = (child, parent) {
            if let Some(PgObject::Table(table)) = reader.catalog.objects.get_mut(&child) {
                table.inherits.push(parent.clone());
            }
            reader.depends(&child, &parent);
        }
    }
}
