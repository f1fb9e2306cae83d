//! sqitch: `deploy/NAME.sql`, `revert/NAME.sql`, and `sqitch.plan`, which says their order.
//!
//! `psql` or `sqlite3 -bail` runs the scripts, so a script begins and ends its transaction itself, and `:name` outside of quotes
//! would be a variable of `psql`. Of SQLite the tool keeps its records in a file of its own beside the database. The hash of a deploy script must be the only one of its kind; the header of what is written names the
//! change, so that it is.
//!
//! Source: runs of 1.3.1; `App::Sqitch::Plan`, `Role::DBIEngine` and `Engine::sqlite` of the tool.

mod baseline;
mod plan;

use crate::migration::fit;
use crate::text::{refusal, unwrapped};
use crate::unchecked::framed;
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Program, Trouble, Written, header, joined,
    next_stamp, statements,
};
use plan::{Plan, script_hash};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;
use underpin_sql::{Lexer, SkippedKind, TokenKind};

pub(super) struct Sqitch;

/// Whether `psql` does more with a script than to send its statements: commands of its own, variables, rows.
fn is_program(text: &str) -> bool {
    const HARMLESS: [&str; 6] = ["\\set ON_ERROR_STOP", "\\set QUIET", "\\echo", "\\pset", "\\timing", "\\x"];
    let acts = |s: &underpin_sql::Skipped| {
        s.what != SkippedKind::MetaCommand || !HARMLESS.iter().any(|word| s.text.starts_with(word))
    };
    let mut depth = 0_usize;
    let mut before = TokenKind::Whitespace;
    let variable = Lexer::new(text).any(|token| {
        match token.kind {
            TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseBracket => depth = depth.saturating_sub(1),
            _ => {}
        }
        let is_one = before == TokenKind::Colon && depth == 0 && (token.kind.is_name() || token.kind.is_string());
        // `:=` is no beginning of a variable.
        before =
            if token.kind == TokenKind::Colon && token.text(text) != ":" { TokenKind::Operator } else { token.kind };
        is_one
    });
    variable || underpin_sql::split(text).skipped.iter().any(acts)
}

/// Whether `sqlite3` does more with a script than to send its statements: a command of its own begins where a statement would.
fn is_sqlite_program(all: &[Message]) -> bool {
    all.iter().any(|m| m.sql.starts_with('.'))
}

/// The statements of a script, and whether all of them are in one transaction of the script's own.
fn script(files: &Files, path: &str) -> Result<(Vec<Message>, bool), Trouble> {
    let text = files.text(path)?.trim_start_matches('\u{feff}');
    let all = statements(files, path, text, 1)?;
    let is_program = match files.dialect() {
        Dialect::Postgres => is_program(text),
        Dialect::Sqlite => is_sqlite_program(&all),
    };
    if is_program {
        return Ok((Vec::new(), true));
    }
    Ok(unwrapped(all))
}

/// The statement with nothing in it that `psql` would take for a variable.
fn literal_colons(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut colon = false;
    for token in Lexer::new(sql) {
        if colon && (token.kind.is_name() || token.kind.is_string()) {
            out.push(' ');
        }
        colon = token.kind == TokenKind::Colon && token.text(sql) == ":";
        out.push_str(token.text(sql));
    }
    out
}

fn text_of(dialect: Dialect, head: &str, mode: Mode, sql: &[String]) -> String {
    let sql: Vec<String> = match dialect {
        Dialect::Postgres => sql.iter().map(|s| literal_colons(s)).collect(),
        Dialect::Sqlite => sql.to_vec(),
    };
    match (mode, sql.as_slice()) {
        (_, []) => format!("{head}\n-- Nothing is to be done.\n"),
        (Mode::Whole, sql) => format!("{head}\nBEGIN;\n\n{}\nCOMMIT;\n", joined(sql)),
        (Mode::Alone, sql) => format!("{head}\n{}", joined(sql)),
        (Mode::Unchecked, sql) => format!("{head}\n{}", joined(&framed(sql))),
    }
}

impl Format for Sqitch {
    fn name(&self) -> &'static str {
        "sqitch"
    }

    fn title(&self) -> &'static str {
        "sqitch"
    }

    fn recognises(&self, files: &Files) -> bool {
        plan::path(files).is_some()
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let plan = Plan::read(files)?;
        let mut found = Vec::new();
        let mut trouble = Vec::new();
        let mut hashes: BTreeMap<String, String> = BTreeMap::new();
        let mut known: BTreeSet<String> = BTreeSet::new();
        for change in &plan.changes {
            let (up, down) = (plan.script(&plan.deploy, change), plan.script(&plan.revert, change));
            known.extend([up.clone(), down.clone()]);
            let Some(bytes) = files.bytes(&up) else {
                let words = format!("{up} is not there, and the plan has {}", change.name);
                let one = Trouble::at(files, &plan.path, change.line, "missing-migration", words);
                trouble.extend(one.help("take it from version control").0);
                continue;
            };
            if let Some(before) = hashes.insert(script_hash(bytes), up.clone()) {
                let words = format!("{up} and {before} are the same, byte by byte; sqitch deploys only one of them");
                let one = Trouble::at(files, &up, 1, "duplicate-version", words);
                trouble.extend(one.help("name the change in a comment at the head of each").0);
            }
            let side = |path: &str| files.bytes(path).map(|_| script(files, path)).transpose();
            match (script(files, &up), side(&down)) {
                (Ok((messages, transaction)), Ok(down)) => found.push(Migration {
                    version: change.name.clone(),
                    name: String::new(),
                    file: up,
                    transaction,
                    up: messages,
                    down_transaction: down.as_ref().is_some_and(|d| d.1),
                    down: down.map(|d| d.0),
                }),
                (up, down) => trouble.extend(up.err().into_iter().chain(down.err()).flat_map(|t| t.0)),
            }
        }
        let is_script = |path: &str| {
            (path.starts_with(&plan.deploy) || path.starts_with(&plan.revert)) && path.ends_with(&plan.extension)
        };
        for (path, _) in files.iter().filter(|(path, _)| is_script(path) && !known.contains(*path)) {
            let words = format!("{path} is of no change of {}: sqitch does not run it", plan.path);
            let one = Trouble::at(files, path, 1, "unknown-migration", words);
            trouble.extend(one.help("add its change to the plan with `sqitch add`, or remove it").0);
        }
        if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let dialect = files.dialect();
        let plan = Plan::read(files)?;
        let last = plan.changes.last();
        let user = plan.user.clone().or_else(|| last.map(|l| (l.planner.clone(), l.email.clone())));
        let (user, email) = user.unwrap_or_else(|| ("underpin".to_owned(), "underpin@localhost".to_owned()));
        let digits = |stamp: &str| stamp.chars().filter(char::is_ascii_digit).collect::<String>();
        let stamps: Vec<String> = plan.changes.iter().map(|c| digits(&c.stamp)).collect();
        let stamps = next_stamp(stamps.iter().map(String::as_str), new.len(), now);
        let mut names: Vec<String> = there.iter().map(|m| m.version.clone()).collect();
        let mut text = files.text(&plan.path)?.to_owned();
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        if !text.ends_with('\n') {
            text.push_str(end);
        }
        if plan.changes.is_empty() && !text.ends_with("\n\n") && !text.ends_with("\n\r\n") {
            text.push_str(end);
        }
        let mut written = Vec::new();
        for (new, stamp) in new.iter().zip(stamps) {
            let free =
                |name: &String| !names.contains(name) && files.bytes(&format!("{}{name}.sql", plan.deploy)).is_none();
            let tries = (2..).map(|n| format!("{}_{n}", new.slug));
            let Some(name) = std::iter::once(new.slug.clone()).chain(tries).find(free) else { continue };
            // A name that is there more than once would have to say which one is meant.
            let needs = names.last().filter(|last| names.iter().filter(|n| n == last).count() == 1);
            let needs = needs.map_or(String::new(), |n| format!("[{n}] "));
            let note = new.summary.first().map_or(new.slug.as_str(), String::as_str);
            let note = note.replace(['\n', '\r', '\\'], " ");
            let at = |from: usize, to: usize| stamp.get(from..to).unwrap_or_default();
            let (date, hour) = (format!("{}-{}-{}", at(0, 4), at(4, 6), at(6, 8)), at(8, 10));
            let time = format!("{date}T{hour}:{}:{}Z", at(10, 12), at(12, 14));
            text.push_str(format!("{name} {needs}{time} {user} <{email}> # {}", note.trim()).trim_end());
            text.push_str(end);
            let head = |what: &str| format!("-- {what} {}:{name}\n", plan.project);
            let up = text_of(dialect, &(head("Deploy") + &header(&new.summary, "--")), new.mode, &new.up);
            let down = match &new.down {
                Down::By { mode, sql } => text_of(dialect, &head("Revert"), *mode, sql),
                Down::Cannot(why) => head("Revert") + &refusal(dialect, why),
            };
            let path = |folder: &str| format!("{folder}{name}.{}", plan.extension);
            written.push(Written { path: path(&plan.deploy), text: up });
            written.push(Written { path: path(&plan.revert), text: down });
            names.push(name);
        }
        written.push(Written { path: plan.path, text });
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        let words = "Deploy with `sqitch deploy --mode change`, or set `deploy.mode = change`: by default sqitch takes back \
                     every change of a run when one of them fails.";
        if new.len() > 1 || new.iter().any(|n| n.mode != Mode::Whole) { vec![words.to_owned()] } else { Vec::new() }
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["sqitch", "sqitch.*"],
            Dialect::Sqlite => &[],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        if files.dialect() == Dialect::Sqlite {
            // Its records are in another file.
            let command = (!done.is_empty()).then_some("sqitch deploy --log-only");
            return Ok(Baseline { sql: Vec::new(), command });
        }
        let plan = Plan::read(files)?;
        Ok(Baseline::by(baseline::statements(files, &plan, done)))
    }

    fn program(&self, dialect: Dialect) -> Option<Program> {
        let needs = match dialect {
            Dialect::Postgres => {
                "the target in sqitch.conf must be `db:pg:`, which takes the database from the PG variables"
            }
            Dialect::Sqlite => "the command must deploy to `db:sqlite:` with the path behind it that DATABASE_FILE has",
        };
        Some(Program { words: &["sqitch", "deploy", "--mode", "change"], needs })
    }
}

#[cfg(test)]
mod tests;
