//! The tie of a partition to its parent (manual, ALTER TABLE … ATTACH PARTITION). A partition is made as a table of its
//! own, with the indexes and keys that have names of their own, and attached after: then the server takes these for the
//! parent's instead of making new ones with names that nobody chose.

use super::{Column, ConstraintKind, Context, Item, Query};
use crate::attribute::differ;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp, Postgres};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use underpin_model::Work;
use underpin_planner::{Action, Alteration, Draft, Verb};
use underpin_sql::Sql;

/// Which parent a partition is attached to, and with which bound.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// The partitioned table.
    pub parent: PgId,
    /// The bound as the server prints it: `FOR VALUES …` or `DEFAULT`.
    pub bound: String,
}

impl Partition {
    fn attach(&self, id: &PgId) -> Sql {
        let parent = Sql::new("ALTER TABLE").name(&self.parent.parts());
        parent.kw("ATTACH PARTITION").name(&id.parts()).server_text(&self.bound)
    }

    fn detach(&self, id: &PgId) -> Sql {
        Sql::new("ALTER TABLE").name(&self.parent.parts()).kw("DETACH PARTITION").name(&id.parts())
    }
}

impl Item for Partition {
    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { parent, bound } = self;
        let mut list = Vec::new();
        differ(&mut list, "parent", parent, &to.parent);
        differ(&mut list, "bound", bound, &to.bound);
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
        Alteration::Replace("its bound can be changed only by detaching it".to_owned())
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let mut draft = Draft::sql(vec![self.attach(id).build()]);
        // Its rows have to fit the bound, and none of the default partition's may fit it.
        let has_rows = id.target(0).is_some_and(|table| cx.from.objects.contains_key(&table));
        if has_rows || cx.with_default.contains(&self.parent) {
            draft.work = Work::Scan;
        }
        vec![draft]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![self.detach(id).build()])]
    }
}

/// The columns of a partition and of its parent are altered while the two are apart: before it is attached and after it is
/// detached. What it has from its parent could not be altered, and what happens to the parent's would happen to it.
pub(crate) fn columns_around(
    from: &PgCatalog,
    to: &PgCatalog,
    actions: &[Action<Postgres<'_>>],
) -> Vec<(usize, usize)> {
    let mut ties: HashMap<PgId, Vec<usize>> = HashMap::new();
    for (n, action) in actions.iter().enumerate() {
        let side = if action.verb == Verb::End { from } else { to };
        if let Some(PgObject::Partition(partition)) = side.objects.get(&action.id) {
            for table in action.id.target(0).into_iter().chain([partition.parent.clone()]) {
                ties.entry(table).or_default().push(n);
            }
        }
    }
    if ties.is_empty() {
        return Vec::new();
    }
    let mut pairs = Vec::new();
    for (n, action) in actions.iter().enumerate() {
        if action.verb == Verb::Make && is_unproved(to, &action.id) {
            // No partition with such a constraint can be attached: it gets it from its parent after.
            for &tie in ties.get(&action.id.prefix(PgKind::Table, 2)).into_iter().flatten() {
                let of = actions[tie]
                    .id
                    .target(0)
                    .map(|t| PgId::new(PgKind::Constraint, [t.part(0), t.part(1), action.id.last()]));
                if actions[tie].verb == Verb::Make && of.is_some_and(|id| id != action.id && is_unproved(to, &id)) {
                    pairs.push((tie, n));
                }
            }
        }
        if action.id.kind != PgKind::Column || action.verb != Verb::Alter || action.op == Some(PgOp::Implicit) {
            continue;
        }
        for &tie in ties.get(&Column::table(&action.id)).into_iter().flatten() {
            match actions[tie].verb {
                Verb::Make => pairs.push((n, tie)),
                Verb::End => pairs.push((tie, n)),
                Verb::Alter | Verb::Park => {}
            }
        }
    }
    pairs
}

/// Whether the address is that of a check that is NOT VALID.
fn is_unproved(catalog: &PgCatalog, id: &PgId) -> bool {
    let Some(PgObject::Constraint(c)) = catalog.objects.get(id) else { return false };
    c.kind == ConstraintKind::Check && c.enforced && !c.valid
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT c.oid, i.inhparent, pg_get_expr(c.relpartbound, c.oid) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid \
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
            let id = child.attached(PgKind::Partition, &[]);
            reader.depends(&id, &child);
            reader.depends(&id, &parent);
            reader.add_part(id, PgObject::Partition(Partition { parent, bound: row.string(2) }));
        }
    }
}
