//! Liquibase with formatted SQL: files that begin with `--liquibase formatted sql`, and `--changeset author:id` above each
//! changeset, `--rollback` lines behind it.
//!
//! What is written has one changeset a file, goes to the driver uncut (`splitStatements:false`: the tool's own splitter does
//! not know dollar quotes) and with its comments (`stripComments:false`: it strips them out of function bodies too).
//! `logicalFilePath` pins the path that the database knows it by, which else depends on the folder the tool is called from.
//! `runInTransaction:false` holds for both directions; several statements that the driver gets at once are one transaction
//! all the same.
//!
//! For SQLite every statement stands before a delimiter (`cut.rs`), and what is to be a transaction without the tool's begins its own.
//!
//! Source: runs of 4.28.0; `AbstractFormattedChangeLogParser` and `AbstractSQLChange` of the tool.

mod changelog;
mod cut;
mod harmless;

use super::one_message::several;
use crate::migration::fit;
use crate::text::{hex, refusal};
use crate::unchecked::{OFF, ON, around, checked, stays_on};
use crate::{
    Baseline, Dialect, Down, Files, Format, Message, Migration, Mode, New, Program, Stuck, Trouble, Written, joined,
    next_number, next_stamp, statements,
};
use changelog::{Changeset, changesets};
use md5::{Digest, Md5};
use std::fmt::Write as _;
use time::OffsetDateTime;

pub(super) struct Liquibase;

fn version(set: &Changeset) -> String {
    format!("{}:{}", set.author, set.id)
}

/// The text without comments, as the tool strips them: it knows quotes, but neither dollar quotes nor nested comments.
fn stripped(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = match c {
            '\'' | '"' => rest[1..].find(c).map(|n| n + 2),
            '-' if rest.starts_with("--") => {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            '/' if rest.starts_with("/*") => {
                rest = &rest[rest.find("*/").map_or(rest.len(), |n| n + 2)..];
                continue;
            }
            _ => Some(c.len_utf8()),
        };
        let (piece, behind) = rest.split_at(end.unwrap_or(rest.len()));
        out.push_str(piece);
        rest = behind;
    }
    out
}

/// A changeset's SQL as messages.
fn messages(
    files: &Files,
    set: &Changeset,
    sql: &str,
    split: bool,
    delimiter: Option<&str>,
) -> Result<Vec<Message>, Trouble> {
    let message = |sql: &str| Message { sql: sql.trim().to_owned(), file: set.file.clone(), line: set.line };
    if files.dialect() == Dialect::Sqlite {
        return pieces(files, set, sql, if split { delimiter.unwrap_or(";") } else { "\0" });
    }
    let found: Vec<Message> = match delimiter {
        Some(delimiter) if split && delimiter != ";" => sql.split(delimiter).map(message).collect(),
        _ if split => statements(files, &set.file, sql, set.line)?,
        _ => vec![message(sql)],
    };
    Ok(found.into_iter().filter(|m| !m.sql.is_empty()).collect())
}

/// The pieces that the driver of SQLite gets, each of which must be one statement.
fn pieces(files: &Files, set: &Changeset, sql: &str, delimiter: &str) -> Result<Vec<Message>, Trouble> {
    let mut found = Vec::new();
    let mut trouble = Vec::new();
    for (at, piece) in cut::cut(sql, delimiter) {
        let line = set.line + sql[..at].matches('\n').count();
        let all = statements(files, &set.file, piece, line)?;
        if let [_, second, ..] = all.as_slice() {
            let words = format!(
                "changeset {} gives the driver of SQLite several statements at once; it runs the first and passes over the others",
                version(set)
            );
            let one = Trouble::at(files, &set.file, second.line, "passed-over", words);
            let help = "write BEGIN TRANSACTION where a transaction begins, and let the tool split statements: \
                        `endDelimiter:@@`, and a line @@ behind each";
            trouble.extend(one.help(help).0);
        }
        if !all.is_empty() {
            found.push(Message { sql: piece.to_owned(), file: set.file.clone(), line });
        }
    }
    if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
}

/// Version 9 of the tool's checksums: blanks do not count.
fn checksum(set: &Changeset) -> String {
    let md5 = |text: &str| format!("9:{}", hex(&Md5::digest(text.as_bytes())));
    let text: String = set.sql.chars().filter(|c| !matches!(c, ' ' | '\n' | '\r' | '\t')).collect();
    md5(&format!("{}:", md5(&text)))
}

impl Format for Liquibase {
    fn name(&self) -> &'static str {
        "liquibase"
    }

    fn title(&self) -> &'static str {
        "Liquibase (formatted SQL)"
    }

    fn recognises(&self, files: &Files) -> bool {
        files.iter().any(|(path, _)| changelog::is_formatted(files, path))
            || files.top().any(|path| changelog::is_other(files, path))
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut found = Vec::new();
        let mut trouble = Vec::new();
        for set in changesets(files)?.into_iter().filter(|set| !set.never) {
            let sql = if set.strip { stripped(&set.sql) } else { set.sql.clone() };
            let up = if set.program {
                Ok(Vec::new())
            } else {
                messages(files, &set, &sql, set.split, set.delimiter.as_deref())
            };
            let nothing =
                |sql: &str| ["empty", "not required"].iter().any(|w| sql.trim().to_lowercase().starts_with(w));
            let down = match &set.rollback {
                Some(sql) if nothing(sql) => Ok(Some(Vec::new())),
                // It names another changeset.
                Some(sql) if sql.to_lowercase().contains("changesetid") => Ok(None),
                Some(sql) => {
                    messages(files, &set, sql, set.rollback_split, set.rollback_delimiter.as_deref()).map(Some)
                }
                None => Ok(None),
            };
            let several = |m: &[Message]| m.iter().any(|m| several(files.dialect(), m));
            match (up, down) {
                (Ok(up), Ok(down)) => found.push(Migration {
                    version: version(&set),
                    name: String::new(),
                    file: set.file.clone(),
                    transaction: set.in_transaction || several(&up),
                    down_transaction: down.as_ref().is_some_and(|d| set.in_transaction || several(d)),
                    up,
                    down,
                }),
                (up, down) => trouble.extend(up.err().into_iter().chain(down.err()).flat_map(|t| t.0)),
            }
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
        let sql = || files.iter().map(|(path, _)| path).filter(|path| changelog::is_formatted(files, path));
        let last = sql().last();
        let folder = last.and_then(|path| path.rsplit_once('/')).map_or(String::new(), |(dir, _)| format!("{dir}/"));
        let digits = |name: &str| {
            let name = name.rsplit('/').next().unwrap_or_default();
            name[..name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len())].to_owned()
        };
        let numbers: Vec<String> = sql()
            .map(digits)
            .chain(there.iter().map(|m| digits(m.version.rsplit(':').next().unwrap_or_default())))
            .collect();
        let width = last.map(digits).unwrap_or_default().len();
        let there = || numbers.iter().map(String::as_str);
        let next = if (1..14).contains(&width) {
            next_number(there().filter(|n| n.len() == width), new.len(), width)
        } else {
            next_stamp(there(), new.len(), now)
        };
        let mut written = Vec::new();
        let mut trouble = Vec::new();
        for (new, number) in new.iter().zip(next) {
            let id = format!("{number}_{}", new.slug);
            let path = format!("{folder}{id}.sql");
            if last.is_some_and(|last| last >= path.as_str()) {
                let words = format!(
                    "Liquibase runs files in the order of their paths, and {path} would come before {}",
                    last.unwrap_or_default()
                );
                let found = Trouble::new("no-next-version", words);
                return Err(found.help("begin the names of the files with numbers or times"));
            }
            match changeset(files.dialect(), new, &id) {
                Ok(text) => written.push(Written { path, text }),
                Err(found) => trouble.extend(found.0),
            }
        }
        if !trouble.is_empty() {
            return Err(Trouble(trouble));
        }
        written.extend(including(files, &written)?);
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        let mut found: Vec<String> = stays_on(new).into_iter().collect();
        if new.iter().any(|n| n.mode == Mode::Alone) {
            found.push(
                "A changeset without a transaction that is stopped half-way leaves what it did and a held lock: \
                 `liquibase release-locks`, look at what is there, and run it again."
                    .to_owned(),
            );
        }
        found
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["*.databasechangelog", "*.databasechangeloglock"],
            Dialect::Sqlite => {
                &["DATABASECHANGELOG", "DATABASECHANGELOGLOCK", "databasechangelog", "databasechangeloglock"]
            }
        }
    }

    fn stuck(&self, _: Dialect) -> Option<Stuck> {
        Some(Stuck {
            table: "databasechangeloglock",
            sql: "SELECT 'the lock is held by ' || coalesce(lockedby, 'somebody') FROM databasechangeloglock WHERE locked",
            mend: "where no run is under way, `liquibase release-locks`",
        })
    }

    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        let literal = |text: &str| files.dialect().literal(text);
        let sets = changesets(files)?;
        let utc = now.to_offset(time::UtcOffset::UTC);
        let (table, time) = match files.dialect() {
            Dialect::Postgres => (LOG, utc.format(&time::format_description::well_known::Rfc3339)),
            Dialect::Sqlite => (LOG_OF_SQLITE, utc.format(TIME)),
        };
        let time = time.unwrap_or_default();
        let mut sql = vec![table.to_owned()];
        let mut trouble = Vec::new();
        for one in done {
            let Some(set) = sets.iter().find(|s| s.file == one.file && version(s) == one.version) else {
                let words = format!("{} is not in {}", one.version, files.shown(&one.file));
                trouble.extend(Trouble::new("unknown-migration", words).0);
                continue;
            };
            let path = match &set.logical {
                Some(path) => path.trim_start_matches("classpath:").trim_start_matches("./"),
                None if changelog::root(files).is_some() => set.file.as_str(),
                None => {
                    let words = format!(
                        "which path Liquibase knows {} by depends on the root changelog, which is not in this folder",
                        one.version
                    );
                    trouble.extend(
                        Trouble::at(files, &set.file, set.line, "unknown-path", words)
                            .help("let the tool write it down: `liquibase changelog-sync`")
                            .0,
                    );
                    continue;
                }
            };
            // Without a sum the tool takes the changeset as it is, and writes its own: for what only it can compute.
            let sum = if set.program { "NULL".to_owned() } else { literal(&checksum(set)) };
            let (author, id, path) = (literal(&set.author), literal(&set.id), literal(path));
            sql.push(format!(
                "INSERT INTO databasechangelog (id, author, filename, dateexecuted, orderexecuted, exectype, md5sum, \
                 description, comments) SELECT {id}, {author}, {path}, '{time}', \
                 coalesce((SELECT max(orderexecuted) FROM databasechangelog), 0) + 1, 'EXECUTED', {sum}, 'sql', '' \
                 WHERE NOT EXISTS (SELECT 1 FROM databasechangelog WHERE id = {id} AND author = {author} AND filename = {path})"
            ));
        }
        if trouble.is_empty() { Ok(Baseline::by(sql)) } else { Err(Trouble(trouble)) }
    }

    fn program(&self, _: Dialect) -> Option<Program> {
        Some(Program {
            words: &["liquibase", "update"],
            needs: "liquibase.properties must name the changelog and take the database from the environment",
        })
    }
}

/// The tool's table, as it makes it; it makes that of its lock itself.
const LOG: &str = "CREATE TABLE IF NOT EXISTS databasechangelog (id varchar(255) NOT NULL, author varchar(255) NOT NULL, \
     filename varchar(255) NOT NULL, dateexecuted timestamp NOT NULL, orderexecuted integer NOT NULL, \
     exectype varchar(10) NOT NULL, md5sum varchar(35), description varchar(255), comments varchar(255), \
     tag varchar(255), liquibase varchar(20), contexts varchar(255), labels varchar(255), deployment_id varchar(10))";

/// The same in SQLite, which keeps the letters of names as they were written.
const LOG_OF_SQLITE: &str = "CREATE TABLE IF NOT EXISTS DATABASECHANGELOG (ID VARCHAR(255) NOT NULL, AUTHOR VARCHAR(255) NOT NULL, \
     FILENAME VARCHAR(255) NOT NULL, DATEEXECUTED TEXT NOT NULL, ORDEREXECUTED INTEGER NOT NULL, \
     EXECTYPE VARCHAR(10) NOT NULL, MD5SUM VARCHAR(35), DESCRIPTION VARCHAR(255), COMMENTS VARCHAR(255), \
     TAG VARCHAR(255), LIQUIBASE VARCHAR(20), CONTEXTS VARCHAR(255), LABELS VARCHAR(255), DEPLOYMENT_ID VARCHAR(10))";

/// How the tool writes a time of SQLite.
const TIME: time::format_description::StaticFormatDescription =
    time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// A file of one changeset.
fn changeset(dialect: Dialect, new: &New, id: &str) -> Result<String, Trouble> {
    let (words, up, down, in_transaction) = match dialect {
        Dialect::Postgres => uncut(new)?,
        Dialect::Sqlite => delimited(new)?,
    };
    if down.to_lowercase().contains("changesetid") {
        return Err(refused(&down));
    }
    let mut text = "--liquibase formatted sql\n".to_owned();
    for line in new.summary.iter().flat_map(|l| l.split(['\n', '\r'])) {
        text.push_str(harmless::comment(&format!("-- {line}")).trim_end());
        text.push('\n');
    }
    let _ = write!(text, "\n--changeset underpin:{id} {words}");
    if !in_transaction {
        text.push_str(" runInTransaction:false");
    }
    let _ = writeln!(text, " logicalFilePath:{id}.sql");
    text.push_str(&up);
    for line in down.trim_end().split('\n') {
        let _ = writeln!(text, "--rollback {line}");
    }
    Ok(text)
}

fn refused(sql: &str) -> Trouble {
    let start: String = sql.chars().take(60).collect();
    let words = format!("Liquibase cannot run this statement as it is: {start}");
    Trouble::new("unwritable-statement", words)
        .help("it holds a `?` operator, `${` or a line like one of Liquibase's own, such as -- rollback; rewrite it")
}

/// What a changeset says of itself, both its sides and whether it runs in the tool's transaction.
type Sides = (String, String, String, bool);

/// The sides as the driver of PostgreSQL gets them, each at once.
fn uncut(new: &New) -> Result<Sides, Trouble> {
    let harmless = |sql: &[String], alone: bool| -> Result<Vec<String>, Trouble> {
        sql.iter().map(|sql| harmless::statement(sql, alone).ok_or_else(|| refused(sql))).collect()
    };
    let alone = |mode: Mode| mode != Mode::Whole;
    let down = match &new.down {
        Down::By { sql, .. } if sql.is_empty() => "empty".to_owned(),
        Down::By { mode, sql } => joined(&harmless(sql, alone(*mode))?),
        Down::Cannot(why) => {
            let stop = refusal(Dialect::Postgres, why).trim_end().trim_end_matches(';').to_owned();
            joined(&harmless(&[stop], false)?)
        }
    };
    let up = joined(&harmless(&new.up, alone(new.mode))?);
    let words = "splitStatements:false stripComments:false rollbackSplitStatements:false".to_owned();
    Ok((words, up, down, !alone(new.mode) && !alone(new.down.mode())))
}

/// The sides as the driver of SQLite gets them, statement by statement.
fn delimited(new: &New) -> Result<Sides, Trouble> {
    let in_transaction = new.mode == Mode::Whole && new.down.mode() == Mode::Whole;
    let own = |sql: &[String]| around(&["BEGIN TRANSACTION"], sql, &["COMMIT"]);
    let framed = |mode: Mode, sql: &[String]| match mode {
        Mode::Whole if !in_transaction && sql.len() > 1 => own(sql),
        Mode::Whole | Mode::Alone => sql.to_vec(),
        Mode::Unchecked => around(&[OFF], &own(&checked(sql)), &[ON]),
    };
    let up = framed(new.mode, &new.up);
    let down = match &new.down {
        Down::By { mode, sql } => framed(*mode, sql),
        Down::Cannot(why) => vec![refusal(Dialect::Sqlite, why).trim_end().trim_end_matches(';').to_owned()],
    };
    let mark = cut::delimiter(up.iter().chain(&down));
    let script = |sql: &[String]| -> Result<String, Trouble> {
        if let Some(refused_one) = sql.iter().find(|sql| harmless::as_it_is(sql).is_none()) {
            return Err(refused(refused_one));
        }
        cut::script(sql, &mark).ok_or_else(|| {
            let words = format!("Liquibase would cut the statements of {} otherwise than SQLite", new.slug);
            Trouble::new("unwritable-statement", words)
                .help("look for quotes in names between backticks or brackets, and for names `begin` and `end`")
        })
    };
    let words = format!("stripComments:false endDelimiter:{mark} rollbackEndDelimiter:{mark}");
    let down = if down.is_empty() { "empty".to_owned() } else { script(&down)? };
    Ok((words, script(&up)?, down, in_transaction))
}

/// The root changelog with the new files, where it names each file.
fn including(files: &Files, written: &[Written]) -> Result<Option<Written>, Trouble> {
    let Some(root) = changelog::root(files) else { return Ok(None) };
    let missing: Vec<&str> =
        written.iter().map(|w| w.path.as_str()).filter(|path| !changelog::covers(files, path)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let text = files.text(root)?;
    let text = if let Some(end) = text.rfind("</databaseChangeLog>") {
        let lines: String = missing
            .iter()
            .map(|path| format!("    <include file=\"{path}\" relativeToChangelogFile=\"true\"/>\n"))
            .collect();
        format!("{}{lines}{}", &text[..end], &text[end..])
    } else if root.ends_with(".json") {
        let words = format!("{root} does not include {}", missing.join(", "));
        return Err(
            Trouble::at(files, root, 1, "not-included", words).help("use includeAll for the folder of the files")
        );
    } else {
        let indent = text
            .lines()
            .find(|l| l.trim_start().starts_with("- "))
            .map_or("  ", |l| &l[..l.len() - l.trim_start().len()]);
        let lines: String = missing
            .iter()
            .map(|path| {
                format!("{indent}- include:\n{indent}    file: {path}\n{indent}    relativeToChangelogFile: true\n")
            })
            .collect();
        format!("{}\n{lines}", text.trim_end())
    };
    Ok(Some(Written { path: root.to_owned(), text }))
}

#[cfg(test)]
mod tests;
