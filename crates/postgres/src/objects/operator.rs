//! Operators (manual, CREATE OPERATOR; `pg_operator`).
//!
//! An operator without a function is a shell: it is there because another one names it as its commutator or negator.

use super::{Context, Item, Query, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again_where, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp, Server};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// The argument of a prefix operator that is not there.
const NONE: &str = "NONE";

/// The name of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorName {
    /// Its schema.
    pub schema: String,
    /// Its characters.
    pub name: String,
}

impl OperatorName {
    fn sql(&self) -> String {
        format!("{}.{}", underpin_sql::quote::ident(&self.schema), self.name)
    }
}

impl Words for OperatorName {
    fn words(&self) -> String {
        self.sql()
    }
}

/// An operator. Its address is schema, name, left and right type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operator {
    /// The function that computes it; none for a shell.
    pub function: Option<String>,
    /// `COMMUTATOR`: takes the same types the other way round.
    pub commutator: Option<OperatorName>,
    /// `NEGATOR`: takes the same types.
    pub negator: Option<OperatorName>,
    /// `RESTRICT`: estimates how many rows it lets through.
    pub restrict: Option<String>,
    /// `JOIN`: the same for joins.
    pub join: Option<String>,
    /// `HASHES`.
    pub hashes: bool,
    /// `MERGES`.
    pub merges: bool,
}

impl Operator {
    fn name(id: &PgId) -> Sql {
        Sql::empty().server_text(&format!("{}.{}", underpin_sql::quote::ident(id.part(0)), id.part(1)))
    }

    fn commutator_id(id: &PgId, name: &OperatorName) -> PgId {
        PgId::new(PgKind::Operator, [name.schema.as_str(), &name.name, id.part(3), id.part(2)])
    }

    fn negator_id(id: &PgId, name: &OperatorName) -> PgId {
        PgId::new(PgKind::Operator, [name.schema.as_str(), &name.name, id.part(2), id.part(3)])
    }

    fn create(&self, id: &PgId, function: &str) -> String {
        let mut parts = vec![Sql::new("FUNCTION =").server_text(function)];
        if id.part(2) != NONE {
            parts.push(Sql::new("LEFTARG =").server_text(id.part(2)));
        }
        if id.part(3) != NONE {
            parts.push(Sql::new("RIGHTARG =").server_text(id.part(3)));
        }
        let operator = |sql: Sql, name: &OperatorName| sql.kw("OPERATOR").paren(|w| w.server_text(&name.sql()));
        parts.extend(self.commutator.iter().map(|c| operator(Sql::new("COMMUTATOR ="), c)));
        parts.extend(self.negator.iter().map(|n| operator(Sql::new("NEGATOR ="), n)));
        parts.extend(self.merges.then(|| Sql::new("MERGES")));
        parts.extend(self.hashes.then(|| Sql::new("HASHES")));
        parts.extend(self.restrict.iter().map(|f| Sql::new("RESTRICT =").server_text(f)));
        parts.extend(self.join.iter().map(|f| Sql::new("JOIN =").server_text(f)));
        Sql::new("CREATE OPERATOR").then(Self::name(id)).block(parts).build()
    }

    /// What `ALTER OPERATOR … SET` can say, or nothing where it cannot say it. Estimators can be changed in every version;
    /// links and `HASHES`, `MERGES` only added, and that from 17 on.
    fn settings(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Option<Vec<Sql>> {
        let mut parts = Vec::new();
        let function = |keyword: &'static str, f: &Option<String>| match f {
            Some(f) => Sql::new(keyword).server_text(f),
            None => Sql::new(keyword).kw("NONE"),
        };
        if self.restrict != to.restrict {
            parts.push(function("RESTRICT =", &to.restrict));
        }
        if self.join != to.join {
            parts.push(function("JOIN =", &to.join));
        }
        let can_link = cx.server.can_set_operator_links();
        let mut link = |keyword: &'static str,
                        a: &Option<OperatorName>,
                        b: &Option<OperatorName>,
                        other: fn(&PgId, &OperatorName) -> PgId| {
            match (a, b) {
                _ if a == b => true,
                // The other side's end takes the link away, and its make sets it.
                (Some(a), None) => !cx.to.objects.contains_key(&other(id, a)),
                (None, Some(b)) if cx.from.objects.contains_key(&other(id, b)) => {
                    if can_link {
                        parts.push(Sql::new(keyword).kw("OPERATOR").paren(|w| w.server_text(&b.sql())));
                    }
                    can_link
                }
                (None, Some(b)) => {
                    matches!(cx.to.objects.get(&other(id, b)), Some(PgObject::Operator(o)) if o.function.is_some())
                }
                _ => false,
            }
        };
        if !link("COMMUTATOR =", &self.commutator, &to.commutator, Self::commutator_id)
            || !link("NEGATOR =", &self.negator, &to.negator, Self::negator_id)
        {
            return None;
        }
        for (keyword, a, b) in [("MERGES", self.merges, to.merges), ("HASHES", self.hashes, to.hashes)] {
            if a != b {
                if a || !can_link {
                    return None;
                }
                parts.push(Sql::new(keyword));
            }
        }
        Some(parts)
    }
}

impl Item for Operator {
    const COVERAGE: Coverage = Coverage::of(
        &[
            again_where("function", "it was not a shell"),
            again_where("commutator", "it goes, or the server is older than 17"),
            again_where("negator", "it goes, or the server is older than 17"),
            alters("restrict"),
            alters("join"),
            again_where("hashes", "it goes, or the server is older than 17"),
            again_where("merges", "it goes, or the server is older than 17"),
        ],
        &["testdata/cases/postgres/operator/changes", "testdata/cases/postgres/operator/estimators"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { function, commutator, negator, restrict, join, hashes, merges } = self;
        let mut list = Vec::new();
        differ(&mut list, "function", function, &to.function);
        differ(&mut list, "commutator", commutator, &to.commutator);
        differ(&mut list, "negator", negator, &to.negator);
        differ(&mut list, "restrict", restrict, &to.restrict);
        differ(&mut list, "join", join, &to.join);
        differ(&mut list, "hashes", hashes, &to.hashes);
        differ(&mut list, "merges", merges, &to.merges);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        // An operator fills the names of those that it links to as shells where they are free, and the end of an operator
        // takes the links to it away.
        let links = [
            Some(id.clone()),
            self.commutator.as_ref().map(|c| Self::commutator_id(id, c)),
            self.negator.as_ref().map(|n| Self::negator_id(id, n)),
        ];
        links.iter().flatten().map(|id| slot("operator", &id.parts())).collect()
    }

    fn address(&self, id: &PgId) -> Sql {
        let types = |w: Sql| w.list([id.part(2), id.part(3)], |w, t| w.server_text(t));
        Sql::new("OPERATOR").then(Self::name(id)).paren(types)
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        match (&self.function, &to.function) {
            // A shell is filled by making the operator.
            (None, Some(function)) => Alteration::InPlace(vec![PgOp::plain(vec![to.create(id, function)])]),
            (Some(a), Some(b)) if a == b => match self.settings(id, to, cx) {
                Some(parts) if parts.is_empty() => Alteration::InPlace(vec![PgOp::Implicit]),
                Some(parts) => {
                    let sql =
                        Sql::new("ALTER").then(self.address(id)).kw("SET").paren(|w| w.list(parts, |w, p| w.then(p)));
                    Alteration::InPlace(vec![PgOp::one(sql)])
                }
                None => Alteration::Replace("this cannot be changed on an operator that is there".to_owned()),
            },
            (None, None) => Alteration::InPlace(vec![PgOp::Implicit]),
            _ => Alteration::Replace("an operator's function cannot be changed in place".to_owned()),
        }
    }

    /// A shell is made by the statement that names it.
    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        self.function.iter().map(|f| Draft::sql(vec![self.create(id, f)])).collect()
    }
}

/// The operators that name this one as their commutator or negator.
pub(crate) fn linked(catalog: &PgCatalog, id: &PgId) -> Vec<PgId> {
    let names = |other: &PgId, operator: &Operator| {
        operator.commutator.as_ref().is_some_and(|c| Operator::commutator_id(other, c) == *id)
            || operator.negator.as_ref().is_some_and(|n| Operator::negator_id(other, n) == *id)
    };
    let operators = catalog.objects.iter().filter_map(|(other, object)| match object {
        PgObject::Operator(operator) if other != id && names(other, operator) => Some(other.clone()),
        _ => None,
    });
    operators.collect()
}

/// The columns that give the name of the operator that `column` points to.
fn link(column: &str) -> String {
    format!(
        "(SELECT n.nspname FROM pg_operator x JOIN pg_namespace n ON n.oid = x.oprnamespace WHERE x.oid = o.{column}), \
         (SELECT x.oprname FROM pg_operator x WHERE x.oid = o.{column})"
    )
}

pub(super) const QUERY: Query = Query {
    sql: |_: &Server| {
        vec![format!(
            "SELECT o.oid, o.oprname, o.oprnamespace, o.oprowner, format_type(NULLIF(o.oprleft, 0), NULL), \
             format_type(NULLIF(o.oprright, 0), NULL), CASE WHEN o.oprcode <> 0 THEN o.oprcode END, {}, {}, CASE WHEN o.oprrest <> 0 THEN o.oprrest END, \
             CASE WHEN o.oprjoin <> 0 THEN o.oprjoin END, o.oprcanhash, o.oprcanmerge FROM pg_operator o WHERE o.oid >= {FIRST_USER_OID}",
            link("oprcom"),
            link("oprnegate")
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::OPERATOR, row.oid(0)) {
            continue;
        }
        let argument = |n: usize| row.opt(n).unwrap_or(NONE);
        let link = |n: usize| row.opt(n).map(|s| OperatorName { schema: s.to_owned(), name: row.string(n + 1) });
        let id = PgId::new(PgKind::Operator, [schema.as_str(), row.text(1), argument(4), argument(5)]);
        let operator = Operator {
            function: row.opt_string(6),
            commutator: link(7),
            negator: link(9),
            restrict: row.opt_string(11),
            join: row.opt_string(12),
            hashes: row.bool(13),
            merges: row.bool(14),
        };
        let shell = operator.function.is_none();
        reader.add_in_schema(class::OPERATOR, row.oid(0), &id, PgObject::Operator(operator));
        // A shell comes and goes beside the plan's order, so nothing hangs on it.
        if !shell {
            reader.owner(&id, row.oid(3));
        }
    }
}
