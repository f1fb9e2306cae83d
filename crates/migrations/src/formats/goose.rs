//! goose: `20261121000300_name.sql` or `00003_name.sql`, with `-- +goose Up` and `-- +goose Down` in the file.
//!
//! The tool cuts a side at every line that ends in `;`, in quotes too, and sends what stands between `StatementBegin` and
//! `StatementEnd` as one message. `NO TRANSACTION` holds for both sides of its file: a side that has to be whole all the
//! same is one block, which PostgreSQL takes as one transaction. In SQLite that block begins and ends its own; a block goes to one
//! connection, which statements by themselves need not.
//!
//! Source: runs of 3.29.0; `internal/sqlparser/parser.go` and `migrate.go` of the tool.

#[cfg(test)]
mod tests;

use super::one_message;
use crate::migration::fit;
use crate::text::{plain_text, refusal};
use crate::unchecked::{framed, stays_on, transaction};
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Trouble, Written, header, next_number,
    next_stamp, terminated,
};
use std::collections::BTreeMap;
use time::OffsetDateTime;

pub(super) struct Goose;

const UP: &str = "-- +goose Up";
const DOWN: &str = "-- +goose Down";
const ALONE: &str = "-- +goose NO TRANSACTION";
const BEGIN: &str = "-- +goose StatementBegin";
const END: &str = "-- +goose StatementEnd";

/// Version and name, as the tool takes them: the number before the first `_`, and what follows.
fn parts(stem: &str) -> Option<(i64, &str, &str)> {
    let (version, name) = stem.split_once('_')?;
    Some((version.parse().ok().filter(|n| *n > 0)?, version, name))
}

/// A file as the tool cuts it; each statement with the line on which it begins, from 1.
#[derive(Debug, Default)]
struct Cut {
    up: Vec<(usize, String)>,
    down: Option<Vec<(usize, String)>>,
    transaction: bool,
}

/// Whether the tool takes a line for one of its marks, or refuses the file over it.
fn is_mark(line: &str) -> bool {
    line.trim().starts_with("--") && line.contains("+goose")
}

fn ends_statement(line: &str) -> bool {
    line.split_whitespace().take_while(|word| !word.starts_with("--")).last().is_some_and(|word| word.ends_with(';'))
}

fn is_comment(line: &str) -> bool {
    line.trim().starts_with("--")
}

/// The tool's own parser, for both sides at once: what it refuses, with the line.
fn cut(text: &str) -> Result<Cut, (usize, String)> {
    let mut out = Cut { transaction: true, ..Cut::default() };
    let (mut begun, mut block, mut substitutes) = (false, false, false);
    let (mut held, mut first) = (String::new(), 0);
    let lines: Vec<&str> = text.lines().collect();
    for (n, line) in lines.iter().enumerate().map(|(n, line)| (n + 1, line.strip_suffix('\r').unwrap_or(line))) {
        let mut ends = false;
        if is_mark(line) {
            let unknown = || (n, format!("`{}` is no mark that the tool knows, and it refuses the file", line.trim()));
            let mark = line.replace("--", "").replacen("+goose", "", 1).trim().to_ascii_lowercase();
            if line.starts_with([' ', '\t']) {
                return Err((n, format!("`{}` has to stand at the beginning of its line", line.trim())));
            }
            let open = !held.trim().is_empty();
            match mark.as_str() {
                "up" if begun => return Err((n, format!("a second `{UP}`"))),
                "up" => begun = true,
                "down" if !begun || block || out.down.is_some() => {
                    return Err((n, format!("`{DOWN}` stands where it cannot: once, behind the statements of `{UP}`")));
                }
                "down" if open => return Err((first, "this statement has no `;` at the end of a line".to_owned())),
                "down" => {
                    held.clear();
                    out.down = Some(Vec::new());
                }
                "statementbegin" if !begun || block => {
                    return Err((n, format!("`{BEGIN}` stands before `{UP}` or in another block")));
                }
                "statementbegin" => block = true,
                "statementend" if !block => return Err((n, format!("`{END}` without `{BEGIN}`"))),
                // The tool passes over the next line then.
                "statementend" if !open => return Err((n, "this block holds no statement".to_owned())),
                "statementend" => (block, ends) = (false, true),
                "no transaction" => out.transaction = false,
                "envsub on" => substitutes = true,
                "envsub off" => substitutes = false,
                _ => return Err(unknown()),
            }
        } else if held.is_empty() && (line.is_empty() || is_comment(line)) || !begun && line.trim().is_empty() {
            continue;
        } else if !begun {
            return Err((n, format!("a statement stands before `{UP}`")));
        } else if substitutes && line.contains('$') {
            let words = "the tool puts values of its environment here (`ENVSUB ON`), which are not known";
            return Err((n, words.to_owned()));
        } else {
            if held.trim().is_empty() {
                first = n;
            }
            held.push_str(line);
            held.push('\n');
            ends = !block && ends_statement(line);
        }
        if ends {
            out.down.as_mut().unwrap_or(&mut out.up).push((first, held.trim().to_owned()));
            held.clear();
        }
    }
    if !begun {
        return Err((1, format!("`{UP}` is missing")));
    }
    if block {
        return Err((lines.len(), format!("`{END}` is missing")));
    }
    if !held.trim().is_empty() {
        return Err((first, "this statement has no `;` at the end of a line".to_owned()));
    }
    Ok(out)
}

/// A statement as the tool sends it: comments before it do not go with it.
fn bare(text: &str) -> String {
    let mut text = text.trim();
    while text.starts_with("--") {
        text = text.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
    }
    text.to_owned()
}

/// The statements of a side, and what the tool shall send. `together` makes one message of all.
fn side(sql: &[String], together: bool) -> (String, Vec<String>) {
    let statements: Vec<String> = sql.iter().map(|s| terminated(s)).collect();
    let block = |text: &str| format!("{BEGIN}\n{text}\n{END}\n");
    if together && statements.len() > 1 {
        let all = statements.join("\n");
        return (block(&all), vec![bare(&all)]);
    }
    let mut text = String::new();
    for statement in &statements {
        let is_one = |cut: Cut| matches!(cut.up.as_slice(), [(_, one)] if *one == bare(statement));
        if cut(&format!("{UP}\n{statement}\n")).is_ok_and(is_one) {
            text.push_str(statement);
            text.push('\n');
        } else {
            text.push_str(&block(statement));
        }
    }
    (text, statements.iter().map(|s| bare(s)).collect())
}

/// A side of a file; `is_alone` says that the file has no transaction of the tool.
fn script(dialect: Dialect, mode: Mode, sql: &[String], is_alone: bool) -> (String, Vec<String>) {
    match (dialect, mode) {
        (_, Mode::Unchecked) => side(&framed(sql), true),
        (Dialect::Sqlite, Mode::Whole) if is_alone && sql.len() > 1 => side(&transaction(sql), true),
        (Dialect::Postgres | Dialect::Sqlite, Mode::Whole) => side(sql, is_alone),
        (Dialect::Postgres | Dialect::Sqlite, Mode::Alone) => side(sql, false),
    }
}

impl Format for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn title(&self) -> &'static str {
        "goose"
    }

    fn recognises(&self, files: &Files) -> bool {
        let begins = |path: &str| {
            files.text(path).is_ok_and(|text| text.lines().any(|line| is_mark(line) && line.trim_end().ends_with("Up")))
        };
        files.bytes("atlas.sum").is_none()
            && files.top().any(|path| path.strip_suffix(".sql").is_some_and(|s| parts(s).is_some()) && begins(path))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut found: BTreeMap<i64, Migration> = BTreeMap::new();
        let mut trouble = Vec::new();
        for path in files.top().filter(|path| !path.ends_with("_test.go")) {
            let mut at = |line: usize, code: &str, words: String, help: &str| {
                trouble.extend(Trouble::at(files, path, line, code, words).help(help).0);
            };
            let Some((stem, is_program)) =
                path.strip_suffix(".sql").map(|s| (s, false)).or(path.strip_suffix(".go").map(|s| (s, true)))
            else {
                if path.to_ascii_lowercase().ends_with(".sql") {
                    let words =
                        format!("{path} is passed over by the tool: the name has to end in .sql, in small letters");
                    at(1, "bad-name", words, "rename it");
                }
                continue;
            };
            let Some((number, version, name)) = parts(stem) else {
                if !is_program {
                    let words = format!(
                        "{path} is no migration: the tool wants a number above 0, `_` and a name, and refuses the folder"
                    );
                    at(1, "bad-name", words, "rename it, or move it out of the folder");
                }
                continue;
            };
            if let Some(before) = found.get(&number) {
                let words =
                    format!("{path} and {} have the same version {number}; the tool refuses the folder", before.file);
                at(1, "duplicate-version", words, "give one of them a version of its own");
                continue;
            }
            if is_program {
                let words = format!("{path} is a program, which nothing but the team's own build of the tool can run");
                at(1, "program-migration", words, "write it as SQL");
                continue;
            }
            let text = match plain_text(files, path, ", with which the tool does not find its own marks") {
                Ok(text) => text,
                Err(unreadable) => {
                    trouble.extend(unreadable.0);
                    continue;
                }
            };
            match cut(text) {
                Err((line, words)) => at(line, "bad-migration", words, "correct the marks and the ends of statements"),
                Ok(cut) => {
                    let messages = |side: Vec<(usize, String)>| -> Vec<Message> {
                        side.into_iter().map(|(line, sql)| Message { sql, file: path.to_owned(), line }).collect()
                    };
                    let several = |side: &[Message]| match side {
                        [one] => one_message::several(files.dialect(), one),
                        _ => false,
                    };
                    let up = messages(cut.up);
                    let down = cut.down.map(messages);
                    found.insert(
                        number,
                        Migration {
                            version: version.to_owned(),
                            name: name.to_owned(),
                            file: path.to_owned(),
                            transaction: cut.transaction || several(&up),
                            up,
                            down_transaction: down.as_ref().is_some_and(|down| cut.transaction || several(down)),
                            down,
                        },
                    );
                }
            }
        }
        if trouble.is_empty() { Ok(found.into_values().collect()) } else { Err(Trouble(trouble)) }
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
        let versions = || there.iter().map(|m| m.version.as_str());
        let last = versions().next_back();
        // As the folder has it: times or numbers.
        let stamps = next_stamp(versions(), new.len(), now);
        let is_behind = |v: &String| v.parse::<i64>().ok() > last.and_then(|last| last.parse().ok());
        let next = if last.is_none_or(|v| v.len() >= 14) && stamps.first().is_none_or(is_behind) {
            stamps
        } else {
            next_number(versions(), new.len(), 5)
        };
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(next) {
            let path = format!("{version}_{}.sql", new.slug);
            let is_alone = new.mode != Mode::Whole || new.down.mode() != Mode::Whole;
            let (up, sends_up) = script(dialect, new.mode, &new.up, is_alone);
            let (down, sends_down) = match &new.down {
                Down::By { sql, .. } if sql.is_empty() => ("-- Nothing is taken back.\n".to_owned(), Vec::new()),
                Down::By { mode, sql } => script(dialect, *mode, sql, is_alone),
                Down::Cannot(why) => {
                    let words = refusal(dialect, why);
                    let (comment, statement) = words.split_once('\n').unwrap_or(("--", &words));
                    let (text, sends) = side(&[statement.trim().trim_end_matches(';').to_owned()], false);
                    (format!("{}\n{text}", unmarked(comment)), sends)
                }
            };
            let head = unmarked(&header(&new.summary, "--"));
            let mark = if is_alone { format!("{ALONE}\n") } else { String::new() };
            let text = format!("{head}{mark}{UP}\n{up}\n{DOWN}\n{down}");
            let sent = |side: Vec<(usize, String)>| side.into_iter().map(|(_, sql)| bare(&sql)).collect::<Vec<_>>();
            let is_whole = |cut: Cut| {
                sent(cut.up) == sends_up && cut.down.map(sent) == Some(sends_down) && cut.transaction != is_alone
            };
            if !cut(&text).is_ok_and(is_whole) {
                let words = format!(
                    "{path} cannot be written: in it a line begins with `--` and has `+goose` in it, or ends in a carriage \
                     return, which the tool does not leave as it is"
                );
                return Err(Trouble::new("unwritable-sql", words).help("word that line differently in the schema"));
            }
            written.push(Written { path, text });
        }
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        stays_on(new).into_iter().collect()
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.goose_db_version"],
            Dialect::Sqlite => &["goose_db_version"],
        }
    }

    fn baseline(&self, files: &Files, done: &[Migration], _: OffsetDateTime) -> Result<Baseline, Trouble> {
        let table = match files.dialect() {
            Dialect::Postgres => {
                "CREATE TABLE IF NOT EXISTS goose_db_version (\n    \
                 id integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,\n    \
                 version_id bigint NOT NULL,\n    \
                 is_applied boolean NOT NULL,\n    \
                 tstamp timestamp NOT NULL DEFAULT now()\n)"
            }
            Dialect::Sqlite => {
                "CREATE TABLE IF NOT EXISTS goose_db_version (\n    \
                 id INTEGER PRIMARY KEY AUTOINCREMENT,\n    \
                 version_id INTEGER NOT NULL,\n    \
                 is_applied INTEGER NOT NULL,\n    \
                 tstamp TIMESTAMP DEFAULT (datetime('now'))\n)"
            }
        };
        let mut sql = vec![
            table.to_owned(),
            // The row that the tool's own first run makes.
            "INSERT INTO goose_db_version (version_id, is_applied)\n    \
             SELECT 0, true WHERE NOT EXISTS (SELECT 1 FROM goose_db_version)"
                .to_owned(),
        ];
        for migration in done {
            let Some((number, ..)) = migration.file.strip_suffix(".sql").and_then(parts) else { continue };
            sql.push(format!(
                "INSERT INTO goose_db_version (version_id, is_applied)\n    SELECT {number}, true WHERE NOT EXISTS (\
                 SELECT 1 FROM goose_db_version WHERE version_id = {number} AND is_applied)"
            ));
        }
        Ok(Baseline::by(sql))
    }
}

/// Comments without what the tool would take for its marks.
fn unmarked(comments: &str) -> String {
    comments.replace("+goose", "+ goose")
}
