//! # A schema of views for each version of the application
//!
//! With `--versioned-views NAME` (or `versioned-views = "NAME"` in underpin.toml) each version of the application has
//! the tables in a shape of its own, which no change of the tables below shows through: for each schema `app` with
//! tables there is a schema `app_NAME` with one view for each table, with the columns of the desired schema, in their
//! order and by their new names. The new application sets `search_path = app_NAME, app` once.
//!
//! 1. At the end of the expand (or backfill) stage, as soon as all columns are there, the views are made, in one
//!    transaction. They show what the desired schema will show: a renamed column or table by its new name, a column
//!    of the new type by what stands beside the old one, nothing of what goes. The tables themselves keep their names
//!    and shape for the old application, so that no view takes the place of a table (see `rename-by-view`).
//! 2. Contract, behind a gate: tables and columns get their names and types. The views follow by themselves, for the
//!    server keeps a view's columns by number, or are made anew in the same transaction where it does not (a table
//!    that another one takes the place of). Views of earlier versions are dropped.
//!
//! A view with plain columns is updatable: SELECT, INSERT, UPDATE, DELETE, ON CONFLICT (columns), FOR UPDATE and
//! RETURNING go through it, prepared `SELECT *` and `RETURNING *` go on over all of that, and what is left out gets
//! the table's default. Owner and grants are the table's. From 15 on the rights and row security are those of who asks
//! (`security_invoker`); where rights on single columns are granted and there is no row security, they are those of
//! the table's owner behind the grants on the view, as before 15.
//!
//! While a column of a new type stands beside the old one, both are written: a trigger carries each side's changes
//! over to the other. Where `-- underpin: using EXPR` says the new value, `-- underpin: down EXPR` has to say the old
//! one. What the old type cannot hold is refused until the contract, and a NULL that is inserted where the old column
//! has a default gets that default.
//!
//! The views of version NAME stay until a later plan with another name, or without one, takes them away in its
//! contract stage, behind a gate. Up to there they are kept through whatever the plan does to the tables below. What
//! plans in one stage cannot keep is dropped, and told. `drift` and `inspect` leave them out, and `undo` takes back
//! those of the plan in flight.
//!
//! What does not work through a view: TRUNCATE, COPY … FROM, foreign keys to it, triggers and indexes on it,
//! `pg_get_serial_sequence`, ON CONFLICT ON CONSTRAINT, MERGE before 17. Partitions have no view of their own, nor
//! have views, functions and sequences: they are found in the schema behind in the path. A table with row security
//! has no view before 15, where one would go around it. Of a table that is copied (see `shadow-table`) the view shows
//! new types and columns from the switch on.
//!
//! Locks: ACCESS SHARE on the tables; ACCESS EXCLUSIVE on views that go.
//!
//! After a crash: the views are made in one transaction, and the next plan goes on from them.
//!
//! Sources: manual, CREATE VIEW (updatable views), ALTER VIEW; tried on 12, 15 and 18.

use super::new_column;
use super::road::is_aside;
use crate::objects::{acl, parts_of};
use crate::roles::{Roles, role};
use crate::{PgCatalog, PgId, PgKind, PgObject, Server};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Diagnostic, Severity};
use underpin_sql::{Sql, quote};

/// The recipe's name.
pub const NAME: &str = "versioned-views";

/// How the comment on a schema of ours begins; the version follows, then [`OF`], then the schema whose tables it shows.
const REMARK: &str = "underpin: views of version ";
const OF: &str = " on schema ";

/// The longest name that the server takes.
const LONGEST: usize = 63;

/// A schema of views that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub schema: String,
    /// The version.
    pub name: String,
    /// The schema whose tables it shows.
    pub of: String,
}

/// The schemas of views that stand in a catalog.
#[must_use]
pub fn standing(catalog: &PgCatalog) -> Vec<Version> {
    let schemas = catalog.objects.range(PgId::new(PgKind::Schema, [""])..).map(|(id, _)| id);
    let schemas = schemas.take_while(|id| id.kind == PgKind::Schema).filter(|id| id.of.is_none());
    schemas
        .filter_map(|id| match catalog.objects.get(&id.attached(PgKind::Comment, &[])) {
            Some(PgObject::Comment(c)) => {
                let (name, of) = c.text.strip_prefix(REMARK)?.split_once(OF)?;
                Some(Version { schema: id.last().to_owned(), name: name.to_owned(), of: of.to_owned() })
            }
            _ => None,
        })
        .collect()
}

/// Whether an object is such a schema, one of its views, or a part of these.
fn is_of(id: &PgId, schemas: &BTreeSet<String>) -> bool {
    matches!(
        id.of.unwrap_or(id.kind),
        PgKind::Schema | PgKind::View | PgKind::Column | PgKind::Default | PgKind::Rule | PgKind::Trigger
    ) && schemas.contains(id.part(0))
}

/// The part of a catalog that is in such schemas.
#[must_use]
pub fn only(catalog: &PgCatalog, schemas: &BTreeSet<String>) -> PgCatalog {
    let mut part = PgCatalog::default();
    let ids = catalog.objects.keys().filter(|id| is_of(id, schemas));
    ids.for_each(|id| super::Road::put_in(&mut part, catalog, id));
    part
}

/// A catalog without what is in such schemas.
#[must_use]
pub fn without(catalog: &PgCatalog, schemas: &BTreeSet<String>) -> PgCatalog {
    catalog.filtered(|id, _| !is_of(id, schemas))
}

/// A catalog with all of another one in it.
#[must_use]
pub fn with(catalog: &PgCatalog, part: &PgCatalog) -> PgCatalog {
    let mut whole = catalog.clone();
    part.objects.keys().for_each(|id| super::Road::put_in(&mut whole, part, id));
    whole
}

/// The tables or columns that a view reads.
pub fn read_by<'a>(catalog: &'a PgCatalog, view: &PgId) -> impl Iterator<Item = &'a PgId> {
    catalog.needs(view).filter(|n| matches!(n.kind, PgKind::Table | PgKind::Column) && n.of.is_none())
}

/// Whether a view shows what stands beside its table: the plan that made it is in flight.
#[must_use]
pub fn shows_aside(catalog: &PgCatalog, schema: &str) -> bool {
    let views = catalog.objects.keys().filter(|id| id.kind == PgKind::View && id.of.is_none() && id.part(0) == schema);
    views.into_iter().any(|view| read_by(catalog, view).any(is_aside))
}

fn has_row_security(catalog: &PgCatalog, table: &PgId) -> bool {
    matches!(catalog.objects.get(table), Some(PgObject::Table(t)) if t.row_security)
}

/// Sees to it that no view of such schemas goes around the row security of its table: it asks for the rights of who
/// reads it, or is taken out where the server has no such views. What was taken out comes back.
pub fn heed_row_security(catalog: &mut PgCatalog, server: &Server, schemas: &BTreeSet<String>) -> Vec<PgId> {
    let is_about = |id: &PgId| id.kind == PgKind::View && id.of.is_none() && schemas.contains(id.part(0));
    let secured =
        |view: &PgId| read_by(catalog, view).any(|read| has_row_security(catalog, &read.prefix(PgKind::Table, 2)));
    let views: Vec<PgId> = catalog.objects.keys().filter(|id| is_about(id) && secured(id)).cloned().collect();
    if server.major() < 15 {
        super::Road::take_out(catalog, views.iter().cloned());
        return views;
    }
    for id in &views {
        if let Some(PgObject::View(view)) = catalog.objects.get_mut(id) {
            view.options.insert("security_invoker".to_owned(), "true".to_owned());
        }
    }
    Vec::new()
}

/// Why no view can show a table.
#[must_use]
pub fn why_not(catalog: &PgCatalog, server: &Server, table: &PgId) -> Option<String> {
    match catalog.objects.get(table) {
        Some(PgObject::Table(t)) if t.row_security && server.major() < 15 => {
            Some(format!("{} has row security, which views go around before PostgreSQL 15", name_of(table)))
        }
        Some(PgObject::Table(_)) => None,
        _ => Some(format!("{} is no table", name_of(table))),
    }
}

fn name_of(id: &PgId) -> String {
    quote::qualified(&id.parts())
}

/// The views of one version, as they are to stand on a schema.
#[derive(Debug, Default)]
pub struct Views {
    /// The statements that make the schemas, by their names.
    pub schemas: BTreeMap<String, Vec<String>>,
    /// The statements that make each view.
    pub views: BTreeMap<PgId, Vec<String>>,
    /// What a person should know.
    pub findings: Vec<Diagnostic>,
}

impl Views {
    /// All statements, in order.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        self.schemas.values().chain(self.views.values()).flatten().cloned().collect()
    }
}

/// What the views of a version are made for.
pub struct Showing<'a> {
    /// The version.
    pub version: &'a str,
    /// The desired side, whose shape is shown, as far as it is in scope.
    pub to: &'a PgCatalog,
    /// The schema on which the views stand.
    pub by_then: &'a PgCatalog,
    /// What a table or column of the desired side is called there.
    pub called: &'a dyn Fn(&PgId) -> PgId,
    /// The live server.
    pub server: &'a Server,
    /// Who makes them.
    pub user: &'a str,
}

impl Showing<'_> {
    /// The views, with what cannot be shown.
    #[must_use]
    pub fn views(&self) -> Views {
        let mut made = Views::default();
        let first = PgId::new(PgKind::Table, [""]);
        let tables = self.to.objects.range(first..).take_while(|(id, _)| id.kind == PgKind::Table);
        for (table, _) in tables.filter(|(id, _)| id.of.is_none() && !is_aside(id)) {
            if self.to.objects.contains_key(&table.attached(PgKind::Partition, &[])) {
                continue;
            }
            if let Some(why) = why_not(self.to, self.server, table) {
                let message = format!("there is no view of version {} for it: {why}", self.version);
                made.findings.push(Diagnostic::new(Severity::Warning, "no-versioned-view", message));
                continue;
            }
            match self.columns(table) {
                Ok(columns) if columns.is_empty() => {}
                Ok(columns) => {
                    let schema = schema_name(table.part(0), self.version);
                    let view = PgId::new(PgKind::View, [schema.as_str(), table.last()]);
                    let sql = self.view(table, &view, &columns);
                    made.schemas.entry(schema.clone()).or_insert_with(|| self.schema(table.part(0), &schema));
                    made.views.insert(view, sql);
                }
                Err(late) => {
                    let message = format!(
                        "the view of version {} for {} comes in the contract stage only, as {} is not there before",
                        self.version,
                        name_of(table),
                        late.last()
                    );
                    made.findings.push(Diagnostic::new(Severity::Warning, "no-versioned-view", message));
                }
            }
        }
        made
    }

    /// What a view shows, each with its name; or what is not there yet.
    fn columns(&self, table: &PgId) -> Result<Vec<(String, String)>, PgId> {
        let shown = parts_of(self.to, PgKind::Column, &table.parts()).into_iter().map(|(id, _)| id);
        let source = |id: &PgId| {
            let called = (self.called)(id);
            let new = new_column::beside_column(&called);
            let found = [&new, &called].into_iter().find(|c| self.by_then.objects.contains_key(c))?;
            Some((found.last().to_owned(), id.last().to_owned()))
        };
        shown.filter(|id| !is_aside(id)).map(|id| source(id).ok_or_else(|| id.clone())).collect()
    }

    fn schema(&self, of: &str, schema: &str) -> Vec<String> {
        let name = quote::ident(schema);
        let remark = format!("{REMARK}{}{OF}{of}", self.version);
        let mut sql = vec![
            format!("CREATE SCHEMA {name}"),
            Sql::new("COMMENT ON SCHEMA").ident(schema).kw("IS").literal(&remark).build(),
        ];
        let of = PgId::new(PgKind::Schema, [of]);
        let mut users = BTreeSet::new();
        for (id, privileges) in self.grants(&of) {
            if privileges.contains_key(&'U') {
                users.insert(grantee(id));
            }
        }
        // What initdb grants on it no catalog says.
        if of.last() == "public" && !self.by_then.objects.contains_key(&of.attached(PgKind::Grant, &[acl::PUBLIC])) {
            users.insert(acl::PUBLIC.to_owned());
        }
        if let Some(PgObject::Owner(owner)) = self.by_then.objects.get(&of.attached(PgKind::Owner, &[]))
            && owner.role != self.user
        {
            users.insert(role(&owner.role));
        }
        sql.extend(users.iter().map(|user| format!("GRANT USAGE ON SCHEMA {name} TO {user}")));
        sql
    }

    fn grants<'b>(&'b self, target: &PgId) -> impl Iterator<Item = (&'b PgId, &'b BTreeMap<char, bool>)> + use<'b> {
        let target = target.clone();
        let first = target.attached(PgKind::Grant, &[""]);
        let grants = self.by_then.objects.range(first..);
        let own = grants.take_while(move |(id, _)| id.target(1).as_ref() == Some(&target));
        own.filter_map(|(id, object)| match object {
            PgObject::Grant(grant) => Some((id, &grant.privileges)),
            _ => None,
        })
    }

    /// Whether rights on single columns are granted. Who has these could not read a view that asks for rights on all
    /// columns that it shows, which one with the rights of the table's owner does not.
    fn grants_columns(&self, table: &PgId) -> bool {
        let columns = parts_of(self.by_then, PgKind::Column, &table.parts()).into_iter();
        columns.into_iter().any(|(column, _)| self.grants(column).next().is_some())
    }

    fn view(&self, table: &PgId, view: &PgId, columns: &[(String, String)]) -> Vec<String> {
        let over = (self.called)(table);
        let mut create = Sql::new("CREATE VIEW").name(&view.parts());
        if self.server.major() >= 15 && (has_row_security(self.to, table) || !self.grants_columns(&over)) {
            create = create.kw("WITH (security_invoker = true)");
        }
        let list = columns.iter().map(|(source, name)| {
            let column = Sql::empty().ident(source);
            if source == name { column } else { column.kw("AS").ident(name) }
        });
        create = create.kw("AS SELECT").list(list, Sql::then).kw("FROM").name(&over.parts());
        let mut sql = vec![create.build()];
        if let Some(PgObject::Owner(owner)) = self.by_then.objects.get(&over.attached(PgKind::Owner, &[]))
            && owner.role != self.user
        {
            sql.push(Sql::new("ALTER VIEW").name(&view.parts()).kw("OWNER TO").role(&owner.role).build());
        }
        let mut granted = |target: &PgId, column: Option<&str>| {
            for (id, privileges) in self.grants(target) {
                for (letter, option) in privileges {
                    let Some(privilege) = acl::privilege_name(*letter) else { continue };
                    let mut grant = Sql::new("GRANT").kw(privilege);
                    if let Some(column) = column {
                        grant = grant.paren(|w| w.ident(column));
                    }
                    let grant = grant.kw("ON").name(&view.parts()).kw("TO").server_text(&grantee(id));
                    sql.push(grant.kw_if(*option, "WITH GRANT OPTION").build());
                }
            }
        };
        granted(&over, None);
        for (_, name) in columns {
            let column = PgId::new(PgKind::Column, [table.part(0), table.part(1), name]);
            granted(&(self.called)(&column), Some(name));
        }
        sql
    }
}

fn grantee(grant: &PgId) -> String {
    if grant.last() == acl::PUBLIC { acl::PUBLIC.to_owned() } else { role(grant.last()) }
}

/// The schema of the views of a version.
#[must_use]
pub fn schema_name(of: &str, version: &str) -> String {
    format!("{of}_{version}")
}

/// Why a version cannot be called so.
#[must_use]
pub fn bad_name(version: &str) -> Option<&'static str> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let plain = !version.is_empty() && version.chars().all(is_plain);
    (!plain).then_some("it may hold small letters, digits and _ only, so that it needs no quotes anywhere")
}

/// Whether the server would cut the name of a schema.
#[must_use]
pub fn is_too_long(schema: &str) -> bool {
    schema.len() > LONGEST
}
