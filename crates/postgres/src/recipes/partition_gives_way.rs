//! Partitions that go and cannot stay for a while beside what comes: their place is taken, or the partitioned table
//! changes in a way that they would have to follow.

use super::bounds::Bounds;
use super::column_family::is_partitioned;
use crate::objects::{Column, Partition, Table};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use std::collections::{BTreeSet, HashMap, HashSet};
use underpin_model::Object;
use underpin_sql::{Cursor, Lexer, Token, ident};

/// Those of the tables that go which are partitions and give way at once.
pub(super) fn giving_way<'a>(
    from: &'a PgCatalog,
    gone: &BTreeSet<&'a PgId>,
    expanded: &'a PgCatalog,
) -> HashSet<&'a PgId> {
    let tables = gone.iter().filter(|id| id.kind == PgKind::Table && id.of.is_none());
    let partitions: Vec<(&PgId, &Partition)> =
        tables.filter_map(|id| Some((*id, tie(from, &id.attached(PgKind::Partition, &[]))?))).collect();
    if partitions.is_empty() {
        return HashSet::new();
    }
    let parents: HashSet<&PgId> = partitions.iter().map(|(_, old)| &old.parent).collect();
    let comes = comes(from, expanded, &parents);
    // A table that is partitioned otherwise, or no longer, has no place for them.
    let key = |catalog: &'a PgCatalog, table: &PgId| match catalog.objects.get(table) {
        Some(PgObject::Table(t)) => t.partition_by.as_ref(),
        _ => None,
    };
    let has_other_key = |table: &PgId| expanded.objects.contains_key(table) && key(from, table) != key(expanded, table);
    let changed = changed_in_all_partitions(from, expanded, &parents);
    let gives_way = |old: &Partition| {
        changed.contains(&old.parent)
            || has_other_key(&old.parent)
            || comes.get(&old.parent).is_some_and(|bounds| bounds.may_meet(&old.bound))
    };
    partitions.into_iter().filter(|(_, old)| gives_way(old)).map(|(id, _)| id).collect()
}

fn tie<'a>(catalog: &'a PgCatalog, id: &PgId) -> Option<&'a Partition> {
    match catalog.objects.get(id) {
        Some(PgObject::Partition(partition)) => Some(partition),
        _ => None,
    }
}

/// The bounds that are new under these tables.
fn comes<'a>(from: &PgCatalog, expanded: &'a PgCatalog, parents: &HashSet<&'a PgId>) -> HashMap<&'a PgId, Bounds<'a>> {
    let mut texts: HashMap<&PgId, Vec<&str>> = HashMap::new();
    for (id, object) in &expanded.objects {
        if let PgObject::Partition(new) = object
            && parents.contains(&new.parent)
            && tie(from, id).is_none_or(|old| (&old.parent, &old.bound) != (&new.parent, &new.bound))
        {
            texts.entry(&new.parent).or_default().push(&new.bound);
        }
    }
    texts.into_iter().map(|(parent, texts)| (parent, Bounds::read(texts, key_types(expanded, parent)))).collect()
}

/// The types of the columns by which a table is partitioned; none for what is an expression, or has an order of its own.
fn key_types<'a>(catalog: &'a PgCatalog, table: &PgId) -> Vec<Option<&'a str>> {
    let Some(PgObject::Table(Table { partition_by: Some(key), .. })) = catalog.objects.get(table) else {
        return Vec::new();
    };
    let tokens: Vec<Token> = Lexer::new(key).filter(|t| !t.kind.is_trivia()).collect();
    let mut cur = Cursor::new(key, &tokens);
    let Some(list) = cur.eat(&["RANGE"]).then(|| cur.parens()).flatten() else { return Vec::new() };
    let type_of =
        |name: String| match catalog.objects.get(&PgId::new(PgKind::Column, [table.part(0), table.part(1), &name])) {
            Some(PgObject::Column(column)) => Some(column.type_name.as_str()),
            _ => None,
        };
    list.items()
        .map(|item| match &item.toks[item.at..] {
            [one] if one.kind.is_name() => type_of(ident(key, *one)),
            _ => None,
        })
        .collect()
}

/// Those of the partitioned tables of which something changes that their partitions have too: a partition that stays
/// for a while would have to follow.
fn changed_in_all_partitions(from: &PgCatalog, expanded: &PgCatalog, parents: &HashSet<&PgId>) -> HashSet<PgId> {
    let table = |id: &PgId, object: &PgObject| match object {
        PgObject::Index(index) => Some(index.on.clone()),
        PgObject::Constraint(_) => Some(id.prefix(PgKind::Table, 2)),
        PgObject::Column(_) => Some(Column::table(id)),
        _ => None,
    };
    let differs = |old: Option<&PgObject>, new: Option<&PgObject>| match (old, new) {
        (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
            (&a.type_name, &a.collation, a.not_null) != (&b.type_name, &b.collation, b.not_null)
        }
        // One that comes or goes does so in all of them.
        (Some(PgObject::Column(_)), None) | (None, Some(PgObject::Column(_))) => false,
        // One that only makes things faster stays as long as they do.
        (Some(PgObject::Index(old)), None) => old.unique,
        (Some(old), Some(new)) => !old.compare(new).is_empty(),
        (old, new) => old.is_some() != new.is_some(),
    };
    let there = from.objects.iter().map(|(id, old)| (id, Some(old), expanded.objects.get(id)));
    let comes = expanded.objects.iter().filter(|(id, _)| !from.objects.contains_key(*id));
    let mut changed = HashSet::new();
    for (id, old, new) in there.chain(comes.map(|(id, new)| (id, None, Some(new)))) {
        if let Some(table) = old.or(new).and_then(|object| table(id, object))
            && parents.contains(&table)
            && differs(old, new)
        {
            changed.insert(table);
        }
    }
    changed
}

/// Takes those that give way out of what stays, and what goes and is part of them or rests on them: what `with` tells.
pub(super) fn take_out<'a, I: Iterator<Item = &'a PgId>>(
    from: &PgCatalog,
    gone: &BTreeSet<&PgId>,
    giving_way: HashSet<&'a PgId>,
    with: impl Fn(&'a PgId) -> I,
    kept: &mut BTreeSet<PgId>,
) {
    // The partitioned table's own index is there without a part of it.
    let is_whole = |id: &PgId| match from.objects.get(id) {
        Some(PgObject::Index(index)) => is_partitioned(from, &index.on),
        Some(PgObject::Constraint(_)) => is_partitioned(from, &id.prefix(PgKind::Table, 2)),
        _ => false,
    };
    let mut queue: Vec<&PgId> = giving_way.into_iter().collect();
    let mut seen: HashSet<&PgId> = HashSet::new();
    while let Some(id) = queue.pop() {
        if seen.insert(id) {
            kept.remove(id);
            queue.extend(with(id).filter(|d| gone.contains(*d) && !is_whole(d)));
        }
    }
}
