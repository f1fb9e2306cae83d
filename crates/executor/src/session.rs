//! The settings of the sessions that a run uses.

use crate::Options;
use postgres::{Client, Error};
use underpin_sql::quote::literal;

/// Settings under which the plan's SQL means the same everywhere, and no time limit of a role or of the database cuts a
/// build short (`transaction_timeout` is there from version 17 on, `idle_session_timeout` from 14 on).
///
/// A plan's SQL is fully qualified; the path of the session stays for what functions of the schema look up when a default
/// is evaluated, behind the server's own names.
/// A function's body may name what a later step makes, so bodies are not checked.
fn settings(application_name: &str) -> String {
    format!(
        "SELECT set_config('search_path', concat_ws(', ', 'pg_catalog', nullif(current_setting('search_path'), '')), false)
          WHERE current_setting('search_path') !~ '^pg_catalog';
         SET check_function_bodies = off;
         SET standard_conforming_strings = on;
         SET client_min_messages = warning;
         SET lock_timeout = 0;
         SET statement_timeout = 0;
         SELECT set_config(name, '0', false) FROM pg_settings
          WHERE name IN ('transaction_timeout', 'idle_session_timeout');
         SET application_name = {}",
        literal(application_name)
    )
}

/// Prepares the session that runs the plan.
pub(crate) fn prepare(client: &mut Client, options: &Options) -> Result<(), Error> {
    client.batch_execute(&settings(&options.application_name))
}

/// Prepares the session that looks on: it never waits for a lock, and no look may take long.
pub(crate) fn prepare_guard(client: &mut Client, options: &Options) -> Result<(), Error> {
    client.batch_execute(&settings(&options.application_name))?;
    client.batch_execute("SET lock_timeout = '2s'; SET statement_timeout = '5s'")
}

/// The server process behind the session.
pub(crate) fn pid(client: &mut Client) -> Result<i32, Error> {
    client.query_one("SELECT pg_backend_pid()", &[])?.try_get(0)
}
