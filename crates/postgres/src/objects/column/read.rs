//! How columns are read from a catalog (manual, `pg_attribute`).

use super::{Column, Generated, Identity};
use crate::columns::{RawColumn, TypeFacts};
use crate::objects::sequence::SequenceOptions;
use crate::objects::table::parse_column_options;
use crate::objects::{ForeignOptions, NotNull, Query, acl};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{PgId, PgKind, PgObject};
use std::collections::HashMap;

pub(in crate::objects) const QUERY: Query = Query {
    sql: |server| {
        let compression = if server.has_column_compression() { "a.attcompression" } else { "''" };
        let facts = TypeFacts::select(server);
        let (rule, join) = if server.has_not_null_constraints() {
            (
                "k.conname, k.convalidated, k.connoinherit, k.coninhcount, k.conislocal",
                // The key is an array of one; the constraints of a relation are found by its OID (`pg_constraint_conrelid_…`).
                "LEFT JOIN pg_constraint k ON k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum",
            )
        } else {
            ("NULL", "")
        };
        vec![
            "SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'".to_owned(),
            format!(
                "SELECT d.t, d.m, format_type(d.t, d.m), {facts}, d.c, quote_ident(n.nspname) || '.' || quote_ident(l.collname), \
                 CASE WHEN pg_collation_is_visible(l.oid) THEN quote_ident(l.collname) END \
                 FROM (SELECT DISTINCT a.atttypid AS t, a.atttypmod AS m, a.attcollation AS c FROM pg_attribute a \
                 WHERE a.attrelid >= {FIRST_USER_OID} AND a.attnum > 0 AND NOT a.attisdropped) AS d \
                 JOIN pg_type t ON t.oid = d.t LEFT JOIN pg_collation l ON l.oid = d.c \
                 LEFT JOIN pg_namespace n ON n.oid = l.collnamespace"
            ),
            format!(
                "SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attcollation, a.attnotnull, a.attidentity, \
                 a.attgenerated, a.attstorage, {compression}, a.attstattarget, a.attoptions, a.attislocal, a.attinhcount, a.attacl, \
                 a.attfdwoptions, {rule} FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid {join} \
                 WHERE a.attrelid >= {FIRST_USER_OID} AND (a.attnum > 0 OR a.attacl IS NOT NULL) AND NOT a.attisdropped \
                 AND c.relkind IN ('r', 'p', 'f', 'm') AND c.relpersistence <> 't'"
            ),
            format!(
                "SELECT d.refobjid, d.refobjsubid, d.objid, n.nspname, c.relname, s.seqtypid::regtype, s.seqstart, s.seqincrement, \
                 s.seqmin, s.seqmax, s.seqcache, s.seqcycle, c.relowner, c.relacl FROM pg_depend d \
                 JOIN pg_sequence s ON s.seqrelid = d.objid JOIN pg_class c ON c.oid = d.objid \
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE d.classid = 'pg_class'::regclass \
                 AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i' AND d.refobjsubid > 0 AND d.objid >= {FIRST_USER_OID}"
            ),
            format!(
                "SELECT a.attrelid, a.attnum, i.inhparent, p.attnum FROM pg_inherits i JOIN pg_attribute a ON a.attrelid = i.inhrelid \
                 JOIN pg_attribute p ON p.attrelid = i.inhparent AND p.attname = a.attname JOIN pg_class c ON c.oid = i.inhrelid \
                 WHERE i.inhrelid >= {FIRST_USER_OID} AND c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND p.attnum > 0 AND NOT p.attisdropped AND a.attinhcount > 0 \
                 ORDER BY a.attrelid, a.attnum, i.inhseqno"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        reader.columns.add_keyword(row.string(0));
    }
    let mut collations: HashMap<u32, &str> = HashMap::new();
    for row in results[1].iter() {
        let modifier = i32::try_from(row.int(1)).unwrap_or(-1);
        reader.types.insert((row.oid(0), modifier), row.string(2));
        reader.columns.add_type(row.oid(0), TypeFacts::read(&row, 3));
        if let Some(qualified) = row.opt(10) {
            collations.insert(row.oid(9), qualified);
            reader.columns.add_collation(row.oid(9), row.opt(11).unwrap_or(qualified).to_owned());
        }
    }
    // By relation and column number: the sequence, the identity, the owner and the ACL.
    type Found = (u32, Identity, u32, Option<String>);
    let mut identities: HashMap<(u32, u32), Found> = results[3]
        .iter()
        .map(|r| {
            let identity = Identity {
                always: false,
                sequence: (r.string(3), r.string(4)),
                options: SequenceOptions {
                    data_type: r.string(5),
                    start: r.int(6),
                    increment: r.int(7),
                    min: r.int(8),
                    max: r.int(9),
                    cache: r.int(10),
                    cycle: r.bool(11),
                },
            };
            ((r.oid(0), r.oid(1)), (r.oid(2), identity, r.oid(12), r.opt_string(13)))
        })
        .collect();
    for row in results[2].iter() {
        if row.int(1) < 0 {
            // GRANT takes the columns that the server gives every table too (ctid, xmin, …).
            reader.unclaimed.push(((class::CLASS, row.oid(0)), "privileges on a system column of"));
            continue;
        }
        let (relation, number) = (row.oid(0), row.oid(1));
        let (type_oid, collation) = (row.oid(3), row.oid(5));
        reader.columns.add(relation, number, RawColumn { name: row.string(2), type_oid, collation });
        let Some(table) = reader.find(class::CLASS, relation, 0).filter(|id| id.kind == PgKind::Table).cloned() else {
            continue;
        };
        if !reader.is_ours(class::CLASS, relation) {
            continue;
        }
        let id = PgId::new(PgKind::Column, [table.part(0), table.part(1), row.text(2)]);
        let identity = identities.remove(&(relation, number)).map(|(sequence, mut identity, owner, acl)| {
            identity.always = row.char(7) == 'a';
            reader.alias(class::CLASS, sequence, 0, &id);
            let sequence_id = PgId::new(PgKind::Sequence, [&identity.sequence.0, &identity.sequence.1]);
            reader.alias_fine(class::CLASS, sequence, 0, sequence_id.clone(), id.clone());
            reader.grants(&sequence_id, &id, acl.as_deref(), acl::Defaults::SEQUENCE, owner);
            identity
        });
        let facts = reader.columns.type_facts(type_oid);
        let column = Column {
            type_name: reader.type_name(type_oid, i32::try_from(row.int(4)).unwrap_or(-1)),
            collation: collations
                .get(&collation)
                .filter(|_| facts.is_some_and(|t| t.collation != collation))
                .map(|&name| name.to_owned()),
            not_null: row.bool(6),
            not_null_rule: NotNull::read(&id, &row, 17),
            // The expression comes with the defaults, among which the server keeps it.
            generated: row.non_empty(8).map(|kind| Generated { expression: String::new(), stored: kind == "s" }),
            identity,
            storage: facts.filter(|t| t.storage != row.char(9)).map(|_| {
                match row.char(9) {
                    'p' => "PLAIN",
                    'e' => "EXTERNAL",
                    'x' => "EXTENDED",
                    _ => "MAIN",
                }
                .to_owned()
            }),
            compression: match row.char(10) {
                'p' => Some("pglz".to_owned()),
                'l' => Some("lz4".to_owned()),
                _ => None,
            },
            statistics: row.opt(11).and_then(|t| t.parse().ok()).filter(|n| *n >= 0),
            options: parse_column_options(row.array(12)),
            foreign_options: ForeignOptions::parse(row.array(16)),
            inherits: None,
            local: row.bool(13),
        };
        let sub = i32::try_from(number).unwrap_or(0);
        reader.add_part(id.clone(), PgObject::Column(column));
        reader.catalog.places.insert(id.clone(), number);
        reader.alias(class::CLASS, relation, sub, &id);
        if row.opt(15).is_some() {
            let owner = 0;
            reader.grants(&id, &id, row.opt(15), acl::Defaults::COLUMN, owner);
        }
        reader.depends(&id, &table);
    }
    for row in results[4].iter() {
        let number = |n: usize| i32::try_from(row.int(n)).unwrap_or(0);
        let child = reader.find(class::CLASS, row.oid(0), number(1)).cloned();
        let parent = reader.find(class::CLASS, row.oid(2), number(3)).filter(|p| p.kind == PgKind::Column).cloned();
        if let (Some(child), Some(parent)) = (child, parent) {
            if let Some(PgObject::Column(column)) = reader.catalog.objects.get_mut(&child)
                && column.inherits.is_none()
            {
                column.inherits = Some(parent.clone());
            }
            reader.depends(&child, &parent);
        }
    }
}
