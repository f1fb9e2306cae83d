//! What a publication publishes: tables with their column lists and row filters, and schemas as wholes (manual, CREATE
//! PUBLICATION; `pg_publication_rel`, `pg_publication_namespace`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A table in a publication. Its address is the publication, and the schema and name of the table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublicationTable {
    /// The columns that are published (15), in the table's order; none for all.
    pub columns: Option<Vec<String>>,
    /// The row filter (15) as the server prints it, in parentheses.
    pub filter: Option<String>,
}

/// A schema in a publication (15). Its address is the publication and the schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PublicationSchema {}

fn alter_publication(id: &PgId) -> Sql {
    Sql::new("ALTER PUBLICATION").ident(id.part(0))
}

/// A publication with schemas as wholes takes no column lists, so what goes has to go before what comes.
fn either_or(id: &PgId) -> String {
    slot("column lists or schemas of publication", &[id.part(0)])
}

impl PublicationTable {
    /// The table that is published.
    pub(crate) fn table(id: &PgId) -> PgId {
        PgId::new(PgKind::Table, [id.part(1), id.part(2)])
    }

    /// The member as `CREATE PUBLICATION` and `ADD` name it after `TABLE`.
    pub(super) fn clause(&self, id: &PgId) -> Sql {
        let mut sql = Sql::new("ONLY").name(&id.parts()[1..]);
        if let Some(columns) = &self.columns {
            sql = sql.paren(|w| w.list(columns, |w, c| w.ident(c)));
        }
        match &self.filter {
            Some(filter) => sql.kw("WHERE").server_text(filter),
            None => sql,
        }
    }
}

impl Item for PublicationTable {
    const COVERAGE: Coverage = Coverage::of(
        &[again("columns").since(15), again("row filter").since(15)],
        &["testdata/cases/postgres/publications/columns_and_filters"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { columns, filter } = self;
        let mut list = Vec::new();
        differ(&mut list, "columns", columns, &to.columns);
        differ(&mut list, "row filter", filter, &to.filter);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(id.prefix(PgKind::Publication, 1))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        let own = slot("published table", &id.parts());
        if self.columns.is_some() { vec![own, either_or(id)] } else { vec![own] }
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("what of a table is published cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![alter_publication(id).kw("ADD TABLE").then(self.clause(id)).build()])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![alter_publication(id).kw("DROP TABLE ONLY").name(&id.parts()[1..]).build()])]
    }
}

impl Item for PublicationSchema {
    const COVERAGE: Coverage =
        Coverage::of(&[], &["testdata/cases/postgres/publications/schemas_instead_of_columns"]).since(15);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let (Self {}, Self {}) = (self, to);
        Vec::new()
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(id.prefix(PgKind::Publication, 1))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![either_or(id)]
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(Vec::new())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![alter_publication(id).kw("ADD TABLES IN SCHEMA").ident(id.last()).build()])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![alter_publication(id).kw("DROP TABLES IN SCHEMA").ident(id.last()).build()])]
    }
}

pub(super) const TABLE_QUERY: Query = Query {
    sql: |server| {
        let (columns, filter) = if server.has_publication_filters() {
            (
                "(SELECT array_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = r.prrelid \
                 AND a.attnum = ANY (r.prattrs))",
                "pg_get_expr(r.prqual, r.prrelid)",
            )
        } else {
            ("NULL", "NULL")
        };
        vec![format!(
            "SELECT r.oid, r.prpubid, r.prrelid, {columns}, {filter} FROM pg_publication_rel r WHERE r.prrelid >= {FIRST_USER_OID}"
        )]
    },
    read: read_tables,
};

fn read_tables(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let publication = reader.find(class::PUBLICATION, row.oid(1), 0).cloned();
        let table = reader.find(class::CLASS, row.oid(2), 0).filter(|t| t.kind == PgKind::Table).cloned();
        if table.is_none() && reader.is_member(class::CLASS, row.oid(2)) {
            reader.unclaimed.push(((class::PUBLICATION, row.oid(1)), "table of an extension in"));
        }
        let (Some(publication), Some(table)) = (publication, table) else { continue };
        if publication.kind != PgKind::Publication {
            continue;
        }
        let id = PgId::new(PgKind::PublicationTable, [publication.last(), table.part(0), table.part(1)]);
        let filter =
            row.opt(4).map(|f| if f.starts_with('(') && f.ends_with(')') { f.to_owned() } else { format!("({f})") });
        let member = PublicationTable { columns: row.opt(3).map(|_| row.array(3)), filter };
        reader.add(class::PUBLICATION_REL, row.oid(0), id.clone(), PgObject::PublicationTable(member));
        reader.depends(&id, &publication);
        reader.depends(&id, &table);
    }
}

pub(super) const SCHEMA_QUERY: Query = Query {
    sql: |server| {
        if server.has_publication_schemas() {
            vec!["SELECT oid, pnpubid, pnnspid FROM pg_publication_namespace".to_owned()]
        } else {
            vec!["SELECT 0, 0, 0 WHERE false".to_owned()]
        }
    },
    read: read_schemas,
};

fn read_schemas(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let publication =
            reader.find(class::PUBLICATION, row.oid(1), 0).filter(|p| p.kind == PgKind::Publication).cloned();
        let schema = reader.find(class::NAMESPACE, row.oid(2), 0).filter(|s| s.kind == PgKind::Schema).cloned();
        if schema.is_none() && reader.is_member(class::NAMESPACE, row.oid(2)) {
            reader.unclaimed.push(((class::PUBLICATION, row.oid(1)), "schema of an extension in"));
        }
        let (Some(publication), Some(schema)) = (publication, schema) else { continue };
        let id = PgId::new(PgKind::PublicationSchema, [publication.last(), schema.last()]);
        reader.add(
            class::PUBLICATION_NAMESPACE,
            row.oid(0),
            id.clone(),
            PgObject::PublicationSchema(PublicationSchema {}),
        );
        reader.depends(&id, &publication);
        reader.depends(&id, &schema);
    }
}
