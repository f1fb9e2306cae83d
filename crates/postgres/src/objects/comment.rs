//! Comments (manual, COMMENT; `pg_description`).

use super::{Context, Item, Query};
use crate::attribute::differ;
use crate::coverage::{Coverage, alters};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgOp};
use serde::{Deserialize, Serialize};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A comment on an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comment {
    /// The text.
    pub text: String,
    /// The object with which it goes: its target, or the relation where the target is a column without an object.
    pub parent: PgId,
}

/// How `COMMENT ON` and `GRANT` name the target of something that hangs on it.
pub(super) fn target_address(target: &PgId, cx: &Context<'_>) -> Option<Sql> {
    let object = cx.to.objects.get(target).or_else(|| cx.from.objects.get(target));
    match object {
        Some(object) => Some(object.address(target)),
        // A column of a view or of a composite type is no object of its own.
        None if target.kind == PgKind::Column => Some(Sql::new("COLUMN").name(&target.parts())),
        // Nor is a column's own sequence, nor a key's index.
        None if target.kind == PgKind::Sequence => Some(Sql::new("SEQUENCE").name(&target.parts())),
        // Nor is a function of an extension.
        None if target.kind == PgKind::Function => {
            let name = Sql::new("FUNCTION").name(&target.parts()[..2]).build();
            Some(Sql::empty().server_text(&format!("{name}({})", target.part(2))))
        }
        // Nor is a NOT NULL constraint.
        None if target.kind == PgKind::Constraint => {
            Some(Sql::new("CONSTRAINT").ident(target.last()).kw("ON").name(&target.parts()[..2]))
        }
        None if target.kind == PgKind::DomainConstraint => {
            Some(Sql::new("CONSTRAINT").ident(target.last()).kw("ON DOMAIN").name(&target.parts()[..2]))
        }
        None if target.kind == PgKind::Index => Some(Sql::new("INDEX").name(&target.parts())),
        None => None,
    }
}

impl Comment {
    fn statement(text: Option<&str>, id: &PgId, cx: &Context<'_>) -> Vec<String> {
        let Some(address) = id.target(0).and_then(|t| target_address(&t, cx)) else { return Vec::new() };
        let sql = Sql::new("COMMENT ON").then(address).kw("IS");
        vec![
            match text {
                Some(text) => sql.literal(text),
                None => sql.kw("NULL"),
            }
            .build(),
        ]
    }
}

impl Item for Comment {
    const COVERAGE: Coverage = Coverage::of(&[alters("text")], &["testdata/cases/postgres/comment/on_everything"]);

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { text, parent: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "text", text, &to.text);
        list
    }

    fn parent(&self, _id: &PgId) -> Option<PgId> {
        Some(self.parent.clone())
    }

    fn address(&self, _id: &PgId) -> Sql {
        Sql::empty()
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        Alteration::InPlace(vec![PgOp::plain(Self::statement(Some(&to.text), id, cx))])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(Self::statement(Some(&self.text), id, cx))]
    }

    fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(Self::statement(None, id, cx))]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            format!(
                "SELECT classoid, objoid, objsubid, description FROM pg_description \
             WHERE objoid >= {FIRST_USER_OID} OR (classoid = 'pg_namespace'::regclass AND objoid = (SELECT oid FROM pg_namespace WHERE nspname = 'public'))"
            ),
            // The NOT NULL constraints that have one (of domains from 17 on, of tables from 18 on): they are their columns' own.
            format!(
                "SELECT k.oid, k.conname, k.conrelid, k.conkey[1], k.contypid FROM pg_constraint k JOIN pg_description d \
                 ON d.classoid = 'pg_constraint'::regclass AND d.objoid = k.oid WHERE k.contype = 'n' AND k.oid >= {FIRST_USER_OID}"
            ),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[1].iter() {
        let (class, oid, sub) = match row.oid(4) {
            0 => (class::CLASS, row.oid(2), i32::try_from(row.int(3)).unwrap_or(0)),
            domain => (class::TYPE, domain, 0),
        };
        let kind = match reader.find(class, oid, sub).map(|whole| whole.kind) {
            Some(PgKind::Column) => PgKind::Constraint,
            Some(PgKind::Domain) => PgKind::DomainConstraint,
            _ => continue,
        };
        if let Some(whole) = reader.find(class, oid, sub).cloned() {
            let id = PgId::new(kind, [whole.part(0), whole.part(1), row.text(1)]);
            reader.alias_fine(class::CONSTRAINT, row.oid(0), 0, id, whole);
        }
    }
    for row in results[0].iter() {
        let sub = i32::try_from(row.int(2)).unwrap_or(0);
        let Some((id, parent)) = reader.find_fine(row.oid(0), row.oid(1), sub) else {
            reader.unclaimed.push(((row.oid(0), row.oid(1)), "comment on"));
            continue;
        };
        reader.comment(&id, &parent, row.text(3));
    }
}
