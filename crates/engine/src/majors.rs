//! A live server and a development server of different major versions. Servers print definitions in words of their own, so that
//! both sides are brought to what the development server makes of them; what is planned is in the words of the live one.

use crate::EngineError;
use crate::dev::{Dev, DevDb};
use crate::ground::as_built;
use crate::privileged::Trust;
use crate::proof::load;
use crate::side::Workshop;
use crate::source::Source;
use underpin_model::{Diagnostic, Severity};
use underpin_postgres::{PgCatalog, Server, beyond, create_script, keep_what_is_known, plain_calls};

/// Both sides as a development server of another version prints them.
pub(crate) struct Alike {
    pub from: PgCatalog,
    pub to: PgCatalog,
    /// The development server.
    pub server: Server,
    /// What a person should know of it.
    pub diagnostic: Diagnostic,
}

/// Brings two sides together where they were read on different versions, or the development server is of another one; nothing
/// where all are of one. `desired` is the major version that the desired side was read on, where that is known; `proves` tells
/// whether a plan is to be proved there.
///
/// # Errors
/// Where the desired side has what the live server cannot have, or a side cannot be made on the development server.
pub(crate) fn alike(
    workshop: &Workshop<'_>,
    (live, user): (&Server, &str),
    from: &PgCatalog,
    to: &PgCatalog,
    desired: Option<u32>,
    proves: bool,
) -> Result<Option<Alike>, EngineError> {
    let settings = workshop.settings();
    if desired.is_none_or(|major| major == live.major()) {
        // What files say was read on the development server itself, and may come from the cache: it need not be started.
        let read_there = matches!(settings.schema, Some(Source::Files(_) | Source::Migrations(_) | Source::Program(_)))
            || matches!(settings.dev_db, DevDb::SameServer);
        let is_equal = from.objects == to.objects;
        if !proves || read_there || is_equal || workshop.dev()?.major()? == live.major() {
            return Ok(None);
        }
    }
    let dev = workshop.dev()?;
    let mut database = dev.database()?;
    let server = underpin_postgres::server_of(&mut database.loader)?;
    drop(database);
    let newer = beyond(to, live);
    if !newer.is_empty() {
        return Err(EngineError::Input(newer));
    }
    let made_alike = |catalog: &PgCatalog, read_on: u32, side: &str| {
        let mut known = catalog.clone();
        keep_what_is_known(&mut known, &server);
        let script = create_script(&server, user, &known)?;
        // What a newer server reads of spelled calls is something else than the live one makes of them.
        let spelled = server.keeps_spelled_calls() && !live.keeps_spelled_calls();
        let said: Vec<String> = if spelled { script.iter().map(|s| plain_calls(s)).collect() } else { script.clone() };
        if read_on != server.major() || said != script {
            known = rebuilt(dev, &said, settings.trust_sql).map_err(|error| unlike(error, &server, side))?;
        }
        keep_what_is_known(&mut known, live);
        Ok::<_, EngineError>(known)
    };
    let mut alike_to = made_alike(to, desired.unwrap_or(live.major()), "desired")?;
    alike_to.diagnostics.clone_from(&to.diagnostics);
    let alike_from = made_alike(from, live.major(), "live")?;
    let diagnostic = other_major(live.major(), server.major());
    Ok(Some(Alike { from: alike_from, to: alike_to, server, diagnostic }))
}

/// What a person should know where the versions differ.
pub(crate) fn other_major(live: u32, dev: u32) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "other-major",
        format!("the live server is PostgreSQL {live}, and the development server, which reads the desired SQL and proves plans, is PostgreSQL {dev}"),
    )
    .note(format!(
        "what only one of the two knows is neither seen nor proved: the proof is of what PostgreSQL {dev} does, and the locks are its locks"
    ))
    .help(format!(
        "install PostgreSQL {live} on this machine, or name the folder of its programs in UNDERPIN_PG_BIN, or give --dev-db a server of that version"
    ))
}

/// The schema that a script makes, as the development server prints it.
fn rebuilt(dev: &Dev, script: &[String], trust: bool) -> Result<PgCatalog, EngineError> {
    let mut database = dev.database()?;
    load(&mut database, script, Trust::in_live(trust))?;
    as_built(&mut database)
}

/// A side that the development server cannot make.
fn unlike(error: EngineError, server: &Server, side: &str) -> EngineError {
    match error {
        EngineError::Unproved(list) => {
            let mut out = vec![
                Diagnostic::new(
                    Severity::Error,
                    "other-major",
                    format!("the {side} schema cannot be made on the development server, which is PostgreSQL {}, so that nothing can be compared", server.major()),
                )
                .help("install the live server's major version on this machine, or name the folder of its programs in UNDERPIN_PG_BIN, or give --dev-db a server of that version"),
            ];
            out.extend(list);
            EngineError::Unproved(out)
        }
        other => other,
    }
}
