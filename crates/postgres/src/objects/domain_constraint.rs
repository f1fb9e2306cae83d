//! Checks of domains (manual, CREATE DOMAIN and ALTER DOMAIN; `pg_constraint` with `contypid`). NOT NULL, which has rows of
//! its own from 18 on, is the domain's.

use super::{Context, Domain, Item, Query, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again, again_where};
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::recipes::domain_check;
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_model::Work;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// A check of a domain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DomainConstraint {
    /// The clause as the server prints it, without its validity.
    pub definition: String,
    /// Whether it is known to hold for all values that are stored; else it is `NOT VALID`.
    pub valid: bool,
}

impl DomainConstraint {
    /// The address of the constraint's domain.
    pub(crate) fn domain(id: &PgId) -> PgId {
        id.prefix(PgKind::Domain, 2)
    }

    pub(crate) fn alter_sql(id: &PgId) -> Sql {
        Sql::new("ALTER DOMAIN").name(&id.parts()[..2])
    }

    /// The clause as `CREATE DOMAIN` and `ADD` take it.
    pub(super) fn clause(&self, id: &PgId) -> Sql {
        Sql::new("CONSTRAINT").ident(id.last()).server_text(&crate::restate::restated(&self.definition))
    }
}

impl Item for DomainConstraint {
    const COVERAGE: Coverage = Coverage::of(
        &[again("definition"), again_where("valid", "it goes back to NOT VALID")],
        &["testdata/cases/postgres/type/domain"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { definition, valid } = self;
        let mut list = Vec::new();
        differ(&mut list, "definition", definition, &to.definition);
        differ(&mut list, "valid", valid, &to.valid);
        list
    }

    fn parent(&self, id: &PgId) -> Option<PgId> {
        Some(Self::domain(id))
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("domain constraint", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("CONSTRAINT").ident(id.last()).kw("ON DOMAIN").name(&id.parts()[..2])
    }

    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
        if self.definition != to.definition {
            return Alteration::Replace("a check's definition cannot be changed in place".to_owned());
        }
        if !to.valid {
            return Alteration::Replace("a check cannot go back to NOT VALID".to_owned());
        }
        if Domain::is_inside_values(&Self::domain(id), cx.from) {
            return Alteration::Replace(
                "the server does not look into arrays and rows for values of a domain".to_owned(),
            );
        }
        Alteration::InPlace(vec![PgOp::ValidateConstraint])
    }

    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
        let in_steps = self.valid && domain_check::applies(id, cx) && !cx.is_made(&Self::domain(id));
        let sql = Self::alter_sql(id).kw("ADD").then(self.clause(id)).kw_if(!self.valid || in_steps, "NOT VALID");
        if in_steps {
            return vec![Draft::sql(vec![sql.build()]), domain_check::validate(id, cx)];
        }
        let mut draft = Draft::sql(vec![sql.build()]);
        // Every table with a column of the domain is read.
        if self.valid && cx.from.objects.contains_key(&Self::domain(id)) {
            draft.work = Work::Scan;
        }
        vec![draft]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Self::alter_sql(id).kw("DROP CONSTRAINT").ident(id.last()).build()])]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![format!(
            "SELECT oid, conname, contypid, pg_get_constraintdef(oid), convalidated FROM pg_constraint \
             WHERE contypid >= {FIRST_USER_OID} AND contype = 'c'"
        )]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let Some(domain) = reader.find(class::TYPE, row.oid(2), 0).filter(|d| d.kind == PgKind::Domain).cloned() else {
            continue;
        };
        let id = PgId::new(PgKind::DomainConstraint, [domain.part(0), domain.part(1), row.text(1)]);
        let definition = row.text(3);
        let object = DomainConstraint {
            definition: definition.strip_suffix(" NOT VALID").unwrap_or(definition).to_owned(),
            valid: row.bool(4),
        };
        reader.add(class::CONSTRAINT, row.oid(0), id.clone(), PgObject::DomainConstraint(object));
        reader.depends(&id, &domain);
    }
}
