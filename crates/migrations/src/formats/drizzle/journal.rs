//! The layout of 0.31: files that a journal lists. Of a listed file no more than its time decides whether it runs: it has to be
//! later than that of all that ran before, otherwise it is passed over without a word.

use super::{Drizzle, JOURNAL, files_of, folders, hash, next_number, next_stamp, pieces, table};
use crate::names::numbered;
use crate::{Dialect, Files, Migration, New, Trouble, Written};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// The names that the tool has for a database; the first is what it writes. `turso` is SQLite by way of libSQL.
fn names(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Postgres => &["postgresql", "pg"],
        Dialect::Sqlite => &["sqlite", "turso"],
    }
}

/// An entry of the journal.
struct Entry {
    tag: String,
    when: i64,
    idx: i64,
    /// The line of the journal that names it.
    line: usize,
}

fn bad(files: &Files, line: usize, words: &str) -> Trouble {
    Trouble::at(files, JOURNAL, line, "bad-journal", format!("{JOURNAL}: {words}"))
        .help("take it from version control, or put right what a merge left in it")
}

fn journal(files: &Files) -> Result<Map<String, Value>, Trouble> {
    if files.bytes(JOURNAL).is_none() {
        return Ok(Map::new());
    }
    match serde_json::from_str(files.text(JOURNAL)?) {
        Ok(Value::Object(journal)) => Ok(journal),
        Ok(_) => Err(bad(files, 1, "it is no object")),
        Err(e) => Err(bad(files, e.line().max(1), &e.to_string())),
    }
}

/// The entries, as far as they can be read, and what is wrong with them.
fn entries(files: &Files) -> Result<(Vec<Entry>, Vec<Trouble>), Trouble> {
    let journal = journal(files)?;
    if journal.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let text = files.text(JOURNAL)?;
    let mut trouble = Vec::new();
    let names = names(files.dialect());
    let dialect = journal.get("dialect").and_then(Value::as_str).unwrap_or(names[0]);
    if !names.contains(&dialect) {
        let title = files.dialect().title();
        let found = bad(files, 1, &format!("it is of migrations for {dialect}, not for {title}"));
        trouble.push(found.help("say with --dialect which kind of database it is"));
    }
    let Some(list) = journal.get("entries").and_then(Value::as_array) else {
        return Err(bad(files, 1, "it has no list `entries`"));
    };
    let mut found = Vec::new();
    for (n, entry) in list.iter().enumerate() {
        let tag = entry.get("tag").and_then(Value::as_str);
        let when = entry.get("when").and_then(Value::as_i64);
        let (Some(tag), Some(when)) = (tag, when) else {
            trouble.push(bad(files, 1, &format!("entry {n} has no `tag`, or no `when` that is a whole number")));
            continue;
        };
        let quoted = Value::from(tag).to_string();
        let line = text.lines().position(|l| l.contains(&quoted)).map_or(1, |l| l + 1);
        let idx = entry.get("idx").and_then(Value::as_i64).unwrap_or(i64::try_from(n).unwrap_or_default());
        found.push(Entry { tag: tag.to_owned(), when, idx, line });
    }
    Ok((found, trouble))
}

/// What is wrong with the list itself.
fn disorder(files: &Files, entries: &[Entry]) -> Vec<Trouble> {
    let mut trouble = Vec::new();
    let mut tags: BTreeMap<&str, ()> = BTreeMap::new();
    let mut idxs: BTreeMap<i64, &str> = BTreeMap::new();
    let mut last: Option<&Entry> = None;
    for entry in entries {
        if tags.insert(&entry.tag, ()).is_some() {
            trouble.push(
                Trouble::at(files, JOURNAL, entry.line, "duplicate-version", format!("{} is listed twice", entry.tag))
                    .help("keep one of the entries"),
            );
            continue;
        }
        if let Some(before) = idxs.insert(entry.idx, &entry.tag) {
            let words = format!("{} and {before} have the same `idx` {} in {JOURNAL}", entry.tag, entry.idx);
            trouble.push(
                Trouble::at(files, JOURNAL, entry.line, "duplicate-version", words)
                    .help("two branches were merged: take one of them back with `drizzle-kit drop`, and make it anew"),
            );
        }
        if let Some(last) = last.filter(|l| entry.when <= l.when) {
            let words = format!(
                "{} is not later than {} by `when` in {JOURNAL}; where that ran already, Drizzle passes over it without a word",
                entry.tag, last.tag
            );
            trouble.push(
                Trouble::at(files, JOURNAL, entry.line, "out-of-order", words)
                    .help("give the later one a greater `when`, and see which databases lack it"),
            );
        } else {
            last = Some(entry);
        }
    }
    trouble
}

pub(super) fn read(files: &Files) -> Result<Vec<Migration>, Trouble> {
    let (entries, mut trouble) = entries(files)?;
    trouble.extend(disorder(files, &entries));
    let passed_over = |path: &str| {
        let words = format!("{path} is not in {JOURNAL}; Drizzle passes over it");
        Trouble::at(files, path, 1, "unknown-migration", words)
            .help("`drizzle-kit generate --custom` makes an entry; otherwise move it out of the folder")
    };
    let is_listed = |path: &str| path.strip_suffix(".sql").is_some_and(|tag| entries.iter().any(|e| e.tag == tag));
    trouble.extend(files.top().filter(|p| p.ends_with(".sql") && !is_listed(p)).map(passed_over));
    trouble.extend(folders::all(files).map(|folder| passed_over(&format!("{folder}/migration.sql"))));
    let mut migrations = Vec::new();
    for entry in &entries {
        let path = format!("{}.sql", entry.tag);
        if files.bytes(&path).is_none() {
            let words = format!("{path} is missing: {JOURNAL} lists it");
            trouble.push(
                Trouble::at(files, JOURNAL, entry.line, "missing-migration", words)
                    .help("take it from version control"),
            );
            continue;
        }
        match pieces(files, &path) {
            Ok((up, transaction)) => {
                let (version, name) = numbered(&entry.tag);
                migrations.push(Migration {
                    version: version.to_owned(),
                    name: name.to_owned(),
                    file: path,
                    transaction,
                    up,
                    down: None,
                    down_transaction: false,
                });
            }
            Err(bad) => trouble.push(bad),
        }
    }
    if trouble.is_empty() { Ok(migrations) } else { Err(Trouble(trouble.into_iter().flat_map(|t| t.0).collect())) }
}

/// The tags of new files, in the style of the last one.
fn tags(files: &Files, entries: &[Entry], new: &[New], now: OffsetDateTime) -> Result<Vec<String>, Trouble> {
    let versions = || entries.iter().map(|e| numbered(&e.tag).0);
    let last = entries.last().map(|e| numbered(&e.tag));
    let with = |numbers: Vec<String>| -> Vec<String> {
        numbers.iter().zip(new).map(|(number, new)| format!("{number}_{}", new.slug)).collect()
    };
    let is_number = |v: &str| v.bytes().all(|b| b.is_ascii_digit());
    let tags: Vec<String> = match last {
        // Names without a prefix (`prefix: 'none'`): a number in front would be another name, not another place.
        Some((version, _)) if !is_number(version) => new.iter().map(|n| n.slug.clone()).collect(),
        Some((version, _)) if version.len() == 14 => with(next_stamp(versions(), new.len(), now)),
        Some((version, _)) if version.len() >= 10 => {
            let greatest = versions().filter_map(|v| v.parse::<i64>().ok()).max().unwrap_or_default();
            let first = now.unix_timestamp().max(greatest + 1);
            with((first..).take(new.len()).map(|n| n.to_string()).collect())
        }
        Some(_) => with(next_number(versions().filter(|v| v.len() < 10), new.len(), 4)),
        None => with((0..new.len()).map(|n| format!("{n:04}")).collect()),
    };
    if let Some(tag) = tags.iter().find(|t| files.bytes(&format!("{t}.sql")).is_some()) {
        let words = format!("{tag}.sql is there already");
        return Err(
            Trouble::at(files, &format!("{tag}.sql"), 1, "name-taken", words).help("give the plan another name")
        );
    }
    Ok(tags)
}

pub(super) fn write(files: &Files, driver: Drizzle, new: &[New], now: OffsetDateTime) -> Result<Vec<Written>, Trouble> {
    let (there, trouble) = entries(files)?;
    if !trouble.is_empty() {
        return Err(Trouble(trouble.into_iter().flat_map(|t| t.0).collect()));
    }
    let tags = tags(files, &there, new, now)?;
    let mut journal = journal(files)?;
    if journal.is_empty() {
        journal.insert("version".to_owned(), json!("7"));
        journal.insert("dialect".to_owned(), json!(names(files.dialect())[0]));
        journal.insert("entries".to_owned(), json!([]));
    }
    // Of each entry the tool has a number by the database.
    let version = match files.dialect() {
        Dialect::Postgres => journal.get("version").cloned().unwrap_or_else(|| json!("7")),
        Dialect::Sqlite => json!("6"),
    };
    let now = i64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    let when = there.iter().map(|e| e.when + 1).max().map_or(now, |next| next.max(now));
    let idx = there.iter().map(|e| e.idx + 1).max().unwrap_or_default();
    let mut written: Vec<Written> = tags
        .iter()
        .zip(files_of(files, driver, new)?)
        .map(|(tag, text)| Written { path: format!("{tag}.sql"), text })
        .collect();
    if let Some(Value::Array(list)) = journal.get_mut("entries") {
        for (n, tag) in (0..).zip(&tags) {
            list.push(json!({
                "idx": idx + n, "version": version, "when": when + n, "tag": tag, "breakpoints": true,
            }));
        }
    }
    let text = serde_json::to_string_pretty(&journal).map_err(|e| bad(files, 1, &e.to_string()))?;
    written.push(Written { path: JOURNAL.to_owned(), text });
    Ok(written)
}

pub(super) fn baseline(files: &Files, done: &[Migration]) -> Result<Vec<String>, Trouble> {
    let (entries, _) = entries(files)?;
    let dialect = files.dialect();
    let table = table(dialect);
    let time = match dialect {
        Dialect::Postgres => "bigint",
        Dialect::Sqlite => "numeric",
    };
    let mut sql = vec![format!(
        "CREATE TABLE IF NOT EXISTS {table} (id SERIAL PRIMARY KEY, hash text NOT NULL, created_at {time})"
    )];
    for one in done {
        let Some(entry) = entries.iter().find(|e| one.file.strip_suffix(".sql") == Some(&e.tag)) else {
            return Err(bad(files, 1, &format!("it does not list {}", one.file)));
        };
        sql.push(format!(
            "INSERT INTO {table} (hash, created_at) SELECT {}, {when} WHERE NOT EXISTS (SELECT 1 FROM \
             {table} AS there WHERE there.created_at = {when})",
            dialect.literal(&hash(files, &one.file)?),
            when = entry.when,
        ));
    }
    Ok(sql)
}
