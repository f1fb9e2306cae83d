//! The schema as it was before a plan in stages began, kept in the database until the contract stage has changed something: what
//! `undo` goes back to.

use crate::EngineError;
use crate::error::server_words;
use postgres::Client;
use underpin_executor::{contract_since, journal_is_kept, own_schema};
use underpin_model::{Phase, Plan};
use underpin_postgres::recipes::shadow_table;
use underpin_postgres::{PgCatalog, Server};
use underpin_report::wire::SnapshotV1;

/// The version of the table `underpin.before`. It stands in the table's comment; a table of another version is left alone.
const FORMAT: &str = "underpin before, format 1";

/// Whether the plan has something to go back from: an expand stage, and after it a contract stage or a table that takes another's
/// place.
fn can_be_undone(plan: &Plan) -> bool {
    plan.stages.first().is_some_and(|s| s.phase == Phase::Expand)
        && (plan.stages.iter().any(|s| s.phase == Phase::Contract)
            || plan.steps().any(|s| s.recipe.as_deref() == Some(shadow_table::NAME)))
}

/// Whether the table is there and is one of ours.
fn is_there(client: &mut Client) -> Result<bool, postgres::Error> {
    let found = client.query_opt(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'underpin' AND c.relname = 'before' AND obj_description(c.oid, 'pg_class') = $1",
        &[&FORMAT],
    )?;
    Ok(found.is_some())
}

/// Keeps the schema before the first stage of a plan in stages; what is kept already stays, for it is from before that. What it
/// could not do comes back in words.
pub(crate) fn remember(client: &mut Client, server: &Server, catalog: &PgCatalog, plan: &Plan) -> Option<String> {
    if !can_be_undone(plan) {
        return None;
    }
    let keep = |client: &mut Client| -> Result<(), EngineError> {
        let words = |e: postgres::Error| EngineError::Failure(server_words(&e));
        if is_there(client).map_err(words)? {
            if is_past(client).map_err(words)? {
                client.batch_execute(FORGET).map_err(words)?;
            }
        } else {
            let schema = own_schema();
            client
                .batch_execute(&format!(
                    "{schema};
                     CREATE TABLE underpin.before (
                         one boolean PRIMARY KEY DEFAULT true CHECK (one),
                         snapshot text NOT NULL,
                         at timestamptz NOT NULL DEFAULT clock_timestamp());
                     COMMENT ON TABLE underpin.before IS '{FORMAT}'"
                ))
                .map_err(words)?;
        }
        let snapshot = SnapshotV1::of_catalog("postgres", &server.text, catalog)
            .map_err(|e| EngineError::Failure(e.to_string()))?;
        let snapshot = serde_json::to_string(&snapshot).map_err(|e| EngineError::Failure(e.to_string()))?;
        client
            .execute("INSERT INTO underpin.before (snapshot) VALUES ($1) ON CONFLICT DO NOTHING", &[&snapshot])
            .map_err(words)?;
        Ok(())
    };
    keep(client).err().map(|error| {
        format!("this plan cannot be taken back by `underpin undo`, as the schema before it could not be kept: {error}")
    })
}

/// Whether the contract has taken away what is kept here, or some of it.
fn is_past(client: &mut Client) -> Result<bool, postgres::Error> {
    // Without a journal what is kept goes when the contract begins.
    Ok(contract_since(client, "SELECT at FROM underpin.before")?.unwrap_or(false))
}

/// The contract begins. Where no journal will tell of it, there is nothing to go back from any more.
pub(crate) fn at_contract(client: &mut Client) {
    if is_there(client).unwrap_or(false) && !journal_is_kept(client).unwrap_or(false) {
        forget(client);
    }
}

/// The statement that does what [`forget`] does, for the transaction that ends a plan: a run that is killed right after it leaves
/// nothing that `undo` would go back to. None where nothing is kept, or the role may not: it would fail the plan.
pub(crate) fn ending(client: &mut Client) -> Option<String> {
    let found = client.query_opt(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'underpin' AND c.relname = 'before' AND obj_description(c.oid, 'pg_class') = $1
            AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'DELETE')",
        &[&FORMAT],
    );
    found.ok()?.map(|_| FORGET.to_owned())
}

/// What takes away that something is kept.
const FORGET: &str = "DELETE FROM underpin.before";

/// There is nothing to go back from any more.
pub(crate) fn forget(client: &mut Client) {
    if is_there(client).unwrap_or(false) {
        // A row that stays says only that there was something once.
        let _ = client.batch_execute(FORGET);
    }
}

/// The schema from before, as it was kept; none where nothing is in flight that could be undone.
pub(crate) fn recall(client: &mut Client) -> Result<Option<String>, EngineError> {
    kept(client, false)
}

/// The schema from before a plan whose contract is not done, be it begun or not.
pub(crate) fn begun_from(client: &mut Client) -> Result<Option<String>, EngineError> {
    kept(client, true)
}

/// What is kept here; `past` whether also where the contract has begun.
fn kept(client: &mut Client, past: bool) -> Result<Option<String>, EngineError> {
    let mut read = || -> Result<Option<String>, postgres::Error> {
        if !is_there(client)? || (!past && is_past(client)?) {
            return Ok(None);
        }
        let row = client.query_opt("SELECT snapshot FROM underpin.before", &[])?;
        Ok(row.map(|row| row.get(0)))
    };
    read().map_err(|e| EngineError::Failure(server_words(&e)))
}
