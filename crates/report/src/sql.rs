//! A plan as a script that `psql` runs, or `sqlite3`.
//!
//! The script runs the same statements under the same limits as `underpin apply`, but it takes no journal, makes one
//! attempt at each lock, and does not look whether the database is still the one that was planned for. It says so.

use crate::changes::Changes;
use crate::locks::{lock_modes, lock_words};
use crate::words::{self, counted, short_version, terminated};
use crate::{Summary, View};
use std::io::{self, Write};
use underpin_model::{Batch, Plan, Run, Stage, Step, Timeouts};

/// What a script needs beside the statements, where a dialect's client has it.
struct Client {
    /// The plan's dialect.
    dialect: &'static str,
    /// Lines before the first statement.
    prologue: &'static [&'static str],
    /// What begins a transaction.
    begin: &'static str,
    /// Lines after the last statement.
    epilogue: &'static [&'static str],
    /// Statements that set a step's limits; `local` is true in a transaction.
    limits: fn(Timeouts, bool) -> Vec<String>,
    /// A check that stops the script unless it holds, from its statement and its step's id. It holds where no row comes
    /// back whose first column is not true.
    check: fn(&str, &str) -> String,
    /// A line that waits for a person; without one a gate is a comment.
    ask: fn(&str) -> String,
}

/// A dialect without a line here gets limits and gates as comments.
static CLIENTS: &[Client] = &[SQLITE, POSTGRES];

const SQLITE: Client = Client {
    dialect: "sqlite",
    prologue: &[
        // sqlite3 goes on after an error unless it is told otherwise.
        ".bail on",
        "-- Within a transaction this has no effect, and with it on a table that is made anew takes what refers to it along.",
        "PRAGMA foreign_keys = OFF;",
    ],
    begin: "BEGIN IMMEDIATE;",
    epilogue: &[
        "",
        "-- Rows that refer to nothing, if there are any; underpin apply holds them against those that were there before.",
        "PRAGMA foreign_key_check;",
    ],
    // Whoever begins waits as long as its client is told to.
    limits: |_, _| Vec::new(),
    check: sqlite_check,
    ask: |gate| format!("-- {gate}"),
};

/// A table that takes no other value than true: sqlite3 cannot branch, and stops where a statement fails.
fn sqlite_check(sql: &str, id: &str) -> String {
    let name = format!("\"_underpin_check_{id}\"");
    format!(
        "CREATE TEMP TABLE {name} (\"the check of step {id} holds\" INTEGER CHECK (\"the check of step {id} holds\"));\n\
         INSERT INTO {name} {sql};\n\
         DROP TABLE {name};",
        sql = sql.trim_end()
    )
}

const POSTGRES: Client = Client {
    dialect: "postgres",
    prologue: &[
        // psql goes on after an error unless it is told otherwise.
        "\\set ON_ERROR_STOP on",
        // Statements name everything with its schema; a body may name what is made after it.
        "SET search_path = pg_catalog;",
        "SET check_function_bodies = off;",
        "SET standard_conforming_strings = on;",
        "SET client_min_messages = warning;",
    ],
    begin: "BEGIN;",
    epilogue: &[],
    limits: |timeouts, local| {
        let set = if local { "SET LOCAL" } else { "SET" };
        vec![
            format!("{set} lock_timeout = {};", timeouts.lock_ms),
            format!("{set} statement_timeout = {};", timeouts.statement_ms),
        ]
    },
    check: postgres_check,
    // Without anybody to ask, psql fails here, and stops.
    ask: |gate| format!("\\prompt '{gate} Enter to go on, Ctrl-C to stop: ' underpin_gate"),
};

/// An anonymous block around the check, for psql cannot branch on a result of unknown columns.
fn postgres_check(sql: &str, id: &str) -> String {
    let mut tag = "underpin".to_owned();
    while sql.contains(&tag) {
        tag.push('_');
    }
    let id = id.replace('\'', "''").replace('%', "%%");
    format!(
        "DO ${tag}$\n\
         DECLARE _underpin_row record;\n\
         BEGIN\n\
         FOR _underpin_row IN\n\
         {sql}\n\
         LOOP\n\
         IF (SELECT value FROM json_each_text(row_to_json(_underpin_row)) LIMIT 1) IS DISTINCT FROM 'true' THEN\n\
         RAISE EXCEPTION 'the check of step {id} does not hold';\n\
         END IF;\n\
         END LOOP;\n\
         END ${tag}$;",
        sql = sql.trim_end()
    )
}

/// Writes a plan as a script for `psql` or `sqlite3`. It is the same with and without colour.
///
/// # Errors
/// What the writer reports.
pub fn write_plan(out: &mut dyn Write, plan: &Plan, _view: &View<'_>) -> io::Result<()> {
    let client = CLIENTS.iter().find(|c| c.dialect == plan.dialect);
    write_header(out, plan)?;
    if plan.is_empty() {
        return Ok(());
    }
    if let Some(client) = client {
        writeln!(out)?;
        client.prologue.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    let mut limits = None;
    let stages: Vec<&Stage> = plan.stages.iter().filter(|s| !s.batches.is_empty()).collect();
    for (n, stage) in stages.iter().enumerate() {
        if stages.len() > 1 || stage.gate.is_some() {
            write_stage(out, stage, n + 1, stages.len(), client)?;
        }
        for batch in &stage.batches {
            write_batch(out, batch, client, &mut limits)?;
        }
    }
    if let Some(client) = client {
        client.epilogue.iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    Ok(())
}

fn write_header(out: &mut dyn Write, plan: &Plan) -> io::Result<()> {
    let summary = Summary::of(plan);
    if plan.is_empty() {
        comment(out, "Nothing to do: the database is what the schema says.")?;
    } else {
        let changes = counted(summary.changes(), "change");
        let steps = counted(summary.steps, "step");
        comment(out, &format!("{changes} in {steps} on {} {}", plan.dialect, short_version(&plan.server)))?;
        if summary.changes() > 0 {
            comment(out, &summary.by_verb())?;
        }
        for (kind, n) in &summary.hazards {
            comment(out, &format!("hazard: {} ({})", kind.name(), counted(*n, "time")))?;
        }
        comment(out, "")?;
        comment(
            out,
            "Made by underpin. A script makes one attempt at each lock, keeps no journal, and does not check",
        )?;
        comment(out, "that the database is still the one that was planned for; `underpin apply` does.")?;
        comment(out, &format!("from {}", plan.from))?;
        comment(out, &format!("to   {}", plan.to))?;
    }
    for diagnostic in &plan.diagnostics {
        let severity = words::severity(diagnostic.severity);
        comment(out, &format!("{severity}[{}]: {}", diagnostic.code, diagnostic.message))?;
    }
    Ok(())
}

fn write_stage(out: &mut dyn Write, stage: &Stage, n: usize, of: usize, client: Option<&Client>) -> io::Result<()> {
    let phase = words::phase(stage.phase);
    writeln!(out)?;
    comment(out, &format!("==== stage {n} of {of}: {phase} ===="))?;
    if let Some(gate) = &stage.gate {
        comment(out, &format!("gate: {gate}"))?;
        if let Some(client) = client {
            writeln!(out, "{}", (client.ask)(&psql_quoted(gate)))?;
        }
    }
    Ok(())
}

/// Text inside the single quotes of a psql command: a quote is doubled and a backslash too (psql's manual,
/// "Meta-Commands"); it must not leave its line.
fn psql_quoted(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    one_line.replace('\\', "\\\\").replace('\'', "''")
}

fn write_batch(
    out: &mut dyn Write,
    batch: &Batch,
    client: Option<&Client>,
    limits: &mut Option<Timeouts>,
) -> io::Result<()> {
    if batch.transaction {
        writeln!(out, "\n{}", client.map_or("BEGIN;", |c| c.begin))?;
        // Set for the transaction only, they are what they were after it.
        *limits = None;
    }
    for (n, step) in batch.steps.iter().enumerate() {
        writeln!(out)?;
        write_facts(out, batch, n, step)?;
        write_limits(out, step.timeouts, batch.transaction, client, limits)?;
        for sql in &step.sql {
            write_statement(out, sql, step, client)?;
        }
    }
    if batch.transaction {
        writeln!(out, "\nCOMMIT;")?;
        *limits = None;
    }
    Ok(())
}

fn write_facts(out: &mut dyn Write, batch: &Batch, n: usize, step: &Step) -> io::Result<()> {
    let changes = Changes::of(&step.changes);
    let title = changes.own.first().copied().or(step.reason.as_deref()).unwrap_or_default();
    comment(out, &format!("{}: {title}", step.id))?;
    for change in changes.own.iter().skip(1) {
        comment(out, &format!("  and: {change}"))?;
    }
    if let Some(reason) = step.reason.as_ref().filter(|_| !step.changes.is_empty()) {
        comment(out, &format!("  why: {reason}"))?;
    }
    if let Some(source) = &step.source {
        comment(out, &format!("  from: {}:{}", source.file, source.line))?;
    }
    if !step.locks.is_empty() {
        comment(out, &format!("  locks: {}", lock_modes(step)))?;
    }
    for words in lock_words(batch, n, &|place| batch.steps[place].id.clone()) {
        comment(out, &format!("  {words}"))?;
    }
    for hazard in &step.hazards {
        comment(out, &format!("  hazard {}: {}", hazard.kind.name(), hazard.message))?;
    }
    match step.run {
        Run::Sql | Run::Locked | Run::Build => Ok(()),
        Run::Backfill => comment(out, "  underpin runs this in small batches; here it is one statement for all rows"),
        Run::Assert => comment(out, "  a check: go on only if it holds"),
        Run::External => {
            comment(out, "  another program does this, before the script is run, which looks whether it was done:")
        }
    }
}

fn write_limits(
    out: &mut dyn Write,
    timeouts: Timeouts,
    local: bool,
    client: Option<&Client>,
    limits: &mut Option<Timeouts>,
) -> io::Result<()> {
    // What is set already need not be said again.
    if limits.replace(timeouts) == Some(timeouts) {
        return Ok(());
    }
    match client {
        Some(client) => (client.limits)(timeouts, local).iter().try_for_each(|line| writeln!(out, "{line}")),
        None => comment(
            out,
            &format!(
                "  limits: {} ms for a lock, {} ms for a statement (0: none)",
                timeouts.lock_ms, timeouts.statement_ms
            ),
        ),
    }
}

fn write_statement(out: &mut dyn Write, sql: &str, step: &Step, client: Option<&Client>) -> io::Result<()> {
    match (step.run, client) {
        (Run::External, client) => {
            comment(out, sql)?;
            // What follows was proved behind it.
            match (client, &step.external) {
                (Some(client), Some(external)) => writeln!(out, "{}", (client.check)(&external.done, &step.id)),
                (None, _) | (_, None) => Ok(()),
            }
        }
        (Run::Assert, Some(client)) => writeln!(out, "{}", (client.check)(sql, &step.id)),
        _ => writeln!(out, "{}", terminated(sql)),
    }
}

/// Writes a comment. Whatever the text holds stays in it: every line of it gets its own mark.
fn comment(out: &mut dyn Write, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return writeln!(out, "--");
    }
    // A carriage return ends a comment for the server too.
    for line in text.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
        writeln!(out, "{}", format!("-- {line}").trim_end())?;
    }
    Ok(())
}
