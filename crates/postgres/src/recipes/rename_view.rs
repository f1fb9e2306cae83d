//! # Both names until the contract stage
//!
//! A table or a column that is renamed (`-- underpin: renamed-from old_name`) breaks every statement that says the other name: the
//! old application's right after the rename, or the new one's before it. A view in the table's place answers to both names while
//! both applications run. No row is copied.
//!
//! 1. At the end of the expand (or backfill) stage, in one transaction: the table is renamed and a view with all its columns, and
//!    the renamed ones under both names, takes its place. A table that only gets another name has it from here on, with a view
//!    under the old one. Reads and writes go through the view: SELECT, INSERT, UPDATE, DELETE, ON CONFLICT (columns), FOR UPDATE,
//!    RETURNING. Prepared statements with column lists go on.
//! 2. Contract, behind a gate: the view is dropped and the table gets its names, in one transaction.
//!
//! Locks: ACCESS EXCLUSIVE on the table for an instant, twice.
//!
//! What does not work through the view: TRUNCATE, COPY … FROM, ON CONFLICT ON CONSTRAINT, foreign keys to it, a statement that writes
//! the old and the new name of a column at once (an ORM that writes all columns it sees must hide one), MERGE before 17. Row
//! security is the application's own through the view from 15 on (`security_invoker`).
//!
//! It does not apply to a table with row security before 15, nor where a function takes or gives rows of the table, nor to views,
//! functions, types, sequences and schemas: these are renamed at once in the expand stage, and the step carries the hazard
//! breaks-application.
//!
//! After a crash: the view and the table aside are recognised by their names, and the next plan goes on with the contract.
//!
//! Sources: manual, CREATE VIEW (updatable views); tried on 12, 15 and 18.

use super::road::{ASIDE, is_aside};
use crate::objects::{acl, parts_of};
use crate::render::name_aside;
use crate::roles::{RUNNER, role};
use crate::{PgCatalog, PgId, PgKind, PgObject, Server};
use std::collections::BTreeMap;
use underpin_sql::Sql;

/// The recipe's name.
pub const NAME: &str = "rename-by-view";

/// How the name of a table begins whose place a view has taken.
const BASE: &str = "_underpin_base_";

/// The comment on such a view.
const REMARK: &str = "underpin: both names until the contract stage";

/// The name of a table while a view stands in its place.
#[must_use]
pub fn base_of(table: &PgId) -> PgId {
    PgId::new(PgKind::Table, [table.part(0), &name_aside(BASE, table.last())])
}

/// Why a view cannot stand in the place of the table.
#[must_use]
pub fn why_not(catalog: &PgCatalog, server: &Server, table: &PgId) -> Option<String> {
    let name = Sql::empty().name(&table.parts()).build();
    match catalog.objects.get(table) {
        Some(PgObject::Table(t)) if t.row_security && server.major() < 15 => {
            return Some(format!("{name} has row security, which views go around before PostgreSQL 15"));
        }
        Some(PgObject::Table(_)) => {}
        _ => return Some(format!("{name} is no table")),
    }
    let mentions = |text: &str| {
        underpin_sql::Lexer::new(text).any(|t| t.kind.is_name() && underpin_sql::ident(text, t) == table.last())
    };
    let minds = |(_, object): (&PgId, &PgObject)| match object {
        PgObject::Function(r) | PgObject::Procedure(r) => {
            mentions(&r.arguments) || r.result.as_deref().is_some_and(mentions)
        }
        PgObject::Column(c) => mentions(&c.type_name),
        _ => false,
    };
    catalog
        .objects
        .iter()
        .find(|(id, object)| minds((id, object)))
        .map(|(id, _)| format!("{id} is about rows of {name}"))
}

/// A view over a table under a name, with renamed columns under both names: old and new. The table is as `catalog` has it by
/// then; its columns come in the order of the live schema `from`, and those that are new after them, where the view shows them.
#[must_use]
pub fn view_over(
    (from, catalog, shows_new): (&PgCatalog, &PgCatalog, bool),
    server: &Server,
    table: &PgId,
    (over, under): (&PgId, &PgId),
    renamed: &BTreeMap<String, String>,
) -> Vec<String> {
    let mut columns: Vec<Sql> = Vec::new();
    let mut own = parts_of(from, PgKind::Column, &table.parts());
    own.retain(|(id, _)| catalog.objects.contains_key(*id) && !is_aside(id));
    if shows_new {
        let new = parts_of(catalog, PgKind::Column, &table.parts());
        own.extend(new.into_iter().filter(|(id, _)| !from.objects.contains_key(*id) && !is_aside(id)));
    }
    columns.extend(own.iter().map(|(id, _)| Sql::empty().ident(id.last())));
    columns.extend(renamed.iter().map(|(old, new)| Sql::empty().ident(old).kw("AS").ident(new)));
    let mut create = Sql::new("CREATE VIEW").name(&under.parts());
    if server.major() >= 15 {
        create = create.kw("WITH (security_invoker = true)");
    }
    create = create.kw("AS SELECT").list(columns, Sql::then).kw("FROM").name(&over.parts());
    let mut sql = vec![create.build()];
    if let Some(PgObject::Owner(owner)) = catalog.objects.get(&table.attached(PgKind::Owner, &[]))
        // Who makes it has it.
        && owner.role != RUNNER
    {
        sql.push(Sql::new("ALTER VIEW").name(&under.parts()).kw("OWNER TO").ident(&owner.role).build());
    }
    let about = |target: &PgId, column: Option<&str>| {
        let mut statements = Vec::new();
        let first = target.attached(PgKind::Grant, &[""]);
        let grants = catalog.objects.range(first..).take_while(|(id, _)| id.target(1).as_ref() == Some(target));
        for (id, object) in grants {
            let PgObject::Grant(grant) = object else { continue };
            for (letter, option) in &grant.privileges {
                let Some(privilege) = acl::privilege_name(*letter) else { continue };
                let to = if id.last() == acl::PUBLIC { "PUBLIC".to_owned() } else { role(id.last()) };
                let mut sql = Sql::new("GRANT").kw(privilege);
                if let Some(column) = column {
                    sql = sql.paren(|w| w.ident(column));
                }
                sql = sql.kw("ON").name(&under.parts()).kw("TO").server_text(&to);
                statements.push(sql.kw_if(*option, "WITH GRANT OPTION").build());
            }
        }
        statements
    };
    sql.extend(about(table, None));
    for (id, _) in &own {
        sql.extend(about(id, Some(id.last())));
        if let Some(new) = renamed.get(id.last()) {
            sql.extend(about(id, Some(new)));
        }
    }
    sql.push(Sql::new("COMMENT ON VIEW").name(&under.parts()).kw("IS").literal(REMARK).build());
    sql
}

/// The tables whose place views have taken: the table's own name, and the statements that take the views away.
#[must_use]
pub fn veiled(catalog: &PgCatalog) -> Vec<(PgId, Vec<String>)> {
    let mut list = Vec::new();
    let first = PgId::new(PgKind::Table, [""]);
    let tables = catalog.objects.range(first..).take_while(|(id, _)| id.kind == PgKind::Table && id.of.is_none());
    for (base, _) in tables.filter(|(id, _)| id.last().starts_with(BASE)) {
        let views: Vec<&PgId> = catalog
            .objects
            .iter()
            .filter(|(_, object)| {
                matches!(object, PgObject::Comment(c) if c.text == REMARK && rests_on(catalog, &c.parent, base))
            })
            .filter_map(|(_, object)| if let PgObject::Comment(c) = object { Some(&c.parent) } else { None })
            .collect();
        // The view in the table's own place is the one whose name the base was made from.
        let Some(own) =
            views.iter().find(|view| base_of(view) == *base || name_aside(BASE, view.last()) == base.last())
        else {
            continue;
        };
        let mut sql: Vec<String> = views.iter().map(|v| Sql::new("DROP VIEW").name(&v.parts()).build()).collect();
        sql.push(Sql::new("ALTER TABLE").name(&base.parts()).kw("RENAME TO").ident(own.last()).build());
        list.push((PgId::new(PgKind::Table, own.parts()), sql));
    }
    list
}

fn rests_on(catalog: &PgCatalog, view: &PgId, table: &PgId) -> bool {
    catalog.needs(view).any(|n| n == table || (n.kind == PgKind::Column && n.prefix(PgKind::Table, 2) == *table))
}

/// Whether a view is one that only gives a table its old name back for a while.
#[must_use]
pub fn is_old_name(catalog: &PgCatalog, view: &PgId) -> bool {
    let remark = catalog.objects.get(&view.attached(PgKind::Comment, &[]));
    view.kind == PgKind::View
        && matches!(remark, Some(PgObject::Comment(c)) if c.text == REMARK)
        && !view.last().starts_with(ASIDE)
}
