//! The statements that keep a second table in step with the first: the trigger, the batches, and the last look at the switch.
//! See `shadow_table.rs`.

use super::carried;
use super::road::{TRIGGER, Wishes};
use super::shadow_family;
use super::shadow_table::{Shadow, placed};
use super::ties::Ties;
use crate::objects::{Body, Column, Constraint, ConstraintKind, Table, parts_of};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::BTreeSet;
use underpin_model::{Backfill, Object};
use underpin_sql::{Sql, quote};

/// How the name of the table begins that has a row as long as the server has not crashed since a copy was whole.
const SEAL: &str = "_underpin_seal_";

/// Whether it is such a table: empty, it tells that the copy is lost.
#[must_use]
pub fn is_seal(id: &PgId) -> bool {
    id.kind == PgKind::Table && id.last().starts_with(SEAL)
}

/// What the new table is called in statements that name both.
const NEW: &str = "_underpin_n";

/// Whether a transaction sees only what was there when it began.
const SNAPSHOT: &str = "pg_catalog.current_setting('transaction_isolation') IN ('repeatable read', 'serializable')";

/// How one table is copied into another.
pub(super) struct Copy {
    /// The old table, quoted, and its name alone.
    table: String,
    name: String,
    /// The new one, quoted.
    place: String,
    /// The quoted columns that are copied, each with its value over the old table's columns.
    columns: Vec<(String, String)>,
    /// The quoted columns of the key, with their types.
    key: Vec<(String, String)>,
    /// The quoted columns of the new table's key by which a row that is there is known: the same ones, unless its partitions are others.
    arbiter: Vec<String>,
    /// Whether the new table is partitioned, or its key is another one than the old table's.
    is_other: Other,
    /// Indexes by which rows are found by the key, where the new table has none, with their tables.
    pub ways: Vec<(PgId, PgId)>,
    /// Whether the new table may refuse a row that the old one takes.
    pub refuses: bool,
    /// Whether one of the two is empty after a crash of the server.
    pub forgets: bool,
    /// Keys of rows that the new table refused, at which the switch looks once more.
    pub missed: PgId,
    /// A row that is gone after a crash of the server.
    pub seal: PgId,
    /// What tells that the copy is whole.
    pub done: PgId,
    /// The trigger's function.
    pub function: PgId,
    /// The triggers, with what they fire for.
    pub triggers: Vec<(PgId, Fires)>,
    /// The partitions that the old table has.
    parts: Vec<PgId>,
    /// What is lost of values whose type changes, in words.
    pub losses: Vec<String>,
    /// Columns whose type changes so that the application has to know.
    pub retyped: Vec<PgId>,
    path: String,
}

/// In what the new table is another one than the old, as far as its rows are told from each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Other {
    /// Its key has other columns.
    key: bool,
    /// It is partitioned, so that the place of a row tells nothing without its partition.
    parted: bool,
}

/// What a trigger on the old table fires for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fires {
    /// Each row that is written.
    Rows,
    /// All rows that are taken away at once.
    Emptied,
    /// All rows of a partition that are: after it nobody can tell which these were.
    PartEmptied,
}

impl Fires {
    /// When, and for what, in SQL.
    fn words(self) -> [&'static str; 2] {
        match self {
            Self::Rows => ["AFTER INSERT OR UPDATE OR DELETE ON", "FOR EACH ROW"],
            Self::Emptied => ["AFTER TRUNCATE ON", "FOR EACH STATEMENT"],
            Self::PartEmptied => ["BEFORE TRUNCATE ON", "FOR EACH STATEMENT"],
        }
    }
}

/// The addresses of what stands beside a table while it is copied, by the new table's.
pub(super) fn beside(place: &PgId) -> [PgId; 4] {
    let of = |kind, prefix| PgId::new(kind, [place.part(0), &name_aside(prefix, place.last())]);
    [
        of(PgKind::Table, "_underpin_missed_"),
        of(PgKind::Table, SEAL),
        of(PgKind::Sequence, "_underpin_done_"),
        PgId::new(PgKind::Function, [place.part(0), &name_aside("_underpin_sync_", place.last()), ""]),
    ]
}

/// The triggers on a table that is copied. No column is called so, after which the triggers of other recipes are named.
fn triggers(dialect: &Postgres<'_>, table: &PgId, leaves: &[PgId]) -> Vec<(PgId, Fires)> {
    let named = |table: &PgId, what: &str| {
        PgId::new(PgKind::Trigger, [table.part(0), table.part(1), &format!("{TRIGGER}.{what}")])
    };
    // Before 13 only a superuser may say of a partitioned table's trigger when it fires in its partitions.
    let whole = leaves.is_empty() || dialect.server.has_row_triggers_of_partitioned();
    let fired = if whole { std::slice::from_ref(table) } else { leaves };
    let rows = fired.iter().map(|table| (named(table, "copy"), Fires::Rows));
    let emptied = leaves.iter().map(|leaf| (named(leaf, "empty"), Fires::PartEmptied));
    rows.chain([(named(table, "empty"), Fires::Emptied)]).chain(emptied).collect()
}

/// The function that writes into a table rests on it, though the server does not know: it, and the trigger that rests on it, comes
/// after and goes before.
pub(crate) fn tie(catalog: &mut PgCatalog) {
    let tables = catalog
        .objects
        .keys()
        .filter(|id| id.kind == PgKind::Table && id.of.is_none() && super::shadow_table::is_ours(id.part(0)));
    let mut ties = Vec::new();
    for place in tables {
        let [missed, seal, done, function] = beside(place);
        if catalog.objects.contains_key(&function) {
            ties.extend([place, &missed, &seal, &done].map(|needed| (function.clone(), needed.clone())));
        }
    }
    for (dependent, needed) in ties {
        if catalog.objects.contains_key(&needed) {
            catalog.add_dependency(dependent, needed);
        }
    }
}

impl Copy {
    /// How a table is copied: out of what it is in `expanded`, into what it is in `wanted`.
    pub fn new(
        (dialect, live): (&Postgres<'_>, &Ties<'_>),
        wishes: &Wishes,
        shadow: &Shadow,
        (ties, expanded): (&Ties<'_>, &PgCatalog),
        new: &Table,
    ) -> Self {
        let (table, place, wanted) = (&shadow.table, &shadow.place, ties.catalog());
        let columns = parts_of(wanted, PgKind::Column, &table.parts());
        let name = quote::ident(table.last());
        let (mut copied, mut losses, mut retyped) = (Vec::new(), Vec::new(), Vec::new());
        let (mut fails, mut said) = (false, false);
        for (id, object) in &columns {
            let column = quote::ident(id.last());
            let (PgObject::Column(new), Some(PgObject::Column(old))) = (object, expanded.objects.get(*id)) else {
                // Of a new column, what is said of the rows that are there.
                if let Some(value) = wishes.backfills.get(*id) {
                    copied.push((column, format!("({value})")));
                    (fails, said) = (true, true);
                }
                continue;
            };
            if new.generated.is_some() {
                continue;
            }
            let mut value = format!("{name}.{column}");
            if carried::is_carried(dialect, wishes, id, old, new)
                && let Some(value_of) = carried::carried(dialect, wishes, id, (old, new))
            {
                value = value_of.value;
                fails |= !value_of.always;
                said |= value_of.is_said;
                retyped.push((*id).clone());
                let of = quote::qualified(&id.parts());
                losses.extend(value_of.loss.map(|loss| format!("{loss}, in every value of {of}")));
            }
            copied.push((column, value));
        }
        // As the old table has it: by what is noted rows of both are looked for.
        let type_of = |name: &str| {
            columns.iter().find_map(|(id, _)| match expanded.objects.get(*id) {
                Some(PgObject::Column(c)) if quote::ident(id.last()) == name => Some(c.type_name.clone()),
                _ => None,
            })
        };
        let key: Vec<(String, String)> =
            shadow.key.iter().map(|k| (k.clone(), type_of(k).unwrap_or_default())).collect();
        let forgets = |catalog: &PgCatalog, table: &PgId| matches!(catalog.objects.get(table), Some(PgObject::Table(t)) if t.unlogged);
        let mut parts = live.family(table);
        let forgets = parts.iter().any(|member| forgets(dialect.from, member))
            || shadow.family.iter().any(|member| forgets(wanted, member));
        let [missed, seal, done, function] = beside(place);
        // It runs with the rights of whoever makes the plan: of the user's schemas only those whose operators compare keys are
        // looked into.
        let schemas: BTreeSet<&str> = key.iter().filter_map(|(_, t)| Some(t.rsplit_once('.')?.0)).collect();
        let mut path: Vec<String> = vec!["pg_catalog".to_owned()];
        path.extend(schemas.into_iter().map(str::to_owned));
        if said {
            // What the user says is looked up as everywhere.
            path.extend([quote::ident(table.part(0)), "public".to_owned()]);
        }
        path.push("pg_temp".to_owned());
        let mut seen = BTreeSet::new();
        path.retain(|schema| seen.insert(schema.clone()));
        let path = path.join(", ");
        let is_other = Other {
            key: shadow.arbiter.len() != shadow.key.len() || !shadow.arbiter.iter().all(|c| shadow.key.contains(c)),
            parted: new.partition_by.is_some(),
        };
        let leads = shadow.arbiter.iter().take(shadow.key.len()).all(|c| shadow.key.contains(c));
        let ways = if leads && shadow.arbiter.len() >= shadow.key.len() {
            Vec::new()
        } else {
            let leaves = shadow_family::leaves(wanted, &shadow.family).into_iter().map(|leaf| placed(&leaf));
            let way = |on: &PgId| PgId::new(PgKind::Index, [on.part(0), &name_aside("_underpin_way_", on.last())]);
            leaves.map(|on| (way(&on), on)).collect()
        };
        parts.remove(0);
        let all = parts.iter().cloned().collect();
        let triggers = triggers(dialect, table, &shadow_family::leaves(dialect.from, &all));
        Self {
            table: quote::qualified(&table.parts()),
            name,
            place: quote::qualified(&place.parts()),
            columns: copied,
            key,
            arbiter: shadow.arbiter.clone(),
            is_other,
            ways,
            refuses: fails || is_other.key || is_other.parted || may_refuse(dialect, table, ties),
            forgets,
            missed,
            seal,
            done,
            function,
            triggers,
            parts,
            losses,
            retyped,
            path,
        }
    }

    /// The values of a row that is called as the old table is.
    fn values(&self) -> String {
        self.columns.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn list(&self) -> String {
        self.columns.iter().map(|(column, _)| column.as_str()).collect::<Vec<_>>().join(", ")
    }

    fn arbiter(&self) -> String {
        self.arbiter.join(", ")
    }

    /// The condition that two rows have the same key.
    fn same(&self, a: &str, b: &str) -> String {
        self.key.iter().map(|(k, _)| format!("{a}.{k} = {b}.{k}")).collect::<Vec<_>>().join(" AND ")
    }

    /// The keys that were noted, as a relation, and the condition that a row has one of them. Their names are no column's, which
    /// what the user says may name.
    fn noted(&self) -> (String, impl Fn(&str) -> String) {
        let keys = self.key.iter().enumerate();
        let names: Vec<String> = keys.map(|(n, (k, _))| format!("{k} AS _underpin_{n}")).collect();
        let missed = quote::qualified(&self.missed.parts());
        let relation = format!("(SELECT DISTINCT {} FROM {missed}) AS _underpin_m", names.join(", "));
        let of = |row: &str| {
            let keys = self.key.iter().enumerate();
            keys.map(|(n, (k, _))| format!("{row}.{k} = _underpin_{n}")).collect::<Vec<_>>().join(" AND ")
        };
        (relation, of)
    }

    /// The head of a statement that writes into the new table.
    fn insert(&self) -> String {
        format!("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE", self.place, self.list())
    }

    /// The statement of a batch. The rows are locked while they are copied: one that is deleted meanwhile would come back. Which of
    /// them are there already is left to the key, which sees what came since the statement began. Where that is another key, a row
    /// that is changed meanwhile could be there twice, as it was and as it is: so nobody changes it, and whoever did has the same
    /// row there by then.
    pub fn batch(&self) -> String {
        format!(
            "{} SELECT {} FROM (SELECT * FROM {} WHERE {} FOR {}) AS {} ON CONFLICT ({}) DO NOTHING",
            self.insert(),
            self.values(),
            self.table,
            Backfill::RANGE,
            if self.is_other.key { "NO KEY UPDATE" } else { "KEY SHARE" },
            self.name,
            self.arbiter(),
        )
    }

    /// What holds for a row of the old table that is not in the new one. As a query for one row, it is never answered by reading
    /// all of the new table; where the new one's key says more of the row than the old one's, it is looked for in one partition only.
    pub fn wrong(&self) -> String {
        let said = self.arbiter.iter().filter(|c| !self.key.iter().any(|(k, _)| k == *c));
        let is_same =
            |c: &&String| self.columns.iter().any(|(column, value)| column == *c && self.is_itself(column, value));
        let more = said.filter(is_same).map(|c| format!(" AND {NEW}.{c} = {}.{c}", self.name)).collect::<String>();
        format!("(SELECT true FROM {} AS {NEW} WHERE {}{more}) IS NULL", self.place, self.same(NEW, &self.name))
    }

    /// Whether a column's value is that of the old table's column.
    fn is_itself(&self, column: &str, value: &str) -> bool {
        value == format!("{}.{column}", self.name)
    }

    /// What stands beside the old table and the new one.
    pub fn make(&self) -> Vec<String> {
        let columns: Vec<String> = self.key.iter().map(|(k, t)| format!("{k} {t}")).collect();
        let create = || Sql::new("CREATE").kw_if(self.forgets, "UNLOGGED").kw("TABLE");
        let mut sql =
            vec![create().name(&self.missed.parts()).server_text(&format!("({})", columns.join(", "))).build()];
        if self.forgets {
            sql.push(create().name(&self.seal.parts()).kw("()").build());
        }
        let key: Vec<&str> = self.key.iter().map(|(k, _)| k.as_str()).collect();
        for (way, on) in &self.ways {
            let index = Sql::new("CREATE INDEX").ident(way.last()).kw("ON").name(&on.parts());
            sql.push(index.server_text(&format!("({})", key.join(", "))).build());
        }
        let function = || Sql::empty().name(&self.function.parts()[..2]).kw("()");
        sql.push(
            Sql::new("CREATE FUNCTION")
                .then(function())
                .kw("RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path =")
                .server_text(&self.path)
                .kw("AS")
                .literal(&self.body())
                .build(),
        );
        sql.push(Sql::new("REVOKE ALL ON FUNCTION").then(function()).kw("FROM PUBLIC").build());
        for (trigger, fires) in &self.triggers {
            let [on, each] = fires.words();
            let make = Sql::new("CREATE TRIGGER").ident(trigger.last()).kw(on).name(&trigger.parts()[..2]);
            sql.push(make.kw(each).kw("EXECUTE FUNCTION").then(function()).build());
            // Rows that a subscription or a restored dump brings are rows too.
            let alter = Sql::new("ALTER TABLE").name(&trigger.parts()[..2]).kw("ENABLE ALWAYS TRIGGER");
            sql.push(alter.ident(trigger.last()).build());
        }
        sql
    }

    /// The trigger's work. It takes the row as it is in the old table by then and not as the trigger was told: a trigger of the
    /// user's may have changed it again, and that change was told first.
    pub fn body(&self) -> String {
        let (table, place, name) = (&self.table, &self.place, &self.name);
        let missed = quote::qualified(&self.missed.parts());
        let values = |row: &str| self.columns_in(row);
        // A row that was copied since such a transaction began is not seen by it; its key stands in the way of another one all the
        // same, which is an error that the transaction has to be ready for. What is refused for another reason was never copied.
        let look = format!(
            "BEGIN\n        {} SELECT {} FROM (SELECT OLD.*) AS {name} ON CONFLICT ({}) DO NOTHING;\n        DELETE FROM {place} AS {NEW} WHERE {};\n      \
             EXCEPTION WHEN serialization_failure THEN\n        RAISE;\n      WHEN OTHERS THEN\n        NULL;\n      END;",
            self.insert(),
            self.values(),
            self.arbiter(),
            self.same(NEW, "OLD"),
        );
        let upsert = if self.is_other.key { self.put(&look) } else { self.upsert() };
        let bring = if self.refuses {
            format!(
                "BEGIN\n      {upsert}\n    EXCEPTION WHEN serialization_failure THEN\n      RAISE;\n    WHEN OTHERS THEN\n      \
                 DELETE FROM {place} AS {NEW} WHERE {};\n      INSERT INTO {missed} VALUES ({});\n    END;",
                self.same(NEW, "NEW"),
                values("NEW"),
            )
        } else {
            upsert
        };
        let emptied = self.part_emptied();
        format!(
            "#variable_conflict use_column\nDECLARE\n  _underpin_moved boolean := false;\nBEGIN\n  \
             {emptied}IF TG_OP = 'TRUNCATE' THEN\n    TRUNCATE {place}, {missed};\n    RETURN NULL;\n  END IF;\n  \
             IF TG_OP = 'UPDATE' THEN\n    _underpin_moved := ({}) IS DISTINCT FROM ({});\n  END IF;\n  \
             IF TG_OP = 'DELETE' OR _underpin_moved THEN\n    \
             DELETE FROM {place} AS {NEW} WHERE {} AND NOT EXISTS (SELECT FROM {table} WHERE {});\n    \
             IF NOT FOUND AND {SNAPSHOT} THEN\n      {look}\n    END IF;\n  \
             END IF;\n  \
             IF TG_OP <> 'DELETE' THEN\n    {bring}\n  END IF;\n  RETURN NULL;\nEND",
            row_of(&values("OLD")),
            row_of(&values("NEW")),
            self.same(NEW, "OLD"),
            self.same(name, "OLD"),
        )
    }

    /// What is done before all rows of a partition alone are taken away; nothing where there is none. The names of all partitions
    /// stand here too: where others come or go, what was copied is no longer what is there.
    fn part_emptied(&self) -> String {
        if self.parts.is_empty() {
            return String::new();
        }
        let same = self.same(NEW, &self.name);
        let delete = [format!("DELETE FROM {} AS {NEW} USING ", self.place), format!(" AS {} WHERE {same}", self.name)];
        let delete = quote::literal(&delete.map(|text| text.replace('%', "%%")).join("%s"));
        format!(
            "-- {}\n  IF TG_OP = 'TRUNCATE' AND TG_WHEN = 'BEFORE' THEN\n    IF {SNAPSHOT} THEN\n      \
             RAISE serialization_failure USING MESSAGE = 'rows that are not seen may have been copied since';\n    END IF;\n    \
             EXECUTE pg_catalog.format({delete}, TG_RELID::pg_catalog.regclass);\n    RETURN NULL;\n  END IF;\n  ",
            self.parts.iter().map(|part| quote::qualified(&part.parts())).collect::<Vec<_>>().join(", "),
        )
    }

    /// A query that is true as long as the old table has the partitions whose rows were copied; none where it has none.
    pub fn same_partitions(&self) -> Option<String> {
        let name = |part: &PgId| format!("({}, {})", quote::literal(part.part(0)), quote::literal(part.last()));
        let names = self.parts.iter().map(name).collect::<Vec<_>>().join(", ");
        (!self.parts.is_empty()).then(|| {
            format!(
                "SELECT count(*) = {} AND bool_and((n.nspname, c.relname) IN ({names})) FROM pg_partition_tree({}) p \
                 JOIN pg_class c ON c.oid = p.relid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE p.level > 0",
                self.parts.len(),
                quote::literal(&self.table),
            )
        })
    }

    /// The statement that writes a row by the key that both tables have.
    fn upsert(&self) -> String {
        let others: Vec<&str> =
            self.columns.iter().map(|(c, _)| c.as_str()).filter(|c| !self.key.iter().any(|(k, _)| k == c)).collect();
        let update = if others.is_empty() {
            "DO NOTHING".to_owned()
        } else {
            let set: Vec<String> = others.iter().map(|c| format!("{c} = EXCLUDED.{c}")).collect();
            format!("DO UPDATE SET {}", set.join(", "))
        };
        format!(
            "{} SELECT {} FROM {} WHERE {} ON CONFLICT ({}) {update};",
            self.insert(),
            self.values(),
            self.table,
            self.same(&self.name, "NEW"),
            self.arbiter(),
        )
    }

    /// The statements that write a row where the new table knows rows by another key. Nobody else writes the same row: whoever does
    /// has changed or locked it in the old table first.
    fn put(&self, look: &str) -> String {
        let (table, place, list, values) = (&self.table, &self.place, self.list(), self.values());
        let (own, row) = (self.same(NEW, "NEW"), self.same(&self.name, "NEW"));
        format!(
            "UPDATE {place} AS {NEW} SET ({list}) = (SELECT {values} FROM {table} WHERE {row}) WHERE {own} AND EXISTS \
             (SELECT FROM {table} WHERE {row});\n      IF NOT FOUND THEN\n      \
             IF TG_OP = 'UPDATE' AND {SNAPSHOT} THEN\n      {look}\n      END IF;\n      \
             {} SELECT {values} FROM {table} WHERE {row};\n      END IF;",
            self.insert(),
        )
    }

    fn columns_in(&self, row: &str) -> String {
        self.key.iter().map(|(k, _)| format!("{row}.{k}")).collect::<Vec<_>>().join(", ")
    }

    /// The statements that look once more at the rows whose keys were noted. They name the ways to the rows one by one, so that
    /// neither table is read whole.
    pub fn replay(&self) -> Vec<String> {
        let (keys, of) = self.noted();
        // In another partition the same place is another row's.
        let own = if self.is_other.parted {
            format!(" AND EXISTS (SELECT FROM {keys} WHERE {})", of(&self.place))
        } else {
            String::new()
        };
        vec![
            format!(
                "DELETE FROM {0} WHERE ctid = ANY (ARRAY(SELECT {NEW}.ctid FROM {keys}, LATERAL \
                 (SELECT {NEW}.ctid FROM {0} AS {NEW} WHERE {1} OFFSET 0) AS {NEW})){own}",
                self.place,
                of(NEW),
            ),
            format!(
                "{} SELECT {} FROM {keys}, LATERAL (SELECT * FROM {} WHERE {} OFFSET 0) AS {}",
                self.insert(),
                self.values(),
                self.table,
                of(&self.name),
                self.name,
            ),
        ]
    }

    /// A query that is true as long as no row is there that the new table refuses.
    pub fn nothing_refused(&self) -> String {
        let (keys, of) = self.noted();
        format!(
            "SELECT NOT EXISTS (SELECT FROM {keys}, LATERAL (SELECT * FROM {} WHERE {} OFFSET 0) AS {} WHERE {})",
            self.table,
            of(&self.name),
            self.name,
            self.wrong(),
        )
    }

    /// Whether all that keeps the new table in step is there, as it should be.
    pub fn is_kept(&self, from: &PgCatalog) -> bool {
        let function = from.objects.get(&self.function);
        let same = matches!(function, Some(PgObject::Function(f)) if f.body == Body::Source(self.body()));
        let mut needed = self.triggers.iter().map(|(id, _)| id).chain([&self.missed]);
        let mut ways = self.ways.iter().filter(|(_, on)| from.objects.contains_key(on));
        same && needed.all(|id| from.objects.contains_key(id))
            && ways.all(|(way, _)| from.objects.contains_key(way))
            && from.objects.contains_key(&self.seal) == self.forgets
    }
}

fn row_of(list: &str) -> String {
    format!("ROW({list})")
}

/// Whether the new table may refuse a row that the old one takes: by rules that the old one has not, or because rows come to it in
/// another order than to the old one.
fn may_refuse(dialect: &Postgres<'_>, table: &PgId, ties: &Ties<'_>) -> bool {
    let (from, wanted) = (dialect.from, ties.catalog());
    let unique = |c: &Constraint| c.has_index() && c.kind != ConstraintKind::Primary;
    let triggered = parts_of(from, PgKind::Trigger, &table.parts()).into_iter().any(|(id, _)| !super::is_aside(id));
    let parts = [PgKind::Column, PgKind::Constraint].map(|kind| parts_of(wanted, kind, &table.parts()));
    let own = parts.into_iter().flatten().map(|(id, _)| id);
    own.chain(ties.about(table).iter().copied()).any(|id| {
        let (was, Some(object)) = (from.objects.get(id), wanted.objects.get(id)) else { return false };
        match object {
            PgObject::Column(c) => {
                let strict = matches!(was, Some(PgObject::Column(old)) if old.not_null || !c.not_null);
                let computed = c.generated.is_some() && was.is_none_or(|w| !w.compare(object).is_empty());
                let checked = was.is_none() && wanted.needs(id).any(|n| n.kind == PgKind::Domain);
                computed || checked || !(strict || (was.is_none() && !c.not_null))
            }
            PgObject::Constraint(c) if c.deferrable && c.has_index() => true,
            PgObject::Constraint(c) => was.is_none_or(|w| !w.compare(object).is_empty()) || (triggered && unique(c)),
            PgObject::Index(index) => index.unique && (triggered || was.is_none_or(|w| !w.compare(object).is_empty())),
            _ => false,
        }
    })
}

/// A column's object in the new table.
pub(super) fn column_beside(column: &Column, schema: &str) -> Column {
    let mut column = column.clone();
    if let Some(identity) = &mut column.identity {
        schema.clone_into(&mut identity.sequence.0);
        // The trigger sets it, also in a row that is there, which ALWAYS does not let anybody do.
        identity.always = false;
    }
    column
}
