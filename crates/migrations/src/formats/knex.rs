//! Knex: `20261122103000_name.js` (or `.ts`, …), programs with `up` and `down`.
//!
//! Knex puts all that is pending into one transaction, and each file into its own as soon as one of them says
//! `transaction: false`. Several new migrations that are planned as a transaction each say so therefore, and begin theirs
//! themselves. Of PostgreSQL `?` is a placeholder in quotes, bodies and comments too: `\?` is one that is not.
//!
//! Source: runs of 3.3.0, with better-sqlite3 and sqlite3 too; `lib/migrations` and `positionBindings` in `lib/dialects/postgres` of
//! the tool.

use super::javascript::{Style, UNCHECKED, comments, like, string, template, unchecked, unchecked_call};
use crate::migration::fit;
use crate::names::{is_digits, numbered};
use crate::text::cannot;
use crate::unchecked::checked;
use crate::{
    Baseline, Dialect, Down, Files, Format, Migration, Mode, New, Program, Stuck, Trouble, Written, next_stamp,
};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use time::OffsetDateTime;

/// What the tool loads where the configuration says nothing else.
const LOADED: [&str; 9] = ["co", "coffee", "eg", "iced", "js", "cjs", "litcoffee", "ls", "ts"];

static UP: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*exports\.up\s*=|^\s*export\s+(?:async\s+)?function\s+up\b|^\s*export\s+const\s+up\b").ok()
});
static DOWN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\bexports\.down\b|\bfunction\s+down\b|\bconst\s+down\b|\bdown\s*[:(]").ok());
static ALONE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\btransaction\s*:\s*false\b").ok());

pub(super) struct Knex;

fn found<'a>(pattern: &LazyLock<Option<Regex>>, text: &'a str) -> Option<regex::Match<'a>> {
    pattern.as_ref().and_then(|p| p.find(text))
}

fn ending(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(_, end)| end)
}

fn stem(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(stem, _)| stem)
}

/// Version and name.
fn parts(path: &str) -> (&str, &str) {
    numbered(stem(path))
}

/// The files that the tool takes for migrations. Modules (`mjs`) only where nothing else is there: the team has to name their
/// ending, and that list holds instead of the tool's own.
fn taken(files: &Files) -> Vec<&str> {
    let of = |endings: &[&str]| files.top().filter(|p| endings.contains(&ending(p))).collect::<Vec<_>>();
    let mut paths = of(&LOADED);
    if paths.is_empty() {
        paths = of(&["mjs"]);
    }
    // As the tool compares them.
    paths.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    paths
}

/// What in the folder the tool passes over, though it looks like a migration.
fn passed_over(files: &Files, taken: &[&str]) -> Vec<Trouble> {
    let mut trouble = Vec::new();
    let loads = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        taken.iter().any(|t| stem(t) == stem(name))
            || taken.iter().any(|t| files.text(t).is_ok_and(|text| text.contains(name)))
    };
    for (path, _) in files.iter().filter(|(p, _)| !taken.contains(p)) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if !name.split_once('_').is_some_and(|(version, _)| is_digits(version, 14)) {
            continue;
        }
        let (why, help) = match ending(name) {
            "sql" if !loads(path) => ("it runs programs, not SQL", "move it out of the folder, or into a program"),
            "mjs" if !path.contains('/') => {
                ("it does not load .mjs beside other files", "name all endings in `loadExtensions`, or keep to one")
            }
            end if path.contains('/') && (LOADED.contains(&end) || end == "mjs") => {
                ("it does not look into folders", "name the inner folder as the folder of migrations")
            }
            _ => continue,
        };
        let words = format!("{path} looks like a migration, but knex passes over it: {why}");
        trouble.push(Trouble::at(files, path, 1, "ignored-migration", words).help(help));
    }
    trouble
}

fn troubles(files: &Files, taken: &[&str]) -> Result<(), Trouble> {
    let mut trouble = passed_over(files, taken);
    let mut stems: BTreeMap<&str, &str> = BTreeMap::new();
    for path in taken {
        if path.ends_with(".d.ts") {
            let words = format!("{path} holds types only; knex takes every .ts for a migration and refuses this one");
            trouble
                .push(Trouble::at(files, path, 1, "bad-migration", words).help(
                    "move it out of the folder, or set `loadExtensions` and name the folder of what is compiled",
                ));
            continue;
        }
        if let Some(before) = stems.insert(stem(path), path) {
            let words = format!("{path} and {before} are one migration in two files; knex runs both");
            trouble.push(
                Trouble::at(files, path, 1, "duplicate-version", words)
                    .help("keep one of them: the name with its ending is recorded in the database"),
            );
        }
        let text = match files.text(path) {
            Ok(text) => text,
            Err(unreadable) => {
                trouble.push(unreadable);
                continue;
            }
        };
        for side in ["up", "down"] {
            if !Regex::new(&format!(r"\b{side}\b")).is_ok_and(|p| p.is_match(text)) {
                let words = format!("{path} has no `{side}`; knex takes every file of the folder for a migration");
                trouble.push(
                    Trouble::at(files, path, 1, "bad-migration", words)
                        .help("give it both sides, or move it out of the folder"),
                );
            }
        }
    }
    if trouble.is_empty() { Ok(()) } else { Err(Trouble(trouble.into_iter().flat_map(|t| t.0).collect())) }
}

impl Format for Knex {
    fn name(&self) -> &'static str {
        "knex"
    }

    fn title(&self) -> &'static str {
        "Knex"
    }

    fn recognises(&self, files: &Files) -> bool {
        // Others have files of the same form, but their programs are given something else.
        files
            .top()
            .filter(|p| ["js", "cjs", "mjs", "ts"].contains(&ending(p)))
            .any(|p| files.text(p).is_ok_and(|t| found(&UP, t).is_some() && t.to_lowercase().contains("knex")))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let paths = taken(files);
        troubles(files, &paths)?;
        paths
            .into_iter()
            .map(|path| {
                let text = files.text(path)?;
                let (version, name) = parts(path);
                let begins = found(&DOWN, text).map_or(text.len(), |m| m.start());
                let alone = found(&ALONE, text).is_some();
                // Without the tool's transaction, a side may still begin its own.
                let in_one = |side: &str| !alone || side.contains(".transaction(");
                Ok(Migration {
                    version: version.to_owned(),
                    name: name.to_owned(),
                    file: path.to_owned(),
                    transaction: in_one(&text[..begins]),
                    up: Vec::new(),
                    down: Some(Vec::new()),
                    down_transaction: in_one(&text[begins..]),
                })
            })
            .collect()
    }

    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let last = there.last().map(|m| Ok((m.file.as_str(), files.text(&m.file)?))).transpose()?;
        let (end, style) = like(last, ("js", Style::Common));
        let versions = next_stamp(there.iter().map(|m| m.version.as_str()), new.len(), now);
        let mut written = Vec::new();
        for (one, version) in new.iter().zip(versions) {
            let path = format!("{version}_{}.{end}", one.slug);
            if let Some(later) = there.iter().find(|m| m.file.encode_utf16().ge(path.encode_utf16())) {
                let words = format!("{} would run before {}: knex goes by the names of the files", path, later.file);
                return Err(Trouble::at(files, &later.file, 1, "no-later-version", words).help(
                    "names that begin with a time, such as 20261122103000_name, go in the order of their making",
                ));
            }
            written.push(Written { path, text: program(files.dialect(), one, new.len() > 1, style) });
        }
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        let mut advice = Vec::new();
        if new.iter().any(|n| n.mode != Mode::Whole) || new.len() > 1 {
            advice.push(
                "Knex records a migration that says `transaction: false` after it ran, not with it; where a run is cut \
                 off in between, record it by hand or take it back before the next run."
                    .to_owned(),
            );
        }
        advice
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.knex_migrations", "*.knex_migrations_lock"],
            Dialect::Sqlite => &["knex_migrations", "knex_migrations_lock"],
        }
    }

    fn stuck(&self, _: Dialect) -> Option<Stuck> {
        Some(Stuck {
            table: "knex_migrations_lock",
            sql: "SELECT 'a run that was killed holds the lock' FROM knex_migrations_lock WHERE is_locked = 1",
            mend: "where no run is under way, `knex migrate:unlock`",
        })
    }

    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        let dialect = files.dialect();
        let (tables, now) = match dialect {
            Dialect::Postgres => (
                [
                    r#"CREATE TABLE IF NOT EXISTS "knex_migrations" ("id" serial PRIMARY KEY, "name" varchar(255), "batch" integer, "migration_time" timestamptz)"#,
                    r#"CREATE TABLE IF NOT EXISTS "knex_migrations_lock" ("index" serial PRIMARY KEY, "is_locked" integer)"#,
                ],
                "now()".to_owned(),
            ),
            Dialect::Sqlite => (
                [
                    "CREATE TABLE IF NOT EXISTS `knex_migrations` (`id` integer not null primary key autoincrement, `name` varchar(255), `batch` integer, `migration_time` datetime)",
                    "CREATE TABLE IF NOT EXISTS `knex_migrations_lock` (`index` integer not null primary key autoincrement, `is_locked` integer)",
                ],
                (now.unix_timestamp_nanos() / 1_000_000).to_string(),
            ),
        };
        let mut sql: Vec<String> = tables.into_iter().map(str::to_owned).collect();
        sql.push(
            r#"INSERT INTO "knex_migrations_lock" ("is_locked") SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM "knex_migrations_lock")"#.to_owned(),
        );
        // One run, one batch: a statement, for the number is the next one.
        if !done.is_empty() {
            let names: Vec<String> =
                done.iter().enumerate().map(|(n, m)| format!("({n}, {})", dialect.literal(&m.file))).collect();
            let names = names.join(", ");
            let from = match dialect {
                Dialect::Postgres => format!("(VALUES {names}) AS done (place, name)"),
                Dialect::Sqlite => format!("(SELECT column1 AS place, column2 AS name FROM (VALUES {names})) AS done"),
            };
            sql.push(format!(
                r#"INSERT INTO "knex_migrations" ("name", "batch", "migration_time") SELECT done.name, (SELECT coalesce(max("batch"), 0) + 1 FROM "knex_migrations"), {now} FROM {from} WHERE done.name NOT IN (SELECT "name" FROM "knex_migrations") ORDER BY done.place"#
            ));
        }
        Ok(Baseline::by(sql))
    }

    fn program(&self, _: Dialect) -> Option<Program> {
        Some(Program {
            words: &["npx", "--no-install", "knex", "migrate:latest"],
            needs: "the knexfile has to take its connection from DATABASE_URL, or its file of SQLite from DATABASE_FILE, and its folder of migrations has to be this one",
        })
    }
}

/// The call that sends a statement. Of PostgreSQL the tool takes away backslashes that stand before a question mark, however they
/// are written, so that such a statement goes past it. Of SQLite it leaves a statement as it is.
fn call(dialect: Dialect, on: &str, sql: &str) -> String {
    match dialect {
        Dialect::Postgres if sql.contains("\\?") => format!("await asItStands({on}, {});\n", template(sql)),
        Dialect::Postgres => format!("await {on}.raw({});\n", template(&sql.replace('?', "\\?"))),
        Dialect::Sqlite => format!("await {on}.raw({});\n", template(sql)),
    }
}

/// The lines of a side. `own`: the tool begins no transaction for it, and it is to be one.
fn body(dialect: Dialect, mode: Mode, sql: &[String], own: bool) -> String {
    match (mode, sql) {
        (_, []) => "  // Nothing is taken back.\n".to_owned(),
        (Mode::Whole, sql) if own => {
            let calls: String = sql.iter().map(|s| format!("    {}", call(dialect, "trx", s))).collect();
            format!("  await knex.transaction(async (trx) => {{\n{calls}  }});\n")
        }
        (Mode::Whole | Mode::Alone, sql) => sql.iter().map(|s| format!("  {}", call(dialect, "knex", s))).collect(),
        (Mode::Unchecked, sql) => unchecked_call("knex", &checked(sql), "  "),
    }
}

fn program(dialect: Dialect, new: &New, separate: bool, style: Style) -> String {
    let alone = separate || new.mode != Mode::Whole || new.down.mode() != Mode::Whole;
    let up = body(dialect, new.mode, &new.up, alone);
    let down = match &new.down {
        Down::By { mode, sql } => body(dialect, *mode, sql, alone),
        Down::Cannot(why) => {
            format!("  throw new Error({});\n", string(&cannot(why)))
        }
    };
    let typed = style == Style::Types;
    let function = |side: &str, body: &str| {
        // A name that is not used is an error under the stricter settings of TypeScript.
        let name = if typed && !body.contains("knex") { "_knex" } else { "knex" };
        match style {
            Style::Common => format!("exports.{side} = async function ({name}) {{\n{body}}};\n"),
            Style::Module => format!("export async function {side}({name}) {{\n{body}}}\n"),
            Style::Types => format!("export async function {side}({name}: Knex): Promise<void> {{\n{body}}}\n"),
        }
    };
    let mut text = comments(&new.summary);
    if typed {
        text += "import type { Knex } from 'knex';\n";
    }
    text += &format!("\n{}\n{}", function("up", &up), function("down", &down));
    if alone {
        if new.mode == Mode::Whole {
            text += "\n// Not in one transaction with other migrations: each side that is one begins its own.";
        }
        text += match style {
            Style::Common => "\nexports.config = { transaction: false };\n",
            Style::Module | Style::Types => "\nexport const config = { transaction: false };\n",
        };
    }
    if up.contains("withoutForeignKeys(") || down.contains("withoutForeignKeys(") {
        let (knex, sql, statements, gives) = if typed {
            ("knex: Knex", "sql: string", "statements: string[]", ": Promise<void>")
        } else {
            ("knex", "sql", "statements", "")
        };
        text += &format!(
            "\n{UNCHECKED}async function withoutForeignKeys({knex}, {statements}){gives} {{\n\
             \x20 const connection = await knex.client.acquireConnection();\n\
             \x20 const run = async ({sql}) => knex.raw(sql).connection(connection);\n\
             \x20 try {{\n{}  }} finally {{\n    await knex.client.releaseConnection(connection);\n  }}\n}}\n",
            unchecked("    ")
        );
    }
    if up.contains("asItStands(") || down.contains("asItStands(") {
        let (knex, sql, gives) =
            if typed { ("knex: Knex", "sql: string", ": Promise<void>") } else { ("knex", "sql", "") };
        text += &format!(
            "\n// knex.raw() takes away backslashes before a question mark.\n\
             async function asItStands({knex}, {sql}){gives} {{\n\
             \x20 const connection = await knex.client.acquireConnection();\n\
             \x20 try {{\n    await connection.query(sql);\n  }} finally {{\n\
             \x20   await knex.client.releaseConnection(connection);\n  }}\n}}\n"
        );
    }
    text
}

#[cfg(test)]
mod tests;
