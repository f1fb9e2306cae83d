//! The journal: what was done to a database, in the database.
//!
//! `underpin.journal` has one row for each thing that happened to a step. `done` is written in the transaction of the
//! step, so that the step is done exactly where the row is there. What stands outside a transaction is `started` before
//! and `done` after: `started` alone means that the catalog has to tell how far it came. `failed` is written after the
//! transaction was rolled back. Statements are kept without passwords.

use crate::fence::Fence;
use crate::secrets;
use postgres::Client;
use postgres::error::{Error, SqlState};
use std::collections::BTreeMap;
use underpin_model::{Fingerprint, Phase, Plan, Run, Stage, Step};
use underpin_sql::quote::literal;

/// The version of the journal's table. It stands in the table's comment; a table of another version is left alone.
pub const JOURNAL_FORMAT: u32 = 1;

const SCHEMA: &str = "CREATE SCHEMA underpin";

const TABLE: &str = "CREATE TABLE underpin.journal (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan text NOT NULL,
    step text NOT NULL,
    statement text NOT NULL,
    phase text NOT NULL,
    state text NOT NULL CHECK (state IN ('started', 'done', 'failed')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    \"by\" text NOT NULL DEFAULT session_user
)";

/// Default privileges of the role are about its schemas and tables, not about this one: nobody else gets any.
const OWN: &str = "DO $$ DECLARE r record; BEGIN
    FOR r IN SELECT DISTINCT a.grantee::regrole AS role FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
             WHERE n.nspname = 'underpin' AND a.grantee NOT IN (0, n.nspowner) LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON SCHEMA underpin FROM %s', r.role);
    END LOOP;
END $$";

/// Statements that make the schema of the journal where it is missing, with no rights for anybody else: in one message.
#[must_use]
pub fn own_schema() -> String {
    format!("CREATE SCHEMA IF NOT EXISTS underpin;\n{OWN}")
}

/// Whether the contract stage of a plan has changed something since `at`, an expression of SQL, as the journal tells. What only reads
/// or leaves a mark does not count: it is not what an undo could not take back. None where no journal of this version is kept.
///
/// # Errors
/// When the database cannot be asked.
pub fn contract_since(client: &mut Client, at: &str) -> Result<Option<bool>, Error> {
    if !journal_is_kept(client)? {
        return Ok(None);
    }
    let found = client.query_one(
        &format!(
            "SELECT EXISTS (SELECT FROM underpin.journal
              WHERE phase = 'contract' AND state <> 'failed' AND at > ({at}) AND statement !~ '^((SELECT|LOCK TABLE) [^;]*(;\n|$))+$')"
        ),
        &[],
    )?;
    found.try_get(0).map(Some)
}

/// How many of a plan's stages are done from the first on, as the journal tells; 0 where none is kept. What another program does is in
/// no journal, and taken for done. Whether the database is still
/// as they left it is for the caller to look at.
///
/// # Errors
/// When the database cannot be asked.
pub fn stages_done(client: &mut Client, plan: &Plan) -> Result<usize, Error> {
    if !journal_is_kept(client)? {
        return Ok(0);
    }
    let rows = client.query(
        "SELECT step, max(id) FROM underpin.journal WHERE plan = $1 AND state = 'done' GROUP BY 1",
        &[&plan_fingerprint(plan).0],
    )?;
    let done: BTreeMap<String, i64> =
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Error>>()?;
    // A step whose row is older than that of one before it was done by an earlier run of the same plan, which somebody took back.
    let mut last = 0;
    let mut follows = |step: &Step| {
        step.run == Run::External || done.get(&step.id).is_some_and(|at| std::mem::replace(&mut last, *at) < *at)
    };
    let is_done = |stage: &&Stage| stage.batches.iter().flat_map(|b| &b.steps).all(&mut follows);
    Ok(plan.stages.iter().take_while(is_done).count())
}

/// Whether a journal of this version is there.
///
/// # Errors
/// When the database cannot be asked.
pub fn journal_is_kept(client: &mut Client) -> Result<bool, Error> {
    let kept = client.query_opt(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'underpin' AND c.relname = 'journal' AND obj_description(c.oid, 'pg_class') = $1",
        &[&mark()],
    )?;
    Ok(kept.is_some())
}

/// A hash over what a plan does: its ends, its steps and their statements. The journal's rows carry it.
#[must_use]
pub fn plan_fingerprint(plan: &Plan) -> Fingerprint {
    let ends = [plan.from.0.as_str(), plan.to.0.as_str()];
    let steps = plan.steps().flat_map(|s| std::iter::once(s.id.as_str()).chain(s.sql.iter().map(String::as_str)));
    Fingerprint::of_texts(ends.into_iter().chain(steps))
}

/// What may happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Started,
    Done,
    Failed,
}

/// The journal as this run uses it; without `plan` there is none.
pub(crate) struct Journal {
    plan: Option<String>,
    /// What keeps a run from acting after another has replaced it; it stands in the journal's schema.
    pub(crate) fence: Fence,
}

impl Journal {
    /// Makes the table where it is missing. Where it cannot be used, the reason comes back as a warning and the run goes
    /// on without: what it does to the schema is no less safe, since planning reads the catalog.
    pub(crate) fn open(client: &mut Client, plan: &Plan) -> Result<(Self, Option<String>), Error> {
        let reason = match usable(client) {
            Ok(reason) => reason,
            // An event trigger of the schema may refuse it too.
            Err(error)
                if error
                    .code()
                    .is_some_and(|c| [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::RAISE_EXCEPTION].contains(c)) =>
            {
                let message = error.as_db_error().map_or("", |e| e.message());
                Some(format!("the server does not allow it: {message}"))
            }
            Err(error) => return Err(error),
        };
        let warning = reason.map(|reason| {
            format!(
                "no journal is kept, as {reason}. The schema is changed all the same; only the record of who did what \
                 is missing. To have it, let an administrator run: {SCHEMA}; GRANT USAGE, CREATE ON SCHEMA underpin TO \
                 the role that applies."
            )
        });
        let plan = warning.is_none().then(|| plan_fingerprint(plan).0);
        Ok((Self { plan, fence: Fence::default() }, warning))
    }

    /// Whether one is kept.
    pub(crate) fn is_kept(&self) -> bool {
        self.plan.is_some()
    }

    /// The statement that writes what happened to `step`; none where no journal is kept.
    pub(crate) fn row(&self, phase: Phase, step: &Step, state: State) -> Option<String> {
        let plan = self.plan.as_ref()?;
        let statement = secrets::hide(&step.sql.join(";\n"));
        let phase = match phase {
            Phase::Expand => "expand",
            Phase::Backfill => "backfill",
            Phase::Contract => "contract",
        };
        let state = match state {
            State::Started => "started",
            State::Done => "done",
            State::Failed => "failed",
        };
        Some(format!(
            "INSERT INTO underpin.journal (plan, step, statement, phase, state) VALUES ({}, {}, {}, '{phase}', '{state}')",
            literal(plan),
            literal(&step.id),
            literal(&statement),
        ))
    }
}

/// Makes sure that the table is there and can be written; otherwise the reason.
fn usable(client: &mut Client) -> Result<Option<String>, Error> {
    let found = client.query_one(
        "SELECT n.oid IS NOT NULL, c.oid IS NOT NULL,
                obj_description(c.oid, 'pg_class'),
                CASE WHEN n.oid IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                     WHEN c.oid IS NULL THEN has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
                     ELSE has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT') END
           FROM (VALUES (1)) AS one (x)
           LEFT JOIN pg_namespace n ON n.nspname = 'underpin'
           LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'journal'",
        &[],
    )?;
    let (schema, table): (bool, bool) = (found.try_get(0)?, found.try_get(1)?);
    let comment: Option<String> = found.try_get(2)?;
    let allowed: bool = found.try_get::<_, Option<bool>>(3)?.unwrap_or(false);
    let mark = mark();
    Ok(match (table, allowed) {
        (true, _) if comment.as_deref() != Some(mark.as_str()) => {
            let is = comment.unwrap_or_else(|| "no comment".to_owned());
            Some(format!("the table underpin.journal is not one of this version (expected \"{mark}\", found \"{is}\")"))
        }
        (true, false) => Some("this role may not write to underpin.journal".to_owned()),
        (true, true) => None,
        (false, false) if schema => Some("this role may not create a table in the schema underpin".to_owned()),
        (false, false) => Some("this role may not create the schema underpin".to_owned()),
        (false, true) => {
            create(client, schema)?;
            None
        }
    })
}

fn create(client: &mut Client, schema_is_there: bool) -> Result<(), Error> {
    // One message without BEGIN is one transaction (manual, "Multiple Statements in a Simple Query").
    let schema = if schema_is_there { String::new() } else { format!("{SCHEMA};\n") };
    let comment = format!("COMMENT ON TABLE underpin.journal IS {}", literal(&mark()));
    client.batch_execute(&format!("{schema}{TABLE};\n{comment};\n{OWN}"))
}

fn mark() -> String {
    format!("underpin journal, format {JOURNAL_FORMAT}")
}
