//! Rows of a table that has to be dropped and made again: they are put aside before and put back after, in one transaction.
//! No statement changes a partition key, or makes columns that a table declares itself into ones that it only inherits
//! (manual, ALTER TABLE).

use crate::facts::loss_of_type_change;
use crate::objects::{Column, ConstraintKind, Table, ValuesGo, parts_of};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeSet, HashMap, HashSet};
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Action, Alteration, Draft, Verb};
use underpin_sql::{Lexer, Sql, TokenKind, quote};

/// The table that a partition is attached to.
fn parent_of<'a>(catalog: &'a PgCatalog, table: &PgId) -> Option<&'a PgId> {
    match catalog.objects.get(&table.attached(PgKind::Partition, &[])) {
        Some(PgObject::Partition(partition)) => Some(&partition.parent),
        _ => None,
    }
}

/// Whether rows of the table are rows of that partitioned table as well, or the two are the same.
fn is_within(catalog: &PgCatalog, table: &PgId, root: &PgId) -> bool {
    let mut next = Some(table);
    while let Some(table) = next {
        if table == root {
            return true;
        }
        next = parent_of(catalog, table);
    }
    false
}

fn own_table<'a>(catalog: &'a PgCatalog, id: &PgId) -> Option<&'a Table> {
    match catalog.objects.get(id) {
        Some(PgObject::Table(table)) if table.foreign.is_none() => Some(table),
        _ => None,
    }
}

/// Whether a partition key, as the server prints it, is about a column of that name.
fn mentions(key: &str, column: &str) -> bool {
    let quoted = quote::ident(column);
    Lexer::new(key).any(|t| matches!(t.kind, TokenKind::Word | TokenKind::QuotedIdent) && t.text(key) == quoted)
}

/// The counter of an identity column: its sequence, schema and name, on both sides.
struct Counter<'a> {
    column: &'a PgId,
    old: &'a (String, String),
    new: &'a (String, String),
}

impl Postgres<'_> {
    /// What is lost when a table is dropped, in words.
    pub(crate) fn loss_with(&self, id: &PgId) -> Option<String> {
        // A foreign table's rows are elsewhere and stay there, and those of a copy are in the table that it is of.
        own_table(self.from, id)?;
        if crate::recipes::shadow_table::is_ours(id.part(0)) {
            return None;
        }
        let name = Sql::empty().name(&id.parts()).build();
        if self.rows_go_with_parent(id) {
            return None;
        }
        if own_table(self.to, id).is_none() {
            return Some(format!("the rows of {name} are lost"));
        }
        let columns = parts_of(self.from, PgKind::Column, &id.parts()).into_iter();
        let (stay, go): (Vec<_>, Vec<_>) = columns
            .filter(|(_, o)| matches!(o, PgObject::Column(c) if c.generated.is_none()))
            .map(|(column, _)| column)
            .partition(|column| self.to.objects.contains_key(*column));
        if stay.is_empty() && !go.is_empty() {
            return Some(format!("the rows of {name} are lost: it has to be made again, and no column of it stays"));
        }
        let go: Vec<String> = go.into_iter().map(|column| quote::ident(column.last())).collect();
        (!go.is_empty()).then(|| format!("the values of {name} in {} are lost", go.join(", ")))
    }

    /// Whether the table is made again for its own sake, not for something else's.
    pub(crate) fn is_replaced(&self, id: &PgId) -> bool {
        match (self.from.objects.get(id), self.to.objects.get(id)) {
            (Some(old @ PgObject::Table(table)), Some(new)) => {
                matches!(old.alter(id, new, &self.context(self.from, self.to)), Alteration::Replace(_))
                    || table.partition_by.as_deref().is_some_and(|key| self.key_changes(id, key))
            }
            _ => false,
        }
    }

    /// Whether the table is made again for its own sake, or along with a table that it stays under.
    fn is_made_again(&self, id: &PgId) -> bool {
        let stays_under = |parent: &PgId| match self.to.objects.get(id) {
            Some(PgObject::Table(t)) => t.inherits.contains(parent) || parent_of(self.to, id).is_some(),
            _ => false,
        };
        let inherited = match self.from.objects.get(id) {
            Some(PgObject::Table(t)) => t.inherits.as_slice(),
            _ => &[],
        };
        let mut parents = inherited.iter().chain(parent_of(self.from, id));
        self.is_replaced(id) || parents.any(|parent| stays_under(parent) && self.is_made_again(parent))
    }

    /// Whether the table is there already, under no other table.
    pub(crate) fn is_on_its_own(&self, id: &PgId) -> bool {
        parent_of(self.from, id).is_none()
            && matches!(self.from.objects.get(id), Some(PgObject::Table(t)) if t.inherits.is_empty())
    }

    /// Whether a column has its shape before its table joins a new parent, and waits for no column of that. From 18 on its NOT
    /// NULL has the parent's name, which the parent has to take first.
    pub(crate) fn takes_shape_first(&self, column: &PgId) -> bool {
        let takes_name = self.server.has_not_null_constraints()
            && matches!(self.to.objects.get(column), Some(PgObject::Column(c)) if c.not_null);
        !takes_name && self.from.objects.contains_key(column) && self.is_on_its_own(&Column::table(column))
    }

    /// Whether a column of the table's partition key changes its type, which the server refuses.
    fn key_changes(&self, table: &PgId, key: &str) -> bool {
        let columns = parts_of(self.from, PgKind::Column, &table.parts()).into_iter();
        columns.map(|(column, _)| column).any(|column| self.type_differs(column) && mentions(key, column.last()))
    }

    /// Why a column cannot be altered at all: it is part of a partition key. The table is made again with it.
    pub(crate) fn holds_back_key(&self, column: &PgId) -> Option<String> {
        let table = Column::table(column);
        match self.from.objects.get(&table) {
            Some(PgObject::Table(Table { partition_by: Some(key), .. }))
                if self.type_differs(column) && mentions(key, column.last()) =>
            {
                Some("a column of a partition key cannot change its type".to_owned())
            }
            _ => None,
        }
    }

    /// Whether a table that is made again has rows of its own to put aside and back: a partition's are its parent's, where
    /// that is made again too.
    pub(crate) fn holds_rows(&self, id: &PgId) -> bool {
        if id.kind != PgKind::Table || own_table(self.from, id).is_none() || own_table(self.to, id).is_none() {
            return false;
        }
        !self.rows_go_with_parent(id) && !self.common_columns(id).is_empty()
    }

    /// Whether the rows of a partition are put aside with those of a partitioned table above it that is made again. Those of one
    /// that leaves it and stays are its own.
    fn rows_go_with_parent(&self, id: &PgId) -> bool {
        let mut next = parent_of(self.from, id);
        while let Some(parent) = next {
            let goes_along = !self.to.objects.contains_key(id) || is_within(self.to, id, parent);
            if goes_along && self.is_replaced(parent) && own_table(self.to, parent).is_some() {
                return true;
            }
            next = parent_of(self.from, parent);
        }
        false
    }

    /// The partitions and heirs of a table that is made again, which cannot keep their columns without it.
    pub(crate) fn heirs_that_go_along(&self, id: &PgId) -> Vec<PgId> {
        if !self.is_made_again(id) {
            return Vec::new();
        }
        // What leaves its parent keeps its columns and its rows.
        let stays = |heir: &PgId| match self.to.objects.get(heir) {
            Some(PgObject::Table(t)) => t.inherits.contains(id) || parent_of(self.to, heir).is_some(),
            _ => false,
        };
        self.branches.get(id).into_iter().flatten().filter(|heir| stays(heir)).cloned().collect()
    }

    /// The columns whose values go over, with both sides.
    fn common_columns(&self, id: &PgId) -> Vec<(&PgId, &Column, &Column)> {
        let mut list = Vec::new();
        for (column, object) in parts_of(self.to, PgKind::Column, &id.parts()) {
            if let (Some(PgObject::Column(old)), PgObject::Column(new)) = (self.from.objects.get(column), object)
                && new.generated.is_none()
            {
                list.push((column, old, new));
            }
        }
        list
    }

    fn rows_aside(id: &PgId) -> Sql {
        Sql::empty().name(&[id.part(0), &name_aside("_underpin_rows_", id.last())])
    }

    fn counter_aside(column: &PgId) -> Sql {
        let name = format!("{}.{}", column.part(1), column.last());
        Sql::empty().name(&[column.part(0), &name_aside("_underpin_counter_", &name)])
    }

    /// Identity columns on both sides: their counters go on.
    fn counters(&self, id: &PgId) -> Vec<Counter<'_>> {
        let columns = self.common_columns(id).into_iter();
        columns
            .filter_map(|(column, old, new)| {
                let (old, new) = (&old.identity.as_ref()?.sequence, &new.identity.as_ref()?.sequence);
                Some(Counter { column, old, new })
            })
            .collect()
    }

    /// Puts the rows of a table aside. Nobody writes to it from then on.
    pub(crate) fn save_rows(&self, id: &PgId) -> Draft {
        let table = Sql::empty().name(&id.parts()).build();
        let partitioned = own_table(self.from, id).is_some_and(|t| t.partition_by.is_some());
        let only = !partitioned;
        let lock = Sql::new("LOCK TABLE").kw_if(only, "ONLY").name(&id.parts()).kw("IN ACCESS EXCLUSIVE MODE");
        let mut copy = Sql::new("CREATE TABLE").then(Self::rows_aside(id)).kw("AS SELECT");
        let first = PgId::new(PgKind::Table, [""]);
        let tables = self.from.objects.range(first..).take_while(|(other, _)| other.kind == PgKind::Table);
        let within: Vec<&PgId> =
            tables.map(|(other, _)| other).filter(|other| is_within(self.from, other, id)).collect();
        // A partition that becomes a table of its own keeps its rows, and a foreign one's are elsewhere.
        let goes = |part: &PgId| part == id || own_table(self.from, part).is_some() && self.rows_go_with_parent(part);
        if within.iter().all(|part| goes(part)) {
            copy = copy.kw("* FROM").kw_if(only, "ONLY").name(&id.parts());
        } else {
            // The columns stand in an order of its own in each partition.
            let columns = parts_of(self.from, PgKind::Column, &id.parts());
            let named = |w: Sql| w.list(&columns, |w, (column, _)| w.ident(column.last()));
            copy = named(copy).kw("FROM ONLY").name(&id.parts());
            for part in within.into_iter().filter(|part| *part != id && goes(part)) {
                copy = named(copy.kw("UNION ALL SELECT")).kw("FROM ONLY").name(&part.parts());
            }
        }
        let mut sql = vec![lock.build(), copy.build()];
        for Counter { column, old: (schema, name), .. } in self.counters(id) {
            let aside = Sql::new("CREATE TABLE").then(Self::counter_aside(column));
            sql.push(aside.kw("AS SELECT last_value, is_called FROM").name(&[schema, name]).build());
        }
        let mut draft = Draft::sql(sql);
        draft.work = Work::Rewrite;
        draft.reason = Some(format!("{table} has to be dropped and made again; its rows wait in a table of their own"));
        if self.strategy == Strategy::Online {
            let message = format!("reads and writes of {table} wait until all its rows are back");
            draft.hazards.push(Hazard { kind: HazardKind::BlocksReads, message });
        }
        draft
    }

    /// Puts the rows of a table back, and its counters.
    pub(crate) fn fill_rows(&self, id: &PgId) -> Draft {
        let columns = self.common_columns(id);
        let values: Vec<Sql> = columns.iter().map(|(column, old, new)| self.value_of(column, old, new)).collect();
        let identity = columns.iter().any(|(_, _, new)| new.identity.is_some());
        let insert = Sql::new("INSERT INTO")
            .name(&id.parts())
            .paren(|w| w.list(&columns, |w, (column, _, _)| w.ident(column.last())))
            .kw_if(identity, "OVERRIDING SYSTEM VALUE")
            .kw("SELECT")
            .list(values, Sql::then)
            .kw("FROM")
            .then(Self::rows_aside(id));
        let mut sql = vec![insert.build(), Sql::new("DROP TABLE").then(Self::rows_aside(id)).build()];
        for Counter { column, new: (schema, name), .. } in self.counters(id) {
            let sequence = Sql::empty().literal(&quote::qualified(&[schema, name])).build();
            let set = format!("SELECT pg_catalog.setval({sequence}, last_value, is_called)");
            sql.push(Sql::empty().server_text(&set).kw("FROM").then(Self::counter_aside(column)).build());
            sql.push(Sql::new("DROP TABLE").then(Self::counter_aside(column)).build());
        }
        let mut draft = Draft::sql(sql);
        draft.work = Work::Rewrite;
        for (column, old, new) in &columns {
            if !self.usings.contains_key(*column)
                && !self.goes_through_text(column)
                && let Some(loss) = loss_of_type_change(&old.type_name, &new.type_name)
            {
                let message = format!("{loss}, in every value of {}", Sql::empty().name(&column.parts()).build());
                draft.hazards.push(Hazard { kind: HazardKind::DataLoss, message });
            }
        }
        draft
    }

    /// The value of a column of the new table, over the columns of the old one.
    fn value_of(&self, id: &PgId, old: &Column, new: &Column) -> Sql {
        let column = Sql::empty().ident(id.last());
        if let Some(using) = self.usings.get(id) {
            return Sql::empty().paren(|w| w.server_text(using));
        }
        if let Some(converted) = self.conversion(id, old, new) {
            return converted;
        }
        match self.values_go(old, new, self.goes_through_text(id)) {
            ValuesGo::ByAssignment => column,
            way => Sql::empty().server_text(&new.converted(&column.build(), old, way)),
        }
    }

    /// Rows are put aside before anything of the table changes, and put back when all is there that holds them, and before
    /// what looks at them or acts on them.
    pub(crate) fn rows_in_order(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let held: Vec<(usize, &Action<Self>)> =
            actions.iter().enumerate().filter(|(_, a)| matches!(a.verb, Verb::Save | Verb::Fill)).collect();
        if held.is_empty() {
            return Vec::new();
        }
        let places: HashMap<(Verb, &PgId), usize> = held.iter().map(|(n, a)| ((a.verb, &a.id), *n)).collect();
        let place = |verb: Verb, root: &PgId| places.get(&(verb, root)).copied();
        let mut roots: HashMap<(bool, PgId), Option<PgId>> = HashMap::new();
        let names: BTreeSet<&PgId> = held.iter().map(|(_, a)| &a.id).collect();
        let mut root_of = |is_new: bool, table: &PgId| -> Option<PgId> {
            let catalog = if is_new { self.to } else { self.from };
            let found = || names.iter().find(|root| is_within(catalog, table, root)).map(|root| (*root).clone());
            roots.entry((is_new, table.clone())).or_insert_with(found).clone()
        };
        let mut pairs = Vec::new();
        for (n, action) in actions.iter().enumerate() {
            let id = &action.id;
            let holder = match id.kind {
                PgKind::Table | PgKind::Partition | PgKind::Column | PgKind::Default => id.prefix(PgKind::Table, 2),
                PgKind::Trigger | PgKind::Rule | PgKind::Constraint => id.prefix(PgKind::Table, 2),
                _ => id.clone(),
            };
            let holds = matches!(id.kind, PgKind::Table | PgKind::Partition | PgKind::Column | PgKind::Default);
            if matches!(action.verb, Verb::Alter | Verb::End) && holds {
                pairs.extend(root_of(false, &holder).and_then(|root| place(Verb::Save, &root)).map(|m| (m, n)));
            }
            let fills = |root: &PgId| place(Verb::Fill, root);
            match action.verb {
                Verb::Make | Verb::Alter if holds => {
                    pairs.extend(root_of(true, &holder).and_then(|root| fills(&root)).map(|m| (n, m)));
                }
                // What would act on the rows, and what was ended of it.
                Verb::Make if matches!(id.kind, PgKind::Trigger | PgKind::Rule) => {
                    pairs.extend(root_of(true, &holder).and_then(|root| fills(&root)).map(|m| (m, n)));
                }
                Verb::End if matches!(id.kind, PgKind::Trigger | PgKind::Rule) => {
                    pairs.extend(root_of(false, &holder).and_then(|root| fills(&root)).map(|m| (n, m)));
                }
                // Foreign keys are proved on the rows.
                Verb::Make if matches!(self.to.objects.get(id), Some(PgObject::Constraint(c)) if c.kind == ConstraintKind::Foreign && c.part_of.is_none()) =>
                {
                    let tables: HashSet<PgId> = std::iter::once(holder.clone())
                        .chain(self.to.needs(id).filter(|n| n.kind == PgKind::Column).map(Column::table))
                        .collect();
                    if parent_of(self.to, &holder).is_none() {
                        let roots = tables.iter().filter_map(|table| root_of(true, table));
                        pairs.extend(roots.filter_map(|root| fills(&root)).map(|m| (m, n)));
                    }
                }
                // It runs its query.
                Verb::Make if id.kind == PgKind::MaterializedView => {
                    pairs.extend(held.iter().filter(|(_, a)| a.verb == Verb::Fill).map(|(m, _)| (*m, n)));
                }
                // A type that waits aside is still the one of the rows aside.
                Verb::End if action.parked => {
                    pairs.extend(held.iter().filter(|(_, a)| a.verb == Verb::Fill).map(|(m, _)| (*m, n)));
                }
                _ => {}
            }
        }
        pairs
    }
}
