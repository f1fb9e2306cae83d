//! What applying a plan needs and the connecting role lacks, asked before the first step.

use crate::EngineError;
use postgres::Client;
use std::collections::BTreeSet;
use underpin_model::{Kind, Object};
use underpin_postgres::recipes::shadow_table;
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject};
use underpin_sql::quote;

/// What is lacking, in words; empty where nothing is.
pub(crate) fn lacking(
    client: &mut Client,
    from: &PgCatalog,
    to: &PgCatalog,
    touched: &BTreeSet<PgId>,
) -> Result<Vec<String>, EngineError> {
    let root = |id: &PgId| {
        let mut id = id.clone();
        while let Some(parent) = [from, to].iter().find_map(|c| c.objects.get(&id).and_then(|o| o.parent(&id))) {
            id = parent;
        }
        id
    };
    let mut roles: BTreeSet<String> = BTreeSet::new();
    let mut schemas: BTreeSet<String> = BTreeSet::new();
    let mut extensions: BTreeSet<String> = BTreeSet::new();
    let mut superuser: BTreeSet<&'static str> = BTreeSet::new();
    let mut named: BTreeSet<String> = BTreeSet::new();
    let mut spaces: BTreeSet<String> = BTreeSet::new();
    let mut makes_schema = false;
    for id in touched {
        let object = to.objects.get(id);
        let space = object.and_then(tablespace);
        spaces.extend(space.filter(|_| from.objects.get(id).and_then(tablespace) != space).map(str::to_owned));
        match object {
            Some(PgObject::Owner(owner)) => {
                named.insert(owner.role.clone());
            }
            Some(PgObject::Policy(policy)) => named.extend(policy.roles.iter().cloned()),
            // The grantee; nobody by name is everybody.
            Some(PgObject::Grant(_)) => {
                named.insert(id.last().to_owned());
            }
            _ => {}
        }
        let top = root(id);
        let is_there = from.objects.contains_key(&top);
        if let (true, Some(PgObject::Owner(owner))) = (is_there, from.objects.get(&top.attached(PgKind::Owner, &[]))) {
            roles.insert(owner.role.clone());
        }
        // Only a member of a role may give something to it.
        if let Some(PgObject::Owner(owner)) = to.objects.get(id).filter(|_| from.objects.get(id) != to.objects.get(id))
        {
            roles.insert(owner.role.clone());
        }
        let made = !from.objects.contains_key(id) && to.objects.contains_key(id) && id.of.is_none();
        match id.kind {
            PgKind::Schema if shadow_table::is_ours(id.last()) => {
                // What grows in it moves to the schema that it is named after.
                makes_schema |= !is_there;
                schemas.extend(shadow_table::schema_of(from, id.last()));
            }
            PgKind::Schema => makes_schema |= made,
            PgKind::Extension if made => {
                extensions.insert(id.last().to_owned());
            }
            PgKind::EventTrigger | PgKind::ForeignDataWrapper => {
                superuser.insert(id.kind.name());
            }
            // A new object stands in a schema, and so does a new index of an old table.
            kind if made && id.depth() >= 2 && (!is_there || top == *id || kind == PgKind::Index) => {
                let schema = PgId::new(PgKind::Schema, [id.part(0)]);
                if from.objects.contains_key(&schema) {
                    schemas.insert(id.part(0).to_owned());
                }
            }
            _ => {}
        }
    }
    let row = client.query_one(
        "SELECT current_user::text, (SELECT rolsuper FROM pg_roles WHERE rolname = current_user), \
         has_database_privilege(current_database(), 'CREATE'), \
         ARRAY(SELECT o FROM unnest($1::text[]) AS o JOIN pg_roles r ON r.rolname = o WHERE NOT pg_has_role(r.oid, 'USAGE')), \
         ARRAY(SELECT s FROM unnest($2::text[]) AS s JOIN pg_namespace n ON n.nspname = s WHERE NOT has_schema_privilege(n.oid, 'CREATE')), \
         current_database()::text, \
         ARRAY(SELECT v.e FROM unnest($3::text[]) AS v(e) JOIN pg_available_extensions a ON a.name = v.e \
           JOIN pg_available_extension_versions x ON x.name = a.name AND x.version = a.default_version \
           WHERE x.superuser AND NOT coalesce((to_jsonb(x)->>'trusted')::boolean, false)), \
         ARRAY(SELECT w.r FROM unnest($4::text[]) AS w(r) WHERE lower(w.r) NOT IN ('', 'public') AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = w.r)), \
         ARRAY(SELECT s.s FROM unnest($5::text[]) AS s(s) WHERE NOT EXISTS (SELECT FROM pg_tablespace WHERE spcname = s.s)), \
         ARRAY(SELECT s.s FROM unnest($5::text[]) AS s(s) JOIN pg_tablespace t ON t.spcname = s.s \
           WHERE NOT has_tablespace_privilege(t.oid, 'CREATE'))",
        &[
            &roles.into_iter().collect::<Vec<_>>(),
            &schemas.into_iter().collect::<Vec<_>>(),
            &extensions.iter().map(String::as_str).collect::<Vec<_>>(),
            &named.into_iter().collect::<Vec<_>>(),
            &spaces.into_iter().collect::<Vec<_>>(),
        ],
    )?;
    let missing = row.get::<_, Vec<String>>(7).into_iter().map(|role| {
        let word = quote::ident(&role);
        format!(
            "the role {role} does not exist on the server: CREATE ROLE {word}, or correct the name in the desired SQL"
        )
    });
    let mut list: Vec<String> = missing.collect();
    list.extend(row.get::<_, Vec<String>>(8).into_iter().map(|space| {
        let word = quote::ident(&space);
        format!(
            "the tablespace {space} does not exist on the server: CREATE TABLESPACE {word} LOCATION 'a folder there', or correct \
             the name in the desired SQL"
        )
    }));
    if row.get::<_, Option<bool>>(1) == Some(true) {
        return Ok(list);
    }
    let user: String = row.get(0);
    let database: String = row.get(5);
    let (user_word, database_word) = (quote::ident(&user), quote::ident(&database));
    for role in row.get::<_, Vec<String>>(3) {
        let word = quote::ident(&role);
        list.push(format!(
            "{user} is not a member of {role}, who owns or shall own some of what changes: GRANT {word} TO {user_word}, or connect as {role}"
        ));
    }
    for schema in row.get::<_, Vec<String>>(4) {
        let word = quote::ident(&schema);
        list.push(format!(
            "{user} may not create anything in the schema {schema}: GRANT CREATE ON SCHEMA {word} TO {user_word}"
        ));
    }
    if (makes_schema || !extensions.is_empty()) && !row.get::<_, bool>(2) {
        let what = if makes_schema { "schemas" } else { "extensions" };
        list.push(format!(
            "{user} may not create {what} in this database: GRANT CREATE ON DATABASE {database_word} TO {user_word}"
        ));
    }
    for space in row.get::<_, Vec<String>>(9) {
        let word = quote::ident(&space);
        list.push(format!(
            "{user} may put nothing into the tablespace {space}: GRANT CREATE ON TABLESPACE {word} TO {user_word}"
        ));
    }
    for extension in row.get::<_, Vec<String>>(6) {
        list.push(format!(
            "only a superuser may create the extension {extension}: have one create it first, or connect as one"
        ));
    }
    for kind in superuser {
        list.push(format!("only a superuser may make or change a {kind}: connect as one"));
    }
    Ok(list)
}

/// The tablespace that an object is in, where it is not the database's.
fn tablespace(object: &PgObject) -> Option<&str> {
    match object {
        PgObject::Table(table) => table.tablespace.as_deref(),
        PgObject::Index(index) => index.tablespace.as_deref(),
        PgObject::Constraint(constraint) => constraint.tablespace.as_deref(),
        PgObject::MaterializedView(view) => view.tablespace.as_deref(),
        _ => None,
    }
}
