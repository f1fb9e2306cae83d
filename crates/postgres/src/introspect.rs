//! The whole catalog in one consistent snapshot: every query travels in one message, whatever the size of the schema.

use crate::objects::{PgObject, QUERIES, Table};
use crate::reader::{FIRST_USER_OID, Reader};
use crate::results::{Rows, split};
use crate::{PgCatalog, PgId, PgKind, Server};
use postgres::Client;
use rustc_hash::FxHashMap as HashMap;

/// Why a catalog could not be read.
#[derive(Debug, thiserror::Error)]
pub enum IntrospectError {
    /// The server refused or went away.
    #[error("the catalog of the database could not be read: {}", server_words(.0))]
    Server(#[from] postgres::Error),
    /// The server's version is not one that is known.
    #[error(
        "the server is PostgreSQL {version}; underpin knows {oldest} to {newest}. On another version it could miss what it does \
         not know, so it does not start",
        oldest = crate::server::OLDEST,
        newest = crate::server::NEWEST
    )]
    Version {
        /// The version as the server prints it.
        version: String,
    },
}

/// The server's own words, without the connection's.
fn server_words(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |db| format!("{} ({})", db.message(), db.code().code()))
}

/// The version of the server behind a connection.
///
/// # Errors
/// When the server cannot be asked, or is not one that is known.
pub fn server_of(client: &mut Client) -> Result<Server, IntrospectError> {
    let sets = split(client.simple_query(
        "SHOW server_version_num; SHOW server_version; \
         SELECT format_type(castsource, NULL), format_type(casttarget, NULL), castcontext FROM pg_catalog.pg_cast",
    )?);
    let value = |n: usize| sets.get(n).and_then(|s: &Rows| s.iter().next().map(|r| r.string(0))).unwrap_or_default();
    let casts = sets
        .get(2)
        .map(|rows| rows.iter().map(|r| ((r.string(0), r.string(1)), r.char(2))).collect())
        .unwrap_or_default();
    let server = Server { number: value(0).parse().unwrap_or(0), text: value(1), casts: std::sync::Arc::new(casts) };
    if server.is_supported() { Ok(server) } else { Err(IntrospectError::Version { version: server.text }) }
}

/// Reads the whole schema of the database. `role_alias` shows roles under other names.
///
/// # Errors
/// When the server refuses or goes away.
pub fn introspect(
    client: &mut Client,
    server: &Server,
    role_alias: &std::collections::HashMap<String, String>,
) -> Result<PgCatalog, IntrospectError> {
    match read(client, server, role_alias) {
        // An object that went between two look-ups of the server's own functions (XX000 "cache lookup failed", or an
        // undefined object): the next snapshot no longer has it.
        Err(IntrospectError::Server(error)) if went_away(&error) => {
            let _ = client.simple_query("ROLLBACK");
            read(client, server, role_alias)
        }
        other => other,
    }
}

fn went_away(error: &postgres::Error) -> bool {
    error.as_db_error().is_some_and(|db| db.code().code() == "XX000" || db.code().code().starts_with("42"))
}

/// How many statements of [`message`] come before the first query.
const PREAMBLE: usize = 9;

/// The one message that reads a whole catalog (without code compiled for queries that run once), and how many queries of it belong to each kind.
fn message(server: &Server) -> (String, Vec<usize>) {
    let mut text = String::from(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off; \
         SET LOCAL DateStyle = ISO; SET LOCAL IntervalStyle = postgres; SET LOCAL extra_float_digits = 3; \
         SET LOCAL statement_timeout = 0; SET LOCAL standard_conforming_strings = on; SET LOCAL jit = off;\n",
    );
    text.push_str("SELECT oid, rolname FROM pg_roles;\n");
    let mut counts = Vec::new();
    for (_, query) in QUERIES {
        let queries = query.as_ref().map_or_else(Vec::new, |q| (q.sql)(server));
        counts.push(queries.len());
        for sql in queries {
            text.push_str(&sql);
            text.push_str(";\n");
        }
    }
    text.push_str(&format!(
        "SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype FROM pg_depend \
         WHERE objid >= {FIRST_USER_OID} AND deptype IN ('n', 'a', 'i', 'P', 'S') \
         AND (refobjid >= {FIRST_USER_OID} OR refclassid = 'pg_namespace'::regclass);\n"
    ));
    text.push_str(&crate::completeness::query());
    text.push_str(";\nCOMMIT");
    (text, counts)
}

/// Everything that reading a catalog asks a server of that version, as one text: what is not in it is not read.
#[must_use]
pub fn catalog_query(server: &Server) -> String {
    message(server).0
}

fn read(
    client: &mut Client,
    server: &Server,
    role_alias: &std::collections::HashMap<String, String>,
) -> Result<PgCatalog, IntrospectError> {
    let (text, counts) = message(server);
    let mut sets = split(client.simple_query(&text)?).into_iter().skip(PREAMBLE);
    let mut reader = Reader::new(server);
    reader.role_alias.clone_from(role_alias);
    if let Some(roles) = sets.next() {
        reader.roles = roles.iter().map(|r| (r.oid(0), r.string(1))).collect();
    }
    for ((_, query), count) in QUERIES.iter().zip(counts) {
        let rows: Vec<Rows> = sets.by_ref().take(count).collect();
        if let Some(query) = query {
            (query.read)(&mut reader, &rows);
        }
    }
    if let Some(rows) = sets.next() {
        dependencies(&mut reader, &rows);
        if let Some(listed) = sets.next() {
            crate::completeness::check(&mut reader, &listed, &rows);
        }
    }
    let mut catalog = reader.catalog;
    tie(&mut catalog);
    crate::row_aliases::take_out(&mut catalog);
    Ok(catalog)
}

/// What the server says rests on what.
fn dependencies(reader: &mut Reader<'_>, rows: &Rows) {
    for row in rows.iter() {
        let sub = |n: usize| i32::try_from(row.int(n)).unwrap_or(0);
        // P and S tie a partition's index to the parent's: what they say is said by `part_of`.
        if matches!(row.char(6), 'P' | 'S') {
            continue;
        }
        let dependent = reader.find(row.oid(0), row.oid(1), sub(2));
        let needed = reader.find(row.oid(3), row.oid(4), sub(5));
        let (Some(dependent), Some(needed)) = (dependent, needed) else { continue };
        // That a column owns a sequence is a tie of its own.
        let owned = dependent.kind == PgKind::Sequence && matches!(needed.kind, PgKind::Column | PgKind::Table);
        // Members of an extension rest on it, and it on nothing of theirs.
        let inner = dependent.kind == PgKind::Extension && needed.kind != PgKind::Schema;
        if !owned
            && !inner
            && reader.catalog.objects.contains_key(dependent)
            && reader.catalog.objects.contains_key(needed)
        {
            let (dependent, needed) = (dependent.clone(), needed.clone());
            reader.depends(&dependent, &needed);
        }
    }
}

/// Ties that the server does not report the way a plan needs them.
fn tie(catalog: &mut PgCatalog) {
    crate::objects::tie_base_types(catalog);
    crate::objects::tie_casts(catalog);
    crate::objects::move_needs_to_defaults(catalog);
    crate::objects::tie_typed_tables(catalog);
    crate::objects::tie_keepers(catalog);
    crate::recipes::shadow_copy::tie(catalog);
    let mut ties: Vec<(PgId, PgId)> = Vec::new();
    for (id, object) in &catalog.objects {
        match object {
            // A partition is attached when it has all that its parent's keys, indexes and checks will look for.
            PgObject::Constraint(c) => {
                let table = id.prefix(PgKind::Table, 2);
                if Table::is_partition(catalog, &table) {
                    ties.push((table.attached(PgKind::Partition, &[]), id.clone()));
                }
                if let Some(parent) = &c.part_of {
                    ties.push((parent.clone(), id.clone()));
                }
            }
            PgObject::Index(index) => {
                let tie = index.on.attached(PgKind::Partition, &[]);
                if let Some(parent) = &index.part_of {
                    ties.push((parent.clone(), id.clone()));
                    // The parent's index takes its parts by name, once their tables are attached.
                    ties.push((parent.clone(), tie.clone()));
                    ties.push((tie, id.clone()));
                } else if catalog.objects.contains_key(&tie) {
                    // One that looks like a part of the parent's must not be there when the server looks for a part.
                    ties.push((id.clone(), tie));
                }
            }
            // What is revoked on a relation is revoked on its columns too (manual, REVOKE).
            PgObject::Grant(_) if id.of == Some(PgKind::Column) => {
                let relation = [PgKind::Table, PgKind::View, PgKind::MaterializedView]
                    .map(|kind| id.prefix(kind, 2).attached(PgKind::Grant, &[id.last()]));
                ties.extend(relation.into_iter().filter(|r| catalog.objects.contains_key(r)).map(|r| (id.clone(), r)));
            }
            _ => {}
        }
    }
    // Foreign keys of a partition are its own and may come later; a check that is NOT VALID comes from the parent after.
    ties.retain(|(tie, id)| {
        let later = match catalog.objects.get(id) {
            Some(PgObject::Constraint(c)) => {
                c.kind == crate::objects::ConstraintKind::Foreign || (c.inherited && c.enforced && !c.valid)
            }
            _ => false,
        };
        !(later && tie.kind == PgKind::Partition)
    });
    for (dependent, needed) in ties {
        // The parent's part must not rest on the child's and the other way round.
        if let Some(needs) = catalog.rests_on.get_mut(&needed) {
            needs.remove(&dependent);
        }
        catalog.add_dependency(dependent, needed);
    }
    heirs(catalog);
}

/// What rests on an heir's column rests on the parent's column too: it is there that the column is altered.
fn heirs(catalog: &mut PgCatalog) {
    let parents: HashMap<PgId, PgId> = catalog
        .objects
        .iter()
        .filter_map(|(id, o)| match o {
            PgObject::Column(c) => c.inherits.clone().map(|p| (id.clone(), p)),
            _ => None,
        })
        .collect();
    if parents.is_empty() {
        return;
    }
    for (dependent, needs) in &mut catalog.rests_on {
        if dependent.kind == PgKind::Column {
            continue;
        }
        let mut above: Vec<PgId> = needs.iter().filter_map(|n| parents.get(n).cloned()).collect();
        let mut at = 0;
        while let Some(next) = above.get(at).and_then(|p| parents.get(p)).cloned() {
            above.push(next);
            at += 1;
        }
        above.retain(|p| p != dependent);
        needs.extend(above);
    }
}
