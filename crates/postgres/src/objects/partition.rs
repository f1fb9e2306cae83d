//! The tie of a partition to its parent (manual, ALTER TABLE … ATTACH PARTITION). A partition is made as a table of its
//! own, with the indexes and keys that have names of their own, and attached after: then the server takes these for the
//! parent's instead of making new ones with names that nobody chose.

use super::{Context, Item, Query};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::recipes::{partition_attached, partition_detached};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_model::{Diagnostic, Severity};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// Which parent a partition is attached to, and with which bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// The partitioned table.
    pub parent: PgId,
    /// The bound as the server prints it: `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
    /// Whether a concurrent detachment was begun and has not been ended.
    #[serde(default)]
    pub detaching: bool,
}

impl Partition {
    fn attach(&self, id: &PgId) -> Sql {
        let parent = Sql::new("ALTER TABLE").name(&self.parent.parts());
        parent.kw("ATTACH PARTITION").name(&id.parts()).server_text(&self.bound)
    }

    pub(crate) fn detach(&self, id: &PgId) -> Sql {
        Sql::new("ALTER TABLE").name(&self.parent.parts()).kw("DETACH PARTITION").name(&id.parts())
    }
}

/// Whether the table is a partition that stays where it is: what it has as a part of its parent's can neither be taken away
/// from that nor go without it (manual, ALTER INDEX … ATTACH PARTITION; there is no way back).
pub(crate) fn stays(table: &PgId, from: &PgCatalog, to: &PgCatalog) -> bool {
    let tie = table.attached(PgKind::Partition, &[]);
    from.objects.get(&tie).is_some_and(|a| to.objects.get(&tie) == Some(a))
}

impl Item for Partition {
    const COVERAGE: Coverage = Coverage::of(
        &[again("parent"), again("bound"), again("detaching").since(14)],
        &["testdata/cases/postgres/table/partitions", "testdata/cases/postgres/foreign_data/partition"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { parent, bound, detaching } = self;
        let mut list = Vec::new();
        differ(&mut list, "parent", parent, &to.parent);
        differ(&mut list, "bound", bound, &to.bound);
        differ(&mut list, "detaching", detaching, &to.detaching);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        id.target(0)
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn slots(&self, _id: &PgId) -> Vec<String> {
        // Bounds may overlap in ways that only the server can tell: all that go, go first.
        vec![super::slot("bounds", &self.parent.parts())]
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        let why = if self.detaching {
            "its detachment was begun and has to be ended first"
        } else {
            "its bound can be changed only by detaching it"
        };
        Alteration::Replace(why.to_owned())
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        partition_attached::drafts(self, id, self.attach(id), cx)
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        partition_detached::drafts(self, id, cx)
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let detaching = if server.has_detach_concurrently() { "i.inhdetachpending" } else { "false" };
        vec![format!(
            "SELECT c.oid, i.inhparent, pg_get_expr(c.relpartbound, c.oid), {detaching} FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid \
             WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f') AND c.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let child = reader.find(class::CLASS, row.oid(0), 0).cloned();
        let parent = reader.find(class::CLASS, row.oid(1), 0).cloned();
        if let (Some(child), Some(parent)) = (child, parent) {
            if parent.kind != PgKind::Table {
                reader.unclaimed.push(((class::CLASS, row.oid(0)), "inheritance from an extension's table of"));
                continue;
            }
            let id = child.attached(PgKind::Partition, &[]);
            if row.bool(3) {
                reader.diagnose(detaching(&id_of(&child), &id_of(&parent)));
            }
            reader.depends(&id, &child);
            reader.depends(&id, &parent);
            reader
                .add_part(id, PgObject::Partition(Partition { parent, bound: row.string(2), detaching: row.bool(3) }));
        }
    }
}

fn id_of(table: &PgId) -> String {
    Sql::empty().name(&table.parts()).build()
}

/// A concurrent detachment that stopped between its two transactions (manual, ALTER TABLE, DETACH PARTITION). It is in the
/// way of others, and the server lets only FINALIZE end it.
fn detaching(child: &str, parent: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "detach-pending",
        format!("detaching the partition {child} from {parent} was begun and not ended; it counts as attached here"),
    )
    .note(
        "queries on the partitioned table no longer see its rows, and no other partition can be detached concurrently",
    )
    .help(format!("the next plan ends it, or: ALTER TABLE {parent} DETACH PARTITION {child} FINALIZE"))
}
