//! Table constraints (manual, 5.5; `pg_constraint`): CHECK, UNIQUE, PRIMARY KEY, EXCLUDE, FOREIGN KEY.

use super::table::{option_changes, options_list, parse_options};
use super::{Column, Context, Item, Query, Table, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::recipes::{constraint_replaced, foreign_key_apart, key_from_index, key_replaced, two_steps};
use crate::recipes::{partitioned_foreign_key, partitioned_key};
use crate::results::{Row, Rows};
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Alteration, Draft, Isolation};
use underpin_sql::Sql;

/// What a constraint demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConstraintKind {
    /// `CHECK`.
    Check,
    /// `UNIQUE`.
    Unique,
    /// `PRIMARY KEY`.
    Primary,
    /// `EXCLUDE`.
    Exclude,
    /// `FOREIGN KEY`.
    Foreign,
}

impl Words for ConstraintKind {
    fn words(&self) -> String {
        match self {
            Self::Check => "check",
            Self::Unique => "unique",
            Self::Primary => "primary key",
            Self::Exclude => "exclude",
            Self::Foreign => "foreign key",
        }
        .to_owned()
    }
}

/// A table constraint. That of a key owns its index, which is no object of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constraint {
    /// What it demands.
    pub kind: ConstraintKind,
    /// The clause as the server prints it, without deferrability and validity.
    pub definition: String,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// Whether it is known to hold for all rows; else it is `NOT VALID`.
    pub valid: bool,
    /// Whether it is enforced (18: `NOT ENFORCED`).
    pub enforced: bool,
    /// Whether it is there only because the parent has it.
    pub inherited: bool,
    /// Storage parameters of its index.
    pub options: BTreeMap<String, String>,
    /// Tablespace of its index, where it is not the database's.
    pub tablespace: Option<String>,
    /// Whether its index is the table's replica identity.
    pub replica_identity: bool,
    /// Whether the table is marked as clustered on its index.
    pub clustered: bool,
    /// For a key of a partition: the parent's key of which it is a part.
    pub part_of: Option<PgId>,
}

impl Constraint {
    pub(crate) fn table(id: &PgId) -> PgId {
        id.prefix(PgKind::Table, 2)
    }

    /// The clause as `CREATE TABLE` and `ADD` take it.
    pub(crate) fn clause(&self, id: &PgId) -> Sql {
        self.clause_without_validity(id).kw_if(!self.valid && self.enforced, "NOT VALID")
    }

    /// The clause but for `NOT VALID`.
    pub(crate) fn clause_without_validity(&self, id: &PgId) -> Sql {
        let mut sql = Sql::new("CONSTRAINT").ident(id.last()).server_text(&crate::restate::restated(&self.definition));
        if !self.options.is_empty() && !self.definition.contains(" WITH (") {
            sql = sql.kw("WITH").paren(|w| options_list(w, &self.options));
        }
        if let Some(space) = &self.tablespace {
            sql = sql.kw("USING INDEX TABLESPACE").ident(space);
        }
        self.timing(sql).kw_if(!self.enforced, "NOT ENFORCED")
    }

    /// The clause's deferrability.
    pub(crate) fn timing(&self, sql: Sql) -> Sql {
        sql.kw_if(self.deferrable, "DEFERRABLE").kw_if(self.deferred, "INITIALLY DEFERRED")
    }

    pub(crate) fn alter_table(id: &PgId, only: bool) -> Sql {
        Sql::new("ALTER TABLE").kw_if(only, "ONLY").name(&id.parts()[..2])
    }

    /// What the table is told about the index of the constraint.
    pub(crate) fn marks(&self, id: &PgId, from: Option<&Self>) -> Vec<String> {
        let mut sql = Vec::new();
        if self.replica_identity && !from.is_some_and(|f| f.replica_identity) {
            sql.push(Self::alter_table(id, false).kw("REPLICA IDENTITY USING INDEX").ident(id.last()).build());
        }
        if self.clustered && !from.is_some_and(|f| f.clustered) {
            sql.push(Self::alter_table(id, false).kw("CLUSTER ON").ident(id.last()).build());
        }
        if !self.clustered && from.is_some_and(|f| f.clustered) {
            sql.push(Self::alter_table(id, false).kw("SET WITHOUT CLUSTER").build());
        }
        sql
    }

    /// Whether it is a primary key or a unique constraint.
    pub(crate) fn is_key(&self) -> bool {
        matches!(self.kind, ConstraintKind::Unique | ConstraintKind::Primary)
    }

    pub(crate) fn is_primary(&self) -> bool {
        self.kind == ConstraintKind::Primary
    }

    pub(crate) fn has_index(&self) -> bool {
        self.is_key() || self.kind == ConstraintKind::Exclude
    }

    /// Whether only the server makes it: it takes no exclusion constraint of a partition for a part of the parent's
    /// (`CompareIndexInfo`, catalog/index.c).
    pub(crate) fn comes_with_parent(&self) -> bool {
        self.kind == ConstraintKind::Exclude && self.part_of.is_some()
    }
}

impl Item for Constraint {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again("kind"),
            again_where("definition", "something rests on it, or the plan is direct"),
            again_where("deferrable", "something rests on a key, or the plan is direct"),
            again_where("initially deferred", "something rests on a key, or the plan is direct"),
            again_where("valid", "it goes back to NOT VALID"),
            again_where("enforced", "it is no foreign key").since(18),
            again_where("inherited", "the table keeps its parents"),
            alters("storage parameters"),
            alters("tablespace"),
            alters("replica identity"),
            alters("clustered on"),
            again_where("part of", "its table stays a partition and it has to stand alone"),
        ],
        &[
            "testdata/cases/postgres/constraint/unique_to_primary_key_under_foreign_key",
            "testdata/cases/postgres/table/partitions_with_foreign_key",
        ],
    )
    .later(&[
        ("NULLS NOT DISTINCT", 15),
        ("SET NULL and SET DEFAULT of some columns", 15),
        ("WITHOUT OVERLAPS and PERIOD", 18),
    ]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self {
            kind,
            definition,
            deferrable,
            deferred,
            valid,
            enforced,
            inherited,
            options,
            tablespace,
            replica_identity,
            clustered,
            part_of,
        } = self;
        let mut list = Vec::new();
        differ(&mut list, "kind", kind, &to.kind);
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "deferrable", deferrable, &to.deferrable);
        differ(&mut list, "initially deferred", deferred, &to.deferred);
        differ(&mut list, "valid", valid, &to.valid);
        differ(&mut list, "enforced", enforced, &to.enforced);
        differ(&mut list, "inherited", inherited, &to.inherited);
        differ(&mut list, "storage parameters", options, &to.options);
        differ(&mut list, "tablespace", tablespace, &to.tablespace);
        differ(&mut list, "replica identity", replica_identity, &to.replica_identity);
        differ(&mut list, "clustered on", clustered, &to.clustered);
        differ(&mut list, "part of", part_of, &to.part_of);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(Self::table(id))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        let mut slots = vec![slot("constraint", &id.parts())];
        if !matches!(self.kind, ConstraintKind::Check | ConstraintKind::Foreign) {
            slots.push(slot("relation", &[id.part(0), id.last()]));
        }
        if self.kind == ConstraintKind::Primary {
            slots.push(slot("primary key", &id.parts()[..2]));
        }
        slots
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("CONSTRAINT").ident(id.last()).kw("ON").name(&id.parts()[..2])
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if self.part_of.is_some()
            && self.part_of != to.part_of
            && super::partition_stays(&Self::table(id), cx.from, cx.to)
        {
            return Alteration::Replace("it cannot be taken away from what it is a part of".to_owned());
        }
        let replace = |why: &str| Alteration::Replace(why.to_owned());
        if self.is_replaced_online(id, to, cx) {
            return Alteration::InPlace(vec![PgOp::Anew]);
        }
        if self.kind != to.kind || self.definition != to.definition {
            return replace("a constraint's definition cannot be changed in place");
        }
        // Enforced again, all rows are read under the lock (manual, ALTER TABLE; 18).
        let switches = self.kind == ConstraintKind::Foreign && self.enforced != to.enforced && {
            !to.enforced || (to.valid && cx.strategy == Strategy::Direct)
        };
        if !switches {
            if self.enforced != to.enforced {
                return replace("only a foreign key can cease to be enforced, or be enforced again, in place");
            }
            if self.valid && !to.valid {
                return replace("a constraint cannot go back to NOT VALID");
            }
        }
        if self.inherited && !to.inherited && !self.has_index() && cx.from.objects.contains_key(&Self::table(id)) {
            // Detaching or NO INHERIT leaves the constraint behind as the table's own.
            let still_inherits = match cx.to.objects.get(&Self::table(id)) {
                Some(PgObject::Table(t)) => !t.inherits.is_empty() || Table::is_partition(cx.to, &Self::table(id)),
                _ => false,
            };
            if still_inherits {
                return replace("the table gets the constraint for its own");
            }
        }
        if to.comes_with_parent() && !self.comes_with_parent() {
            return replace("the server makes it for the partition by itself");
        }
        let mut ops = Vec::new();
        if (self.deferrable, self.deferred) != (to.deferrable, to.deferred) {
            if self.kind != ConstraintKind::Foreign {
                return replace("only a foreign key's deferrability can be changed in place");
            }
            let alter = Self::alter_table(id, false).kw("ALTER CONSTRAINT").ident(id.last());
            let sql = alter.kw(if to.deferrable { "DEFERRABLE" } else { "NOT DEFERRABLE" });
            let sql = sql.kw(if to.deferred { "INITIALLY DEFERRED" } else { "INITIALLY IMMEDIATE" });
            ops.push(PgOp::one(sql));
        }
        if switches {
            let alter = Self::alter_table(id, false).kw("ALTER CONSTRAINT").ident(id.last());
            ops.push(PgOp::one(alter.kw(if to.enforced { "ENFORCED" } else { "NOT ENFORCED" })));
        } else if !self.valid && to.valid {
            ops.push(if self.inherited { PgOp::Implicit } else { PgOp::ValidateConstraint });
        }
        let alter_index = || Sql::new("ALTER INDEX").name(&[id.part(0), id.last()]);
        ops.extend(option_changes(alter_index, &self.options, &to.options).into_iter().map(PgOp::one));
        if self.tablespace != to.tablespace {
            ops.push(PgOp::one(
                alter_index().kw("SET TABLESPACE").ident(to.tablespace.as_deref().unwrap_or("pg_default")),
            ));
        }
        let marks = to.marks(id, Some(self));
        if !marks.is_empty() {
            ops.push(PgOp::plain(marks));
        }
        if self.part_of != to.part_of
            && let Some(parent) = &to.part_of
            && cx.from.objects.contains_key(parent)
            && cx.from.objects.contains_key(&Self::table(id).attached(PgKind::Partition, &[]))
        {
            ops.push(PgOp::AttachPart);
        }
        if ops.is_empty() {
            ops.push(PgOp::Implicit);
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let table = Self::table(id);
        let table_is_there = cx.from.objects.contains_key(&table);
        if self.comes_with_parent() {
            return vec![Draft::sql(self.marks(id, None))];
        }
        if let Some(kept) = partitioned_foreign_key::keep(self, id, cx) {
            return vec![Draft::sql(kept)];
        }
        let unproved = self.kind == ConstraintKind::Check && self.enforced && !self.valid;
        if self.inherited && unproved && Table::is_partition(cx.to, &table) {
            // No partition with a check that is NOT VALID can be attached: it gets it from its parent after.
            return Vec::new();
        }
        let mut parents = cx.to.needs(id).filter(|n| n.kind == PgKind::Constraint).map(Self::table);
        let is_attached = parents.any(|parent| Table::leaves(cx.to, cx.from, &table, &parent));
        let comes_along = (table_is_there && !is_attached) || !Table::is_partition(cx.to, &table);
        if self.inherited && !self.has_index() && comes_along {
            return Vec::new();
        }
        let add = Self::alter_table(id, false).kw("ADD");
        let partitioned = matches!(cx.to.objects.get(&table), Some(PgObject::Table(t)) if t.partition_by.is_some());
        let can_wait = match self.kind {
            ConstraintKind::Check => true,
            // A partitioned table's foreign key takes NOT VALID only from 18 on.
            ConstraintKind::Foreign => !partitioned || cx.server.has_unproved_of_partitioned(),
            ConstraintKind::Unique | ConstraintKind::Primary | ConstraintKind::Exclude => false,
        };
        // A table that is made again is nobody's yet, and its rows go over in the same transaction.
        let waits = self.kind == ConstraintKind::Check && cx.is_made(&table);
        let online = cx.strategy == Strategy::Online && table_is_there && !waits;
        let in_place = partitioned_foreign_key::stays_in_place(&table, cx);
        let mut drafts = Vec::new();
        if online && can_wait && self.valid && self.enforced {
            drafts.extend(two_steps::drafts(id, add.then(self.clause_without_validity(id))));
        } else if online && self.is_key() && !partitioned && !cx.again && !self.definition.contains("WITHOUT OVERLAPS")
        {
            drafts.extend(key_from_index::drafts(self, id, cx));
        } else if online && self.is_key() && partitioned && !cx.again && in_place {
            drafts.push(partitioned_key::draft(self, id, cx));
        } else if online && self.kind == ConstraintKind::Foreign && self.valid && partitioned && in_place {
            drafts.extend(partitioned_foreign_key::drafts(self, id, cx));
        } else {
            let mut draft = Draft::sql(vec![add.then(self.clause(id)).build()]);
            draft.work = match self.kind {
                _ if !table_is_there => Work::Instant,
                ConstraintKind::Check | ConstraintKind::Foreign if self.valid => Work::Scan,
                ConstraintKind::Check | ConstraintKind::Foreign => Work::Instant,
                ConstraintKind::Unique | ConstraintKind::Primary | ConstraintKind::Exclude => Work::Rewrite,
            };
            if !table_is_there {
                foreign_key_apart::set_apart(&mut draft, self, id, cx);
            } else if online && !cx.is_made(&table) {
                draft.hazards.extend(self.harm(id, draft.work));
                // Nothing else shall be locked for as long as that takes.
                if !draft.hazards.is_empty() && !cx.again {
                    draft.isolation = Isolation::OwnTransaction;
                }
            }
            drafts.push(draft);
        }
        let marks = self.marks(id, None);
        if let Some(last) = drafts.last_mut() {
            last.sql.extend(marks);
        }
        drafts
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        if cx.becomes_another(id) || partitioned_foreign_key::is_taken_over(self, id, cx) {
            return Vec::new();
        }
        let parent_ended = self.part_of.as_ref().is_some_and(|p| !cx.to.objects.contains_key(p) || cx.again);
        let mut parents = cx.from.needs(id).filter(|n| n.kind == PgKind::Constraint).map(Self::table);
        let leaves = parents.any(|parent| Table::leaves(cx.from, cx.to, &Self::table(id), &parent));
        if (self.inherited && !self.has_index() && !leaves) || parent_ended {
            return Vec::new();
        }
        vec![Draft::sql(vec![Self::alter_table(id, false).kw("DROP CONSTRAINT").ident(id.last()).build()])]
    }
}

impl Constraint {
    /// What adding it does to the traffic of a table in use.
    fn harm(&self, id: &PgId, work: Work) -> Option<Hazard> {
        let table = Sql::empty().name(&id.parts()[..2]).build();
        let name = underpin_sql::quote::ident(id.last());
        let (kind, message) = match (work, self.kind) {
            (Work::Instant, _) => return None,
            (_, ConstraintKind::Check) => (
                HazardKind::BlocksReads,
                format!("{table} is read for {name} under a lock that blocks reads and writes"),
            ),
            (_, ConstraintKind::Foreign) => (
                HazardKind::BlocksWrites,
                format!("writes to {table} and to the table that {name} refers to wait while the rows are compared"),
            ),
            (_, ConstraintKind::Unique | ConstraintKind::Primary) => (
                HazardKind::BlocksReads,
                format!("the index of {name} is built under a lock that blocks reads and writes of {table}"),
            ),
            (_, ConstraintKind::Exclude) => (
                HazardKind::BlocksReads,
                format!(
                    "the index of {name} is built under a lock that blocks reads and writes of {table}: no statement adds an \
                     exclusion constraint beside the traffic"
                ),
            ),
        };
        Some(Hazard { kind, message })
    }

    /// Whether the constraint has to be another one, and a new one can take its place while it still holds.
    fn is_replaced_online(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> bool {
        let timing = (self.deferrable, self.deferred) != (to.deferrable, to.deferred);
        if self.is_key() {
            let other = self.definition != to.definition || timing || self.tablespace != to.tablespace;
            other && key_replaced::applies(self, to, id, cx)
        } else {
            let other = self.definition != to.definition || (timing && self.kind != ConstraintKind::Foreign);
            other && constraint_replaced::applies(self, to, id, cx)
        }
    }

    /// What a key demands of its index: the columns, what is included, and whether NULLs are the same.
    fn parts_of_key(&self) -> (&str, &str, bool) {
        let columns = self.definition.trim_start_matches("PRIMARY KEY").trim_start_matches("UNIQUE").trim_start();
        let nulls = columns.strip_prefix("NULLS NOT DISTINCT ");
        let (columns, include) = split_include(nulls.unwrap_or(columns));
        (columns, include, nulls.is_some())
    }

    /// The definition of an index that the key can take over, as the server prints it; none where it takes none.
    pub(crate) fn index_definition(&self) -> Option<String> {
        if !self.is_key() || self.definition.contains("WITHOUT OVERLAPS") {
            return None;
        }
        let (columns, include, nulls) = self.parts_of_key();
        let sql = Sql::new("btree").server_text(columns).server_text(include);
        Some(sql.kw_if(nulls, "NULLS NOT DISTINCT").build())
    }

    /// The statement that builds an index for the key beside the traffic.
    pub(crate) fn create_index(&self, id: &PgId, name: &str) -> Sql {
        self.unique_index(&Self::table(id), name, true)
    }

    /// `CREATE UNIQUE INDEX` for what a key demands, under a name.
    pub(crate) fn unique_index(&self, table: &PgId, name: &str, concurrently: bool) -> Sql {
        let (columns, include, nulls) = self.parts_of_key();
        let mut build = Sql::new("CREATE UNIQUE INDEX").kw_if(concurrently, "CONCURRENTLY").ident(name).kw("ON");
        build = build.name(&table.parts());
        build = build.server_text(columns).server_text(include).kw_if(nulls, "NULLS NOT DISTINCT");
        if !self.options.is_empty() {
            build = build.kw("WITH").paren(|w| options_list(w, &self.options));
        }
        if let Some(space) = &self.tablespace {
            build = build.kw("TABLESPACE").ident(space);
        }
        build
    }
}

/// Takes the column list and what follows from `INCLUDE` on apart, outside quoted names.
fn split_include(columns: &str) -> (&str, &str) {
    let mut quoted = false;
    for (at, c) in columns.char_indices() {
        match c {
            '"' => quoted = !quoted,
            'I' if !quoted && columns[at..].starts_with("INCLUDE (") => {
                return (columns[..at].trim_end(), &columns[at..]);
            }
            _ => {}
        }
    }
    (columns, "")
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let enforced = if server.has_not_enforced() { "c.conenforced" } else { "true" };
        let nulls = if server.has_nulls_not_distinct() { "i.indnullsnotdistinct" } else { "false" };
        let set_columns = if server.has_set_columns() { "c.confdelsetcols" } else { "NULL" };
        let period = if server.has_periods() { " OR c.conperiod" } else { "" };
        // Printing a constraint costs the server more than all else here: only what is no plain key is left to it.
        vec![format!(
            "SELECT c.oid, c.conname, c.conrelid, c.contype, CASE WHEN c.contype = 'x' \
             OR c.contype = 'f' AND c.confrelid < {FIRST_USER_OID}{period} THEN pg_get_constraintdef(c.oid) END, \
             c.condeferrable, c.condeferred, c.convalidated, \
             c.conislocal, c.coninhcount, c.conparentid, c.conindid, x.reloptions, s.spcname, i.indisreplident, i.indisclustered, \
             {enforced}, c.conkey, {nulls}, i.indkey, r.relname, r.relnamespace, c.confrelid, c.confkey, c.confmatchtype, \
             c.confupdtype, c.confdeltype, {set_columns}, \
             CASE WHEN c.contype = 'c' THEN pg_get_expr(c.conbin, c.conrelid) END, c.connoinherit FROM pg_constraint c \
             LEFT JOIN pg_index i ON i.indexrelid = c.conindid AND c.contype IN ('p', 'u', 'x') \
             LEFT JOIN pg_class x ON x.oid = i.indexrelid LEFT JOIN pg_tablespace s ON s.oid = x.reltablespace \
             LEFT JOIN pg_class r ON r.oid = c.confrelid AND c.contype = 'f' \
             WHERE c.conrelid >= {FIRST_USER_OID} AND c.contype IN ('c', 'p', 'u', 'x', 'f')"
        )]
    },
    read,
};

/// The clause of a constraint without its timing and validity, put together as the server prints it
/// (`pg_get_constraintdef_worker` in `src/backend/utils/adt/ruleutils.c`, versions 12 to 18); none where a part of it is
/// not known.
fn definition(reader: &Reader<'_>, kind: ConstraintKind, row: &Row<'_>) -> Option<String> {
    if let Some(mut text) = row.opt(4) {
        for suffix in [" NOT VALID", " NOT ENFORCED", " INITIALLY DEFERRED", " DEFERRABLE"] {
            text = text.strip_suffix(suffix).unwrap_or(text);
        }
        return Some(text.to_owned());
    }
    if kind == ConstraintKind::Check {
        let inherit = if row.bool(29) { " NO INHERIT" } else { "" };
        return row.opt(28).map(|expression| format!("CHECK ({expression}){inherit}"));
    }
    let (relation, keys) = (row.oid(2), row.array(17));
    let list = |numbers: &[String]| reader.columns.list(relation, numbers);
    let columns = list(&keys)?;
    if kind != ConstraintKind::Foreign {
        let word = if kind == ConstraintKind::Primary { "PRIMARY KEY" } else { "UNIQUE" };
        let nulls = if kind == ConstraintKind::Unique && row.bool(18) { " NULLS NOT DISTINCT" } else { "" };
        let included: Vec<String> = row.text(19).split_whitespace().skip(keys.len()).map(str::to_owned).collect();
        let include = if included.is_empty() { String::new() } else { format!(" INCLUDE ({})", list(&included)?) };
        return Some(format!("{word}{nulls} ({columns}){include}"));
    }
    let schema = reader.columns.quoted(reader.schemas.get(&row.oid(21))?);
    let target = reader.columns.quoted(row.opt(20)?);
    let target_columns = reader.columns.list(row.oid(22), &row.array(23))?;
    let matching = match row.char(24) {
        'f' => " MATCH FULL",
        'p' => " MATCH PARTIAL",
        _ => "",
    };
    let action = |when: &str, letter: char| match letter {
        'r' => format!(" ON {when} RESTRICT"),
        'c' => format!(" ON {when} CASCADE"),
        'n' => format!(" ON {when} SET NULL"),
        'd' => format!(" ON {when} SET DEFAULT"),
        _ => String::new(),
    };
    let (update, delete) = (action("UPDATE", row.char(25)), action("DELETE", row.char(26)));
    let set = row.array(27);
    let set = if set.is_empty() { String::new() } else { format!(" ({})", list(&set)?) };
    Some(format!(
        "FOREIGN KEY ({columns}) REFERENCES {schema}.{target}({target_columns}){matching}{update}{delete}{set}"
    ))
}

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut by_oid = std::collections::HashMap::new();
    let mut clones = Vec::new();
    for row in results[0].iter() {
        let (oid, relation) = (row.oid(0), row.oid(2));
        let Some(table) = reader.find(class::CLASS, relation, 0).filter(|t| t.kind == PgKind::Table).cloned() else {
            continue;
        };
        if !reader.is_ours(class::CLASS, relation) {
            continue;
        }
        let kind = match row.char(3) {
            'c' => ConstraintKind::Check,
            'p' => ConstraintKind::Primary,
            'u' => ConstraintKind::Unique,
            'x' => ConstraintKind::Exclude,
            _ => ConstraintKind::Foreign,
        };
        if kind == ConstraintKind::Foreign && row.oid(10) != 0 {
            // The server keeps the partitions' copies of a foreign key by itself.
            clones.push((oid, row.oid(10), table.clone()));
            continue;
        }
        let id = PgId::new(PgKind::Constraint, [table.part(0), table.part(1), row.text(1)]);
        // What cannot be put together is left out, and then told as an object that is not known.
        let Some(definition) = definition(reader, kind, &row) else { continue };
        let constraint = Constraint {
            kind,
            definition,
            deferrable: row.bool(5),
            deferred: row.bool(6),
            valid: row.bool(7),
            enforced: row.bool(16),
            inherited: !row.bool(8) && row.int(9) > 0,
            options: parse_options(row.array(12), ""),
            tablespace: row.opt_string(13),
            replica_identity: row.bool(14),
            clustered: row.bool(15),
            part_of: None,
        };
        reader.add(class::CONSTRAINT, oid, id.clone(), PgObject::Constraint(constraint));
        if !matches!(kind, ConstraintKind::Check | ConstraintKind::Foreign) {
            reader.alias(class::CLASS, row.oid(11), 0, &id);
            let index = PgId::new(PgKind::Index, [table.part(0), row.text(1)]);
            reader.alias_fine(class::CLASS, row.oid(11), 0, index, id.clone());
        }
        reader.depends(&id, &table);
        by_oid.insert(oid, (id, row.oid(10)));
    }
    for (oid, parent, table) in clones {
        // What a copy on a partition rests on is the partition's, and can go with it while the foreign key stays. A copy for a
        // partition of the table that is referred to stands on the same table as the foreign key.
        if let Some(id) = reader.find(class::CONSTRAINT, parent, 0).cloned()
            && Constraint::table(&id) == table
        {
            reader.alias(class::CONSTRAINT, oid, 0, &id);
        }
    }
    for (id, parent) in by_oid.values() {
        if *parent != 0
            && let Some((parent, _)) = by_oid.get(parent)
            && let Some(PgObject::Constraint(c)) = reader.catalog.objects.get_mut(id)
            && c.has_index()
        {
            c.part_of = Some(parent.clone());
        }
    }
    inherit_checks(reader, by_oid.values().map(|(id, _)| id));
}

/// An inherited check goes with the parent's check of the same name.
fn inherit_checks<'a>(reader: &mut Reader<'_>, ids: impl Iterator<Item = &'a PgId>) {
    for id in ids {
        let Some(PgObject::Constraint(c)) = reader.catalog.objects.get(id) else { continue };
        if !c.inherited || c.has_index() {
            continue;
        }
        let table = Constraint::table(id);
        let mut parents: Vec<PgId> = Vec::new();
        if let Some(PgObject::Table(t)) = reader.catalog.objects.get(&table) {
            parents.extend(t.inherits.iter().cloned());
        }
        if let Some(PgObject::Partition(p)) = reader.catalog.objects.get(&table.attached(PgKind::Partition, &[])) {
            parents.push(p.parent.clone());
        }
        for parent in parents {
            let above = PgId::new(PgKind::Constraint, [parent.part(0), parent.part(1), id.last()]);
            if reader.catalog.objects.contains_key(&above) {
                reader.depends(id, &above);
            }
        }
    }
}

impl Constraint {
    /// The columns of its own table that it is about.
    pub(crate) fn own_columns<'a>(id: &'a PgId, catalog: &'a crate::PgCatalog) -> impl Iterator<Item = &'a PgId> {
        catalog.needs(id).filter(move |n| n.kind == PgKind::Column && Column::table(n) == Self::table(id))
    }
}
