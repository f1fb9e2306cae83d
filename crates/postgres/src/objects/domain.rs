//! Domains (manual, CREATE DOMAIN and ALTER DOMAIN; `pg_type` with `typtype = 'd'`). A domain's default and its checks are
//! objects of their own, since they rest on things that the domain itself does not rest on.

use super::table::parts_of;
use super::{Context, Default, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, Effect, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_model::Kind;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A domain without its default and checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Domain {
    /// The type that it is over, as `format_type` prints it, with its modifier.
    pub base: String,
    /// The collation, qualified and quoted, where it is not the base type's.
    pub collation: Option<String>,
    /// `NOT NULL`.
    pub not_null: bool,
    /// The name of its NOT NULL (17), where it is not the one that the server makes of the domain's.
    #[serde(default)]
    pub not_null_name: Option<String>,
}

impl Domain {
    /// The address of the domain's default.
    fn default_id(id: &PgId) -> PgId {
        id.prefix(PgKind::Default, 2)
    }
}

impl Domain {
    /// Whether a column holds values of the domain inside arrays, rows or ranges (`get_rels_with_domain`,
    /// commands/typecmds.c).
    fn is_inside_values(id: &PgId, catalog: &PgCatalog) -> bool {
        catalog.rests_on.iter().filter(|(_, needs)| needs.contains(id)).any(|(user, _)| {
            match catalog.objects.get(user) {
                Some(PgObject::Column(column)) => column.type_name.ends_with("[]"),
                Some(PgObject::Composite(_) | PgObject::Range(_)) => true,
                Some(PgObject::Domain(domain)) => domain.base.ends_with("[]") || Self::is_inside_values(user, catalog),
                _ => false,
            }
        })
    }
}

impl Item for Domain {
    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { base, collation, not_null, not_null_name } = self;
        let mut list = Vec::new();
        differ(&mut list, "base type", base, &to.base);
        differ(&mut list, "collation", collation, &to.collation);
        differ(&mut list, "not null", not_null, &to.not_null);
        if *not_null && to.not_null {
            differ(&mut list, "name of not null", not_null_name, &to.not_null_name);
        }
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("type", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("DOMAIN").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if self.base != to.base || self.collation != to.collation {
            return Alteration::Replace("a domain's base type and collation cannot be changed".to_owned());
        }
        if to.not_null && Self::is_inside_values(id, cx.from) {
            return Alteration::Replace(
                "the server does not look into arrays and rows for values of a domain".to_owned(),
            );
        }
        let alter = Sql::new("ALTER DOMAIN").name(&id.parts());
        let sql = match (self.not_null, to.not_null) {
            (true, true) => {
                let name = |d: &Self| d.not_null_name.clone().unwrap_or_else(|| format!("{}_not_null", id.last()));
                alter.kw("RENAME CONSTRAINT").ident(&name(self)).kw("TO").ident(&name(to))
            }
            (_, true) => match &to.not_null_name {
                Some(name) if cx.server.has_domain_not_null_constraints() => {
                    alter.kw("ADD CONSTRAINT").ident(name).kw("NOT NULL")
                }
                _ => alter.kw("SET NOT NULL"),
            },
            (_, false) => alter.kw("DROP NOT NULL"),
        };
        // Every table with a column of the domain is read.
        let effect = if to.not_null && !self.not_null { Effect::Scan } else { Effect::Plain };
        Alteration::InPlace(vec![PgOp::Statements { sql: vec![sql.build()], effect }])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let mut sql = Sql::new("CREATE DOMAIN").name(&id.parts()).kw("AS").server_text(&self.base);
        if let Some(collation) = &self.collation {
            sql = sql.kw("COLLATE").server_text(collation);
        }
        let default_id = Self::default_id(id);
        if let Some(PgObject::Default(default)) = cx.to.objects.get(&default_id)
            && cx.is_folded(&default_id)
        {
            sql = sql.kw("DEFAULT").server_text(&default.expression);
        }
        if let (true, Some(name)) = (self.not_null, &self.not_null_name) {
            sql = sql.kw("CONSTRAINT").ident(name);
        }
        sql = sql.kw_if(self.not_null, "NOT NULL");
        for (constraint_id, object) in parts_of(cx.to, PgKind::DomainConstraint, &id.parts()) {
            let PgObject::DomainConstraint(constraint) = object else { continue };
            if cx.is_folded(constraint_id) {
                sql = sql.then(constraint.clause(constraint_id));
            }
        }
        vec![Draft::sql(vec![sql.build()])]
    }
}

/// What a domain's default rests on is told of the domain (`pg_depend` knows no row of its own for it): all but the type,
/// the collation and the schema is the default's.
pub(crate) fn move_needs_to_defaults(catalog: &mut PgCatalog) {
    let is_own = |n: &PgId| {
        // A table: its rows' type.
        n.kind.is_type()
            || matches!(n.kind, PgKind::Schema | PgKind::Extension | PgKind::Table)
            || n.kind.name() == "collation"
    };
    let mut moved: Vec<(PgId, PgId)> = Vec::new();
    for (id, needs) in &mut catalog.rests_on {
        if id.kind != PgKind::Domain {
            continue;
        }
        let default_id = Domain::default_id(id);
        if catalog.objects.contains_key(&default_id) {
            moved.extend(needs.iter().filter(|n| !is_own(n)).map(|n| (default_id.clone(), n.clone())));
            needs.retain(is_own);
        }
    }
    for (default, needed) in moved {
        catalog.add_dependency(default, needed);
    }
}

pub(super) const QUERY: Query = Query {
    sql: |server| {
        let (name, join) = if server.has_domain_not_null_constraints() {
            ("k.conname", "LEFT JOIN pg_constraint k ON k.contypid = t.oid AND k.contype = 'n'")
        } else {
            ("NULL", "")
        };
        vec![format!(
            "SELECT t.oid, t.typname, t.typnamespace, t.typowner, t.typacl, t.typarray, format_type(t.typbasetype, t.typtypmod), \
             CASE WHEN t.typcollation <> b.typcollation THEN quote_ident(n.nspname) || '.' || quote_ident(l.collname) END, \
             t.typnotnull, pg_get_expr(t.typdefaultbin, 0), t.typdefault, {name} FROM pg_type t JOIN pg_type b ON b.oid = t.typbasetype \
             LEFT JOIN pg_collation l ON l.oid = t.typcollation LEFT JOIN pg_namespace n ON n.oid = l.collnamespace {join} \
             WHERE t.typtype = 'd' AND t.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::TYPE, oid) {
            continue;
        }
        let id = PgId::new(PgKind::Domain, [schema.as_str(), row.text(1)]);
        let not_null_name = row.opt_string(11).filter(|name| *name != format!("{}_not_null", id.last()));
        let object = Domain { base: row.string(6), collation: row.opt_string(7), not_null: row.bool(8), not_null_name };
        reader.add(class::TYPE, oid, id.clone(), PgObject::Domain(object));
        reader.alias(class::TYPE, row.oid(5), 0, &id);
        reader.depends(&id, &PgId::new(PgKind::Schema, [&schema]));
        if let Some(expression) = row.opt(9).or(row.opt(10)) {
            let default_id = Domain::default_id(&id);
            reader.depends(&default_id, &id);
            let default = Default { expression: expression.to_owned(), parent: id.clone() };
            reader.add_part(default_id, PgObject::Default(default));
        }
        reader.owner(&id, row.oid(3));
        reader.grants(&id, &id, row.opt(4), acl::Defaults::TYPE, row.oid(3));
    }
}
