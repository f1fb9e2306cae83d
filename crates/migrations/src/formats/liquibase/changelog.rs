//! What is in a folder of changelogs: the files in the order in which they are run, and their changesets.

use crate::{Dialect, Files, Trouble};
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use underpin_model::Diagnostic;

/// A changeset as its file says it.
#[derive(Debug, Clone, Default)]
pub(super) struct Changeset {
    pub author: String,
    pub id: String,
    pub file: String,
    /// The path that the database knows it by, where the file says one.
    pub logical: Option<String>,
    /// The line of its first statement, from 1.
    pub line: usize,
    pub sql: String,
    pub in_transaction: bool,
    pub split: bool,
    pub strip: bool,
    pub delimiter: Option<String>,
    pub rollback: Option<String>,
    pub rollback_split: bool,
    pub rollback_delimiter: Option<String>,
    /// Only the tool can run it: no SQL, or SQL that depends on what is in the database or outside of the folder.
    pub program: bool,
    /// It is for other databases, or switched off.
    pub never: bool,
}

macro_rules! pattern {
    ($name:ident, $text:expr) => {
        static $name: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new($text).ok());
    };
}
pattern!(FIRST, r"(?i)^\s*--\s*liquibase\s*formatted.*");
pattern!(CHANGESET, r#"(?i)^\s*--\s*changeset\s+("[^"]+"|[^:]+):("[^"]+"|\S+).*$"#);
pattern!(ROLLBACK, r"(?i)^\s*--\s*rollback (.*)$");
pattern!(ROLLBACK_BLOCK, r"(?i)^\s*/\*\s*liquibase\s*rollback\s*$");
pattern!(PROPERTY, r"(?i)^\s*--\s*property\s+(.*:.*)\s+(.*:.*).*$");
pattern!(PASSED, r"(?i)^--\s*(comment:? |validchecksum:? ).*$");
pattern!(PRECONDITION, r"(?i)^\s*--\s*precondition.*$");
pattern!(
    REFUSED,
    concat!(
        r"(?i)^(\s*-+\s*property\s|--\s*ignore:\w+$|-\s*ignorelines:\w|-\s*changeset\s|\s*--\s*changeset|-\s*comment:? ",
        r"|--\s*comments:? |-\s*validchecksum|\s*-\s*rollback\s|\s*-\s*precondition)"
    )
);
pattern!(IGNORE, r"(?i)^--\s*ignorelines:(\w+)$");
pattern!(XML_INCLUDE, r#"<include(?:All)?\s[^>]*?\b(?:file|path)\s*=\s*"([^"]+)""#);
pattern!(YAML_INCLUDE, r#"(?m)^[\s{",-]*"?(?:file|path)"?\s*:\s*"?([^\s",}]+)"#);
pattern!(OTHER_CHANGESET, r#"<changeSet\s([^>]*)>|"?changeSet"?\s*:"#);
pattern!(OTHER_ID, r#"\b"?id"?\s*[=:]\s*"?([^\s",>]+)"#);
pattern!(OTHER_AUTHOR, r#"\b"?author"?\s*[=:]\s*"?([^\s",>]+)"#);

fn hit(pattern: &LazyLock<Option<Regex>>, line: &str) -> bool {
    pattern.as_ref().is_some_and(|p| p.is_match(line))
}

fn part(pattern: &LazyLock<Option<Regex>>, line: &str) -> Option<String> {
    Some(pattern.as_ref()?.captures(line)?.get(1)?.as_str().to_owned())
}

/// The value of `key:value` on a changeset's line, found as the tool finds it: the last one.
fn attribute(line: &str, key: &str, value: &str) -> Option<String> {
    let found = Regex::new(&format!("(?i).*{key}:({value})")).ok()?.captures(line)?.get(1)?.as_str().to_owned();
    Some(found.trim_matches('"').to_owned()).filter(|v| !v.is_empty())
}

fn flag(line: &str, key: &str, default: bool) -> bool {
    attribute(line, key, r"\w+").map_or(default, |v| v.eq_ignore_ascii_case("true"))
}

/// Whether a changeset is for such a database.
fn is_for(dialect: Dialect, line: &str) -> bool {
    let Some(dbms) = attribute(line, "dbms", r"[^,][\w!,]+") else { return true };
    let name = match dialect {
        Dialect::Postgres => "postgresql",
        Dialect::Sqlite => "sqlite",
    };
    let mut words = dbms.split(',').map(str::trim);
    let is = |word: &str| word == name || word == "all";
    if words.clone().any(|w| w.starts_with('!')) {
        words.all(|w| w.strip_prefix('!') != Some(name))
    } else {
        words.any(is)
    }
}

/// Whether a file begins as a formatted one.
pub(super) fn is_formatted(files: &Files, path: &str) -> bool {
    path.to_lowercase().ends_with(".sql")
        && files.text(path).is_ok_and(|text| {
            let text = text.trim_start_matches('\u{feff}');
            text.lines().find(|l| !l.trim().is_empty()).is_some_and(|l| hit(&FIRST, l))
        })
}

/// A changelog of another form: XML, YAML or JSON.
pub(super) fn is_other(files: &Files, path: &str) -> bool {
    [".xml", ".yaml", ".yml", ".json"].iter().any(|end| path.ends_with(end))
        && files.text(path).is_ok_and(|text| text.contains("databaseChangeLog"))
}

/// The changelog that includes the others, where the folder has one: it stands above them.
pub(super) fn root(files: &Files) -> Option<&str> {
    let roots = || files.top().filter(|path| is_other(files, path));
    roots().find(|path| path.contains("master") || path.contains("root")).or_else(|| roots().next())
}

fn included(text: &str, is_xml: bool) -> Vec<String> {
    let pattern = if is_xml { &XML_INCLUDE } else { &YAML_INCLUDE };
    let Some(pattern) = pattern.as_ref() else { return Vec::new() };
    pattern.captures_iter(text).filter_map(|c| Some(c.get(1)?.as_str().trim_start_matches("./").to_owned())).collect()
}

/// Whether the root changelog runs a file that is not there yet.
pub(super) fn covers(files: &Files, path: &str) -> bool {
    let Some(root) = root(files) else { return true };
    files.text(root).is_ok_and(|text| {
        let dirs = included(text, root.ends_with(".xml"));
        dirs.iter().any(|dir| dir == "." || path.starts_with(&format!("{}/", dir.trim_end_matches('/'))) || dir == path)
    })
}

/// The changelogs in the order in which they run: as the root says, or all by their paths, as `includeAll` does.
fn order(files: &Files) -> Result<Vec<String>, Trouble> {
    let all =
        || files.iter().map(|(path, _)| path).filter(|p| p.to_lowercase().ends_with(".sql") || is_other(files, p));
    let Some(root) = root(files) else { return Ok(all().map(str::to_owned).collect()) };
    let text = files.text(root)?;
    let mut found = vec![root.to_owned()];
    let mut trouble = Vec::new();
    for name in included(text, root.ends_with(".xml")) {
        let dir = format!("{}/", name.trim_end_matches('/'));
        let before = found.len();
        found.extend(
            all().filter(|p| *p == name || (name == "." || p.starts_with(&dir)) && *p != root).map(str::to_owned),
        );
        if found.len() == before && files.bytes(&name).is_none() {
            let line = text[..text.find(&name).unwrap_or(0)].lines().count();
            let words = format!("{root} includes {name}, which is not in this folder");
            trouble.extend(
                Trouble::at(files, root, line, "missing-file", words)
                    .help("name the folder that holds the root changelog and all that it includes")
                    .0,
            );
        }
    }
    let run: BTreeSet<&str> = found.iter().map(String::as_str).collect();
    for path in all().filter(|p| is_formatted(files, p) && !run.contains(p)) {
        let words = format!("{path} is in no changelog that {root} includes: Liquibase does not run it");
        trouble.extend(Trouble::at(files, path, 1, "unknown-migration", words).help("include it, or remove it").0);
    }
    if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
}

/// Changesets of XML, YAML or JSON, which only the tool can run.
fn others(text: &str, file: &str) -> Vec<Changeset> {
    let Some(pattern) = OTHER_CHANGESET.as_ref() else { return Vec::new() };
    let starts: Vec<usize> = pattern.find_iter(text).map(|m| m.start()).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let one = |(start, end): (usize, usize)| {
        let piece = &text[start..end];
        Some(Changeset {
            author: part(&OTHER_AUTHOR, piece)?,
            id: part(&OTHER_ID, piece)?,
            file: file.to_owned(),
            line: text[..start].matches('\n').count() + 1,
            program: true,
            ..Changeset::default()
        })
    };
    starts.iter().copied().zip(ends).filter_map(one).collect()
}

/// All changesets in the order in which they run.
pub(super) fn changesets(files: &Files) -> Result<Vec<Changeset>, Trouble> {
    let mut found = Vec::new();
    let mut trouble = Vec::new();
    for path in order(files)? {
        let text = files.text(&path)?.trim_start_matches('\u{feff}');
        if is_formatted(files, &path) {
            parse(files, &path, text, &mut found, &mut trouble);
        } else if is_other(files, &path) {
            found.extend(others(text, &path));
        } else if text.trim().is_empty() {
            let words = format!("{path} is empty; Liquibase refuses the folder");
            trouble.extend(Trouble::at(files, &path, 1, "empty-migration", words).help("remove it").0);
        } else {
            // The tool's own names for what it takes as one changeset.
            found.push(Changeset {
                author: "includeAll".to_owned(),
                id: "raw".to_owned(),
                file: path,
                line: 1,
                sql: text.to_owned(),
                in_transaction: true,
                split: true,
                ..Changeset::default()
            });
        }
    }
    let mut known: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for set in &found {
        let path = set.logical.clone().unwrap_or_else(|| set.file.clone());
        if let Some(line) = known.insert((path, set.author.clone(), set.id.clone()), set.line) {
            let words = format!("{}:{} is there twice, on line {line} too; Liquibase refuses it", set.author, set.id);
            let one = Trouble::at(files, &set.file, set.line, "duplicate-version", words);
            trouble.extend(one.help("give one of them an id of its own").0);
        }
    }
    if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
}

/// The changesets of a formatted file, by the tool's own rules for lines.
fn parse(files: &Files, file: &str, text: &str, found: &mut Vec<Changeset>, trouble: &mut Vec<Diagnostic>) {
    let first = found.len();
    let mut wrong = |line: usize, code: &str, words: String, help: &str| {
        trouble.extend(Trouble::at(files, file, line, code, words).help(help).0);
    };
    let known = "Liquibase's own lines are --changeset author:id, --rollback SQL, --comment, --preconditions";
    let mut logical = None;
    let mut properties: Vec<(String, String)> = Vec::new();
    let (mut skip, mut skipping, mut in_block) = (0, false, false);
    for (n, line) in text.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).enumerate() {
        let at = n + 1;
        if skip > 0 {
            skip -= 1;
            continue;
        }
        if skipping {
            skipping = part(&IGNORE, line).is_none_or(|word| word != "end");
            continue;
        }
        if in_block {
            let (piece, closed) = line.trim_end().strip_suffix("*/").map_or((line, false), |piece| (piece, true));
            in_block = !closed;
            if let Some(set) = found[first..].last_mut() {
                *set.rollback.get_or_insert_default() += &format!("{piece}\n");
            }
            continue;
        }
        if hit(&FIRST, line) {
            logical = attribute(line, "logicalFilePath", r"\S*");
            continue;
        }
        if hit(&PROPERTY, line) {
            properties.extend(attribute(line, "name", r"\s*\S+").zip(attribute(line, "value", r"\s*\S+")));
            continue;
        }
        if let Some(word) = part(&IGNORE, line) {
            skipping = word == "start";
            skip = word.parse().unwrap_or(0);
            continue;
        }
        if let Some(head) = CHANGESET.as_ref().and_then(|p| p.captures(line)) {
            let piece = |n: usize| head.get(n).map_or("", |m| m.as_str()).trim_matches('"').to_owned();
            found.push(Changeset {
                author: piece(1),
                id: piece(2),
                file: file.to_owned(),
                logical: attribute(line, "logicalFilePath", r"\S*").or_else(|| logical.clone()),
                line: at,
                in_transaction: flag(line, "runInTransaction", true),
                split: flag(line, "splitStatements", true),
                strip: flag(line, "stripComments", true),
                delimiter: attribute(line, r"\bendDelimiter", r"\S*"),
                rollback_split: flag(line, "rollbackSplitStatements", true),
                rollback_delimiter: attribute(line, r"\brollbackEndDelimiter", r"\S*"),
                never: flag(line, r"\bignore", false) || !is_for(files.dialect(), line),
                program: attribute(line, "runWith", r"[\w${}]+").is_some(),
                ..Changeset::default()
            });
            continue;
        }
        let Some(set) = found[first..].last_mut() else {
            if !line.trim().is_empty() && !line.trim_start().starts_with("--") {
                let words = format!("what stands before the first --changeset of {file} is never run");
                wrong(at, "bad-changelog", words, "put a line --changeset author:id above it");
            } else if hit(&REFUSED, line) || hit(&PASSED, line) {
                wrong(at, "bad-changelog", format!("Liquibase refuses this line: {}", line.trim()), known);
            }
            continue;
        };
        if let Some(sql) = part(&ROLLBACK, line) {
            *set.rollback.get_or_insert_default() += &format!("{sql}\n");
        } else if hit(&ROLLBACK_BLOCK, line) {
            in_block = true;
        } else if hit(&PRECONDITION, line) {
            set.program = true;
        } else if hit(&PASSED, line) {
        } else if hit(&REFUSED, line) {
            wrong(at, "bad-changelog", format!("Liquibase refuses this line: {}", line.trim()), known);
        } else if !set.sql.is_empty() || !line.trim().is_empty() {
            if set.sql.is_empty() {
                set.line = at;
            }
            set.sql += line;
            set.sql.push('\n');
        }
    }
    if in_block {
        wrong(text.lines().count(), "bad-changelog", "the rollback comment is not closed".to_owned(), "end it with */");
    }
    for set in &mut found[first..] {
        for (name, value) in &properties {
            set.sql = set.sql.replace(&format!("${{{name}}}"), value);
        }
        set.sql.truncate(set.sql.trim_end().len());
        // What is set in the environment or on the command line is not in the folder.
        set.program |= set.sql.contains("${");
        if set.sql.is_empty() {
            let words = format!(
                "changeset {}:{} holds no SQL; Liquibase refuses it, or runs that of the one before",
                set.author, set.id
            );
            wrong(set.line, "empty-migration", words, "remove it, or write `SELECT 1;`");
        }
    }
}
