//! The check that nothing is overlooked: every row of a catalog of objects that no object stands for is told.
//!
//! One query lists the rows; what has been read says which are known. A plan that does not know of an object neither makes
//! nor keeps it, so a silent gap would be a wrong promise.

use crate::PgKind;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::{Row, Rows};
use std::collections::{BTreeMap, HashMap, HashSet};
use underpin_model::{Diagnostic, Kind, Severity};

/// The stable name of the finding.
pub(crate) const CODE: &str = "not-modelled";

/// Catalogs of objects in schemas: catalog, column prefix of name and namespace, and the kind in words.
const IN_SCHEMAS: &[(&str, &str, &str, &str)] = &[
    (
        "pg_class",
        "relname",
        "relnamespace",
        "CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'partitioned table' WHEN 'i' THEN 'index' WHEN 'I' THEN 'partitioned index' \
         WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'c' THEN 'composite type' \
         WHEN 'f' THEN 'foreign table' ELSE 'relation' END",
    ),
    ("pg_type", "typname", "typnamespace", "'type'"),
    ("pg_proc", "proname", "pronamespace", "'routine'"),
    ("pg_operator", "oprname", "oprnamespace", "'operator'"),
    ("pg_opclass", "opcname", "opcnamespace", "'operator class'"),
    ("pg_opfamily", "opfname", "opfnamespace", "'operator family'"),
    ("pg_conversion", "conname", "connamespace", "'conversion'"),
    ("pg_collation", "collname", "collnamespace", "'collation'"),
    ("pg_statistic_ext", "stxname", "stxnamespace", "'statistics object'"),
    ("pg_ts_config", "cfgname", "cfgnamespace", "'text search configuration'"),
    ("pg_ts_dict", "dictname", "dictnamespace", "'text search dictionary'"),
    ("pg_ts_parser", "prsname", "prsnamespace", "'text search parser'"),
    ("pg_ts_template", "tmplname", "tmplnamespace", "'text search template'"),
];

/// Catalogs of parts of relations: catalog, name, the relation, and the kind in words. Defaults are left out: they are as
/// many as columns, and come with what has columns.
const OF_RELATIONS: &[(&str, &str, &str, &str)] = &[
    ("pg_trigger", "tgname", "tgrelid", "'trigger'"),
    ("pg_rewrite", "rulename", "ev_class", "'rule'"),
    ("pg_policy", "polname", "polrelid", "'policy'"),
];

/// Catalogs of objects that are in no schema: catalog, name, and the kind in words.
const GLOBAL: &[(&str, &str, &str)] = &[
    ("pg_am", "amname", "'access method'"),
    ("pg_cast", "format_type(castsource, NULL) || ' AS ' || format_type(casttarget, NULL)", "'cast'"),
    ("pg_transform", "format_type(trftype, NULL)", "'transform'"),
    ("pg_language", "lanname", "'language'"),
    ("pg_event_trigger", "evtname", "'event trigger'"),
    ("pg_foreign_data_wrapper", "fdwname", "'foreign-data wrapper'"),
    ("pg_foreign_server", "srvname", "'foreign server'"),
    ("pg_publication", "pubname", "'publication'"),
    ("pg_extension", "extname", "'extension'"),
    ("pg_default_acl", "pg_get_userbyid(defaclrole)", "'default privileges'"),
];

/// States of parts that no kind of object has: the rows are told whatever stands for them. Kind, name, schema, relation
/// and where they are.
const STATES: &[(&str, &str, &str, &str, &str)] = &[
    (
        // ALTER TABLE … DISABLE TRIGGER ALL (manual) reaches the triggers that enforce keys; pg_dump does not know it.
        "'disabled trigger that enforces the constraint'",
        "k.conname",
        "0",
        "t.tgrelid",
        "pg_trigger t JOIN pg_constraint k ON k.oid = t.tgconstraint \
         WHERE t.tgisinternal AND t.tgenabled <> 'O' AND k.contype IN ('f', 'p', 'u', 'x')",
    ),
    (
        // ALTER SEQUENCE … SET LOGGED and UNLOGGED (15) take the sequence of an identity column by itself; before, it was
        // always logged.
        "CASE s.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'logged' END || ' sequence of an identity column'",
        "s.relname",
        "s.relnamespace",
        "0",
        "pg_class s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.oid AND d.deptype = 'i' \
         AND d.refclassid = 'pg_class'::regclass JOIN pg_class r ON r.oid = d.refobjid \
         WHERE s.relkind = 'S' AND s.relpersistence <> r.relpersistence AND r.relpersistence <> 't' \
         AND current_setting('server_version_num')::int >= 150000",
    ),
    (
        // GRANT ON TYPE takes the type of a table's rows; pg_dump leaves it out.
        "'privileges on the row type of the relation'",
        "r.relname",
        "r.relnamespace",
        "0",
        "pg_type t JOIN pg_class r ON r.oid = t.typrelid WHERE t.typacl IS NOT NULL AND r.relkind <> 'c'",
    ),
];

/// What extensions have made on which privileges were granted or revoked after the extension had made them
/// (`pg_init_privs`): catalog, ACL, kind, name and a further condition.
const OF_EXTENSIONS: &[(&str, &str, &str, &str, &str)] = &[
    ("pg_class", "relacl", "'privileges on the relation of an extension'", "m.oid::regclass", ""),
    ("pg_type", "typacl", "'privileges on the type of an extension'", "m.oid::regtype", ""),
    ("pg_namespace", "nspacl", "'privileges on the schema of an extension'", "m.oid::regnamespace", ""),
    ("pg_language", "lanacl", "'privileges on the language of an extension'", "m.lanname", ""),
    ("pg_foreign_data_wrapper", "fdwacl", "'privileges on the foreign-data wrapper of an extension'", "m.fdwname", ""),
    (
        "pg_proc",
        "proacl",
        "'privileges on the routine of an extension'",
        "m.oid::regprocedure",
        // The others are read with the extension.
        " AND (i.objoid IS NOT NULL OR m.prokind = 'p')",
    ),
];

/// The query: catalog, row, kind, name, schema (0 for none), relation (0 for none). Only users' rows.
pub(crate) fn query() -> String {
    let mut parts = Vec::new();
    let mut part = |catalog: &str, kind: &str, name: &str, schema: &str, relation: &str, and: &str| {
        parts.push(format!(
            "SELECT '{catalog}'::regclass::oid, oid, {kind}, {name}::text, {schema}::oid, {relation}::oid FROM {catalog} \
             WHERE oid >= {FIRST_USER_OID}{and}"
        ));
    };
    for (catalog, name, schema, kind) in IN_SCHEMAS {
        let and = match *catalog {
            // Temporary relations and TOAST tables with their indexes are nobody's schema; array types are their elements'.
            "pg_class" => " AND relpersistence <> 't' AND relkind <> 't' AND relnamespace <> 'pg_toast'::regnamespace",
            "pg_type" => " AND typcategory <> 'A' AND typrelid = 0",
            _ => "",
        };
        part(catalog, kind, name, schema, "0", and);
    }
    for (catalog, name, relation, kind) in OF_RELATIONS {
        let and = match *catalog {
            "pg_trigger" => " AND NOT tgisinternal",
            "pg_rewrite" => " AND rulename <> '_RETURN'",
            _ => "",
        };
        part(catalog, kind, name, "0", relation, and);
    }
    // NOT NULL constraints (18) are told as the column's own.
    part("pg_constraint", "'constraint'", "conname", "connamespace", "conrelid", " AND contype <> 'n'");
    for (catalog, name, kind) in GLOBAL {
        part(catalog, kind, name, "0", "0", "");
    }
    // Members that were added to a family of the server's own; those of other families are read with them.
    for (catalog, name, family) in
        [("pg_amop", "amopopr::regoperator", "amopfamily"), ("pg_amproc", "amproc::regprocedure", "amprocfamily")]
    {
        part(catalog, "'operator family member'", name, "0", "0", &format!(" AND {family} < {FIRST_USER_OID}"));
    }
    for (kind, name, schema, relation, whence) in STATES {
        parts.push(format!(
            "SELECT 0::oid, {FIRST_USER_OID}::oid, {kind}, {name}::text, {schema}::oid, {relation}::oid FROM {whence}"
        ));
    }
    for (catalog, acl, kind, name, and) in OF_EXTENSIONS {
        parts.push(format!(
            "SELECT 0::oid, {FIRST_USER_OID}::oid, {kind}, {name}::text, 0::oid, 0::oid FROM {catalog} m \
             LEFT JOIN pg_init_privs i ON i.classoid = '{catalog}'::regclass AND i.objoid = m.oid AND i.objsubid = 0 \
             WHERE m.oid >= {FIRST_USER_OID} AND m.{acl} IS DISTINCT FROM i.initprivs AND EXISTS (SELECT FROM pg_depend d \
             WHERE d.classid = '{catalog}'::regclass AND d.objid = m.oid AND d.deptype = 'e'){and}"
        ));
    }
    // Not everyone may read `pg_user_mapping` itself.
    parts.push(format!(
        "SELECT 'pg_user_mapping'::regclass::oid, umid, 'user mapping', usename || ' at ' || srvname, 0::oid, 0::oid \
         FROM pg_user_mappings WHERE umid >= {FIRST_USER_OID}"
    ));
    parts.join(" UNION ALL ")
}

/// Tells every row that nothing stands for. `dependencies` are those of the server, classes and rows first, the type last.
pub(crate) fn check(reader: &mut Reader<'_>, rows: &Rows, dependencies: &Rows) {
    // Parts of others: what is said of the whole holds for them. `P` ties a partition's trigger to the parent's.
    let is_part = |d: &Row<'_>| match d.char(6) {
        'i' | 'P' => true,
        // Indexes and the like of an extension's table belong to no extension by themselves, whoever made them.
        'a' if d.oid(3) == class::CLASS && reader.is_member(class::CLASS, d.oid(4)) => true,
        // Members of operator families are of an extension by what they call.
        _ if matches!(d.oid(0), class::AMOP | class::AMPROC) => {
            reader.find(d.oid(3), d.oid(4), 0).is_some_and(|id| id.kind == PgKind::Extension)
        }
        _ => false,
    };
    let inner: HashSet<(u32, u32)> = dependencies.iter().filter(is_part).map(|d| (d.oid(0), d.oid(1))).collect();
    let mut unknown: BTreeMap<(String, Vec<String>), usize> = BTreeMap::new();
    // The name of a row with its schema, where that is in scope; none where it is not.
    let named = |reader: &Reader<'_>, row: &Row<'_>| -> Option<Vec<String>> {
        let (schema, relation) = (row.oid(4), row.oid(5));
        if relation != 0 {
            let on = reader.find(class::CLASS, relation, 0).filter(|on| on.kind != PgKind::Extension)?;
            return Some(vec![on.part(0).to_owned(), on.part(1).to_owned(), row.string(3)]);
        }
        if schema != 0 {
            // Only relations are kept out of the server's own schema.
            let own = || reader.schemas.get(&schema).map(String::as_str).filter(|name| *name == "pg_catalog");
            return reader.schema(schema).or_else(own).map(|schema| vec![schema.to_owned(), row.string(3)]);
        }
        Some(vec![row.string(3)])
    };
    for row in rows.iter() {
        let (catalog, oid) = (row.oid(0), row.oid(1));
        if reader.find(catalog, oid, 0).is_some() || !reader.is_ours(catalog, oid) || inner.contains(&(catalog, oid)) {
            continue;
        }
        // Where its relation is not known, that is told, or is out of scope.
        if let Some(name) = named(reader, &row) {
            *unknown.entry((row.string(2), name)).or_default() += 1;
        }
    }
    let unclaimed = std::mem::take(&mut reader.unclaimed);
    let gone: Vec<_> = reader.with_extensions.keys().map(|row| (*row, "dependency on an extension of")).collect();
    let wanted: HashSet<(u32, u32)> = unclaimed.iter().chain(&gone).map(|(row, _)| *row).collect();
    let listed: HashMap<(u32, u32), Row<'_>> =
        rows.iter().map(|r| ((r.oid(0), r.oid(1)), r)).filter(|(row, _)| wanted.contains(row)).collect();
    for ((catalog, oid), what) in unclaimed.into_iter().chain(gone) {
        if oid < FIRST_USER_OID || reader.is_member(catalog, oid) {
            continue;
        }
        let (kind, name) = match (listed.get(&(catalog, oid)), reader.find(catalog, oid, 0)) {
            (Some(row), _) => match named(reader, row) {
                Some(name) => (format!("{what} the {}", row.text(2)), name),
                None => continue,
            },
            (None, Some(whole)) => {
                let kind = format!("{what} a part of the {}", whole.kind.name());
                (kind, whole.parts().iter().map(|p| (*p).to_owned()).collect())
            }
            // Of what is temporary, the server's own, or a large object.
            (None, None) => continue,
        };
        *unknown.entry((kind, name)).or_default() += 1;
    }
    for ((kind, name), count) in unknown {
        let times = if count > 1 { format!(" ({count} of them)") } else { String::new() };
        let shown = match name.as_slice() {
            // What stands alone is printed by the server, and may be more than a name.
            [alone] => alone.clone(),
            parts => underpin_sql::quote::qualified(&parts.iter().map(String::as_str).collect::<Vec<_>>()),
        };
        let message = format!("underpin does not know the {kind} {shown}{times}");
        reader.diagnose(
            Diagnostic::new(Severity::Warning, CODE, message)
                .note("a plan neither makes, changes nor drops it, and a plan that touches what it rests on can fail")
                .help("manage it by hand, and report it as a gap in underpin")
                .about(if name.len() > 1 { name } else { Vec::new() }),
        );
    }
}
