//! What stands around the relations that a statement names, asked of the server's catalog just before the statement: their
//! families, keys, indexes, checks, and the types and functions that the statement names. Two or three short messages, however
//! large the schema is.

use super::statement::{Action, calls};
use super::{Op, reach};
use crate::Server;
use crate::results::{Row, Rows, split};
use crate::server::OLDEST;
use postgres::Client;
use std::collections::{BTreeMap, BTreeSet};
use underpin_sql::Name;
use underpin_sql::quote::{ident, literal, qualified};

/// Why the facts about a statement could not be looked up.
#[derive(Debug, thiserror::Error)]
#[error("what the statement does could not be looked up: {0}")]
pub struct FactsError(#[from] postgres::Error);

/// A relation.
#[derive(Debug, Clone, Default)]
pub(crate) struct Relation {
    /// Schema and name, qualified and quoted.
    pub name: String,
    /// `pg_class.relkind`.
    pub kind: char,
    /// `pg_class.relpersistence`.
    pub persistence: char,
    /// The name of its access method.
    pub method: String,
    /// The name of its tablespace; empty for the database's own.
    pub space: String,
    /// Its owner.
    pub owner: String,
    /// Its bound as the server prints it, where it is a partition.
    pub bound: String,
    /// What it is partitioned by, as the server prints it.
    pub key: String,
    /// Whether it has triggers, those of foreign keys too.
    pub triggers: bool,
    /// For a table of a type, that type.
    pub of_type: u32,
    pub parents: Vec<u32>,
    pub heirs: Vec<u32>,
    pub columns: Vec<Column>,
    pub indexes: Vec<Index>,
    pub checks: Vec<Constraint>,
    pub sequences: Vec<Owned>,
}

/// A column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub number: i64,
    pub name: String,
    /// Its type as the server prints it; of a domain, that under it.
    pub type_name: String,
    /// Its type as it is declared: the domain itself.
    pub declared: String,
    pub not_null: bool,
    pub generated: bool,
    /// The collation; empty where its type has none.
    pub collation: String,
}

/// A constraint of any kind.
#[derive(Debug, Clone)]
pub(crate) struct Constraint {
    pub name: String,
    /// `pg_constraint.contype`.
    pub kind: char,
    pub table: u32,
    pub valid: bool,
    pub enforced: bool,
    /// Of a foreign key: the table that it refers to.
    pub referenced: u32,
    pub columns: Vec<i64>,
    pub referenced_columns: Vec<i64>,
    /// The index behind it.
    pub index: u32,
    /// Of a check: what has to hold, as the server prints it.
    pub expression: String,
}

/// An index.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub oid: u32,
    /// Whether the server does not try to know that it stays the same: it has expressions or a condition.
    pub computed: bool,
    /// The columns that it rests on.
    pub over: Vec<i64>,
    /// Whether it is a part of a partitioned table's.
    pub part: bool,
    /// What makes two indexes of a parent and its part alike.
    pub shape: String,
}

/// A sequence that belongs to a column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owned {
    pub oid: u32,
    pub column: i64,
    /// Whether it is what makes the column an identity.
    pub identity: bool,
}

/// A type that a statement names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Type {
    /// As the server prints it, with its modifier; of a domain, the type under it.
    pub name: String,
    /// As it is declared: the domain itself.
    pub declared: String,
    /// Whether it is a domain with a constraint.
    pub constrained: bool,
    /// Its own collation.
    pub collation: String,
    /// The types of which its values are already its own, by name: `pg_cast.castmethod` is `b`.
    pub binary_from: BTreeSet<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Around {
    pub relations: BTreeMap<u32, Relation>,
    named: BTreeMap<(Option<String>, String), u32>,
    /// Foreign keys of these relations and to them.
    pub keys: Vec<Constraint>,
    /// By the text that the statement names it with.
    pub types: BTreeMap<String, Type>,
    /// Functions that may give a value of its own to every row.
    pub volatile: BTreeSet<String>,
    /// The session's time zone.
    pub zone: String,
    /// Tables with a column of the domain that the statement names.
    pub users: Vec<u32>,
    /// Relations that the query of the materialized view reads.
    pub read: Vec<u32>,
    /// Relations that a drop locks.
    pub reached: Vec<u32>,
    /// Those of them that it drops.
    pub gone: Vec<u32>,
    /// The columns that it drops of others.
    pub lost: Vec<(u32, String)>,
}

impl Around {
    /// The relation of that name.
    pub fn find(&self, name: &Name) -> Option<u32> {
        self.named.get(&(name.schema.clone(), name.name.clone())).copied()
    }
}

/// The name as SQL, for the server to look up.
pub(super) fn sql_name(name: &Name) -> String {
    match &name.schema {
        Some(schema) => qualified(&[schema, &name.name]),
        None => ident(&name.name),
    }
}

fn array(texts: impl IntoIterator<Item = String>, of: &str) -> String {
    let list: Vec<String> = texts.into_iter().collect();
    format!("ARRAY[{}]::{of}[]", list.join(", "))
}

/// The type without its modifier, and the modifier.
pub(super) fn type_parts(text: &str) -> (String, String) {
    match (text.find('('), text.find(')')) {
        (Some(open), Some(close)) if open < close => {
            (format!("{}{}", &text[..open], &text[close + 1..]), text[open..=close].replace(' ', ""))
        }
        _ => (text.to_owned(), String::new()),
    }
}

/// A printed type with a modifier put where the server puts it.
fn with_modifier(name: &str, modifier: &str) -> String {
    let modifier = match (name.trim_end_matches("[]"), modifier) {
        ("bit" | "character", "") => "(1)".to_owned(),
        // One without a scale has none.
        ("numeric", m) if !m.is_empty() && !m.contains(',') => m.replace(')', ",0)"),
        (_, m) => m.to_owned(),
    };
    let at = name.find(" with").or_else(|| name.find("[]")).unwrap_or(name.len());
    format!("{}{modifier}{}", &name[..at], &name[at..])
}

fn numbers(row: &Row<'_>, n: usize) -> Vec<i64> {
    let text = row.text(n).trim_matches(['{', '}']).to_owned();
    text.split([',', ' ']).filter_map(|n| n.parse().ok()).collect()
}

/// Looks it all up.
pub(crate) fn look(client: &mut Client, server: &Server, actions: &[Action]) -> Result<Around, FactsError> {
    let mut around = Around::default();
    let names: BTreeSet<&Name> = actions.iter().flat_map(|a| a.relation.iter().chain(&a.others)).collect();
    let types: BTreeSet<String> =
        actions.iter().map(|a| a.type_name.clone()).filter(|t| !t.is_empty() && t.len() < 200).collect();
    let called: BTreeSet<String> = actions.iter().flat_map(|a| calls(&a.expression)).collect();
    if names.is_empty() && types.is_empty() && !actions.iter().any(reach::reaches) {
        return Ok(around);
    }
    let listed: Vec<&Name> = names.into_iter().collect();
    let sql = array(listed.iter().map(|n| literal(&sql_name(n))), "text");
    let typed = array(types.iter().map(|t| literal(&type_parts(t).0)), "text");
    let above = array(above(actions).iter().map(|n| literal(&sql_name(n))), "text");
    let found = split(client.simple_query(&family(&sql, &above, &typed))?);
    let mut near: BTreeSet<u32> = BTreeSet::new();
    if let [named, users, read, all] = found.as_slice() {
        for (row, name) in named.iter().zip(&listed) {
            if row.oid(0) != 0 {
                around.named.insert((name.schema.clone(), name.name.clone()), row.oid(0));
            }
        }
        around.users = users.iter().map(|r| r.oid(0)).collect();
        around.read = read.iter().map(|r| r.oid(0)).collect();
        near = all.iter().map(|r| r.oid(0)).collect();
    }
    let reach = reach::query(actions, &around);
    if let Some(sql) = reach {
        let found = split(client.simple_query(&sql)?);
        for row in found.first().into_iter().flat_map(Rows::iter) {
            around.reached.push(row.oid(0));
            if row.bool(1) {
                around.gone.push(row.oid(0));
            }
            around.lost.extend(row.array(2).into_iter().map(|column| (row.oid(0), column)));
        }
    }
    near.extend(around.reached.iter().chain(&around.users).chain(&around.read));
    let oids = array(near.iter().map(u32::to_string), "oid");
    let called = array(called.iter().map(|c| literal(c)), "text");
    let sets = split(client.simple_query(&details(server, &oids, &typed, &called))?);
    take(&mut around, &sets, &types);
    Ok(around)
}

/// The relations of which only one part comes or goes, however many they have.
fn above(actions: &[Action]) -> Vec<&Name> {
    let one_part =
        [Op::CreatePartition, Op::AttachPartition, Op::DetachPartition, Op::DetachConcurrently, Op::AttachIndex];
    let is_one = |action: &Action| action.op.is_some_and(|op| one_part.contains(&op));
    if actions.iter().all(is_one) { actions.iter().filter_map(|a| a.relation.as_ref()).collect() } else { Vec::new() }
}

/// Names into relations, and all that is near them: what they come from and what comes from them, default partitions beside them, what
/// foreign keys tie to these, and what comes from that. Not the other partitions of their parents, and of those `above`, which no
/// statement about one partition touches: with each of a thousand all others would be read. `UNION ALL`, since for the rows that the
/// planner expects of a recursion the server makes a table to find doubles and clears it, each time.
fn family(names: &str, above: &str, types: &str) -> String {
    let start = format!(
        "named AS (SELECT to_regclass(n)::oid AS oid, place FROM unnest({names}) WITH ORDINALITY AS u(n, place)), \
         users AS (SELECT DISTINCT a.attrelid AS oid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
            WHERE c.relkind IN ('r', 'p', 'm') AND a.atttypid IN (SELECT to_regtype(t)::oid FROM unnest({types}) t \
            JOIN pg_type y ON y.oid = to_regtype(t) AND y.typtype = 'd')), \
         start AS (SELECT oid FROM named WHERE oid IS NOT NULL \
            UNION SELECT i.indrelid FROM pg_index i JOIN named n ON n.oid = i.indexrelid \
            UNION SELECT d.refobjid FROM pg_depend d JOIN named n ON n.oid = d.objid WHERE d.classid = 'pg_class'::regclass \
                AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
            UNION SELECT c.oid FROM pg_class c JOIN pg_type t ON t.oid = c.reloftype \
                JOIN named n ON n.oid = t.typrelid WHERE c.reloftype <> 0)"
    );
    format!(
        "WITH {start} SELECT oid FROM named ORDER BY place; \
         WITH {start} SELECT oid FROM users; \
         WITH RECURSIVE {start}, read(oid) AS (SELECT n.oid FROM named n JOIN pg_class c ON c.oid = n.oid AND c.relkind = 'm' \
            UNION SELECT d.refobjid FROM read r JOIN pg_class v ON v.oid = r.oid AND v.relkind IN ('m', 'v') \
            JOIN pg_rewrite w ON w.ev_class = r.oid JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid \
            AND d.refclassid = 'pg_class'::regclass) SELECT oid FROM read; \
         WITH RECURSIVE {start}, up(oid) AS (SELECT oid FROM start UNION ALL SELECT i.inhparent FROM pg_inherits i \
            JOIN up ON i.inhrelid = up.oid), \
         above AS (SELECT to_regclass(n)::oid AS oid FROM unnest({above}) n UNION SELECT i.indrelid FROM pg_index i \
            WHERE i.indexrelid IN (SELECT to_regclass(n)::oid FROM unnest({above}) n)), \
         kin(oid) AS (SELECT oid FROM start WHERE oid NOT IN (SELECT oid FROM above WHERE oid IS NOT NULL) \
            UNION SELECT p.partdefid FROM pg_partitioned_table p JOIN up ON p.partrelid = up.oid WHERE p.partdefid <> 0 \
            UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN kin ON i.inhparent = kin.oid), \
         line AS (SELECT oid FROM up UNION SELECT oid FROM kin), \
         far(oid) AS (SELECT k.confrelid FROM pg_constraint k JOIN line ON k.conrelid = line.oid \
            AND k.contype = 'f' UNION SELECT k.conrelid FROM line JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass \
            AND d.refobjid = line.oid AND d.classid = 'pg_constraint'::regclass JOIN pg_constraint k ON k.oid = d.objid \
            AND k.contype = 'f' WHERE k.confrelid = line.oid \
            UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN far ON i.inhparent = far.oid) \
         SELECT oid FROM line WHERE oid IS NOT NULL UNION SELECT oid FROM far"
    )
}

/// Everything about these relations, types and functions.
fn details(server: &Server, oids: &str, types: &str, called: &str) -> String {
    let enforced = if server.major() >= 18 { "k.conenforced" } else { "true" };
    let not_null = if server.major() >= 18 {
        // One that is NOT VALID makes the column say so all the same.
        "a.attnotnull AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = a.attrelid AND k.contype = 'n' \
         AND NOT k.convalidated AND k.conkey = ARRAY[a.attnum])"
    } else {
        "a.attnotnull"
    };
    debug_assert!(server.major() >= OLDEST);
    format!(
        "SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind, c.relpersistence, m.amname, s.spcname, \
         pg_get_userbyid(c.relowner), pg_get_expr(c.relpartbound, c.oid), \
         CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, c.reloftype, c.relhastriggers \
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_am m ON m.oid = c.relam \
         LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.oid = ANY({oids}); \
         SELECT inhrelid, inhparent FROM pg_inherits WHERE inhrelid = ANY({oids}); \
         SELECT a.attrelid, a.attnum, a.attname, CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) \
         ELSE format_type(a.atttypid, a.atttypmod) END, {not_null}, a.attgenerated <> '', l.collname, format_type(a.atttypid, a.atttypmod) \
         FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_collation l ON l.oid = a.attcollation \
         WHERE a.attrelid = ANY({oids}) AND a.attnum > 0 AND NOT a.attisdropped; \
         SELECT k.conname, k.contype, k.conrelid, k.convalidated, {enforced}, k.confrelid, k.conkey, k.confkey, k.conindid, \
         CASE WHEN k.contype = 'c' THEN pg_get_expr(k.conbin, k.conrelid) END \
         FROM pg_constraint k WHERE k.conrelid = ANY({oids}); \
         SELECT i.indexrelid, i.indrelid, i.indexprs IS NOT NULL OR i.indpred IS NOT NULL, \
         (SELECT array_agg(DISTINCT n) FROM (SELECT unnest(i.indkey::int2[])::int AS n UNION SELECT d.refobjsubid FROM pg_depend d \
         WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid) x WHERE n > 0), \
         concat_ws('|', m.amname, i.indisunique, (SELECT string_agg(coalesce(a.attname::text, ''), ',' ORDER BY p) \
         FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(k, p) LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k), \
         i.indclass, i.indcollation, pg_get_expr(i.indexprs, i.indrelid), pg_get_expr(i.indpred, i.indrelid)), \
         format('%I.%I', n.nspname, c.relname), c.relkind, c.relispartition \
         FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam WHERE i.indrelid = ANY({oids}); \
         SELECT d.objid, d.refobjid, d.refobjsubid, d.deptype, format('%I.%I', n.nspname, c.relname), c.relpersistence FROM pg_depend d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S' JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') \
         AND d.refobjid = ANY({oids}); \
         WITH RECURSIVE said AS (SELECT n, p, to_regtype(n)::oid AS oid FROM unnest({types}) WITH ORDINALITY u(n, p)), \
         under(p, oid) AS (SELECT p, oid FROM said UNION ALL SELECT p, t.typbasetype FROM under JOIN pg_type t ON t.oid = under.oid \
         AND t.typtype = 'd') \
         SELECT format_type(CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END, \
         CASE WHEN t.typtype = 'd' AND t.typtypmod <> -1 THEN t.typtypmod END), t.typtype, \
         EXISTS (SELECT FROM under u JOIN pg_type b ON b.oid = u.oid WHERE u.p = said.p AND (b.typnotnull OR EXISTS \
         (SELECT FROM pg_constraint k WHERE k.contypid = b.oid))), l.collname, \
         (SELECT array_agg(format_type(x.castsource, NULL)) FROM pg_cast x WHERE x.casttarget = t.oid AND x.castmethod = 'b'), format_type(t.oid, NULL) \
         FROM said LEFT JOIN pg_type t ON t.oid = said.oid LEFT JOIN pg_collation l ON l.oid = t.typcollation ORDER BY said.p; \
         SELECT proname FROM pg_proc WHERE proname = ANY({called}) AND provolatile = 'v'; \
         SELECT current_setting('TimeZone')"
    )
}

fn take(around: &mut Around, sets: &[Rows], types: &BTreeSet<String>) {
    let [relations, inherits, columns, constraints, indexes, sequences, said, volatile, zone] = sets else { return };
    for row in relations.iter() {
        let relation = Relation {
            name: row.string(1),
            kind: row.char(2),
            persistence: row.char(3),
            method: row.string(4),
            space: row.string(5),
            owner: row.string(6),
            bound: row.string(7),
            key: row.string(8),
            of_type: row.oid(9),
            triggers: row.bool(10),
            ..Relation::default()
        };
        around.relations.insert(row.oid(0), relation);
    }
    for row in inherits.iter() {
        if let Some(heir) = around.relations.get_mut(&row.oid(0)) {
            heir.parents.push(row.oid(1));
        }
        if let Some(parent) = around.relations.get_mut(&row.oid(1)) {
            parent.heirs.push(row.oid(0));
        }
    }
    for row in columns.iter() {
        if let Some(relation) = around.relations.get_mut(&row.oid(0)) {
            relation.columns.push(Column {
                number: row.int(1),
                name: row.string(2),
                type_name: row.string(3),
                not_null: row.bool(4),
                generated: row.bool(5),
                collation: row.string(6),
                declared: row.string(7),
            });
        }
    }
    for row in constraints.iter() {
        let constraint = Constraint {
            name: row.string(0),
            kind: row.char(1),
            table: row.oid(2),
            valid: row.bool(3),
            enforced: row.bool(4),
            referenced: row.oid(5),
            columns: numbers(&row, 6),
            referenced_columns: numbers(&row, 7),
            index: row.oid(8),
            expression: row.string(9),
        };
        if constraint.kind == 'f' {
            around.keys.push(constraint);
        } else if let Some(relation) = around.relations.get_mut(&constraint.table) {
            relation.checks.push(constraint);
        }
    }
    for row in indexes.iter() {
        let known = Relation { name: row.string(5), kind: row.char(6), ..Relation::default() };
        around.relations.entry(row.oid(0)).or_insert(known);
        if let Some(relation) = around.relations.get_mut(&row.oid(1)) {
            relation.indexes.push(Index {
                oid: row.oid(0),
                computed: row.bool(2),
                over: numbers(&row, 3),
                shape: row.string(4),
                part: row.bool(7),
            });
        }
    }
    for row in sequences.iter() {
        let known = Relation { name: row.string(4), kind: 'S', persistence: row.char(5), ..Relation::default() };
        around.relations.entry(row.oid(0)).or_insert(known);
        if let Some(relation) = around.relations.get_mut(&row.oid(1)) {
            relation.sequences.push(Owned { oid: row.oid(0), column: row.int(2), identity: row.char(3) == 'i' });
        }
    }
    for (row, text) in said.iter().zip(types) {
        let name = row.string(0);
        let printed = if row.char(1) == 'd' { name } else { with_modifier(&name, &type_parts(text).1) };
        let found = Type {
            declared: if row.char(1) == 'd' { row.string(5) } else { printed.clone() },
            name: printed,
            constrained: row.bool(2),
            collation: row.string(3),
            binary_from: row.array(4).into_iter().collect(),
        };
        around.types.insert(text.clone(), found);
    }
    around.volatile = volatile.iter().map(|r| r.string(0)).collect();
    around.zone = zone.iter().next().map(|r| r.string(0)).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_put_as_the_server_prints_them() {
        for (text, printed, whole) in [
            ("timestamp(3) with time zone", "timestamp with time zone", "timestamp(3) with time zone"),
            ("varchar(10)[]", "character varying[]", "character varying(10)[]"),
            ("numeric(7)", "numeric", "numeric(7,0)"),
            ("numeric(7, 2)", "numeric", "numeric(7,2)"),
            ("bit", "bit", "bit(1)"),
            ("int", "integer", "integer"),
        ] {
            assert_eq!(with_modifier(printed, &type_parts(text).1), whole);
        }
    }
}
