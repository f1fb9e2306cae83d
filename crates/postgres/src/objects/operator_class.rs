//! Operator classes (manual, CREATE OPERATOR CLASS; `pg_opclass`).

use super::operator_family::{MemberKind, member_queries, operator_of, using_address};
use super::{Context, Item, Query, slot};
use crate::attribute::{Words, differ};
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// An operator class. Its address is schema, name and access method.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OperatorClass {
    /// `DEFAULT`: it is taken where an index names none.
    pub default: bool,
    /// The type that it indexes.
    pub type_name: String,
    /// The family, qualified.
    pub family: String,
    /// `STORAGE`: what the index stores, where that is another type.
    pub storage: Option<String>,
    /// Operators and support functions, ordered by number.
    pub members: Vec<Member>,
}

/// One operator or support function of a class.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Member {
    /// Whether it is a function; operators come first.
    pub is_function: bool,
    /// The strategy number or support number.
    pub number: i32,
    /// The two types for which it is there.
    pub types: (String, String),
    /// What it is.
    pub member: MemberKind,
}

impl Member {
    fn sql(&self) -> Sql {
        self.member.sql(&self.number.to_string(), [&self.types.0, &self.types.1])
    }
}

impl Words for Member {
    fn words(&self) -> String {
        self.sql().build()
    }
}

impl Item for OperatorClass {
    const COVERAGE: Coverage = Coverage::of(
        &[again("default"), again("type"), again("family"), again("storage"), again("members")],
        &["testdata/cases/postgres/operator_class/changes"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { default, type_name, family, storage, members } = self;
        let mut list = Vec::new();
        differ(&mut list, "default", default, &to.default);
        differ(&mut list, "type", type_name, &to.type_name);
        differ(&mut list, "family", family, &to.family);
        differ(&mut list, "storage", storage, &to.storage);
        differ(&mut list, "members", members, &to.members);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        let mut slots = vec![slot("operator class", &id.parts())];
        // A type has at most one default class in an access method.
        slots.extend(self.default.then(|| slot("default operator class", &[id.part(2), &self.type_name])));
        slots
    }

    fn address(&self, id: &PgId) -> Sql {
        using_address("OPERATOR CLASS", id)
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("an operator class cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut items: Vec<Sql> = Vec::new();
        items.extend(self.storage.iter().map(|t| Sql::new("STORAGE").server_text(t)));
        items.extend(self.members.iter().map(Member::sql));
        if items.is_empty() {
            // The grammar asks for one item at least; this one says what holds anyway (as pg_dump does).
            items.push(Sql::new("STORAGE").server_text(&self.type_name));
        }
        let sql = Sql::new("CREATE OPERATOR CLASS").name(&id.parts()[..2]).kw_if(self.default, "DEFAULT");
        let sql = sql.kw("FOR TYPE").server_text(&self.type_name).kw("USING").ident(id.part(2));
        let sql = sql.kw("FAMILY").server_text(&self.family).kw("AS").list(items, |w, i| w.then(i));
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        let mut queries = vec![format!(
            "SELECT c.oid, c.opcname, c.opcnamespace, c.opcowner, a.amname, c.opcdefault, format_type(c.opcintype, NULL), \
             quote_ident(n.nspname) || '.' || quote_ident(f.opfname), \
             CASE WHEN c.opckeytype <> 0 THEN format_type(c.opckeytype, NULL) END \
             FROM pg_opclass c JOIN pg_am a ON a.oid = c.opcmethod JOIN pg_opfamily f ON f.oid = c.opcfamily \
             JOIN pg_namespace n ON n.oid = f.opfnamespace WHERE c.oid >= {FIRST_USER_OID}"
        )];
        queries.extend(member_queries("pg_opclass"));
        queries
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    let mut members: HashMap<u32, Vec<(u32, u32, Member)>> = HashMap::new();
    for (rows, is_function) in [(&results[1], false), (&results[2], true)] {
        let catalog = if is_function { class::AMPROC } else { class::AMOP };
        for row in rows.iter() {
            let member = Member {
                is_function,
                number: i32::try_from(row.int(2)).unwrap_or(0),
                types: (row.string(3), row.string(4)),
                member: if is_function { MemberKind::Function(row.string(5)) } else { operator_of(&row) },
            };
            members.entry(row.oid(1)).or_default().push((catalog, row.oid(0), member));
        }
    }
    for row in results[0].iter() {
        let oid = row.oid(0);
        let Some(schema) = reader.schema(row.oid(2)).map(str::to_owned) else { continue };
        if !reader.is_ours(class::OPCLASS, oid) {
            continue;
        }
        let id = PgId::new(PgKind::OperatorClass, [schema.as_str(), row.text(1), row.text(4)]);
        let mut list = Vec::new();
        for (catalog, member_oid, member) in members.remove(&oid).unwrap_or_default() {
            reader.alias(catalog, member_oid, 0, &id);
            list.push(member);
        }
        list.sort();
        let class = OperatorClass {
            default: row.bool(5),
            type_name: row.string(6),
            family: row.string(7),
            storage: row.opt_string(8),
            members: list,
        };
        reader.add_in_schema(class::OPCLASS, oid, &id, PgObject::OperatorClass(class));
        reader.owner(&id, row.oid(3));
    }
}
