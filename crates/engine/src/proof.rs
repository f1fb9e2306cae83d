//! Proof: the plan is replayed on a development database from the slice of the live schema that it touches, and has to
//! reach the desired one. The locks that each step really takes are noted on the way.

use crate::EngineError;
use crate::dev::{Dev, DevDatabase};
use crate::error::server_words;
use crate::ground::as_built;
use crate::impact::Impact;
use crate::loader::{Piece, run};
use crate::locks;
use crate::privileged::Trust;
use std::cell::RefCell;
use std::collections::BTreeSet;
use underpin_model::{Batch, Change, Diagnostic, Severity, Stage, Step};
use underpin_postgres::{PgCatalog, PgId, PgObject, Server, create_script, keep_what_is_known};

/// What a proof is about.
#[derive(Clone, Copy)]
pub(crate) struct Case<'a> {
    /// The server that proves it.
    pub server: &'a Server,
    /// The live server: what it does not know is not looked at.
    pub live: &'a Server,
    pub user: &'a str,
    pub from: &'a PgCatalog,
    /// The schemas after each stage.
    pub waypoints: &'a [&'a PgCatalog],
    /// The objects that are replayed; none for all.
    pub slice: Option<&'a BTreeSet<PgId>>,
    pub trust: bool,
    /// Whether a running application is to survive the plan.
    pub online: bool,
    /// What the facts have to say about it.
    pub findings: &'a RefCell<Vec<Diagnostic>>,
}

/// Runs statements that underpin itself wrote.
pub(crate) fn load(
    database: &mut DevDatabase<'_>,
    statements: &[String],
    trust: impl Into<Trust>,
) -> Result<(), EngineError> {
    let classes: Vec<_> = statements
        .iter()
        .map(|s| underpin_sql::split(s).statements.into_iter().next().map_or(underpin_sql::Class::Unknown, |s| s.class))
        .collect();
    let pieces: Vec<Piece<'_>> = statements
        .iter()
        .zip(classes)
        .map(|(s, class)| Piece { sql: s, class, search_path: None, role: None })
        .collect();
    let rejected = run(database, &pieces, trust)?;
    let Some(first) = rejected.first() else { return Ok(()) };
    Err(EngineError::Unproved(vec![
        Diagnostic::new(
            Severity::Error,
            "not-replayed",
            "the live schema could not be rebuilt on the development server, so the plan cannot be proved",
        )
        .note(format!("the server does not take: {}", statements[first.place]))
        .note(first.words.clone())
        .help("if the development server lacks something that the live one has, give one that has it with --dev-db"),
    ]))
}

/// Replays the stages and compares after each. The steps get their locks.
pub(crate) fn prove(dev: &Dev, case: &Case<'_>, stages: &mut [Stage]) -> Result<(), EngineError> {
    let cut = |catalog: &PgCatalog| match case.slice {
        Some(slice) => catalog.filtered(|id, _| slice.contains(id)),
        None => catalog.clone(),
    };
    let mut database = dev.database()?;
    let script = create_script(case.server, case.user, &cut(case.from))?;
    load(&mut database, &script, Trust::in_live(case.trust))?;
    let of = stages.len();
    let mut impact = Impact::new(case.server, case.online);
    for (n, waypoint) in case.waypoints.iter().enumerate() {
        let Some(stage) = stages.get_mut(n) else { break };
        replay(&mut database, stage, (case.server, &mut impact), case.trust)?;
        // Owners that nobody said are the maker's on both sides.
        let mut reached = as_built(&mut database)?;
        if case.live.major() != case.server.major() {
            keep_what_is_known(&mut reached, case.live);
        }
        let left: Vec<Change<PgObject>> = underpin_diff::diff(&reached, &cut(waypoint))
            .into_iter()
            .filter(|c| case.slice.is_none_or(|s| s.contains(c.id())))
            .collect();
        if !left.is_empty() {
            return Err(not_proved(&left, (n + 1, of)));
        }
        // The next one starts from what is really there: a view may be printed in other words after a rename.
        if let Some(next) = stages.get_mut(n + 1) {
            next.fingerprint = reached.fingerprint(&next.touches);
        }
    }
    case.findings.replace(impact.findings());
    Ok(())
}

fn not_proved(left: &[Change<PgObject>], (stage, of): (usize, usize)) -> EngineError {
    let what = if stage == of {
        "the plan does not reach the desired schema".to_owned()
    } else {
        format!("stage {stage} of {of} does not reach the schema that it should")
    };
    let mut diagnostics = vec![
        Diagnostic::new(
            Severity::Error,
            "not-proved",
            format!("{what}: {} difference(s) are left after its replay", left.len()),
        )
        .note("nothing was changed in the database; this is a bug in underpin, please report it with both schemas"),
    ];
    for change in left.iter().take(20) {
        diagnostics.push(Diagnostic::new(Severity::Error, "left-to-do", change.to_string()));
    }
    EngineError::Unproved(diagnostics)
}

/// The functions of extensions are not the loader's on a private server, and the server only warns when one grants what
/// one cannot: a superuser says it again.
fn grant_for_extensions(database: &mut DevDatabase<'_>, batch: &Batch) -> Result<(), EngineError> {
    let about_function =
        |sql: &&String| (sql.starts_with("REVOKE ") || sql.starts_with("GRANT ")) && sql.contains(" ON FUNCTION ");
    let said: Vec<&String> = batch.steps.iter().flat_map(|s| &s.sql).filter(about_function).collect();
    if said.is_empty() || !database.dev().is_private() {
        return Ok(());
    }
    let admin = database.admin()?;
    for sql in said {
        // One that is gone by the end of the batch needs no grant.
        let _ = admin.batch_execute(sql);
    }
    Ok(())
}

/// The path under which the executor runs a plan: the session's own behind the server's names.
fn as_on_live(database: &mut DevDatabase<'_>) -> Result<(), EngineError> {
    let dev = database.dev();
    dev.set_search_path(&mut database.loader, None)?;
    let sql = "SELECT set_config('search_path', concat_ws(', ', 'pg_catalog', nullif(current_setting('search_path'), '')), false)";
    Ok(database.loader.batch_execute(sql)?)
}

/// Runs a stage's batches as they would run on the live server. The steps get their locks, and the harm that the facts tell.
pub(crate) fn replay(
    database: &mut DevDatabase<'_>,
    stage: &mut Stage,
    (server, impact): (&Server, &mut Impact),
    trust: bool,
) -> Result<(), EngineError> {
    as_on_live(database)?;
    let mut watch = locks::Watch::new(&mut database.loader)?;
    impact.begin(server, &watch);
    for batch in &mut stage.batches {
        let mut failed: Option<(String, postgres::Error)> = None;
        if batch.transaction {
            database.loader.batch_execute("BEGIN")?;
        }
        watch.begin();
        'batch: for step in &mut batch.steps {
            if let Some(external) = &step.external {
                // Another program takes other locks on its way there.
                for sql in &external.statements {
                    if let Err(error) = database.loader.batch_execute(sql) {
                        failed = Some((sql.clone(), error));
                        break 'batch;
                    }
                }
                continue;
            }
            for sql in &step.sql {
                impact.before(&mut database.loader, sql, batch.transaction)?;
                if let Err(error) = database.loader.batch_execute(sql) {
                    failed = Some((sql.clone(), error));
                    break 'batch;
                }
            }
            if batch.transaction {
                step.locks = watch.taken(&mut database.loader)?;
            } else if let Some(lock) = locks::outside(step) {
                step.locks = vec![lock];
            }
            impact.after(step, &watch, batch.transaction);
        }
        if batch.transaction
            && failed.is_none()
            && let Err(error) = database.loader.batch_execute("COMMIT")
        {
            failed = Some(("COMMIT".to_owned(), error));
        }
        let Some((sql, error)) = failed else {
            grant_for_extensions(database, batch)?;
            continue;
        };
        let Some(db) = error.as_db_error() else { return Err(error.into()) };
        if batch.transaction {
            database.loader.batch_execute("ROLLBACK")?;
        }
        let lacks_right = matches!(db.code().code(), "42501" | "42704" | "0LP01" | "42939");
        if lacks_right && database.dev().is_private() {
            // What only a superuser may do is run by one, statement by statement; the transaction is not proved then.
            let run = |step: &Step| step.external.as_ref().map_or(&step.sql, |e| &e.statements).clone();
            let statements: Vec<String> = batch.steps.iter().flat_map(run).collect();
            load(database, &statements, trust)?;
            as_on_live(database)?;
            continue;
        }
        return Err(EngineError::Unproved(vec![failure(&sql, &error)]));
    }
    Ok(())
}

fn failure(sql: &str, error: &postgres::Error) -> Diagnostic {
    let code = error.as_db_error().map(|d| d.code().code().to_owned()).unwrap_or_default();
    let d = Diagnostic::new(
        Severity::Error,
        "step-fails",
        "a step of the plan fails on the development server, so the plan is not shown as one that works",
    )
    .note(format!("the statement: {sql}"))
    .note(server_words(error));
    match code.as_str() {
        "42846" | "42804" | "22P02" => d.help(
            "the server does not know how to convert the old type to the new one; write how on the column in the desired SQL: \
             `-- underpin: using EXPR`, with EXPR an expression over the old column",
        ),
        _ => d.note("nothing was changed in the database"),
    }
}
