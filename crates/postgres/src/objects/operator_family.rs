//! Operator families and their loose members: those that belong to no operator class (manual, CREATE OPERATOR FAMILY and
//! ALTER OPERATOR FAMILY; `pg_opfamily`, `pg_amop`, `pg_amproc`).

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::{Row, Rows};
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// An operator family. Its address is schema, name and access method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorFamily {}

/// `OPERATOR FAMILY s.n USING m` or `OPERATOR CLASS s.n USING m`.
pub(super) fn using_address(keywords: &'static str, id: &PgId) -> Sql {
    Sql::new(keywords).name(&id.parts()[..2]).kw("USING").ident(id.part(2))
}

impl Item for OperatorFamily {
    const COVERAGE: Coverage = Coverage::of(&[], &["testdata/cases/postgres/operator_class/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let (Self {}, Self {}) = (self, to);
        Vec::new()
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("operator family", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        using_address("OPERATOR FAMILY", id)
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(Vec::new())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Sql::new("CREATE").then(self.address(id)).build()])]
    }
}

/// An operator or a support function in a family or class: what follows its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MemberKind {
    /// An operator with its types as the server prints it, and the family that sorts by it (`FOR ORDER BY`).
    Operator {
        /// Qualified, with types.
        operator: String,
        /// The sorting family, qualified.
        order_by: Option<String>,
    },
    /// A support function with its argument types, as the server prints it.
    Function(String),
}

impl MemberKind {
    /// `OPERATOR 1 s.=(a,b)` or `FUNCTION 1 (a, b) s.f(a,b)`.
    pub(super) fn sql(&self, number: &str, types: [&str; 2]) -> Sql {
        match self {
            Self::Operator { operator, order_by } => {
                let sql = Sql::new("OPERATOR").server_text(number).server_text(operator);
                match order_by {
                    Some(family) => sql.kw("FOR ORDER BY").server_text(family),
                    None => sql,
                }
            }
            Self::Function(function) => Sql::new("FUNCTION")
                .server_text(number)
                .paren(|w| w.list(types, |w, t| w.server_text(t)))
                .server_text(function),
        }
    }
}

/// A loose member of a family. Its address is the family's three parts, `operator` or `function`, its number and its two
/// types.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorMember {
    /// What it is.
    pub member: MemberKind,
}

impl Item for OperatorMember {
    const COVERAGE: Coverage =
        Coverage::of(&[again("definition")], &["testdata/cases/postgres/operator_class/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { member } = self;
        let words = |m: &MemberKind| m.sql("", ["", ""]).build();
        let mut list = Vec::new();
        differ(&mut list, "definition", &words(member), &words(&to.member));
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(id.prefix(PgKind::OperatorFamily, 3))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("operator family member", &id.parts())]
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a member of an operator family cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let member = self.member.sql(id.part(4), [id.part(5), id.part(6)]);
        vec![Draft::sql(vec![using_address("ALTER OPERATOR FAMILY", id).kw("ADD").then(member).build()])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let keyword = match self.member {
            MemberKind::Operator { .. } => "DROP OPERATOR",
            MemberKind::Function(_) => "DROP FUNCTION",
        };
        let types = |w: Sql| w.list([id.part(5), id.part(6)], |w, t| w.server_text(t));
        let sql = using_address("ALTER OPERATOR FAMILY", id).kw(keyword).server_text(id.part(4)).paren(types);
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT f.oid, f.opfname, f.opfnamespace, f.opfowner, a.amname FROM pg_opfamily f JOIN pg_am a ON a.oid = f.opfmethod \
             WHERE f.oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::OPFAMILY, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::OperatorFamily, [schema.as_str(), row.text(1), row.text(4)]);
        reader.add_in_schema(class::OPFAMILY, row.oid(0), &id, PgObject::OperatorFamily(OperatorFamily {}));
        reader.owner(&id, row.oid(3));
    }
}

/// The queries over operators and over functions of classes or of families, whichever catalog is named: the row, the class
/// or family, the number, both types, the operator or function, and the sorting family of an operator. Which of the two a
/// member belongs to is told by its dependency, as for `pg_dump`.
pub(super) fn member_queries(owner: &str) -> Vec<String> {
    vec![
        format!(
            "SELECT m.oid, d.refobjid, m.amopstrategy, format_type(m.amoplefttype, NULL), format_type(m.amoprighttype, NULL), \
             m.amopopr::regoperator, quote_ident(n.nspname) || '.' || quote_ident(f.opfname) FROM pg_amop m \
             JOIN pg_depend d ON d.classid = 'pg_amop'::regclass AND d.objid = m.oid AND d.refclassid = '{owner}'::regclass \
             AND d.deptype IN ('i', 'a') LEFT JOIN pg_opfamily f ON f.oid = m.amopsortfamily \
             LEFT JOIN pg_namespace n ON n.oid = f.opfnamespace WHERE m.oid >= {FIRST_USER_OID}"
        ),
        format!(
            "SELECT m.oid, d.refobjid, m.amprocnum, format_type(m.amproclefttype, NULL), format_type(m.amprocrighttype, NULL), \
             m.amproc::regprocedure FROM pg_amproc m \
             JOIN pg_depend d ON d.classid = 'pg_amproc'::regclass AND d.objid = m.oid AND d.refclassid = '{owner}'::regclass \
             AND d.deptype IN ('i', 'a') WHERE m.oid >= {FIRST_USER_OID}"
        ),
    ]
}

/// A row of the first of [`member_queries`].
pub(super) fn operator_of(row: &Row<'_>) -> MemberKind {
    MemberKind::Operator { operator: row.string(5), order_by: row.opt_string(6) }
}

pub(super) const MEMBER_QUERY: Query = Query { sql: |_| member_queries("pg_opfamily"), read: read_members };

fn read_members(reader: &mut Reader<'_>, results: &[Rows]) {
    for (rows, word, catalog) in [(&results[0], "operator", class::AMOP), (&results[1], "function", class::AMPROC)] {
        for row in rows.iter() {
            let Some(family) = reader.find(class::OPFAMILY, row.oid(1), 0).cloned() else { continue };
            if family.kind != PgKind::OperatorFamily {
                continue;
            }
            let mut parts = family.parts();
            parts.extend([word, row.text(2), row.text(3), row.text(4)]);
            let id = PgId::new(PgKind::OperatorMember, parts);
            let member = if catalog == class::AMOP { operator_of(&row) } else { MemberKind::Function(row.string(5)) };
            reader.add(catalog, row.oid(0), id.clone(), PgObject::OperatorMember(OperatorMember { member }));
            reader.depends(&id, &family);
        }
    }
}
