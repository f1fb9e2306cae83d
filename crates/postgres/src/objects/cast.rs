//! Casts (manual, CREATE CAST; `pg_cast`). A cast has no name and no schema: its two types are its address.

use super::{Context, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A cast from one type to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// How the value is converted.
    pub method: CastMethod,
    /// Where the cast is applied without being written.
    pub context: CastContext,
}

/// How a cast converts (`pg_cast.castmethod`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CastMethod {
    /// `WITH FUNCTION`: the function with its argument types, as the server prints it.
    Function(String),
    /// `WITHOUT FUNCTION`: both types store the same bytes.
    Binary,
    /// `WITH INOUT`: through the types' text forms.
    InOut,
}

/// Where a cast is applied without being written (`pg_cast.castcontext`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CastContext {
    /// Nowhere.
    Explicit,
    /// `AS ASSIGNMENT`.
    Assignment,
    /// `AS IMPLICIT`.
    Implicit,
}

impl Cast {
    fn method_words(&self) -> String {
        match &self.method {
            CastMethod::Function(function) => format!("function {function}"),
            CastMethod::Binary => "without function".to_owned(),
            CastMethod::InOut => "through the text form".to_owned(),
        }
    }

    fn context_words(&self) -> String {
        match self.context {
            CastContext::Explicit => "explicit",
            CastContext::Assignment => "assignment",
            CastContext::Implicit => "implicit",
        }
        .to_owned()
    }
}

impl Item for Cast {
    const COVERAGE: Coverage =
        Coverage::of(&[again("method"), again("context")], &["testdata/cases/postgres/cast/changes"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { method: _, context: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "method", &self.method_words(), &to.method_words());
        differ(&mut list, "context", &self.context_words(), &to.context_words());
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("cast", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("CAST").paren(|w| w.server_text(id.part(0)).kw("AS").server_text(id.part(1)))
    }

    fn alter(&self, _id: &PgId, _to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::Replace("a cast cannot be changed in place".to_owned())
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE").then(self.address(id));
        let sql = match &self.method {
            CastMethod::Function(function) => sql.kw("WITH FUNCTION").server_text(function),
            CastMethod::Binary => sql.kw("WITHOUT FUNCTION"),
            CastMethod::InOut => sql.kw("WITH INOUT"),
        };
        let sql = match self.context {
            CastContext::Explicit => sql,
            CastContext::Assignment => sql.kw("AS ASSIGNMENT"),
            CastContext::Implicit => sql.kw("AS IMPLICIT"),
        };
        vec![Draft::sql(vec![sql.build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT oid, format_type(castsource, NULL), format_type(casttarget, NULL), castmethod, castcontext, \
             castfunc::regprocedure FROM pg_cast WHERE oid >= {FIRST_USER_OID}"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        if !reader.is_ours(class::CAST, row.oid(0)) {
            continue;
        }
        let id = PgId::new(PgKind::Cast, [row.text(1), row.text(2)]);
        let cast = Cast {
            method: match row.char(3) {
                'f' => CastMethod::Function(row.string(5)),
                'i' => CastMethod::InOut,
                _ => CastMethod::Binary,
            },
            context: match row.char(4) {
                'i' => CastContext::Implicit,
                'a' => CastContext::Assignment,
                _ => CastContext::Explicit,
            },
        };
        reader.add(class::CAST, row.oid(0), id, PgObject::Cast(cast));
    }
}

/// Whether a cast can be from or to it: what else a cast rests on is its function.
fn is_type_or_row(kind: PgKind) -> bool {
    kind.is_type()
        || matches!(
            kind,
            PgKind::ShellType | PgKind::BaseType | PgKind::Table | PgKind::Column | PgKind::Schema | PgKind::Extension
        )
}

/// Whether the definition of such an object can hold an expression.
fn may_hold_expressions(kind: PgKind) -> bool {
    !matches!(
        kind,
        PgKind::Schema
            | PgKind::Extension
            | PgKind::Language
            | PgKind::AccessMethod
            | PgKind::ShellType
            | PgKind::BaseType
            | PgKind::Enum
            | PgKind::Composite
            | PgKind::Range
            | PgKind::Transform
            | PgKind::Cast
            | PgKind::Operator
            | PgKind::OperatorFamily
            | PgKind::OperatorMember
            | PgKind::OperatorClass
            | PgKind::Conversion
            | PgKind::TsParser
            | PgKind::TsTemplate
            | PgKind::TsDictionary
            | PgKind::TsConfiguration
            | PgKind::Sequence
            | PgKind::Table
            | PgKind::Partition
            | PgKind::Column
            | PgKind::SequenceOwner
            | PgKind::Owner
            | PgKind::Grant
            | PgKind::Comment
            | PgKind::SecurityLabel
    )
}

/// Ties what may be written with a cast to the cast. The server keeps only the function that the cast calls, or the types
/// (`find_expr_references_walker`, `src/backend/catalog/dependency.c`), but it prints `x::type`, which can be read again
/// only when the cast is there. Nothing is rebuilt for such a tie; it only says what is made first.
pub(crate) fn tie(catalog: &mut PgCatalog) {
    let mut ties: Vec<(PgId, PgId)> = Vec::new();
    let casts: Vec<(&PgId, Vec<&PgId>)> = catalog
        .objects
        .iter()
        .filter_map(|(id, o)| match o {
            PgObject::Cast(cast) => {
                let by_function = matches!(cast.method, CastMethod::Function(_));
                // A function of the server itself leaves only the types.
                let needs: Vec<&PgId> = catalog.needs(id).collect();
                let functions: Vec<&PgId> = needs.iter().copied().filter(|n| !is_type_or_row(n.kind)).collect();
                Some((id, if by_function && !functions.is_empty() { functions } else { needs }))
            }
            _ => None,
        })
        .collect();
    for (cast, needs) in casts.iter().filter(|(_, needs)| !needs.is_empty()) {
        for (dependent, has) in &catalog.rests_on {
            let written = match catalog.objects.get(dependent) {
                Some(PgObject::Column(column)) => column.generated.is_some(),
                Some(_) => may_hold_expressions(dependent.kind),
                None => false,
            };
            if written && needs.iter().all(|n| has.contains(*n)) && !needs.contains(&dependent) {
                ties.push((dependent.clone(), (*cast).clone()));
            }
        }
    }
    for (dependent, cast) in ties {
        catalog.add_dependency(dependent, cast);
    }
}
