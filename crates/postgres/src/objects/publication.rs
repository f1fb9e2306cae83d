//! Publications (manual, CREATE PUBLICATION; `pg_publication`). What they publish are objects of their own.

use super::{Context, Item, PublicationTable, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A publication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Publication {
    /// `FOR ALL TABLES`.
    pub all_tables: bool,
    /// What is published: `insert`, `update`, `delete`, `truncate`, in this order.
    pub operations: Vec<String>,
    /// Whether partitions' changes are published as the root's (13).
    pub via_root: bool,
    /// `publish_generated_columns` (18), where it is not `none`.
    pub generated_columns: Option<String>,
}

impl Publication {
    /// The options that differ from `from`.
    fn options(&self, from: &Self) -> Vec<Sql> {
        let mut list = Vec::new();
        if self.operations != from.operations {
            list.push(Sql::new("publish =").literal(&self.operations.join(", ")));
        }
        if self.via_root != from.via_root {
            list.push(Sql::new(if self.via_root {
                "publish_via_partition_root = true"
            } else {
                "publish_via_partition_root = false"
            }));
        }
        if self.generated_columns != from.generated_columns {
            list.push(
                Sql::new("publish_generated_columns =")
                    .server_text(self.generated_columns.as_deref().unwrap_or("none")),
            );
        }
        list
    }

    /// What `CREATE PUBLICATION` makes when no option is given.
    fn plain() -> Self {
        let operations = ["insert", "update", "delete", "truncate"].map(str::to_owned).to_vec();
        Self { all_tables: false, operations, via_root: false, generated_columns: None }
    }
}

impl Item for Publication {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("all tables"),
            alters("operations"),
            alters("via partition root").since(13),
            alters("generated columns").since(18),
        ],
        &["testdata/cases/postgres/publications/all_tables", "testdata/cases/postgres/publications/members_go"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { all_tables, operations, via_root, generated_columns } = self;
        let mut list = Vec::new();
        differ(&mut list, "all tables", all_tables, &to.all_tables);
        differ(&mut list, "operations", operations, &to.operations);
        differ(&mut list, "via partition root", via_root, &to.via_root);
        differ(&mut list, "generated columns", generated_columns, &to.generated_columns);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("publication", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("PUBLICATION").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        if self.all_tables != to.all_tables {
            return Alteration::Replace("a publication cannot become or cease to be one for all tables".to_owned());
        }
        let options = to.options(self);
        let sql = Sql::new("ALTER").then(self.address(id)).kw("SET").paren(|w| w.list(options, Sql::then));
        Alteration::InPlace(vec![PgOp::one(sql)])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE").then(self.address(id));
        if self.all_tables {
            sql = sql.kw("FOR ALL TABLES");
        }
        let (mut tables, mut schemas) = (Vec::new(), Vec::new());
        for member in &cx.folded {
            match cx.to.objects.get(*member) {
                Some(PgObject::PublicationTable(table)) => tables.push(PublicationTable::clause(table, member)),
                Some(PgObject::PublicationSchema(_)) => schemas.push(Sql::empty().ident(member.last())),
                _ => {}
            }
        }
        // Before 15 the word TABLE stands once (release notes 15).
        let mut members = Vec::new();
        if !tables.is_empty() {
            members.push(Sql::new("TABLE").list(tables, Sql::then));
        }
        if !schemas.is_empty() {
            members.push(Sql::new("TABLES IN SCHEMA").list(schemas, Sql::then));
        }
        if !members.is_empty() {
            sql = sql.kw("FOR").list(members, Sql::then);
        }
        let options = self.options(&Self::plain());
        if !options.is_empty() {
            sql = sql.kw("WITH").paren(|w| w.list(options, Sql::then));
        }
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let via_root = if server.has_publish_via_root() { "pubviaroot" } else { "false" };
        let generated = if server.has_publish_generated() { "pubgencols" } else { "'n'" };
        vec![format!(
            "SELECT oid, pubname, pubowner, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate, {via_root}, {generated} \
             FROM pg_publication WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        if !reader.is_ours(class::PUBLICATION, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Publication, [row.text(1)]);
        let operations = [(4, "insert"), (5, "update"), (6, "delete"), (7, "truncate")];
        let publication = Publication {
            all_tables: row.bool(3),
            operations: operations.into_iter().filter(|(n, _)| row.bool(*n)).map(|(_, name)| name.to_owned()).collect(),
            via_root: row.bool(8),
            generated_columns: (row.char(9) == 's').then(|| "stored".to_owned()),
        };
        reader.add(class::PUBLICATION, oid, id.clone(), PgObject::Publication(publication));
        reader.owner(&id, row.oid(2));
    }
}
