//! Extensions (manual, CREATE EXTENSION; `pg_extension`). What an extension made is its own, not ours.

use super::{Context, Item, Query, acl, slot};
use crate::attribute::differ;
use crate::coverage::{Coverage, again_where, alters};
use crate::reader::{Reader, class};
use crate::results::Rows;
use crate::{Attribute, PgId, PgKind, PgObject, PgOp};
use serde::{Deserialize, Serialize};
use underpin_model::{Hazard, HazardKind};
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// An extension.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// The schema that holds its objects.
    pub schema: String,
    /// The installed version.
    pub version: String,
    /// Whether its objects can be moved to another schema.
    pub relocatable: bool,
}

impl Item for Extension {
    const COVERAGE: Coverage = Coverage::of(
        &[again_where("schema", "the extension cannot be moved"), alters("version")],
        &["testdata/cases/postgres/extension/moved"],
    );

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        let Self { schema, version, relocatable: _ } = self;
        let mut list = Vec::new();
        differ(&mut list, "schema", schema, &to.schema);
        differ(&mut list, "version", version, &to.version);
        list
    }

    fn slots(&self, id: &PgId) -> Vec<String> {
        vec![slot("extension", &id.parts())]
    }

    fn address(&self, id: &PgId) -> Sql {
        Sql::new("EXTENSION").name(&id.parts())
    }

    fn alter(&self, id: &PgId, to: &Self, _cx: &Context<'_>) -> Alteration<PgOp> {
        let mut ops = Vec::new();
        let alter = || Sql::new("ALTER").then(self.address(id));
        if self.schema != to.schema {
            if !self.relocatable {
                return Alteration::Replace("the extension cannot be moved to another schema".to_owned());
            }
            ops.push(PgOp::one(alter().kw("SET SCHEMA").ident(&to.schema)));
        }
        if self.version != to.version {
            ops.push(PgOp::one(alter().kw("UPDATE TO").literal(&to.version)));
        }
        Alteration::InPlace(ops)
    }

    fn make(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let sql = Sql::new("CREATE EXTENSION").name(&id.parts());
        let schema = if self.schema.starts_with("pg_") { sql } else { sql.kw("WITH SCHEMA").ident(&self.schema) };
        vec![Draft::sql(vec![schema.build()])]
    }

    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        let mut draft = Draft::sql(vec![Sql::new("DROP").then(self.address(id)).build()]);
        draft.hazards.push(Hazard {
            kind: HazardKind::DataLoss,
            message: format!("the extension {} goes, with every table that it keeps data in", id.last()),
        });
        vec![draft]
    }
}

pub(super) const QUERY: Query = Query {
    sql: |_| {
        vec![
            "SELECT e.oid, e.extname, n.nspname, e.extversion, e.extrelocatable FROM pg_extension e \
             JOIN pg_namespace n ON n.oid = e.extnamespace"
                .to_owned(),
            "SELECT classid, objid, refobjid FROM pg_depend WHERE deptype = 'e'".to_owned(),
            "SELECT d.classid, d.objid, e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid \
             WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'x' ORDER BY e.extname"
                .to_owned(),
            // What was granted on or revoked from its functions since it was made (those with a row in pg_init_privs were
            // given their privileges by the extension itself).
            "SELECT n.nspname, p.proname, oidvectortypes(p.proargtypes), p.proacl, p.proowner, d.refobjid FROM pg_depend d \
             JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace \
             WHERE d.classid = 'pg_proc'::regclass AND d.deptype = 'e' AND p.proacl IS NOT NULL AND p.prokind <> 'p' \
             AND NOT EXISTS (SELECT FROM pg_init_privs i WHERE i.objoid = p.oid AND i.classoid = 'pg_proc'::regclass)"
                .to_owned(),
        ]
    },
    read,
};

fn read(reader: &mut Reader<'_>, results: &[Rows]) {
    for row in results[0].iter() {
        let id = PgId::new(PgKind::Extension, [row.text(1)]);
        let extension = Extension { schema: row.string(2), version: row.string(3), relocatable: row.bool(4) };
        // plpgsql is there in every database; pg_dump leaves it out too.
        if reader.is_ours(class::EXTENSION, row.oid(0)) {
            reader.add(class::EXTENSION, row.oid(0), id, PgObject::Extension(extension));
        } else {
            reader.alias(class::EXTENSION, row.oid(0), 0, &id);
        }
    }
    for row in results[1].iter() {
        if let Some(id) = reader.find(class::EXTENSION, row.oid(2), 0).cloned() {
            reader.extension_member(row.oid(0), row.oid(1), id);
        }
    }
    for row in results[2].iter() {
        reader.with_extensions.entry((row.oid(0), row.oid(1))).or_default().push(row.string(2));
    }
    for row in results[3].iter() {
        let Some(extension) = reader.find(class::EXTENSION, row.oid(5), 0).cloned() else { continue };
        if reader.catalog.objects.contains_key(&extension) {
            let id = PgId::new(PgKind::Function, [row.text(0), row.text(1), row.text(2)]);
            reader.grants(&id, &extension, row.opt(3), acl::Defaults::ROUTINE, row.oid(4));
        }
    }
}
