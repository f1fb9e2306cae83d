//! What pg_repack is to move: its commands as a stage before all others, proved by statements that come to the same; what it needs
//! and lacks; and the statement by which a file of migrations looks whether it was run.

use crate::EngineError;
use crate::live::Live;
use crate::scene::Scene;
use crate::source::Source;
use crate::stages::{self, Numbers};
use std::collections::{BTreeMap, BTreeSet};
use underpin_connect::Target;
use underpin_model::{
    Batch, Diagnostic, External, LockMode, Phase, RelationLock, Run, Severity, Stage, Step, Timeouts, Work,
};
use underpin_postgres::recipes::{rename_view, repack};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, Postgres, Server};
use underpin_sql::quote;

/// The program.
const PROGRAM: &str = "pg_repack";

/// The schema that its extension makes, and in which a run keeps its tables.
const SCHEMA: &str = "repack";

/// The trigger by which a run logs what is written meanwhile.
const TRIGGER: &str = "repack_trigger";

/// The setting of a session by which a file of migrations moves a table itself, whatever rows it has.
pub(crate) const SETTING: &str = "underpin.pg_repack";

/// What pg_repack does of a plan.
pub(crate) struct Front {
    /// Its commands, proved.
    pub stage: Stage,
    /// What they move.
    pub touched: BTreeSet<PgId>,
    /// The sides of the scene behind them.
    pub read: PgCatalog,
    pub from: PgCatalog,
    pub full: PgCatalog,
    pub base: PgCatalog,
}

impl Front {
    /// How many steps it has.
    pub fn steps(&self) -> usize {
        self.stage.batches.iter().map(|b| b.steps.len()).sum()
    }
}

/// The stage that pg_repack does of a scene, where there is one; and what it does not take, and why.
pub(crate) fn front(
    scene: &Scene<'_>,
    mut live: Option<&mut Live>,
) -> Result<(Option<Front>, Vec<Diagnostic>), EngineError> {
    let dialect =
        Postgres::new(scene.server, scene.settings.strategy, scene.user, scene.base, scene.to, &scene.wishes.usings);
    let mut renamed: BTreeSet<PgId> = scene.pending.iter().flat_map(|r| [r.from.clone(), r.to.clone()]).collect();
    renamed.extend(rename_view::veiled(scene.read).into_iter().map(|(table, _)| table));
    let own = live.as_deref_mut().map(own_tablespace).transpose()?.unwrap_or_else(|| repack::DEFAULT.to_owned());
    let repack::Repacking { commands, mut findings } = repack::repacking(&dialect, scene.wishes, &renamed, &own);
    if commands.is_empty() {
        return Ok((None, findings));
    }
    let target = match &scene.settings.db {
        Source::Database(target) => Some(target),
        Source::Sqlite(_) | Source::Files(_) | Source::Migrations(_) | Source::Program(_) | Source::Snapshot(_) => None,
    };
    let mut numbers = Numbers::behind(0);
    let mut batches = Vec::new();
    for command in &commands {
        let step = step(numbers.next(), command, target, scene)?;
        batches.push(Batch { transaction: false, steps: vec![step] });
    }
    let touched: BTreeSet<PgId> = commands.iter().flat_map(|c| c.moves.keys().cloned()).collect();
    let after = |catalog: &PgCatalog| repack::repacked(catalog, &commands);
    let (read, from) = (after(scene.read), after(scene.from));
    let (full, base) = (after(scene.full), after(scene.base));
    let (touches, fingerprint) = stages::print(scene.read, &read, &touched);
    let stage = Stage { phase: Phase::Expand, gate: None, old_sides: Vec::new(), fingerprint, touches, batches };
    let mut list = [stage];
    let waypoint = if scene.is_veiled() { &read } else { &full };
    let slice = crate::slice::slice(scene.from, &from, &touched);
    let whole = scene.settings.full_proof || scene.is_veiled() || scene.versions.concern();
    scene.proved(&mut list, &[waypoint], slice, whole)?;
    let [stage] = list;
    if let Some(live) = live {
        findings.extend(lacking(live, scene.server)?);
    }
    Ok((Some(Front { stage, touched, read, from, full, base }), findings))
}

fn step(
    id: String,
    command: &repack::Command,
    target: Option<&Target>,
    scene: &Scene<'_>,
) -> Result<Step, EngineError> {
    let table = quote::qualified(&command.table.parts());
    Ok(Step {
        external: Some(External {
            statements: command.statements(),
            done: command.done(),
            needless: command.needless(),
        }),
        changes: command.changes(),
        reason: Some(
            "SET TABLESPACE would copy it under ACCESS EXCLUSIVE; pg_repack does so beside the traffic. Run the command before the \
             plan is applied. It needs the extension pg_repack in the database, of its own version, the rights of a superuser, and \
             the room of what it moves once more; a password comes from PGPASSWORD or the password file"
                .to_owned(),
        ),
        recipe: Some(repack::NAME.to_owned()),
        source: stages::origin(&command.table, scene.said),
        locks: vec![RelationLock { relation: table, mode: LockMode::AccessExclusive }],
        work: Work::Instant,
        timeouts: Timeouts { lock_ms: 0, statement_ms: 0 },
        ..Step::new(id, Run::External, vec![in_a_shell(command, target)?])
    })
}

/// The command as it is typed into a shell.
fn in_a_shell(command: &repack::Command, target: Option<&Target>) -> Result<String, EngineError> {
    let (variables, options) = target.map(Target::options).unwrap_or_default();
    let quoted = |word: &str| {
        let word = shlex::try_quote(word).map_err(|_| {
            EngineError::Usage(format!("`{}` cannot stand in a command of a shell", word.escape_debug()))
        })?;
        Ok::<_, EngineError>(word.into_owned())
    };
    let mut line = Vec::new();
    for (name, value) in variables {
        line.push(format!("{name}={}", quoted(&value)?));
    }
    line.push(PROGRAM.to_owned());
    for word in options.iter().chain(&command.words) {
        line.push(quoted(word)?);
    }
    Ok(line.join(" "))
}

/// Where the live database has what says no tablespace.
fn own_tablespace(live: &mut Live) -> Result<String, EngineError> {
    let row = live.client.query_one(
        "SELECT s.spcname::text FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace s ON s.oid = d.dattablespace \
         WHERE d.datname = pg_catalog.current_database()",
        &[],
    )?;
    Ok(row.get(0))
}

/// What the program will miss in the live database.
fn lacking(live: &mut Live, server: &Server) -> Result<Vec<Diagnostic>, EngineError> {
    let row = live.client.query_one(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_extension WHERE extname = $1), \
                EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = $1), \
                (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)",
        &[&repack::EXTENSION],
    )?;
    let mut list = Vec::new();
    let warn = |message: String| Diagnostic::new(Severity::Warning, "repack-needs-more", message);
    if !row.get::<_, bool>(0) {
        let told = warn("pg_repack cannot work yet: its extension is not in the database".to_owned());
        let mut create = "as a superuser, CREATE EXTENSION pg_repack; the desired SQL need not have it".to_owned();
        if !row.get::<_, bool>(1) {
            let major = server.major();
            create = format!(
                "install pg_repack for PostgreSQL {major} on the server's machine (in Debian the package postgresql-{major}-repack), \
                 then, {create}"
            );
        }
        list.push(told.help(create));
    }
    if !row.get::<_, Option<bool>>(2).unwrap_or_default() {
        let message = format!("pg_repack runs as a superuser, and {} is none", live.likeness.user);
        list.push(warn(message).help(
            "have it run by one; or by the owner of the table with --no-superuser-check, where the extension's functions were granted \
             to that role",
        ));
    }
    Ok(list)
}

/// The live side without what is there for the program's sake alone, where the desired SQL does not have its extension; and what is
/// said of runs that were stopped or go on.
pub(crate) fn without_extension(read: PgCatalog, to: &PgCatalog) -> (PgCatalog, Vec<Diagnostic>) {
    let extension = PgId::new(PgKind::Extension, [repack::EXTENSION]);
    if to.objects.contains_key(&extension) || !read.objects.contains_key(&extension) {
        return (read, Vec::new());
    }
    let is_trigger = |id: &PgId, object: &PgObject| {
        matches!(object, PgObject::Trigger(_)) && id.last() == TRIGGER && !to.objects.contains_key(id)
    };
    let mut tables: BTreeMap<PgId, Diagnostic> = BTreeMap::new();
    for id in read.objects.iter().filter(|(id, object)| is_trigger(id, object)).map(|(id, _)| id) {
        let table = id.prefix(PgKind::Table, 2);
        let told = Diagnostic::new(
            Severity::Warning,
            "repack-left",
            format!("a run of pg_repack on {table} goes on, or was stopped and left its trigger there"),
        )
        .help("wait for its end; after one that was stopped: DROP EXTENSION pg_repack CASCADE, then CREATE EXTENSION pg_repack");
        tables.insert(table, told);
    }
    let is_its = |id: &PgId, object: &PgObject| {
        id.of.unwrap_or(id.kind) == PgKind::Extension && id.part(0) == repack::EXTENSION
            || is_of_a_run(id)
            || is_trigger(id, object)
    };
    (read.filtered(|id, object| !is_its(id, object)), tables.into_values().collect())
}

/// Whether a run keeps it: a table, an index, a log or a type that is called by the OID of what is moved (pg_repack 1.4.8).
fn is_of_a_run(id: &PgId) -> bool {
    let numbered = |name: &str| {
        let rest = ["table_", "log_", "pk_", "index_"].iter().find_map(|word| name.strip_prefix(word));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    id.depth() > 1 && id.part(0) == SCHEMA && numbered(id.part(1))
}

/// The statement by which a file of migrations stops unless the commands were run, or need not be.
pub(crate) fn guard(external: &External, commands: &[String]) -> String {
    let External { statements: _, done, needless } = external;
    let message = quote::literal("a table that has rows is not yet where pg_repack is to move it; nothing was changed");
    let hint = quote::literal(&format!(
        "Run this, then run the migration again: {}. Where nobody waits for the table, SET {SETTING} = 'off' has the migration move \
         it, under ACCESS EXCLUSIVE.",
        commands.join(" && ")
    ));
    let setting = quote::literal(SETTING);
    let body = format!(
        "BEGIN\n    IF NOT ({done}) AND NOT ({needless})\n       AND pg_catalog.current_setting({setting}, true) IS DISTINCT FROM \
         'off' THEN\n        RAISE EXCEPTION USING MESSAGE = {message},\n            HINT = {hint};\n    END IF;\nEND"
    );
    let mut tag = "underpin".to_owned();
    while body.contains(&format!("${tag}$")) {
        tag.push('_');
    }
    format!("DO ${tag}$\n{body} ${tag}$")
}
