//! What is in flight in a database. Reads only.

use crate::journal::JOURNAL_FORMAT;
use crate::{backfill, guard, secrets, waiting};
use postgres::{Client, Error};
use underpin_model::{LastRun, Status, StoppedStep};

/// How many characters of a statement are kept.
const STATEMENT_HEAD: usize = 200;

/// The latest plan of the journal: when something last happened, and what last happened to each of its steps.
const LAST_RUN: &str = "
WITH last AS (SELECT plan, \"by\", at FROM underpin.journal ORDER BY id DESC LIMIT 1),
     steps AS (SELECT DISTINCT ON (j.step) j.step, j.state, j.statement
                 FROM underpin.journal j JOIN last l ON l.plan = j.plan ORDER BY j.step, j.id DESC)
SELECT l.plan, l.\"by\", to_char(l.at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
       (SELECT count(*) FROM steps WHERE state = 'done'), s.step, s.state, s.statement
  FROM last l LEFT JOIN LATERAL (SELECT * FROM steps WHERE state <> 'done' ORDER BY step LIMIT 1) s ON true";

/// What plans make for their own use has names of one form.
const OBJECTS: &str = r"
SELECT d || coalesce(regexp_replace(substring(d FROM '_underpin_dropped_(\d{8})_'), '^(\d{4})(\d\d)(\d\d)$',
                                    ' (put aside; may go from \1-\2-\3 on)'), '')
  FROM (
    SELECT 'pg_class'::regclass, c.oid, 0, relnamespace FROM pg_class c WHERE relname LIKE '\_underpin\_%' AND relkind <> 'i'
    UNION ALL SELECT 'pg_class'::regclass, a.attrelid, a.attnum, c.relnamespace
                FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
               WHERE a.attname LIKE '\_underpin\_%' AND NOT a.attisdropped AND c.relkind IN ('r', 'p')
    UNION ALL SELECT 'pg_proc'::regclass, oid, 0, pronamespace FROM pg_proc WHERE proname LIKE '\_underpin\_%'
    UNION ALL SELECT 'pg_constraint'::regclass, oid, 0, connamespace FROM pg_constraint WHERE conname LIKE '\_underpin\_%'
    UNION ALL SELECT 'pg_trigger'::regclass, t.oid, 0, c.relnamespace FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
               WHERE NOT tgisinternal AND tgname LIKE 'zz\_underpin\_%') o (class, oid, part, namespace)
 CROSS JOIN LATERAL pg_describe_object(o.class, o.oid, o.part) d
 WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.oid = o.namespace AND n.nspname IN ('underpin', 'pg_toast'))
 ORDER BY 1";

/// What an earlier run began in this database and did not end, and the run that goes on now. Where a table of `underpin`'s
/// own is missing, of another version or not for this role to read, nothing is told from it.
///
/// # Errors
/// What the server says, or that the line is broken.
pub fn status(client: &mut Client) -> Result<Status, Error> {
    Ok(Status {
        running: guard::holder(client)?.map(|h| h.to_string()),
        last_run: last_run(client)?,
        gates: waiting::read(client)?,
        backfills: backfill::states(client)?,
        objects: client.query(OBJECTS, &[])?.iter().map(|r| r.try_get(0)).collect::<Result<_, _>>()?,
    })
}

fn last_run(client: &mut Client) -> Result<Option<LastRun>, Error> {
    let readable = client.query_opt(
        "SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'underpin' AND c.relname = 'journal' AND obj_description(c.oid, 'pg_class') = $1
            AND has_table_privilege(c.oid, 'SELECT') AND has_schema_privilege(n.oid, 'USAGE')",
        &[&format!("underpin journal, format {JOURNAL_FORMAT}")],
    )?;
    if readable.is_none() {
        return Ok(None);
    }
    let Some(row) = client.query_opt(LAST_RUN, &[])? else { return Ok(None) };
    let stopped = match row.try_get::<_, Option<String>>(4)? {
        None => None,
        Some(step) => {
            let statement: String = row.try_get(6)?;
            Some(StoppedStep {
                step,
                state: row.try_get(5)?,
                statement: secrets::head(&secrets::hide(&statement), STATEMENT_HEAD),
            })
        }
    };
    Ok(Some(LastRun {
        plan: row.try_get(0)?,
        by: row.try_get(1)?,
        at: row.try_get(2)?,
        done: usize::try_from(row.try_get::<_, i64>(3)?).unwrap_or(0),
        stopped,
    }))
}
