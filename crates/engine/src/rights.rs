//! What applying a plan needs and the connecting role lacks, asked before the first step.

use crate::EngineError;
use postgres::Client;
use std::collections::BTreeSet;
use underpin_model::Object;
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject};

/// What is lacking, in words; empty where nothing is.
pub(crate) fn lacking(client: &mut Client, from: &PgCatalog, to: &PgCatalog, touched: &BTreeSet<PgId>) -> Result<Vec<String>, EngineError> {
    let root = |catalog: &PgCatalog, id: &PgId| {
        let mut id = id.clone();
        while let Some(parent) = catalog.objects.get(&id).and_then(|o| o.parent(&id)) {
            id = parent;
        }
        id
    };
    let mut owners: BTreeSet<String> = BTreeSet::new();
    let mut schemas: BTreeSet<String> = BTreeSet::new();
    let mut makes_schema = false;
    for id in touched {
        let top = root(from, id);
        if from.objects.contains_key(&top) {
            if let Some(PgObject::Owner(owner)) = from.objects.get(&top.attached(PgKind::Owner, &[])) {
                owners.insert(owner.role.clone());
            }
        }
        let made = !from.objects.contains_key(id) && to.objects.contains_key(id) && id.of.is_none();
        if made && id.kind == PgKind::Schema {
            makes_schema = true;
        } else if made && id.depth() >= 2 {
            let schema = PgId::new(PgKind::Schema, [id.part(0)]);
            if from.objects.contains_key(&schema) {
                schemas.insert(id.part(0).to_owned());
            }
        }
    }
    let row = client.query_one(
        "SELECT current_user::text, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), \
         has_database_privilege(current_database(), 'CREATE'), \
         ARRAY(SELECT o FROM unnest($1::text[]) AS o JOIN pg_roles r ON r.rolname = o WHERE NOT pg_has_role(r.oid, 'USAGE')), \
         ARRAY(SELECT s FROM unnest($2::text[]) AS s JOIN pg_namespace n ON n.nspname = s WHERE NOT has_schema_privilege(n.oid, 'CREATE'))",
        &[&owners.into_iter().collect::<Vec<_>>(), &schemas.into_iter().collect::<Vec<_>>()],
    )?;
    if row.get::<_, Option<bool>>(1) == Some(true) {
        return Ok(Vec::new());
    }
    let user: String = row.get(0);
    let mut list = Vec::new();
    for owner in row.get::<_, Vec<String>>(3) {
        list.push(format!("{user} is not a member of {owner}, who owns some of what changes: GRANT {owner} TO {user}, or connect as {owner}"));
    }
    for schema in row.get::<_, Vec<String>>(4) {
        list.push(format!("{user} may not create anything in the schema {schema}: GRANT CREATE ON SCHEMA {schema} TO {user}"));
    }
    if makes_schema && !row.get::<_, bool>(2) {
        list.push(format!("{user} may not create schemas in this database: GRANT CREATE ON DATABASE … TO {user}"));
    }
    Ok(list)
}
