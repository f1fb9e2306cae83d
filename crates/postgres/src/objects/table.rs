//! Tables: ordinary, partitioned and partitions (manual, CREATE TABLE; `pg_class`).

use super::{Column, Constraint, Context, ForeignOptions, Item, NotNull, Query, TypedTable, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, Effect, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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

/// The mark by which the server itself tells when a column got its type. Nobody sets it, and its value is another one in every
/// database; `pg_dump` leaves it out too (asked of 15.20, which came with the fixes of November 2026; 15.18 has no such mark).
const SERVERS_OWN: &str = "pg_attver";

/// Takes the options of a column apart: `attoptions`.
pub(super) fn parse_column_options(items: Vec<String>) -> BTreeMap<String, String> {
    let mut options = parse_options(items, "");
    options.remove(SERVERS_OWN);
    options
}

impl Table {
    fn alter_sql(id: &PgId) -> Sql {
        Sql::new("ALTER TABLE").name(&id.parts())
    }

    /// Whether the table gets a parent, and columns or checks that it shall only inherit. INHERIT asks for them to be there
    /// and leaves them the table's own; no statement says that it only inherits them.
    fn becomes_heir(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> bool {
        let gained = |table: &PgId| to.inherits.contains(table) && !self.inherits.contains(table);
        let column = |(column, object): (&PgId, &PgObject)| match (cx.from.objects.get(column), object) {
            (Some(PgObject::Column(a)), PgObject::Column(b)) => {
                let moves = Self::moves(a, b, gained);
                !b.local && ((a.local && a.inherits.is_none()) || (moves && a.type_name != b.type_name))
            }
            (None, PgObject::Column(b)) => !b.local && b.inherits.as_ref().is_some_and(|p| gained(&Column::table(p))),
            _ => false,
        };
        let check = |(check, object): (&PgId, &PgObject)| match (cx.from.objects.get(check), object) {
            (Some(PgObject::Constraint(a)), PgObject::Constraint(b)) => !a.inherited && b.inherited,
            (None, PgObject::Constraint(b)) => {
                b.inherited
                    && cx.to.needs(check).any(|n| n.kind == PgKind::Constraint && gained(&n.prefix(PgKind::Table, 2)))
            }
            _ => false,
        };
        to.inherits.iter().any(gained)
            && (parts_of(cx.to, PgKind::Column, &id.parts()).into_iter().any(column)
                || parts_of(cx.to, PgKind::Constraint, &id.parts()).into_iter().any(check))
    }

    /// Whether a column is only inherited, and from another parent than before: it has to get the new one first.
    fn moves(from: &Column, to: &Column, gained: impl Fn(&PgId) -> bool) -> bool {
        !from.local && !to.local && to.inherits.as_ref().is_some_and(|p| gained(&Column::table(p)))
    }

    /// Whether the table stays and leaves the parent, or the partitioned table, whose columns and checks are its own then.
    pub(crate) fn leaves(from: &PgCatalog, to: &PgCatalog, id: &PgId, parent: &PgId) -> bool {
        let tie = id.attached(PgKind::Partition, &[]);
        let heir = |catalog: &PgCatalog| match (catalog.objects.get(id), catalog.objects.get(&tie)) {
            (_, Some(PgObject::Partition(tie))) => Some(tie.parent == *parent),
            (Some(PgObject::Table(table)), _) => Some(table.inherits.contains(parent)),
            _ => None,
        };
        heir(from) == Some(true) && heir(to) == Some(false)
    }

    /// Whether the table is a partition in that catalog.
    pub(crate) fn is_partition(catalog: &PgCatalog, id: &PgId) -> bool {
        catalog.objects.contains_key(&id.attached(PgKind::Partition, &[]))
    }
}

impl Item for Table {
    const COVERAGE: Coverage = Coverage::of(
        &[
            alters("unlogged"),
            again("partition key"),
            again_where("inherits", "columns of its own become inherited ones"),
            alters("storage parameters"),
            alters("tablespace"),
            again_where("access method", "the server is older than 15"),
            alters("row level security"),
            alters("forced row level security"),
            again("foreign server"),
            alters("foreign options"),
            alters("replica identity"),
        ],
        &[
            "testdata/cases/postgres/table/add_column",
            "testdata/cases/postgres/table/partitions",
            "testdata/cases/postgres/foreign_data/tables",
        ],
    );

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
        if self.becomes_heir(id, to, cx) {
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
        let mut family = |word: &'static str, parent: &PgId, effect: Effect| {
            ops.push(PgOp::Statements { sql: vec![alter().kw(word).name(&parent.parts()).build()], effect });
        };
        let gained = |table: &PgId| to.inherits.contains(table) && !self.inherits.contains(table);
        let columns = parts_of(cx.to, PgKind::Column, &id.parts());
        let moves = columns.into_iter().any(|(column, b)| match (cx.from.objects.get(column), b) {
            (Some(PgObject::Column(a)), PgObject::Column(b)) => Self::moves(a, b, gained),
            _ => false,
        });
        for leaves in [!moves, moves] {
            if leaves {
                let lost = self.inherits.iter().filter(|p| !to.inherits.contains(p));
                lost.for_each(|parent| family("NO INHERIT", parent, Effect::Disinherit));
            } else {
                to.inherits.iter().filter(|p| gained(p)).for_each(|p| family("INHERIT", p, Effect::Inherit));
            }
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
            let sql = alter().kw(if to.unlogged { "SET UNLOGGED" } else { "SET LOGGED" }).build();
            ops.push(PgOp::Statements { sql: vec![sql], effect: Effect::Persistence });
        }
        let mut op = |sql: Sql| ops.push(PgOp::apart(sql));
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
            // One whose type comes later is added by itself.
            if !cx.is_folded(column_id) {
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
                statements.extend(column.extras(column_id, &column.at_first(partition, cx), cx));
            }
        }
        vec![Draft::sql(statements)]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        // What becomes of its rows depends on the whole plan.
        vec![Draft::sql(vec![Sql::new("DROP").then(self.address(id)).build()])]
    }
}

/// The words for `relreplident`.
pub(super) fn identity_of(letter: char) -> &'static str {
    match letter {
        'f' => "full",
        'n' => "nothing",
        'i' => "index",
        _ => "default",
    }
}

/// `REPLICA IDENTITY` of a table or a materialized view.
pub(super) fn replica_identity(id: &PgId, identity: &str) -> Sql {
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
            // A foreign table has none, which is said as if it had been taken from it.
            replica_identity: identity_of(if row.char(5) == 'f' { 'd' } else { row.char(13) }).to_owned(),
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
            if parent.kind != PgKind::Table {
                reader.unclaimed.push(((class::CLASS, row.oid(0)), "inheritance from an extension's table of"));
                continue;
            }
            if let Some(PgObject::Table(table)) = reader.catalog.objects.get_mut(&child) {
                table.inherits.push(parent.clone());
            }
            reader.depends(&child, &parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_keeps_for_itself_is_no_option() {
        let items = ["pg_attver=31451240", "n_distinct=-0.5"].map(str::to_owned).to_vec();
        assert_eq!(parse_column_options(items), BTreeMap::from([("n_distinct".to_owned(), "-0.5".to_owned())]));
    }
}
