//! What a server of another major version can have of a schema. Sides that were read on different versions are brought to what both
//! know before they are compared, and what the one wants and the other cannot have is named.

use crate::objects::{Body, ConstraintKind};
use crate::{PgCatalog, PgKind, PgObject, Server};
use underpin_model::{Diagnostic, Severity};

/// Takes out of a catalog what servers of that version do not know and what says nothing of rows: names of NOT NULL constraints, the
/// privilege MAINTAIN, targets of statistics, methods of compression and what only tunes.
pub fn keep_what_is_known(catalog: &mut PgCatalog, server: &Server) {
    for object in catalog.objects.values_mut() {
        match object {
            PgObject::Column(column) => {
                if !server.has_not_null_constraints() {
                    column.not_null_rule = None;
                }
                if !server.has_column_compression() {
                    column.compression = None;
                }
            }
            PgObject::Domain(domain) if !server.has_domain_not_null_constraints() => domain.not_null_name = None,
            PgObject::Sequence(sequence) if !server.has_unlogged_sequences() => sequence.unlogged = false,
            PgObject::Grant(grant) if !server.has_maintain() => {
                grant.privileges.remove(&'m');
            }
            PgObject::DefaultPrivileges(privileges) if !server.has_maintain() => {
                for held in privileges.grants.values_mut() {
                    held.remove(&'m');
                }
            }
            PgObject::Range(range) if !server.has_multiranges() => range.multirange = None,
            PgObject::Statistics(statistics) if !server.has_statistics_target() => statistics.target = None,
            PgObject::MaterializedView(view) if !server.has_column_compression() => {
                view.keeping.values_mut().for_each(|k| k.compression = None);
            }
            _ => {}
        }
    }
}

/// What in an object needs a newer server, in words, and the first major version that has it.
fn needs(object: &PgObject) -> Option<(&'static str, u32)> {
    match object {
        PgObject::Column(c) if c.generated.as_ref().is_some_and(|g| !g.stored) => {
            Some(("a virtual generated column", 18))
        }
        PgObject::Column(c) if c.not_null_rule.as_ref().is_some_and(|r| r.unproved || r.no_inherit) => {
            Some(("NOT NULL with NOT VALID or NO INHERIT", 18))
        }
        PgObject::Constraint(c) if !c.enforced => Some(("a constraint that is NOT ENFORCED", 18)),
        PgObject::Constraint(c)
            if c.definition.contains(" WITHOUT OVERLAPS)") || c.definition.contains(", PERIOD ") =>
        {
            Some(("a key over periods", 18))
        }
        PgObject::Constraint(c)
            if c.kind == ConstraintKind::Unique && c.definition.contains(" NULLS NOT DISTINCT (") =>
        {
            Some(("NULLS NOT DISTINCT", 15))
        }
        PgObject::Constraint(c)
            if c.kind == ConstraintKind::Foreign
                && (c.definition.contains(" SET NULL (") || c.definition.contains(" SET DEFAULT (")) =>
        {
            Some(("ON DELETE SET NULL or SET DEFAULT with columns", 15))
        }
        PgObject::Constraint(c) if c.comes_with_parent() => {
            Some(("an exclusion constraint on a partitioned table", 17))
        }
        PgObject::Index(i) if i.unique && i.definition.contains(" NULLS NOT DISTINCT") => {
            Some(("NULLS NOT DISTINCT", 15))
        }
        PgObject::View(v) if v.options.contains_key("security_invoker") => Some(("security_invoker", 15)),
        PgObject::Function(r) if matches!(r.body, Body::Sql(_)) => Some(("a function with a SQL body", 14)),
        PgObject::Procedure(r) if matches!(r.body, Body::Sql(_)) => Some(("a procedure with a SQL body", 14)),
        PgObject::Statistics(s) if is_on_expressions(&s.definition) => Some(("statistics on expressions", 14)),
        PgObject::Publication(p) if p.generated_columns.is_some() => Some(("publish_generated_columns", 18)),
        PgObject::Publication(p) if p.via_root => Some(("publish_via_partition_root", 13)),
        PgObject::PublicationTable(t) if t.columns.is_some() || t.filter.is_some() => {
            Some(("a publication of some columns or rows", 15))
        }
        PgObject::PublicationSchema(_) => Some(("a publication of a schema", 15)),
        PgObject::Collation(c) if c.provider == "builtin" => Some(("a collation of the built-in provider", 17)),
        PgObject::Collation(c) if c.rules.is_some() => Some(("a collation with rules of its own", 16)),
        PgObject::EventTrigger(t) if t.event == "login" => Some(("an event trigger on login", 17)),
        PgObject::Table(t) if t.partition_by.is_some() && t.access_method.is_some() => {
            Some(("the access method of a partitioned table", 17))
        }
        _ => None,
    }
}

/// Whether `CREATE STATISTICS … ON` lists something else than columns.
fn is_on_expressions(definition: &str) -> bool {
    let list = definition.split_once("ON ").and_then(|(_, rest)| rest.split_once(" FROM "));
    list.is_some_and(|(list, _)| list.contains('('))
}

/// What the desired side wants and a server of that version cannot have.
#[must_use]
pub fn beyond(catalog: &PgCatalog, server: &Server) -> Vec<Diagnostic> {
    let mut list = Vec::new();
    for (id, object) in &catalog.objects {
        if id.kind == PgKind::Owner {
            continue;
        }
        let Some((what, since)) = needs(object).filter(|(_, since)| server.major() < *since) else { continue };
        list.push(
            Diagnostic::new(
                Severity::Error,
                "needs-newer-server",
                format!(
                    "{id} has {what}, which PostgreSQL {since} brought, and the live server is PostgreSQL {}",
                    server.major()
                ),
            )
            .note("the desired SQL was read by a newer server, which knows it")
            .help("say it in a way that the live server knows, or bring that one to the newer version first"),
        );
    }
    list
}
