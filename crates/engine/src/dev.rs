//! The development side: a server where schemas are elaborated and plans are proved. A private one from the machine's own
//! binaries, a database that was given, or one made beside the live one.

use crate::EngineError;
use crate::beside::Beside;
use crate::error::server_words;
use postgres::Client;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use underpin_connect::{OnNotice, Target};
use underpin_scratch::{Options, ScratchServer};
use underpin_sql::{Sql, quote};

/// Where the desired SQL is elaborated (`--dev-db`).
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there is one of it in a run")]
pub enum DevDb {
    /// A private server from the machine's binaries.
    Auto,
    /// A server where databases may be made.
    Url(Target),
    /// Databases beside the live one.
    SameServer,
}

/// What the live side gives the development side to be alike.
#[derive(Debug, Clone, Default)]
pub(crate) struct Likeness {
    pub major: Option<u32>,
    pub user: String,
    pub search_path: String,
    pub collate: String,
    pub ctype: String,
    pub encoding: String,
    pub time_zone: String,
    pub roles: Vec<String>,
    /// Those that somebody made.
    pub tablespaces: Vec<String>,
}

/// The role on a private server that loads SQL; no superuser, so that a stranger's SQL reaches nothing.
pub(crate) const LOADER: &str = "_underpin_loader";
/// The role on a private server for what truly needs a superuser.
pub(crate) const ADMIN: &str = "_underpin_admin";

#[allow(clippy::large_enum_variant, reason = "there is one of it in a run")]
enum Host {
    Private(ScratchServer),
    Given(Beside),
}

/// A development server.
pub(crate) struct Dev {
    host: Host,
    likeness: Likeness,
}

/// A database on the development server, dropped with it.
pub(crate) struct DevDatabase<'a> {
    dev: &'a Dev,
    pub name: String,
    /// The connection that SQL is loaded through.
    pub loader: Client,
    admin: Option<Client>,
    /// Whether the server has warned since it was last asked that a GRANT or REVOKE did not do what it says.
    not_granted: Arc<AtomicBool>,
    /// Which of the pieces that were run were not run as the role that their file has set, because that role may not.
    pub not_in_role: Vec<usize>,
}

/// Makes a tablespace among the files of a private server: which one an object is in is a part of the schema, where that is on the
/// machine is not. Each statement is a message of its own, as it may not be in a transaction. False where the server knows no such
/// tablespaces.
fn make_tablespace(admin: &mut Client, name: &str) -> Result<bool, postgres::Error> {
    // Manual, 20.17 Developer Options. An unknown setting is an undefined_object.
    match admin.batch_execute("SET allow_in_place_tablespaces = on") {
        Err(e) if e.as_db_error().is_some_and(|db| db.code().code() == "42704") => return Ok(false),
        other => other?,
    }
    let create = Sql::new("CREATE TABLESPACE").ident(name).kw("LOCATION ''").build();
    match admin.batch_execute(&create) {
        // duplicate_object: made meanwhile for another database.
        Err(e) if e.as_db_error().is_none_or(|db| db.code().code() != "42710") => return Err(e),
        _ => {}
    }
    admin.batch_execute(&Sql::new("GRANT CREATE ON TABLESPACE").ident(name).kw("TO PUBLIC").build())?;
    Ok(true)
}

/// What is said where a private server is too old to make a tablespace among its files (release notes of August 2022).
fn no_tablespaces(version: impl std::fmt::Display, name: &str) -> EngineError {
    EngineError::Failure(format!(
        "the schema names the tablespace {name}, and the private server on which it is elaborated, PostgreSQL {version}, cannot make \
         one: servers can since 12.12, 13.8, 14.5 and 15.0, of August 2022\nnext: update PostgreSQL on this machine, or name with \
         --dev-db a server that has a tablespace of this name"
    ))
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

impl Dev {
    /// Brings up the development server.
    pub fn start(choice: &DevDb, live: Option<&Target>, likeness: Likeness) -> Result<Self, EngineError> {
        let host = match (choice, live) {
            (DevDb::Auto, _) => {
                Host::Private(ScratchServer::start(&Options { want_major: likeness.major, ..Options::default() })?)
            }
            (DevDb::Url(target), _) => Host::Given(Beside::new(target)?),
            (DevDb::SameServer, Some(live)) => Host::Given(Beside::new(live)?),
            (DevDb::SameServer, None) => {
                return Err(EngineError::Usage(
                    "--dev-db same-server needs a live database in --db; here it is a file".to_owned(),
                ));
            }
        };
        let dev = Self { host, likeness };
        if let Host::Private(_) = dev.host {
            let mut admin = dev.connect("_underpin", "postgres")?;
            let mut sql = format!("CREATE ROLE {LOADER} LOGIN; CREATE ROLE {ADMIN} LOGIN SUPERUSER;");
            // The server's own roles (pg_…) are there already.
            let roles: Vec<&String> =
                dev.likeness.roles.iter().filter(|r| !r.starts_with("pg_") && !r.starts_with("_underpin")).collect();
            for role in &roles {
                sql.push_str(&Sql::new("CREATE ROLE").ident(role).kw(";").build());
            }
            if !roles.is_empty() {
                let grant = Sql::new("GRANT").list(&roles, |w, r| w.ident(r)).kw("TO").ident(LOADER);
                let grant = grant.kw("WITH ADMIN OPTION;");
                sql.push_str(&grant.build());
            }
            let failed = |e: postgres::Error| EngineError::Failure(server_words(&e));
            admin.batch_execute(&sql).map_err(failed)?;
            for space in &dev.likeness.tablespaces {
                if !make_tablespace(&mut admin, space).map_err(failed)? {
                    // Where one is needed, whatever names it is told.
                    break;
                }
            }
        }
        Ok(dev)
    }

    /// Whether the server is a private one, where roles may be made and nothing of value is.
    pub fn is_private(&self) -> bool {
        matches!(self.host, Host::Private(_))
    }

    /// The major version of the server.
    pub fn major(&self) -> Result<u32, EngineError> {
        match &self.host {
            Host::Private(server) => Ok(server.version().major),
            Host::Given(beside) => beside.major(),
        }
    }

    /// Names that stand for the live side's user.
    pub fn role_alias(&self) -> HashMap<String, String> {
        if !self.is_private() {
            return HashMap::new();
        }
        [LOADER, ADMIN, "_underpin"].into_iter().map(|r| (r.to_owned(), self.likeness.user.clone())).collect()
    }

    fn connect(&self, user: &str, database: &str) -> Result<Client, EngineError> {
        self.connect_listening(user, database, None)
    }

    fn connect_listening(
        &self,
        user: &str,
        database: &str,
        on_notice: Option<OnNotice>,
    ) -> Result<Client, EngineError> {
        let target = match &self.host {
            Host::Private(server) => Target::socket(server.socket_dir(), server.port(), user, database),
            Host::Given(beside) => beside.target().with_dbname(database),
        };
        Ok(target.connect_listening("underpin", on_notice)?)
    }

    /// What tells another program of a database, as environment variables. What the program runs is the user's own.
    fn environment(&self, database: &str) -> Vec<(&'static str, String)> {
        match &self.host {
            Host::Private(server) => Target::socket(server.socket_dir(), server.port(), ADMIN, database).environment(),
            Host::Given(beside) => beside.target().with_dbname(database).environment(),
        }
    }

    /// Makes an empty database.
    pub fn database(&self) -> Result<DevDatabase<'_>, EngineError> {
        let name = match &self.host {
            Host::Private(_) => format!("_underpin_{}", NUMBER.fetch_add(1, Ordering::Relaxed)),
            Host::Given(beside) => beside.next_name(),
        };
        let run = |sql: &str| match &self.host {
            Host::Private(_) => self.connect("_underpin", "postgres").map(|mut admin| admin.batch_execute(sql)),
            Host::Given(beside) => Ok(beside.execute(sql)),
        };
        let create = |collate: &str, ctype: &str| {
            let sql = Sql::new("CREATE DATABASE").ident(&name).kw("TEMPLATE template0");
            let sql = if self.is_private() { sql.kw("OWNER").ident(LOADER) } else { sql };
            let sql = if self.likeness.encoding.is_empty() {
                sql
            } else {
                sql.kw("ENCODING").literal(&self.likeness.encoding)
            };
            let sql = if collate.is_empty() {
                sql
            } else {
                sql.kw("LC_COLLATE").literal(collate).kw("LC_CTYPE").literal(ctype)
            };
            sql.build()
        };
        if let Err(error) = run(&create(&self.likeness.collate, &self.likeness.ctype))? {
            // A locale that this machine does not have: what depends on it is the order of text, which no schema holds.
            let locale = error.as_db_error().is_some_and(|e| matches!(e.code().code(), "22023" | "42809" | "42704"));
            if !locale {
                return Err(self.not_made(&error));
            }
            run(&create("C", "C"))?.map_err(|e| self.not_made(&e))?;
        }
        let not_granted = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&not_granted);
        // 01007 privilege_not_granted, 01006 privilege_not_revoked (manual, appendix A).
        let listener: OnNotice = Arc::new(move |notice| {
            if matches!(notice.code().code(), "01007" | "01006") {
                heard.store(true, Ordering::Release);
            }
        });
        let mut loader = self.connect_listening(LOADER, &name, Some(listener))?;
        self.prepare(&mut loader)?;
        Ok(DevDatabase { dev: self, name, loader, admin: None, not_granted, not_in_role: Vec::new() })
    }

    fn not_made(&self, error: &postgres::Error) -> EngineError {
        let denied = error.as_db_error().is_some_and(|e| e.code().code() == "42501");
        let next = match &self.host {
            Host::Given(beside) if denied => format!(
                "\nnext: ALTER ROLE {} CREATEDB, or name another server in --dev-db, or leave it out for a private one",
                quote::ident(beside.target().user())
            ),
            _ => String::new(),
        };
        EngineError::Failure(format!(
            "no development database could be made: {}\nnothing was changed{next}",
            server_words(error)
        ))
    }

    /// Sets what a session of the development server has.
    pub fn prepare(&self, client: &mut Client) -> Result<(), EngineError> {
        let mut sql = String::from(
            "SET check_function_bodies = off; SET client_min_messages = warning; SET lock_timeout = 0; SET jit = off;",
        );
        // What moves tables here moves no rows that anybody waits for.
        sql.push_str(&format!("SET {} = 'off';", crate::repack::SETTING));
        if !self.likeness.time_zone.is_empty() {
            sql.push_str(&Sql::new("SET TimeZone =").literal(&self.likeness.time_zone).kw(";").build());
        }
        client.batch_execute(&sql)?;
        self.set_search_path(client, None)
    }

    /// Sets the path that a file has set, or the live side's own.
    pub fn set_search_path(&self, client: &mut Client, path: Option<&[String]>) -> Result<(), EngineError> {
        let path = match path {
            Some(path) => path.iter().map(|p| quote::ident(p)).collect::<Vec<_>>().join(", "),
            None if self.likeness.search_path.is_empty() => "public".to_owned(),
            // On a private server the role has another name.
            None => self.likeness.search_path.replace("\"$user\"", &quote::ident(&self.likeness.user)),
        };
        let path = if path.is_empty() { "''".to_owned() } else { path };
        client.batch_execute(&format!("SET search_path = {path}"))?;
        Ok(())
    }
}

impl<'a> DevDatabase<'a> {
    /// The server that the database is on.
    pub fn dev(&self) -> &'a Dev {
        self.dev
    }

    /// Gives what another program has made to the loader, on a private server.
    pub fn hand_over(&mut self) -> Result<(), EngineError> {
        if self.dev.is_private() {
            self.admin()?.batch_execute(&format!("REASSIGN OWNED BY {ADMIN} TO {LOADER}"))?;
        }
        Ok(())
    }

    /// What tells another program of the database, as environment variables.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        self.dev.environment(&self.name)
    }

    /// A connection for what needs a superuser, on a private server. No event trigger of the schema fires for it.
    pub fn admin(&mut self) -> Result<&mut Client, EngineError> {
        if self.admin.is_none() {
            let mut client = self.dev.connect(ADMIN, &self.name)?;
            self.dev.prepare(&mut client)?;
            client.batch_execute("SET session_replication_role = replica")?;
            self.admin = Some(client);
        }
        self.admin.as_mut().ok_or_else(|| EngineError::Failure("no connection for what needs a superuser".to_owned()))
    }

    /// Whether the server has warned the loader, since this was last asked, that a GRANT or REVOKE did not do what it says,
    /// because the object is another's.
    pub fn was_not_granted(&self) -> bool {
        self.not_granted.swap(false, Ordering::AcqRel)
    }

    /// Makes a tablespace that the schema names, on a private server.
    pub fn make_tablespace(&mut self, name: &str) -> Result<(), EngineError> {
        if make_tablespace(self.admin()?, name)? {
            return Ok(());
        }
        let version = self.admin()?.query_one("SHOW server_version", &[])?;
        Err(no_tablespaces(version.get::<_, String>(0), name))
    }

    /// Makes a role that the schema names, on a private server. The loader may pass it on, as a schema's own SQL does: here
    /// it has no rights but those that the schema gives.
    pub fn make_role(&mut self, role: &str) -> Result<(), EngineError> {
        let admin = self.admin()?;
        let create = Sql::new("CREATE ROLE").ident(role).kw(";").build();
        let grant = Sql::new("GRANT").ident(role).kw("TO").ident(LOADER).kw("WITH ADMIN OPTION").build();
        admin.batch_execute(&format!("{create} {grant}"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_makes_no_tablespaces_is_told_plainly() {
        let error = no_tablespaces("14.4", "fast").to_string();
        for words in
            ["names the tablespace fast", "PostgreSQL 14.4", "12.12, 13.8, 14.5 and 15.0", "next: ", "--dev-db"]
        {
            assert!(error.contains(words), "{error}");
        }
    }
}
