//! Sequences (manual, CREATE SEQUENCE; `pg_sequence`). Where a sequence stands is data, not schema.

use super::{Context, Item, Query, acl, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// What a sequence does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceOptions {
    /// `smallint`, `integer` or `bigint`.
    pub data_type: String,
    /// `START WITH`.
    pub start: i64,
    /// `INCREMENT BY`.
    pub increment: i64,
    /// `MINVALUE`.
    pub min: i64,
    /// `MAXVALUE`.
    pub max: i64,
    /// `CACHE`.
    pub cache: i64,
    /// `CYCLE`.
    pub cycle: bool,
}

impl SequenceOptions {
    /// The least and the greatest number of the type.
    fn type_bounds(&self) -> (i64, i64) {
        match self.data_type.as_str() {
            "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
            "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// The bounds that a sequence of this type and direction has when nothing is said.
    fn default_bounds(&self) -> (i64, i64) {
        let (low, high) = self.type_bounds();
        if self.increment < 0 { (low, -1) } else { (1, high) }
    }

    /// What the server makes of an identity column's sequence when the column gets this type: bounds of the old type become
    /// those of the new one (`init_params`, commands/sequence.c).
    pub(super) fn retyped(&self, data_type: &str) -> Self {
        let mut to = Self { data_type: data_type.to_owned(), ..self.clone() };
        let ((old_low, old_high), (low, high)) = (self.type_bounds(), to.type_bounds());
        to.min = if self.min == old_low { low } else { self.min };
        to.max = if self.max == old_high { high } else { self.max };
        to
    }
}

impl Words for SequenceOptions {
    fn words(&self) -> String {
        let cycle = if self.cycle { " cycle" } else { "" };
        format!(
            "{} start {} increment {} min {} max {} cache {}{cycle}",
            self.data_type, self.start, self.increment, self.min, self.max, self.cache
        )
    }
}

/// The options of a new sequence that are not the default.
pub(crate) fn sequence_options(sql: Sql, options: &SequenceOptions) -> Sql {
    let sql = if options.data_type == "bigint" { sql } else { sql.kw("AS").server_text(&options.data_type) };
    write_options(sql, options, None)
}

/// Writes the options of a sequence: all that are not the default, or only what differs from `from`.
pub(super) fn write_options(mut sql: Sql, to: &SequenceOptions, from: Option<&SequenceOptions>) -> Sql {
    let (min, max) = to.default_bounds();
    if let Some(from) = from {
        if from.data_type != to.data_type {
            sql = sql.kw("AS").server_text(&to.data_type);
        }
        sql = if from.increment == to.increment { sql } else { sql.kw("INCREMENT BY").number(to.increment) };
        // A change of type moves bounds that were the old type's along with it, and then takes NO MAXVALUE for the type's
        // own even where the sequence descends (`init_params`, commands/sequence.c).
        let moved = from.data_type != to.data_type;
        if from.min != to.min || moved {
            sql = if to.min == min && !moved { sql.kw("NO MINVALUE") } else { sql.kw("MINVALUE").number(to.min) };
        }
        if from.max != to.max || moved {
            sql = if to.max == max && !moved { sql.kw("NO MAXVALUE") } else { sql.kw("MAXVALUE").number(to.max) };
        }
        sql = if from.start == to.start { sql } else { sql.kw("START WITH").number(to.start) };
        sql = if from.cache == to.cache { sql } else { sql.kw("CACHE").number(to.cache) };
        return match (from.cycle, to.cycle) {
            (false, true) => sql.kw("CYCLE"),
            (true, false) => sql.kw("NO CYCLE"),
            (true, true) | (false, false) => sql,
        };
    }
    if to.increment != 1 {
        sql = sql.kw("INCREMENT BY").number(to.increment);
    }
    if to.min != min {
        sql = sql.kw("MINVALUE").number(to.min);
    }
    if to.max != max {
        sql = sql.kw("MAXVALUE").number(to.max);
    }
    if to.start != if to.increment < 0 { to.max } else { to.min } {
        sql = sql.kw("START WITH").number(to.start);
    }
    if to.cache != 1 {
        sql = sql.kw("CACHE").number(to.cache);
    }
    sql.kw_if(to.cycle, "CYCLE")
}

/// The statements that bring the options of a sequence from one state to another. Where bounds narrow, the counter is
/// moved between the new ones first if it stands outside: the server refuses the change otherwise.
pub(super) fn alter_statements(name: &[&str], from: &SequenceOptions, to: &SequenceOptions) -> Vec<String> {
    let alter = || Sql::new("ALTER SEQUENCE").name(name);
    let last = write_options(alter(), to, Some(from)).build();
    if to.min <= from.min && to.max >= from.max {
        return vec![last];
    }
    // The wider of the two types, so that the bounds of both fit.
    let size = |o: &SequenceOptions| ["smallint", "integer"].iter().position(|t| *t == o.data_type).unwrap_or(2);
    let grows = size(to) > size(from);
    let wide = if grows { alter().kw("AS").server_text(&to.data_type) } else { alter() };
    let wide = wide.kw("MINVALUE").number(from.min.min(to.min)).kw("MAXVALUE").number(from.max.max(to.max));
    let sequence = underpin_sql::quote::qualified(name);
    let inside = format!("last_value BETWEEN {} AND {}", to.min, to.max);
    let moved = format!(
        "SELECT pg_catalog.setval({}, LEAST(GREATEST(last_value, {}), {}), false) FROM {sequence} WHERE NOT {inside}",
        underpin_sql::quote::literal(&sequence),
        to.min,
        to.max,
    );
    vec![wide.build(), moved, last]
}

/// A sequence that is no identity column's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sequence {
    /// What it does.
    pub options: SequenceOptions,
    /// `UNLOGGED` (15).
    pub unlogged: bool,
}

impl Item for Sequence {
    const COVERAGE: Coverage = Coverage::of(
        &[alters("options"), alters("unlogged").since(15)],
        &["testdata/cases/postgres/sequence/options_and_owner"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { options, unlogged } = self;
        let mut list = Vec::new();
        differ(&mut list, "options", options, &to.options);
        differ(&mut list, "unlogged", unlogged, &to.unlogged);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("relation", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("SEQUENCE").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        let alter = || Sql::new("ALTER SEQUENCE").name(&id.parts());
        let mut ops = Vec::new();
        if self.options != to.options {
            ops.push(PgOp::plain(alter_statements(&id.parts(), &self.options, &to.options)));
        }
        if self.unlogged != to.unlogged {
            ops.push(PgOp::one(alter().kw(if to.unlogged { "SET UNLOGGED" } else { "SET LOGGED" })));
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE").kw_if(self.unlogged, "UNLOGGED").kw("SEQUENCE").name(&id.parts());
        if self.options.data_type != "bigint" {
            sql = sql.kw("AS").server_text(&self.options.data_type);
        }
        vec![Draft::sql(vec![write_options(sql, &self.options, None).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT c.oid, c.relname, c.relnamespace, c.relowner, c.relacl, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, \
             s.seqmax, s.seqcache, s.seqcycle, c.relpersistence FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid \
             WHERE c.oid >= {FIRST_USER_OID} AND c.relpersistence <> 't' AND NOT EXISTS (SELECT FROM pg_depend d \
             WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i')"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::CLASS, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Sequence, [schema.as_str(), row.text(1)]);
        let sequence = Sequence {
            options: SequenceOptions {
                data_type: row.string(5),
                start: row.int(6),
                increment: row.int(7),
                min: row.int(8),
                max: row.int(9),
                cache: row.int(10),
                cycle: row.bool(11),
            },
            unlogged: row.char(12) == 'u',
        };
        reader.add(class::CLASS, oid, id.clone(), PgObject::Sequence(sequence));
        let schema_id = PgId::new(PgKind::Schema, [&schema]);
        reader.depends(&id, &schema_id);
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::SEQUENCE, row.oid(3));
    }
}
