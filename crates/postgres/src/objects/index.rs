//! Indexes that no constraint owns (manual, CREATE INDEX; `pg_index`).

mod definition;

use super::table::{option_changes, options_list, parse_options};
use super::trigger::extension_changes;
use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::recipes::{index_concurrently, index_replaced, left_by_reindex};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use definition::{Parts, RawIndex};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use underpin_model::{Strategy, Work};
use underpin_planner::{Alteration, Draft, Isolation};
use underpin_sql::Sql;

/// An index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// The table or materialized view.
    pub on: PgId,
    /// Whether that is a partitioned table.
    pub partitioned: bool,
    /// `UNIQUE`.
    pub unique: bool,
    /// What `CREATE INDEX` says from the access method on, as the server prints it, without storage parameters.
    pub definition: String,
    /// Storage parameters.
    pub options: BTreeMap<String, String>,
    /// The tablespace, where it is not the database's.
    pub tablespace: Option<String>,
    /// Whether it can be used; a failed concurrent build leaves one that cannot.
    pub valid: bool,
    /// Whether it is the table's replica identity.
    pub replica_identity: bool,
    /// Whether the table is marked as clustered on it.
    pub clustered: bool,
    /// Statistics targets of its expressions, by column number.
    pub statistics: BTreeMap<i32, i32>,
    /// For an index of a partition: the parent's index of which it is a part.
    pub part_of: Option<PgId>,
    /// Extensions that take it with them when they are dropped (`DEPENDS ON EXTENSION`).
    #[serde(default)]
    pub extensions: Vec<String>,
}

impl Index {
    /// `CREATE INDEX`, built beside the traffic where `concurrently` says so.
    pub(crate) fn create(&self, id: &PgId, concurrently: bool) -> Sql {
        let sql = Sql::new("CREATE").kw_if(self.unique, "UNIQUE").kw("INDEX").kw_if(concurrently, "CONCURRENTLY");
        self.written(sql.ident(id.last()).kw("ON"))
    }

    /// The statement from the table's name on.
    fn written(&self, head: Sql) -> Sql {
        let mut sql = head.name(&self.on.parts()).kw("USING");
        // The predicate comes last, after the storage parameters.
        let (head, predicate) = split_predicate(&self.definition);
        sql = sql.server_text(&crate::restate::restated(head));
        if !self.options.is_empty() {
            sql = sql.kw("WITH").paren(|w| options_list(w, &self.options));
        }
        if let Some(space) = &self.tablespace {
            sql = sql.kw("TABLESPACE").ident(space);
        }
        sql.server_text(&crate::restate::restated(predicate))
    }

    /// `CREATE INDEX … ON ONLY`, which makes no index of any partition.
    pub(crate) fn create_only(&self, id: &PgId) -> Sql {
        self.written(Sql::new("CREATE").kw_if(self.unique, "UNIQUE").kw("INDEX").ident(id.last()).kw("ON ONLY"))
    }

    /// Whether it is about every row.
    pub(crate) fn is_whole(&self) -> bool {
        split_predicate(&self.definition).1.is_empty()
    }

    /// Whether it is about more than columns.
    pub(crate) fn has_expressions(&self) -> bool {
        // The list is in the first parentheses, and an expression is in its own.
        let list = self.definition.split_once('(').map_or("", |(_, list)| list);
        list.find(['(', ')']).is_some_and(|at| list[at..].starts_with('('))
    }

    /// What the table is told about the index, and what is told to the index, where `from` has it otherwise.
    pub(crate) fn marks(&self, id: &PgId, from: Option<&Self>) -> Vec<String> {
        let alter = || Sql::new("ALTER TABLE").name(&self.on.parts());
        let mut sql = Vec::new();
        if self.replica_identity && !from.is_some_and(|f| f.replica_identity) {
            sql.push(alter().kw("REPLICA IDENTITY USING INDEX").ident(id.last()).build());
        }
        if self.clustered != from.is_some_and(|f| f.clustered) {
            let sql_text = if self.clustered {
                alter().kw("CLUSTER ON").ident(id.last())
            } else {
                alter().kw("SET WITHOUT CLUSTER")
            };
            sql.push(sql_text.build());
        }
        let none = BTreeMap::new();
        let before = from.map_or(&none, |f| &f.statistics);
        let numbers: std::collections::BTreeSet<_> = before.keys().chain(self.statistics.keys()).collect();
        for number in numbers {
            let target = self.statistics.get(number);
            if target != before.get(number) {
                let alter = Sql::new("ALTER INDEX").name(&id.parts()).kw("ALTER COLUMN").number(*number);
                sql.push(alter.kw("SET STATISTICS").number(target.copied().unwrap_or(-1)).build());
            }
        }
        let extensions = from.map_or(&[][..], |f| &f.extensions);
        sql.extend(extension_changes(|| self.address(id), extensions, &self.extensions));
        sql
    }
}

impl Item for Index {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("table"),
            again("partitioned"),
            again_where("unique", "it is a partitioned table's, something rests on it, or the plan is direct"),
            again_where("definition", "it is a partitioned table's, something rests on it, or the plan is direct"),
            again_where("storage parameters", "a partitioned index takes no change of them"),
            alters("tablespace"),
            again_where("valid", "a failed build left it unusable"),
            alters("replica identity"),
            alters("clustered on"),
            alters("statistics targets"),
            again_where("part of", "its table stays a partition and it has to stand alone"),
            again_where("extensions", "it is freed of one before 13"),
        ],
        &["testdata/cases/postgres/table/partitions", "testdata/cases/postgres/index/goes_with_extension"],
    )
    .later(&[("NULLS NOT DISTINCT", 15)]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            on,
            partitioned,
            unique,
            definition,
            options,
            tablespace,
            valid,
            replica_identity,
            clustered,
            statistics,
            part_of,
            extensions,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "table", on, &to.on);
        differ(&mut list, "partitioned", partitioned, &to.partitioned);
        differ(&mut list, "unique", unique, &to.unique);
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "storage parameters", options, &to.options);
        differ(&mut list, "tablespace", tablespace, &to.tablespace);
        differ(&mut list, "valid", valid, &to.valid);
        differ(&mut list, "replica identity", replica_identity, &to.replica_identity);
        differ(&mut list, "clustered on", clustered, &to.clustered);
        differ(&mut list, "statistics targets", statistics, &to.statistics);
        differ(&mut list, "part of", part_of, &to.part_of);
        differ(&mut list, "extensions", extensions, &to.extensions);
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.on.clone())
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("relation", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("INDEX").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if self.part_of.is_some() && self.part_of != to.part_of && super::partition_stays(&self.on, cx.from, cx.to) {
            return Alteration::Replace("it cannot be taken away from what it is a part of".to_owned());
        }
        if !self.valid && to.valid && !self.partitioned {
            return Alteration::Replace("a failed build left it unusable".to_owned());
        }
        let other = self.unique != to.unique || self.definition != to.definition || self.tablespace != to.tablespace;
        if other && index_replaced::applies(self, to, id, cx) {
            return Alteration::InPlace(vec![PgOp::Anew]);
        }
        if self.on != to.on
            || self.unique != to.unique
            || self.definition != to.definition
            || self.partitioned != to.partitioned
        {
            return Alteration::Replace("an index's definition cannot be changed in place".to_owned());
        }
        if !cx.server.can_free_from_extensions() && self.extensions.iter().any(|e| !to.extensions.contains(e)) {
            return Alteration::Replace("it cannot be freed of an extension before PostgreSQL 13".to_owned());
        }
        if self.partitioned && self.options != to.options {
            return Alteration::Replace("a partitioned index takes no change of its storage parameters".to_owned());
        }
        let alter = || Sql::new("ALTER INDEX").name(&id.parts());
        let mut ops: Vec<PgOp> = option_changes(alter, &self.options, &to.options).into_iter().map(PgOp::one).collect();
        if self.tablespace != to.tablespace {
            ops.push(PgOp::one(alter().kw("SET TABLESPACE").ident(to.tablespace.as_deref().unwrap_or("pg_default"))));
        }
        let marks = to.marks(id, Some(self));
        if !marks.is_empty() {
            ops.push(PgOp::plain(marks));
        }
        if self.part_of != to.part_of
            && let Some(parent) = &to.part_of
            && cx.from.objects.contains_key(parent)
            && cx.from.objects.contains_key(&self.on.attached(PgKind::Partition, &[]))
        {
            ops.push(PgOp::AttachPart);
        }
        if ops.is_empty() {
            ops.push(PgOp::Implicit);
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let table_is_there = cx.from.objects.contains_key(&self.on);
        if let Some(left) = cx.left_for(id) {
            return index_replaced::finished(self, id, left, cx);
        }
        let concurrently = self.is_built_beside_traffic(cx);
        let mut draft = Draft::sql(vec![self.create(id, concurrently).build()]);
        draft.work = if table_is_there { Work::Rewrite } else { Work::Instant };
        let mut marks = self.marks(id, None);
        if self.partitioned {
            // ONLY, and every part by name: left to itself the server takes whichever index of a partition looks alike.
            draft.sql = vec![self.create_only(id).build()];
            draft.work = Work::Instant;
            for (child, object) in &cx.to.objects {
                if let PgObject::Index(part) = object
                    && part.part_of.as_ref() == Some(id)
                {
                    let attach =
                        Sql::new("ALTER INDEX").name(&id.parts()).kw("ATTACH PARTITION").name(&child.parts()).build();
                    marks.insert(0, attach);
                }
            }
        }
        if concurrently {
            let mut drafts = vec![index_concurrently::built(self.create(id, true))];
            if self.has_expressions() {
                drafts.push(index_concurrently::analyzed(&self.on));
            }
            if !marks.is_empty() {
                let mut after = Draft::sql(marks);
                after.isolation = Isolation::OwnTransaction;
                drafts.push(after);
            }
            return drafts;
        }
        draft.sql.extend(marks);
        vec![draft]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        if self.part_of.as_ref().is_some_and(|p| !cx.to.objects.contains_key(p)) {
            return Vec::new();
        }
        if cx.becomes_another(id) {
            return Vec::new();
        }
        // What is no longer used can go before what takes its place comes; else both happen in one transaction.
        let apart = !cx.again || !self.valid;
        if cx.strategy == Strategy::Online && apart && !self.partitioned && self.part_of.is_none() {
            let mut draft = index_concurrently::dropped(id);
            if !self.valid {
                let left = left_by_reindex(cx.from, id)
                    .map(|of| format!("REINDEX CONCURRENTLY of {of} left it when it failed"));
                draft.reason =
                    Some(left.unwrap_or_else(|| "a build that failed left it, and no query uses it".to_owned()));
            }
            return vec![draft];
        }
        let mut draft = Draft::sql(vec![Sql::new("DROP INDEX").name(&id.parts()).build()]);
        if cx.again && cx.strategy == Strategy::Online && !self.partitioned {
            draft.reason = Some("queries go without it until it is built again beside the traffic".to_owned());
        }
        vec![draft]
    }
}

impl Index {
    /// Whether it is built by `CREATE INDEX CONCURRENTLY`: on a table that is in use, which is not partitioned.
    pub(crate) fn is_built_beside_traffic(&self, cx: &Context<'_>) -> bool {
        cx.strategy == Strategy::Online
            && !self.partitioned
            && cx.from.objects.contains_key(&self.on)
            && self.on.kind == PgKind::Table
            // It is there before the rows of a table that is made again are put back.
            && !(self.part_of.is_some() && cx.is_made(&self.on))
    }
}

/// Cuts ` WHERE …` off a definition, outside parentheses and quotes.
fn split_predicate(definition: &str) -> (&str, &str) {
    let (mut depth, mut quoted, mut string) = (0_usize, false, false);
    for (at, c) in definition.char_indices() {
        match c {
            '"' if !string => quoted = !quoted,
            '\'' if !quoted => string = !string,
            '(' if !quoted && !string => depth += 1,
            ')' if !quoted && !string => depth = depth.saturating_sub(1),
            'W' if depth == 0 && !quoted && !string && definition[at..].starts_with("WHERE ") => {
                return (definition[..at].trim_end(), &definition[at..]);
            }
            _ => {}
        }
    }
    (definition, "")
}

/// What stands after ` USING ` in the server's own `CREATE INDEX`, and without its ` WITH (…)`.
fn definition_of(create: &str, has_options: bool) -> String {
    let mut quoted = false;
    let mut rest = create;
    for (at, c) in create.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted && create[at..].starts_with(" USING ") => {
                rest = &create[at + " USING ".len()..];
                break;
            }
            _ => {}
        }
    }
    if !has_options {
        return rest.to_owned();
    }
    let (head, predicate) = split_predicate(rest);
    // Options stand right before the predicate, in the last parentheses of the head.
    match head.rfind(" WITH (") {
        Some(at) => format!("{} {predicate}", &head[..at]).trim_end().to_owned(),
        None => rest.to_owned(),
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let nulls = if server.has_nulls_not_distinct() { "i.indnullsnotdistinct" } else { "false" };
        let mut queries = vec![
            // Printing an index costs the server more than all else here: only expressions are left to it. An index that a
            // constraint owns is the constraint's.
            format!(
                "SELECT i.indexrelid, c.relname, i.indrelid, i.indisunique, \
                 CASE WHEN i.indexprs IS NOT NULL THEN pg_get_indexdef(i.indexrelid) END, c.reloptions, s.spcname, \
                 i.indisvalid, i.indisreplident, i.indisclustered, c.relkind, h.inhparent, c.relam, i.indkey, i.indnkeyatts, \
                 i.indclass, i.indcollation, i.indoption, {nulls}, \
                 CASE WHEN i.indexprs IS NULL THEN pg_get_expr(i.indpred, i.indrelid) END FROM pg_index i \
                 JOIN pg_class c ON c.oid = i.indexrelid LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace \
                 LEFT JOIN pg_inherits h ON h.inhrelid = i.indexrelid \
                 WHERE i.indrelid >= {FIRST_USER_OID} AND c.relpersistence <> 't' AND c.relnamespace <> 'pg_toast'::regnamespace \
                 AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))"
            ),
            // Options of operator classes are rare: such an index is left to the server too.
            format!(
                "SELECT a.attrelid, a.attnum, a.attstattarget, CASE WHEN a.attoptions IS NOT NULL THEN pg_get_indexdef(a.attrelid) END \
                 FROM pg_attribute a JOIN pg_index i ON i.indexrelid = a.attrelid \
                 WHERE a.attrelid >= {FIRST_USER_OID} AND (a.attstattarget >= 0 OR a.attoptions IS NOT NULL)"
            ),
        ];
        queries.extend(definition::queries(server));
        queries
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut statistics: HashMap<u32, BTreeMap<i32, i32>> = HashMap::new();
    let mut printed: HashMap<u32, &str> = HashMap::new();
    for row in results[1].iter() {
        let number = |n: usize| i32::try_from(row.int(n)).unwrap_or(0);
        if row.opt(2).is_some() && number(2) >= 0 {
            statistics.entry(row.oid(0)).or_default().insert(number(1), number(2));
        }
        printed.extend(row.opt(3).map(|text| (row.oid(0), text)));
    }
    let known = Parts::new(&results[2..]);
    let mut parts = Vec::new();
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(on) = reader.find(class::CLASS, row.oid(2), 0).cloned() else { continue };
        if !reader.is_ours(class::CLASS, row.oid(2)) || !reader.is_ours(class::CLASS, oid) {
            continue;
        }
        let options = parse_options(row.array(5), "");
        let definition = match row.opt(4).or_else(|| printed.get(&oid).copied()) {
            Some(text) => Some(definition_of(text, !options.is_empty())),
            None => known.definition(
                &reader.columns,
                &RawIndex {
                    relation: row.oid(2),
                    method: row.oid(12),
                    columns: row.text(13),
                    keys: usize::try_from(row.int(14)).unwrap_or(0),
                    classes: row.text(15),
                    collations: row.text(16),
                    options: row.text(17),
                    nulls_not_distinct: row.bool(18),
                    predicate: row.opt(19),
                },
            ),
        };
        // What cannot be put together is left out, and then told as an object that is not known.
        let Some(definition) = definition else { continue };
        let id = PgId::new(PgKind::Index, [on.part(0), row.text(1)]);
        let index = Index {
            on: on.clone(),
            partitioned: row.char(10) == 'I',
            unique: row.bool(3),
            definition,
            options,
            tablespace: row.opt_string(6),
            valid: row.bool(7),
            replica_identity: row.bool(8),
            clustered: row.bool(9),
            statistics: statistics.remove(&oid).unwrap_or_default(),
            part_of: None,
            extensions: reader.goes_with(class::CLASS, oid, &id),
        };
        reader.add(class::CLASS, oid, id.clone(), PgObject::Index(index));
        reader.depends(&id, &on);
        if row.opt(11).is_some() {
            parts.push((id, row.oid(11)));
        }
    }
    // Those of the expressions of exclusion constraints.
    reader.unclaimed.extend(statistics.keys().map(|oid| ((class::CLASS, *oid), "statistics target of a column of")));
    for (id, parent) in parts {
        let parent = reader.find(class::CLASS, parent, 0).cloned();
        if let (Some(parent), Some(PgObject::Index(index))) = (parent, reader.catalog.objects.get_mut(&id)) {
            index.part_of = Some(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_come_apart() {
        let create =
            "CREATE INDEX \"a USING b\" ON public.t USING btree (x) WITH (fillfactor='70') WHERE (y = ' WHERE ')";
        assert_eq!(definition_of(create, true), "btree (x) WHERE (y = ' WHERE ')");
        assert_eq!(split_predicate("btree (x) WHERE (y > 1)"), ("btree (x)", "WHERE (y > 1)"));
        assert_eq!(split_predicate("btree (((a)) )"), ("btree (((a)) )", ""));
    }
}
