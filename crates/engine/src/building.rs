//! Indexes that somebody builds at this moment: in the catalogs they look like what a failed build left.

use crate::EngineError;
use postgres::Client;
use underpin_model::{Diagnostic, Severity};

/// Names the builds that are under way in the database.
pub(crate) fn tell(client: &mut Client) -> Result<Vec<Diagnostic>, EngineError> {
    let rows = client.query(
        "SELECT p.pid::bigint, coalesce(format('%I.%I', n.nspname, c.relname), ''), p.command::text
           FROM pg_stat_progress_create_index p
           LEFT JOIN pg_class c ON c.oid = coalesce(nullif(p.index_relid, 0), p.relid)
           LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE p.datname = current_database() AND p.command LIKE '%CONCURRENTLY' AND p.pid <> pg_backend_pid()
          ORDER BY 1",
        &[],
    )?;
    let told = rows.iter().map(|row| {
        let (pid, name, command): (i64, String, String) = (row.get(0), row.get(1), row.get(2));
        Diagnostic::new(
            Severity::Warning,
            "index-is-being-built",
            format!("session {pid} runs {command} at {name}; its indexes look as if a failed build had left them"),
        )
        .help("plan again when it has ended")
    });
    Ok(told.collect())
}
