//! What a drop takes along, and so locks: the server's own record of what rests on what (`pg_depend`), followed from the dropped
//! object as the server follows it (`src/backend/catalog/dependency.c`).

use super::Op;
use super::around::{Around, sql_name};
use super::statement::{Action, Say};
use underpin_sql::quote::literal;
use underpin_sql::{Cursor, Lexer, Token};

/// Whether the action drops something.
pub(crate) fn reaches(action: &Action) -> bool {
    matches!(
        action.op,
        Some(
            Op::DropColumn
                | Op::DropConstraint
                | Op::DropRelation
                | Op::DropIndex
                | Op::DropObject
                | Op::DropStatistics
                | Op::DropIdentity
        )
    )
}

/// The relations that the drops of a statement lock, as a query; none where it drops nothing.
pub(crate) fn query(actions: &[Action], around: &Around) -> Option<String> {
    let starts: Vec<String> = actions.iter().filter(|a| reaches(a)).filter_map(|a| start(a, around)).collect();
    if starts.is_empty() {
        return None;
    }
    let cascade = actions.iter().any(|a| reaches(a) && a.says(Say::Cascade));
    // Of a restricted drop only what goes by itself; anything else makes it fail.
    let types = if cascade { "'a', 'i', 'e', 'P', 'S', 'n'" } else { "'a', 'i', 'e', 'P', 'S'" };
    Some(format!(
        "WITH RECURSIVE reach(c, o, s) AS ({} UNION SELECT x.c, x.o, x.s FROM reach r CROSS JOIN LATERAL (\
         SELECT d.classid AS c, d.objid AS o, d.objsubid AS s FROM pg_depend d WHERE d.refclassid = r.c AND d.refobjid = r.o \
         AND (r.s = 0 OR d.refobjsubid = r.s) AND d.deptype IN ({types}) \
         UNION ALL SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_depend d WHERE r.c = 'pg_rewrite'::regclass \
         AND d.classid = r.c AND d.objid = r.o AND d.deptype = 'i') x) \
         SELECT l.oid, bool_or(r.c = 'pg_class'::regclass AND r.o = l.oid AND r.s = 0), \
         array_agg(DISTINCT a.attname) FILTER (WHERE a.attname IS NOT NULL) FROM reach r CROSS JOIN LATERAL (\
         SELECT r.o AS oid WHERE r.c = 'pg_class'::regclass \
         UNION ALL SELECT i.indrelid FROM pg_index i WHERE r.c = 'pg_class'::regclass AND i.indexrelid = r.o \
         UNION ALL SELECT unnest(ARRAY[k.conrelid, k.confrelid]) FROM pg_constraint k WHERE r.c = 'pg_constraint'::regclass \
         AND k.oid = r.o \
         UNION ALL SELECT t.tgrelid FROM pg_trigger t WHERE r.c = 'pg_trigger'::regclass AND t.oid = r.o \
         UNION ALL SELECT w.ev_class FROM pg_rewrite w WHERE r.c = 'pg_rewrite'::regclass AND w.oid = r.o \
         UNION ALL SELECT p.polrelid FROM pg_policy p WHERE r.c = 'pg_policy'::regclass AND p.oid = r.o \
         UNION ALL SELECT s.stxrelid FROM pg_statistic_ext s WHERE r.c = 'pg_statistic_ext'::regclass AND s.oid = r.o \
         UNION ALL SELECT f.adrelid FROM pg_attrdef f WHERE r.c = 'pg_attrdef'::regclass AND f.oid = r.o) l \
         JOIN pg_class c ON c.oid = l.oid AND c.relnamespace <> 'pg_toast'::regnamespace AND c.relkind <> 'c' \
         LEFT JOIN pg_attribute a ON r.c = 'pg_class'::regclass AND a.attrelid = r.o AND a.attnum = r.s AND r.s > 0 \
         GROUP BY l.oid",
        starts.join(" UNION ")
    ))
}

/// The rows that the walk starts from.
fn start(action: &Action, around: &Around) -> Option<String> {
    let relation = action.relation.as_ref().and_then(|name| around.find(name));
    let family = |oid: u32| {
        if action.only {
            format!("(VALUES ({oid}::oid)) f(oid)")
        } else {
            format!(
                "(WITH RECURSIVE f(oid) AS (VALUES ({oid}::oid) UNION SELECT i.inhrelid FROM pg_inherits i \
                 JOIN f ON i.inhparent = f.oid) SELECT oid FROM f) f"
            )
        }
    };
    let name = literal(&action.name);
    match action.op? {
        Op::DropColumn => Some(format!(
            "SELECT 'pg_class'::regclass::oid, a.attrelid, a.attnum::int FROM pg_attribute a JOIN {} ON f.oid = a.attrelid \
             WHERE a.attname = {name} AND NOT a.attisdropped",
            family(relation?)
        )),
        // The sequence behind it.
        Op::DropIdentity => Some(format!(
            "SELECT d.classid, d.objid, 0 FROM pg_depend d JOIN pg_attribute a ON a.attrelid = {}::oid AND a.attname = {name} \
             WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum \
             AND d.classid = 'pg_class'::regclass AND d.deptype = 'i'",
            relation?
        )),
        Op::DropConstraint => Some(format!(
            "SELECT 'pg_constraint'::regclass::oid, k.oid, 0 FROM pg_constraint k JOIN {} ON f.oid = k.conrelid \
             WHERE k.conname = {name}",
            family(relation?)
        )),
        Op::DropRelation | Op::DropIndex => {
            let name = literal(&sql_name(action.relation.as_ref()?));
            Some(format!("SELECT 'pg_class'::regclass::oid, to_regclass({name})::oid, 0"))
        }
        Op::DropObject | Op::DropStatistics => object(&action.word, &action.name),
        _ => None,
    }
}

/// An object that is no relation, by the word for its kind and its name as the statement says it.
fn object(kind: &str, name: &str) -> Option<String> {
    let text = literal(name);
    // Names in catalogs without schemas are told as they are stored.
    let tokens: Vec<Token> = Lexer::new(name).filter(|t| !t.kind.is_trivia()).collect();
    let plain = literal(&Cursor::new(name, &tokens).chain()?.last());
    let by = |catalog: &str, condition: String| {
        Some(format!("SELECT '{catalog}'::regclass::oid, x.oid, 0 FROM {catalog} x WHERE {condition}"))
    };
    match kind {
        "TYPE" | "DOMAIN" => by("pg_type", format!("x.oid = to_regtype({text})")),
        // By name alone: what rests on another of the same name is locked in the worst case.
        "FUNCTION" | "PROCEDURE" | "ROUTINE" | "AGGREGATE" => by("pg_proc", format!("x.proname = {plain}")),
        "SCHEMA" => by("pg_namespace", format!("x.nspname = {plain}")),
        "EXTENSION" => by("pg_extension", format!("x.extname = {plain}")),
        "STATISTICS" => by("pg_statistic_ext", format!("x.stxname = {plain}")),
        "COLLATION" => by("pg_collation", format!("x.collname = {plain}")),
        "SERVER" => by("pg_foreign_server", format!("x.srvname = {plain}")),
        "LANGUAGE" => by("pg_language", format!("x.lanname = {plain}")),
        _ => None,
    }
}
