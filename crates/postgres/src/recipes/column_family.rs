//! Columns of partitioned tables and of tables with heirs, with those that come from them: what a road does to the
//! first it does to all.

use super::shadow_family;
use crate::objects::{Column, Constraint, ConstraintKind};
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{HashMap, HashSet};
use underpin_sql::Sql;

/// Whether the table is partitioned.
pub(super) fn is_partitioned(catalog: &PgCatalog, table: &PgId) -> bool {
    matches!(catalog.objects.get(table), Some(PgObject::Table(t)) if t.partition_by.is_some())
}

/// The column with all that come from it, itself first; none where they cannot take a road together.
pub(super) fn family(dialect: &Postgres<'_>, root: &PgId) -> Option<Vec<PgId>> {
    let (from, to) = (dialect.from, dialect.to);
    let all = dialect.with_heirs(root);
    let members: HashSet<&PgId> = all.iter().collect();
    if all.len() == 1 && is_partitioned(to, &Column::table(root)) != is_partitioned(from, &Column::table(root)) {
        return None;
    }
    // Who comes or goes in the same plan is not looked after.
    let heir_of = |o: &PgObject| match o {
        PgObject::Column(Column { inherits: Some(parent), .. }) => members.contains(parent),
        _ => false,
    };
    let same = to.objects.iter().all(|(id, o)| !heir_of(o) || members.contains(id));
    let as_root = |catalog: &PgCatalog, id: &PgId| match (catalog.objects.get(root), catalog.objects.get(id)) {
        (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
            // Partitions have the identity of the partitioned table (17).
            let own_numbers = b.identity.is_some() && *id != *root && !is_partitioned(catalog, &Column::table(root));
            a.type_name == b.type_name && a.collation == b.collation && !own_numbers && b.generated.is_none()
        }
        _ => false,
    };
    let is_fit = |id: &PgId| {
        let table = Column::table(id);
        let tie = table.attached(PgKind::Partition, &[]);
        let is_part = to.objects.contains_key(&tie);
        let parents = |catalog: &PgCatalog| match catalog.objects.get(&table) {
            Some(PgObject::Table(t)) => t.inherits.len(),
            _ => usize::MAX,
        };
        let own = |catalog: &PgCatalog| is_own_of_heir(catalog, id);
        super::fill::is_in_use(dialect, id)
            && as_root(from, id)
            && as_root(to, id)
            && from.objects.get(&tie) == to.objects.get(&tie)
            && parents(from) <= 1
            && parents(to) <= 1
            && (is_part || own(from) == own(to))
            && is_partitioned(from, &table) == is_partitioned(to, &table)
    };
    let has_checks_apart = || {
        // A check of an heir's own under the name of its parent's would become the parent's.
        let checks = |id: &PgId| -> Vec<String> {
            let of = |(name, o): (&PgId, &PgObject)| match o {
                PgObject::Constraint(c) if c.kind == ConstraintKind::Check && !c.inherited => {
                    Some(name.last().to_owned())
                }
                _ => None,
            };
            let parts = crate::objects::parts_of(to, PgKind::Constraint, &id.parts()[..2]);
            parts.into_iter().filter_map(of).collect()
        };
        let mut seen = HashSet::new();
        !all.iter().flat_map(checks).all(|name| seen.insert(name))
    };
    if all.len() > 1 {
        return (same && all.iter().all(is_fit) && !has_checks_apart()).then_some(all);
    }
    same.then_some(all)
}

/// Whether a column that comes from a parent is declared by the heir too.
fn is_own_of_heir(catalog: &PgCatalog, id: &PgId) -> bool {
    matches!(catalog.objects.get(id), Some(PgObject::Column(c)) if c.inherits.is_some() && c.local)
}

/// The tables to which a column that comes beside is added: the heirs that declare theirs themselves, the lowest first,
/// so that the parent's joins it, and the parent.
pub(super) fn declared(dialect: &Postgres<'_>, family: &[PgId]) -> Vec<PgId> {
    let is_part = |id: &PgId| dialect.to.objects.contains_key(&Column::table(id).attached(PgKind::Partition, &[]));
    let own = family.iter().skip(1).filter(|id| !is_part(id) && is_own_of_heir(dialect.to, id));
    own.rev().chain(family.first()).map(Column::table).collect()
}

/// The table that a foreign key refers to.
fn referred(catalog: &PgCatalog, id: &PgId) -> PgId {
    let own = id.prefix(PgKind::Table, 2);
    let tables = catalog.needs(id).filter(|n| n.kind == PgKind::Column).map(Column::table);
    tables.into_iter().find(|table| *table != own).unwrap_or(own)
}

/// Whether a foreign key refers to columns of a partitioned table that change: their key is only there at the switch.
pub(super) fn comes_late(catalog: &PgCatalog, id: &PgId, object: &PgObject, changes: impl Fn(&PgId) -> bool) -> bool {
    let referred = match object {
        PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign => referred(catalog, id),
        _ => return false,
    };
    is_partitioned(catalog, &referred)
        && catalog.needs(id).any(|n| n.kind == PgKind::Column && Column::table(n) == referred && changes(n))
}

/// The statements of the switch that make the foreign keys again that came too late for a copy. They are proved after
/// it.
pub(super) fn late_foreign_keys(dialect: &Postgres<'_>, columns: &HashSet<&PgId>) -> Vec<String> {
    let (from, to) = (dialect.from, dialect.to);
    let late = to.objects.iter().filter(|(id, object)| {
        from.objects.contains_key(*id) && comes_late(to, id, object, |column| columns.contains(column))
    });
    late.filter_map(|(id, object)| match object {
        PgObject::Constraint(c) => {
            let add = Constraint::alter_table(id, false).kw("ADD").then(c.clause_without_validity(id));
            Some(add.kw_if(c.enforced, "NOT VALID").build())
        }
        _ => None,
    })
    .collect()
}

/// The statements that give a constraint without an index its name. The server gives none to the partitions' copies of
/// a foreign key then.
pub(super) fn renamed(dialect: &Postgres<'_>, id: &PgId, constraint: &Constraint, copy: &str) -> Vec<String> {
    let own = Constraint::table(id);
    let tables = match constraint.kind {
        ConstraintKind::Foreign => shadow_family::family(dialect.to, &own),
        _ => vec![own],
    };
    let rename = |table: &PgId| Sql::new("ALTER TABLE").name(&table.parts()).kw("RENAME CONSTRAINT").ident(copy);
    tables.iter().map(|table| rename(table).kw("TO").ident(id.last()).build()).collect()
}

/// The tables on which a trigger for each row is made, so that it fires for all of the family: the partitioned table,
/// which gives it to its partitions (13), else each that has rows.
pub(super) fn fired(dialect: &Postgres<'_>, family: &[PgId]) -> Vec<PgId> {
    let root = family.first().map(Column::table);
    match root {
        Some(root) if is_partitioned(dialect.to, &root) && dialect.server.has_row_triggers_of_partitioned() => {
            vec![root]
        }
        _ => family.iter().map(Column::table).filter(|table| !is_partitioned(dialect.to, table)).collect(),
    }
}

/// Whether what stands on a column is made of others, or comes with another: the index or key of a partitioned table,
/// and a check that a parent has.
pub(super) fn comes_with_another(id: &PgId, object: &PgObject, to: &PgCatalog) -> bool {
    match object {
        PgObject::Index(index) => index.partitioned,
        PgObject::Constraint(c) if c.is_key() => is_partitioned(to, &id.prefix(PgKind::Table, 2)),
        PgObject::Constraint(c) => c.inherited,
        _ => false,
    }
}

/// Whether what stands on a column goes when the parent's does.
pub(super) fn goes_with_another(object: &PgObject) -> bool {
    match object {
        PgObject::Index(index) => index.part_of.is_some(),
        PgObject::Constraint(c) if c.is_key() => c.part_of.is_some(),
        PgObject::Constraint(c) => c.inherited && c.kind == ConstraintKind::Check,
        _ => false,
    }
}

/// The statements that make the indexes and keys of partitioned tables over the columns out of those of their
/// partitions, the lowest first, so that nothing is built.
pub(super) fn put_together(dialect: &Postgres<'_>, columns: &HashSet<&PgId>) -> Vec<String> {
    let (from, to) = (dialect.from, dialect.to);
    let depth = |object: &PgObject| {
        let part_of = |o: &PgObject| crate::family::part_of(o).and_then(|id| to.objects.get(id));
        std::iter::successors(part_of(object), |o| part_of(o)).count()
    };
    let mut parts: HashMap<&PgId, Vec<&PgId>> = HashMap::new();
    for (part, object) in &to.objects {
        if let Some(whole) = crate::family::part_of(object) {
            parts.entry(whole).or_default().push(part);
        }
    }
    let mut list: Vec<(usize, Vec<String>)> = to
        .objects
        .iter()
        .filter(|(id, _)| matches!(id.kind, PgKind::Index | PgKind::Constraint) && from.objects.contains_key(*id))
        .filter(|(id, _)| to.needs(id).any(|n| columns.contains(n)))
        .filter_map(|(id, object)| {
            let make = match object {
                PgObject::Index(index) if index.partitioned => index.create_only(id),
                PgObject::Constraint(key) if key.is_key() && is_partitioned(to, &id.prefix(PgKind::Table, 2)) => {
                    Constraint::alter_table(id, true).kw("ADD").then(key.clause(id))
                }
                _ => return None,
            };
            let attach = |part: &PgId| {
                let whole = Sql::new("ALTER INDEX").name(&[id.part(0), id.last()]).kw("ATTACH PARTITION");
                whole.name(&[part.part(0), part.last()]).build()
            };
            let parts = parts.get(id).into_iter().flatten();
            let sql = std::iter::once(make.build()).chain(parts.map(|part| attach(part)));
            Some((depth(object), sql.collect()))
        })
        .collect();
    list.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
    list.into_iter().flat_map(|(_, sql)| sql).collect()
}
