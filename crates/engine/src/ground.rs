//! The development server as the ground on which schemas are tried: a schema is built there, statements are run, and the server says
//! what came of it.

use crate::EngineError;
use crate::desired::read_back;
use crate::dev::DevDatabase;
use crate::privileged::Trust;
use crate::proof::load;
use crate::side::Workshop;
use underpin_postgres::{PgCatalog, PgObject, Server, create_script};

/// What trying needs.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub dev: &'a Workshop<'a>,
    pub server: &'a Server,
    pub user: &'a str,
    pub trust: bool,
}

impl<'a> Ground<'a> {
    /// A database with that schema, after statements.
    pub fn database(&self, catalog: &PgCatalog, sql: &[&[String]]) -> Result<DevDatabase<'a>, EngineError> {
        let mut database = self.dev.dev()?.database()?;
        load(&mut database, &create_script(self.server, self.user, catalog)?, Trust::in_live(self.trust))?;
        for statements in sql {
            self.run(&mut database, statements)?;
        }
        Ok(database)
    }

    /// Runs statements that underpin itself wrote.
    pub fn run(&self, database: &mut DevDatabase<'_>, sql: &[String]) -> Result<(), EngineError> {
        load(database, sql, Trust::in_live(self.trust))
    }

    /// That schema after statements, as the server says it.
    pub fn elaborated(&self, catalog: &PgCatalog, sql: &[&[String]]) -> Result<PgCatalog, EngineError> {
        as_built(&mut self.database(catalog, sql)?)
    }
}

/// The schema of a database that was built by a script. All that it says of owners was said.
pub(crate) fn as_built(database: &mut DevDatabase<'_>) -> Result<PgCatalog, EngineError> {
    let mut catalog = read_back(database)?;
    catalog.diagnostics.clear();
    for object in catalog.objects.values_mut() {
        if let PgObject::Owner(owner) = object {
            owner.implicit = false;
        }
    }
    Ok(catalog)
}
