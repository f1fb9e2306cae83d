//! The check that nothing is overlooked: every row of a catalog of objects that no object stands for is told.
//!
//! One query lists the rows; what has been read says which are known. A plan that does not know of an object neither makes
//! nor keeps it, so a silent gap would be a wrong promise.

use crate::PgKind;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::{Row, Rows};
use std::collections::{BTreeMap, HashSet};
use underpin_model::{Diagnostic, Severity};

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
        // Members of operator families are of an extension by what they call.
        _ if matches!(d.oid(0), class::AMOP | class::AMPROC) => {
            reader.find(d.oid(3), d.oid(4), 0).is_some_and(|id| id.kind == PgKind::Extension)
        }
        _ => false,
    };
    let inner: HashSet<(u32, u32)> = dependencies.iter().filter(is_part).map(|d| (d.oid(0), d.oid(1))).collect();
    let mut unknown: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in rows.iter() {
        let (catalog, oid) = (row.oid(0), row.oid(1));
        if reader.find(catalog, oid, 0).is_some() || !reader.is_ours(catalog, oid) || inner.contains(&(catalog, oid)) {
            continue;
        }
        let (schema, relation) = (row.oid(4), row.oid(5));
        if relation != 0 && reader.find(class::CLASS, relation, 0).is_none() {
            // Its relation is told, or is out of scope.
            continue;
        }
        let mut name = row.string(3);
        if schema != 0 {
            let Some(schema) = reader.schema(schema) else { continue };
            name = underpin_sql::quote::qualified(&[schema, &name]);
        }
        *unknown.entry((row.string(2), name)).or_default() += 1;
    }
    for ((kind, name), count) in unknown {
        let times = if count > 1 { format!(" ({count} of them)") } else { String::new() };
        let message = format!("the {kind} {name}{times} is of a kind that underpin does not know");
        reader.diagnose(
            Diagnostic::new(Severity::Warning, CODE, message)
                .note("a plan neither makes, changes nor drops it, and a plan that touches what it rests on can fail")
                .help("manage it by hand, and report it as a gap in underpin"),
        );
    }
}
