//! The settings of the sessions that a run uses.

use crate::Options;
use postgres::{Client, Error, SimpleQueryMessage};
use std::time::Duration;
use underpin_sql::quote::literal;

/// Settings under which the plan's SQL means the same everywhere, and no time limit of a role or of the database cuts a
/// build short (`transaction_timeout` is there from version 17 on, `idle_session_timeout` from 14 on).
///
/// A plan's SQL is fully qualified; the path of the session stays for what functions of the schema look up when a default
/// is evaluated, behind the server's own names.
/// A function's body may name what a later step makes, so bodies are not checked.
///
/// A server notices only at the end of a statement that its client has died; an index build could go on for hours beside
/// the next run. `client_connection_check_interval` (from 14 on) makes it look every second; systems on which it cannot
/// look refuse the setting, and Linux is one on which it can (manual, "Connections and Authentication").
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
         SELECT set_config(name, '1s', false) FROM pg_settings
          WHERE name = 'client_connection_check_interval' AND version() ~ 'linux';
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

/// The server's `deadlock_timeout`, and its version as a number.
pub(crate) fn server(client: &mut Client) -> Result<(Duration, i32), Error> {
    let row = client.query_one(
        "SELECT setting::int, current_setting('server_version_num')::int FROM pg_settings WHERE name = 'deadlock_timeout'",
        &[],
    )?;
    let ms: i32 = row.try_get(0)?;
    Ok((Duration::from_millis(u64::try_from(ms).unwrap_or(1000)), row.try_get(1)?))
}

/// In which order the two sessions are asked. By turns alone, two of a pooler's sessions would fall to one each.
const ASKED: [usize; 6] = [0, 1, 0, 0, 1, 1];

/// Whether two sessions go through a pooler that gives each transaction another server session. Then no setting, no
/// session's lock and no concurrent build can be relied on.
///
/// Behind such a pooler, two sessions are served by one process, or one of them by several, or lose
/// what they have set. It is asked in single messages, since a prepared statement may be lost as well.
pub(crate) fn is_pooled(one: &mut Client, other: &mut Client) -> Result<bool, Error> {
    let sessions = [one, other];
    let mut first: [Option<String>; 2] = [None, None];
    for (n, at) in ASKED.into_iter().enumerate() {
        let set = if n < sessions.len() {
            format!("set_config('underpin.session', '{at}', false)")
        } else {
            "coalesce(current_setting('underpin.session', true), '')".to_owned()
        };
        let answer = sessions[at].simple_query(&format!("SELECT pg_backend_pid(), {set}"))?;
        let found = answer.iter().find_map(|m| match m {
            SimpleQueryMessage::Row(row) => Some((row.get(0)?.to_owned(), row.get(1)?.to_owned())),
            _ => None,
        });
        let Some((pid, setting)) = found else { return Ok(true) };
        if setting != at.to_string() || first[1 - at].as_ref() == Some(&pid) {
            return Ok(true);
        }
        match &first[at] {
            None => first[at] = Some(pid),
            Some(before) if *before != pid => return Ok(true),
            Some(_) => {}
        }
    }
    Ok(false)
}
