//! `underpin.backfill`: how far each walk has come, in the database.
//!
//! A row is about a table and a statement, whatever plan they stand in: the next plan goes on where the last one stopped,
//! and does not walk again what was walked to its end. The place is written in the transaction of the batch that reached
//! it. A row counts only as long as what it rests on is the same: a column that was dropped and made again is not filled.

use super::bounds::Place;
use super::table::{self, Table, Way};
use crate::secrets;
use postgres::Client;
use postgres::error::{Error, SqlState};
use underpin_model::{Backfill, BackfillState, Fingerprint};
use underpin_sql::quote::literal;

/// The version of the table `underpin.backfill`. It stands in the table's comment; a table of another version is left
/// alone.
pub const BACKFILL_FORMAT: u32 = 1;

/// How many characters of a statement are told.
const STATEMENT_HEAD: usize = 200;

/// The row is written again with every batch: half of its page is left for that, and most of its versions need no vacuum.
const TABLE: &str = "CREATE TABLE underpin.backfill (
    id text PRIMARY KEY,
    target text NOT NULL,
    statement text NOT NULL,
    rests_on text NOT NULL,
    key text[] NOT NULL,
    files text NOT NULL,
    upper text[],
    last text[],
    expected bigint NOT NULL,
    walked bigint NOT NULL DEFAULT 0,
    changed bigint NOT NULL DEFAULT 0,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz,
    \"by\" text NOT NULL DEFAULT session_user
) WITH (fillfactor = 50)";

/// What is kept of one walk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Kept {
    /// The names of the files that a walk along pages is in.
    pub(crate) files: String,
    /// Where the walk ends; none where there is nothing to walk.
    pub(crate) end: Option<Place>,
    /// The place up to which it is done.
    pub(crate) last: Option<Place>,
    /// About how many rows were walked, and how many of them were changed.
    pub(crate) walked: u64,
    pub(crate) changed: u64,
    pub(crate) finished: bool,
}

/// Where the place of a walk is kept; without `id` nowhere.
pub(crate) struct Store {
    id: Option<String>,
}

impl Store {
    /// Makes the table where it is missing. Where it cannot be used the reason comes back as a warning.
    pub(crate) fn open(client: &mut Client, backfill: &Backfill) -> Result<(Self, Option<String>), Error> {
        let reason = match usable(client) {
            Ok(reason) => reason,
            Err(error) if error.code().is_some_and(is_refusal) => {
                let message = error.as_db_error().map_or("", |e| e.message());
                Some(format!("the server does not allow it: {message}"))
            }
            Err(error) => return Err(error),
        };
        let warning = reason.map(|reason| {
            format!(
                "how far the rows of {} are filled is not kept, as {reason}. A run that is stopped begins anew with the \
                 next one, which changes no row twice but reads all of them again.",
                backfill.table
            )
        });
        Ok((Self { id: warning.is_none().then(|| id(backfill)) }, warning))
    }

    /// Whether a place is kept at all.
    pub(crate) fn keeps(&self) -> bool {
        self.id.is_some()
    }

    /// What is kept of an earlier walk along the same way over the same objects.
    pub(crate) fn load(&self, client: &mut Client, table: &Table) -> Result<Option<Kept>, Error> {
        let Some(id) = &self.id else { return Ok(None) };
        let row = client.query_opt(
            "SELECT files, upper, last, walked, changed, finished IS NOT NULL
               FROM underpin.backfill WHERE id = $1 AND rests_on = $2 AND key = $3",
            &[id, &table.rests_on, &key(table)],
        )?;
        let Some(row) = row else { return Ok(None) };
        let count = |n: usize| row.try_get::<_, i64>(n).map(|c| u64::try_from(c).unwrap_or(0));
        Ok(Some(Kept {
            files: row.try_get(0)?,
            end: row.try_get(1)?,
            last: row.try_get(2)?,
            walked: count(3)?,
            changed: count(4)?,
            finished: row.try_get(5)?,
        }))
    }

    /// Begins the row anew.
    pub(crate) fn begin(
        &self,
        client: &mut Client,
        backfill: &Backfill,
        table: &Table,
        kept: &Kept,
    ) -> Result<(), Error> {
        let Some(id) = &self.id else { return Ok(()) };
        client.batch_execute(&format!(
            "BEGIN;
             DELETE FROM underpin.backfill WHERE id = {id};
             INSERT INTO underpin.backfill (id, target, statement, rests_on, key, files, upper, expected)
             VALUES ({id}, {}, {}, {}, {}, {}, {}, {});
             COMMIT",
            literal(&backfill.table),
            literal(&secrets::hide(&backfill.statement)),
            literal(&table.rests_on),
            array(Some(&key(table))),
            literal(&kept.files),
            array(kept.end.as_ref()),
            table.rows,
            id = literal(id),
        ))
    }

    /// The statement that keeps a place, for the transaction of the batch that reached it; none where nothing is kept.
    pub(crate) fn place(&self, last: &Place, walked: u64, changed: u64) -> Option<String> {
        let id = self.id.as_ref()?;
        Some(format!(
            "UPDATE underpin.backfill SET last = {}, walked = {walked}, changed = {changed}, \
             at = pg_catalog.clock_timestamp() WHERE id = {}",
            array(Some(last)),
            literal(id)
        ))
    }

    /// Writes that the walk is done and what it was to do holds.
    pub(crate) fn finish(&self, client: &mut Client, walked: u64, changed: u64) -> Result<(), Error> {
        let Some(id) = &self.id else { return Ok(()) };
        client.batch_execute(&format!(
            "UPDATE underpin.backfill SET walked = {walked}, changed = {changed}, at = clock_timestamp(),
                finished = coalesce(finished, clock_timestamp()) WHERE id = {}",
            literal(id)
        ))
    }
}

/// Whether the rows of `backfill` were walked to the end and are right since then, as the table `underpin.backfill` says:
/// the objects that its statement names are the same ones, and the triggers that keep its rows right are too.
///
/// # Errors
/// What the server says, or that the line is broken. A database without such a table, or one whose table this role may not
/// read, has nothing that is done.
pub fn backfill_done(client: &mut Client, backfill: &Backfill) -> Result<bool, Error> {
    if !readable(client)? {
        return Ok(false);
    }
    let Some(rests_on) = table::rests_on(client, backfill)? else {
        return Ok(false);
    };
    let row = client.query_opt(
        "SELECT FROM underpin.backfill WHERE id = $1 AND rests_on = $2 AND finished IS NOT NULL",
        &[&id(backfill), &rests_on],
    )?;
    Ok(row.is_some())
}

fn id(backfill: &Backfill) -> String {
    let Backfill { table, key: _, statement, wrong } = backfill;
    let wrong = wrong.as_deref().unwrap_or_default();
    Fingerprint::of_texts([table.as_str(), statement.as_str(), wrong]).0
}

fn key(table: &Table) -> Vec<String> {
    match &table.way {
        Way::Keys(columns) => columns.iter().map(|c| c.name.clone()).collect(),
        Way::Pages => Vec::new(),
    }
}

fn array(values: Option<&Place>) -> String {
    values.map_or_else(
        || "NULL".to_owned(),
        |v| format!("ARRAY[{}]::pg_catalog.text[]", v.iter().map(|v| literal(v)).collect::<Vec<_>>().join(", ")),
    )
}

/// An event trigger of the schema may refuse it too.
fn is_refusal(code: &SqlState) -> bool {
    [SqlState::INSUFFICIENT_PRIVILEGE, SqlState::RAISE_EXCEPTION].contains(code)
}

/// Makes sure that the table is there and can be written; otherwise the reason. The journal has made the schema, where it
/// could be made.
fn usable(client: &mut Client) -> Result<Option<String>, Error> {
    let found = client.query_opt(
        "SELECT c.oid IS NOT NULL, obj_description(c.oid, 'pg_class'),
                CASE WHEN c.oid IS NULL THEN has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
                     ELSE has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
                          AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')
                          AND has_table_privilege(c.oid, 'DELETE') END
           FROM pg_namespace n
           LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = 'backfill'
          WHERE n.nspname = 'underpin'",
        &[],
    )?;
    let Some(found) = found else {
        return Ok(Some("there is no schema underpin".to_owned()));
    };
    let there: bool = found.try_get(0)?;
    let comment: Option<String> = found.try_get(1)?;
    let allowed = found.try_get::<_, Option<bool>>(2)?.unwrap_or(false);
    let mark = mark();
    Ok(match (there, allowed) {
        (true, _) if comment.as_deref() != Some(mark.as_str()) => {
            let is = comment.unwrap_or_else(|| "no comment".to_owned());
            Some(format!(
                "the table underpin.backfill is not one of this version (expected \"{mark}\", found \"{is}\")"
            ))
        }
        (true, false) => Some("this role may not read and write underpin.backfill".to_owned()),
        (false, false) => Some("this role may not create a table in the schema underpin".to_owned()),
        (true, true) => None,
        (false, true) => {
            let comment = format!("COMMENT ON TABLE underpin.backfill IS {}", literal(&mark));
            client.batch_execute(&format!("{TABLE};\n{comment}"))?;
            None
        }
    })
}

/// The walks that were begun, the latest first.
pub(crate) fn states(client: &mut Client) -> Result<Vec<BackfillState>, Error> {
    if !readable(client)? {
        return Ok(Vec::new());
    }
    let rows = client.query(
        "SELECT target, statement, walked, expected, changed,
                to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                greatest(extract(epoch FROM clock_timestamp() - at), 0)::float8, finished IS NOT NULL
           FROM underpin.backfill ORDER BY finished IS NOT NULL, at DESC, id",
        &[],
    )?;
    let state = |row: &postgres::Row| {
        let count = |n: usize| row.try_get::<_, i64>(n).map(|c| u64::try_from(c).unwrap_or(0));
        let statement: String = row.try_get(1)?;
        Ok(BackfillState {
            table: row.try_get(0)?,
            statement: secrets::head(&statement, STATEMENT_HEAD),
            walked: count(2)?,
            expected: count(3)?,
            changed: count(4)?,
            at: row.try_get(5)?,
            seconds_ago: row.try_get(6)?,
            finished: row.try_get(7)?,
        })
    };
    rows.iter().map(state).collect()
}

/// Whether the table is there, of this version, and for this role to read.
fn readable(client: &mut Client) -> Result<bool, Error> {
    let row = client.query_one(
        "SELECT coalesce((SELECT obj_description(c.oid, 'pg_class') = $1 AND has_table_privilege(c.oid, 'SELECT')
                                 AND has_schema_privilege(n.oid, 'USAGE')
                            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                           WHERE n.nspname = 'underpin' AND c.relname = 'backfill'), false)",
        &[&mark()],
    )?;
    row.try_get(0)
}

fn mark() -> String {
    format!("underpin backfill, format {BACKFILL_FORMAT}")
}
