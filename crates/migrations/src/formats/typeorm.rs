//! TypeORM: `1795221000000-Name.ts` (or `.js`, …), classes with `up` and `down` whose names end in a time of 13 digits.
//!
//! TypeORM puts all that is pending into one transaction (`all`) where the team does not say `each`. A class that says
//! `transaction` itself stops such a run before anything is done, so that several new migrations say it, each. Taking back
//! heeds no such mark: a side that must not be in a transaction ends the one it finds, and begins another for the record. Foreign keys
//! of SQLite the tool switches off on the way up, but for the mode `none`; on the way back it does so inside of a transaction, where
//! that does nothing. Both sides do it themselves, in any mode.
//!
//! Source: runs of 1.1.1; `migration/MigrationExecutor` of the tool.

use super::javascript::{Style, UNCHECKED, comments, like, string, template, unchecked, unchecked_call};
use crate::migration::fit;
use crate::names::is_digits;
use crate::text::{cannot, line_of};
use crate::unchecked::checked;
use crate::{Baseline, Dialect, Down, Files, Format, Migration, Mode, New, Program, Trouble, Written};
use regex::Regex;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use time::OffsetDateTime;

/// What the tool loads; types alone (`.d.ts`) it leaves out.
const LOADED: [&str; 6] = [".js", ".mjs", ".cjs", ".ts", ".mts", ".cts"];

static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?m)^[ \t]*(?:module\.exports\s*=\s*|exports\.\w+\s*=\s*|(?:let|const|var)\s+\w+\s*=\s*|export\s+(?:default\s+)?)?class\s+(\w+)",
    )
    .ok()
});
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(?m)^\s*(?:(?:public|readonly|this\.)\s*)*name\s*(?::\s*string\s*)?=\s*['"`](\w+)['"`]"#).ok()
});
static ALONE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?m)^\s*(?:(?:public|readonly|this\.)\s*)*transaction\s*(?::\s*\w+\s*)?=\s*false\b").ok()
});
static UP: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bup\s*\(").ok());
static DOWN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\bdown\s*\(").ok());

pub(super) struct TypeOrm;

/// A class of a file that is a migration.
struct Class<'a> {
    file: &'a str,
    line: usize,
    /// What the tool records: its field `name`, else its own name.
    name: &'a str,
    /// What stands before its methods.
    fields: &'a str,
    text: &'a str,
}

impl Class<'_> {
    /// As the tool takes it: the last 13 characters.
    fn time(&self) -> Option<i64> {
        let last = self.name.get(self.name.len().checked_sub(13)?..)?;
        is_time(last).then(|| last.parse().ok()).flatten().filter(|time| *time > 0)
    }
}

fn is_loaded(path: &str) -> bool {
    LOADED.iter().any(|end| path.ends_with(end)) && !path.ends_with(".d.ts")
}

/// The classes of a text that work on a query runner.
fn classes<'a>(file: &'a str, text: &'a str) -> Vec<Class<'a>> {
    let found: Vec<regex::Match<'a>> =
        CLASS.as_ref().map(|p| p.captures_iter(text).filter_map(|c| c.get(1)).collect()).unwrap_or_default();
    found
        .iter()
        .enumerate()
        .filter_map(|(n, class)| {
            let (start, own) = (class.start(), class.as_str());
            let text_of = &text[start..found.get(n + 1).map_or(text.len(), regex::Match::start)];
            // What stands in a method may be SQL, where such words are something else.
            let fields = &text_of[..UP.as_ref().and_then(|p| p.find(text_of)).map_or(text_of.len(), |m| m.start())];
            let named = NAME.as_ref().and_then(|p| p.captures(fields)?.get(1)).map(|m| m.as_str());
            let is_migration = text.contains("MigrationInterface")
                || text_of.contains("queryRunner")
                || text_of.contains("QueryRunner");
            (is_migration && text_of.contains("up")).then(|| Class {
                file,
                line: line_of(text, start),
                name: named.unwrap_or(own),
                fields,
                text: text_of,
            })
        })
        .collect()
}

impl Format for TypeOrm {
    fn name(&self) -> &'static str {
        "typeorm"
    }

    fn title(&self) -> &'static str {
        "TypeORM"
    }

    fn recognises(&self, files: &Files) -> bool {
        files
            .iter()
            .filter(|(path, _)| is_loaded(path))
            .any(|(path, _)| files.text(path).is_ok_and(|t| classes(path, t).iter().any(|c| c.time().is_some())))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut trouble = Vec::new();
        let mut names: BTreeMap<&str, &str> = BTreeMap::new();
        let mut all: BTreeMap<i64, Class<'_>> = BTreeMap::new();
        for (path, _) in files.iter().filter(|(path, _)| is_loaded(path)) {
            let text = match files.text(path) {
                Ok(text) => text,
                Err(unreadable) => {
                    trouble.extend(unreadable.0);
                    continue;
                }
            };
            let classes = classes(path, text);
            let looks = path.rsplit('/').next().is_some_and(|n| n.split('-').next().is_some_and(is_time));
            if classes.is_empty() && looks {
                let words = format!("{path} is named like a migration, but holds no class that is one");
                trouble.extend(Trouble::at(files, path, 1, "bad-migration", words).0);
            }
            for class in classes {
                let Some(time) = class.time() else {
                    let words = format!(
                        "{}: the name of a migration ends in a time of 13 digits, this one does not: {}",
                        class.file, class.name
                    );
                    trouble.extend(
                        Trouble::at(files, path, class.line, "bad-name", words)
                            .help("TypeORM goes by the last 13 characters of the name of the class, not of the file")
                            .0,
                    );
                    continue;
                };
                if let Some(before) = names.insert(class.name, path) {
                    let words = format!("{path} and {before} both hold {}; TypeORM refuses the folder", class.name);
                    trouble.extend(
                        Trouble::at(files, path, class.line, "duplicate-version", words)
                            .help("keep programs and what is compiled of them in folders of their own")
                            .0,
                    );
                } else if let Some(before) = all.get(&time) {
                    let words = format!(
                        "{} and {} have the same time {time}: which of them runs first is chance",
                        class.name, before.name
                    );
                    trouble.extend(
                        Trouble::at(files, path, class.line, "duplicate-version", words)
                            .help("give one of them a time of its own")
                            .0,
                    );
                } else {
                    all.insert(time, class);
                }
            }
        }
        if !trouble.is_empty() {
            return Err(Trouble(trouble));
        }
        let migration = |(time, class): (i64, Class<'_>)| {
            let down = DOWN.as_ref().and_then(|p| p.find(class.text)).map_or("", |m| &class.text[m.start()..]);
            Migration {
                version: format!("{time:013}"),
                name: class.name.to_owned(),
                file: class.file.to_owned(),
                transaction: !ALONE.as_ref().is_some_and(|p| p.is_match(class.fields)),
                up: Vec::new(),
                down: Some(Vec::new()),
                down_transaction: !down.contains(".commitTransaction("),
            }
        };
        Ok(all.into_iter().map(migration).collect())
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
        let (end, style) = like(last, ("ts", Style::Types));
        // Where the last one lies in a folder of its own, the team's pattern finds it there.
        let folder = last.and_then(|(path, _)| path.rfind('/').map(|at| &path[..=at])).unwrap_or_default();
        let greatest = there.iter().filter_map(|m| m.version.parse::<i64>().ok()).max();
        let now = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
        let first = greatest.map_or(now, |g| now.max(g + 1));
        let written = new.iter().zip(first..).map(|(one, time)| {
            let name = pascal(&one.slug);
            let text = program(one, new.len() > 1, style, &format!("{name}{time}"));
            Written { path: format!("{folder}{time}-{name}.{end}"), text }
        });
        Ok(written.collect())
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        let mut advice = Vec::new();
        if new.len() > 1 || new.iter().any(|n| n.mode == Mode::Alone) {
            advice.push(
                "TypeORM has to run a transaction for each migration: set `migrationsTransactionMode: 'each'` in the DataSource, \
                 or run `typeorm migration:run -t each`. With the default, `all`, it refuses these migrations before it does \
                 anything."
                    .to_owned(),
            );
        } else if new.iter().any(|n| n.mode == Mode::Unchecked) {
            advice.push(
                "This migration ends the transaction that it is run in, to switch foreign keys off; where TypeORM runs all that is \
                 pending in one (its default, `all`), what stands before it stays where a later one fails."
                    .to_owned(),
            );
        }
        advice
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.migrations", "*.typeorm_metadata"],
            Dialect::Sqlite => &["migrations", "typeorm_metadata"],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let table = match files.dialect() {
            // The name of the key is the tool's, a hash of the table's name and its column's.
            Dialect::Postgres => {
                r#"CREATE TABLE IF NOT EXISTS "migrations" ("id" SERIAL NOT NULL, "timestamp" bigint NOT NULL, "name" character varying NOT NULL, CONSTRAINT "PK_8c82d7f526340ab734260ea46be" PRIMARY KEY ("id"))"#
            }
            Dialect::Sqlite => {
                r#"CREATE TABLE IF NOT EXISTS "migrations" ("id" integer PRIMARY KEY AUTOINCREMENT NOT NULL, "timestamp" bigint NOT NULL, "name" varchar NOT NULL)"#
            }
        };
        let mut sql = vec![table.to_owned()];
        sql.extend(done.iter().map(|m| {
            let name = files.dialect().literal(&m.name);
            format!(
                r#"INSERT INTO "migrations" ("timestamp", "name") SELECT {}, {name} WHERE NOT EXISTS (SELECT 1 FROM "migrations" WHERE "name" = {name})"#,
                m.version.trim_start_matches('0')
            )
        }));
        Ok(Baseline::by(sql))
    }

    fn program(&self, _: Dialect) -> Option<Program> {
        Some(Program {
            words: &["npx", "--no-install", "typeorm", "migration:run", "-d", "data-source.js", "-t", "each"],
            needs: "data-source.js has to take its database from DATABASE_URL, or its file of SQLite from DATABASE_FILE, to name this folder in `migrations`, and to load \
                    what compiles TypeScript where migrations are written in it",
        })
    }
}

fn is_time(text: &str) -> bool {
    is_digits(text, 13)
}

/// A slug as a class has it: `add_email` is `AddEmail`. No class begins with a digit.
fn pascal(slug: &str) -> String {
    let mut name = String::new();
    for word in slug.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|c| c.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    if name.starts_with(|c: char| c.is_ascii_alphabetic()) { name } else { format!("Migration{name}") }
}

fn queries(sql: &[String]) -> String {
    sql.iter().map(|s| format!("    await queryRunner.query({});\n", template(s))).collect()
}

fn program(new: &New, says: bool, style: Style, class: &str) -> String {
    let typed = style == Style::Types;
    let down = match &new.down {
        Down::By { sql, .. } if sql.is_empty() => "    // Nothing is taken back.\n".to_owned(),
        Down::By { mode: Mode::Whole, sql } => queries(sql),
        Down::By { mode: Mode::Unchecked, sql } => unchecked_call("queryRunner", &checked(sql), "    "),
        Down::By { mode: Mode::Alone, sql } => format!(
            "    // TypeORM takes back in a transaction whatever `transaction` says, and this must not be in one.\n\
             \x20   const inside = queryRunner.isTransactionActive;\n\
             \x20   if (inside) await queryRunner.commitTransaction();\n\
             {}    if (inside) await queryRunner.startTransaction();\n",
            queries(sql)
        ),
        Down::Cannot(why) => {
            format!("    throw new Error({});\n", string(&cannot(why)))
        }
    };
    let method = |side: &str, body: &str| {
        // A name that is not used is an error under the stricter settings of TypeScript.
        let name = if typed && !body.contains("queryRunner") { "_queryRunner" } else { "queryRunner" };
        if typed {
            format!("  public async {side}({name}: QueryRunner): Promise<void> {{\n{body}  }}\n")
        } else {
            format!("  async {side}({name}) {{\n{body}  }}\n")
        }
    };
    let up = match new.mode {
        Mode::Whole | Mode::Alone => queries(&new.up),
        Mode::Unchecked => unchecked_call("queryRunner", &checked(&new.up), "    "),
    };
    let mut text = comments(&new.summary);
    if typed {
        text += "import type { MigrationInterface, QueryRunner } from 'typeorm';\n";
    }
    if up.contains("withoutForeignKeys(") || down.contains("withoutForeignKeys(") {
        let (runner, sql, statements, gives) = if typed {
            ("queryRunner: QueryRunner", "sql: string", "statements: string[]", ": Promise<void>")
        } else {
            ("queryRunner", "sql", "statements", "")
        };
        // Above the class: what stands behind it might be taken for a part of it.
        text += &format!(
            "\n{UNCHECKED}async function withoutForeignKeys({runner}, {statements}){gives} {{\n\
             \x20 const run = ({sql}) => queryRunner.query(sql);\n\
             \x20 const inside = queryRunner.isTransactionActive;\n\
             \x20 if (inside) await queryRunner.commitTransaction();\n\
             \x20 try {{\n{}  }} finally {{\n    if (inside) await queryRunner.startTransaction();\n  }}\n}}\n",
            unchecked("    ")
        );
    }
    text += match style {
        Style::Common => "\nmodule.exports = ",
        Style::Module | Style::Types => "\nexport ",
    };
    text += &format!("class {class}{} {{\n", if typed { " implements MigrationInterface" } else { "" });
    text += &format!("  name = '{class}';\n");
    if says || new.mode == Mode::Alone {
        text += &format!("  transaction = {};\n", new.mode != Mode::Alone);
    }
    text + &format!("\n{}\n{}}}\n", method("up", &up), method("down", &down))
}

#[cfg(test)]
mod tests;
