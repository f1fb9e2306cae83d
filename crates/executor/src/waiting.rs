//! `underpin.gate`: the gates at which plans wait, in the database, so that whoever asks can be told.

use postgres::{Client, Error};
use underpin_model::{OldSideSeen, Phase, Stage, WaitingGate};
use underpin_sql::quote::literal;

/// The version of the table `underpin.gate`. It stands in the table's comment; a table of another version is left alone.
pub const GATE_FORMAT: u32 = 1;

const TABLE: &str = "CREATE TABLE underpin.gate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    phase text NOT NULL,
    gate text NOT NULL,
    steps bigint NOT NULL,
    sequences text[] NOT NULL,
    whats text[] NOT NULL,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    \"by\" text NOT NULL DEFAULT session_user
)";

/// Writes down the gates before `stages`, which a run has left, in the place of those that were there. It is for people
/// only: nothing rests on it, so that what cannot be written is not.
pub(crate) fn remember(client: &mut Client, stages: &[Stage]) {
    // A role without the right to it has no journal either, of which the run has told.
    let _ = try_remember(client, stages);
}

fn try_remember(client: &mut Client, stages: &[Stage]) -> Result<(), Error> {
    let gated = stages.iter().filter(|s| s.gate.is_some()).count();
    match state(client)? {
        State::Ours => {}
        State::Missing if gated > 0 => {
            client.batch_execute(&format!("{TABLE};\nCOMMENT ON TABLE underpin.gate IS {}", literal(&mark())))?;
        }
        State::Missing | State::Other => return Ok(()),
    }
    let rows: Vec<String> = stages
        .iter()
        .enumerate()
        .filter_map(|(n, stage)| {
            let gate = stage.gate.as_ref()?;
            // What stands behind it without a gate of its own waits too.
            let behind = stages[n..].iter().enumerate().take_while(|(n, s)| *n == 0 || s.gate.is_none());
            let steps: usize = behind.flat_map(|(_, s)| &s.batches).map(|b| b.steps.len()).sum();
            let sequences = array(stage.old_sides.iter().map(|o| o.sequence.as_str()));
            let whats = array(stage.old_sides.iter().map(|o| o.what.as_str()));
            let phase = literal(phase(stage.phase));
            Some(format!("({n}, {phase}, {}, {steps}, {sequences}, {whats})", literal(gate)))
        })
        .collect();
    if rows.is_empty() {
        return client.batch_execute("DELETE FROM underpin.gate");
    }
    // A gate that stood there before has waited since then.
    client.batch_execute(&format!(
        "WITH before AS (DELETE FROM underpin.gate RETURNING phase, gate, since, \"by\")
         INSERT INTO underpin.gate (phase, gate, steps, sequences, whats, since, \"by\")
         SELECT v.phase, v.gate, v.steps, v.sequences, v.whats,
                coalesce((SELECT min(b.since) FROM before b WHERE b.phase = v.phase AND b.gate = v.gate), clock_timestamp()),
                coalesce((SELECT min(b.\"by\") FROM before b WHERE b.phase = v.phase AND b.gate = v.gate), session_user)
           FROM (VALUES {}) v (n, phase, gate, steps, sequences, whats) ORDER BY v.n",
        rows.join(", ")
    ))
}

fn array<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("ARRAY[{}]::text[]", texts.map(literal).collect::<Vec<_>>().join(", "))
}

/// The gates at which plans wait, with what is seen of the old application.
pub(crate) fn read(client: &mut Client) -> Result<Vec<WaitingGate>, Error> {
    if !matches!(state(client)?, State::Ours) {
        return Ok(Vec::new());
    }
    let rows = client.query(
        "SELECT phase, gate, steps, sequences, whats,
                to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') FROM underpin.gate ORDER BY id",
        &[],
    )?;
    let mut gates = Vec::new();
    for row in rows {
        let (sequences, whats): (Vec<String>, Vec<String>) = (row.try_get(3)?, row.try_get(4)?);
        let mut old_sides = Vec::new();
        for (sequence, what) in sequences.iter().zip(whats) {
            old_sides.push(OldSideSeen { what, seconds_ago: crate::gates::last_write(client, sequence)? });
        }
        gates.push(WaitingGate {
            phase: row.try_get(0)?,
            gate: row.try_get(1)?,
            steps: usize::try_from(row.try_get::<_, i64>(2)?).unwrap_or(0),
            since: row.try_get(5)?,
            old_sides,
        });
    }
    Ok(gates)
}

enum State {
    Missing,
    Ours,
    /// Of another version, or not for this role.
    Other,
}

fn state(client: &mut Client) -> Result<State, Error> {
    let row = client.query_opt(
        "SELECT obj_description(c.oid, 'pg_class') = $1 AND has_table_privilege(c.oid, 'SELECT')
                AND has_schema_privilege(n.oid, 'USAGE')
           FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'underpin' AND c.relname = 'gate'",
        &[&mark()],
    )?;
    Ok(match row.map(|r| r.try_get::<_, Option<bool>>(0)).transpose()? {
        None => State::Missing,
        Some(Some(true)) => State::Ours,
        Some(Some(false) | None) => State::Other,
    })
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Expand => "expand",
        Phase::Backfill => "backfill",
        Phase::Contract => "contract",
    }
}

fn mark() -> String {
    format!("underpin gate, format {GATE_FORMAT}")
}
