//! Atlas: `20261122103000_name.sql`, and `atlas.sum`, which holds a hash for each file, over all files before it too.
//!
//! A file is cut into statements by a lexer of the tool's own and runs in a transaction, unless the comments at its head say
//! `-- atlas:txmode none`. They must be followed by an empty line; without it the tool passes over them in silence. Nothing
//! is taken back without a login. Before the transaction of a file the tool switches foreign keys of SQLite off, and looks behind it
//! that no key points into nothing.
//!
//! Source: `sql/migrate/dir.go`, `migrate.go`, `sql/sqlite/driver.go` of 1.2.3, and runs of them; `cmd/atlas/internal/cmdapi` of the
//! tool.

mod cut;

use super::sums::differences;
use crate::migration::fit;
use crate::text::{head, line_of};
use crate::unchecked::checked;
use crate::{
    Baseline, Dialect, Files, Format, Message, Migration, Mode, New, Stuck, Trouble, Written, next_number, next_stamp,
    terminated,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cut::{Open, Rules, cut, mark};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use underpin_model::Diagnostic;

pub(super) struct Atlas;

/// The file that says what the others hold.
const SUM: &str = "atlas.sum";
/// What stands between statements where a semicolon cannot.
const DELIMITER: &str = "\n-- end of statement\n";
/// Lines of other tools, which Atlas would run with both their sides.
const OTHERS: [(&str, &str); 3] =
    [("-- +goose Up", "goose"), ("-- migrate:up", "dbmate"), ("--liquibase formatted sql", "Liquibase")];

/// The files that are migrations, in the tool's order.
fn scripts(files: &Files) -> impl Iterator<Item = &str> {
    files.top().filter(|path| path.ends_with(".sql"))
}

/// Version and name.
fn parts(path: &str) -> (&str, &str) {
    let stem = path.strip_suffix(".sql").unwrap_or(path);
    stem.split_once('_').unwrap_or((stem, ""))
}

/// Whether the tool leaves a file out of its list.
fn is_unlisted(bytes: &[u8]) -> bool {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    mark(&String::from_utf8_lossy(line), "sum").is_some_and(|m| m.1 == "ignore")
}

/// A line for each listed file: its name and a hash over all that stands before it, its name and its bytes.
fn sums(files: &Files) -> Vec<(&str, String)> {
    let mut all = Sha256::new();
    let mut lines = Vec::new();
    for path in scripts(files) {
        let bytes = files.bytes(path).unwrap_or_default();
        all.update(path.as_bytes());
        if !is_unlisted(bytes) {
            all.update(bytes);
            lines.push((path, STANDARD.encode(all.clone().finalize())));
        }
    }
    lines
}

fn total<'t>(lines: impl Iterator<Item = (&'t str, &'t str)>) -> String {
    let mut all = Sha256::new();
    for (path, hash) in lines {
        all.update(path.as_bytes());
        all.update(hash.as_bytes());
    }
    STANDARD.encode(all.finalize())
}

fn sum_file(files: &Files) -> String {
    let lines = sums(files);
    let total = total(lines.iter().map(|(path, hash)| (*path, hash.as_str())));
    lines.iter().fold(format!("h1:{total}\n"), |mut text, (path, hash)| {
        let _ = writeln!(text, "{path} h1:{hash}");
        text
    })
}

/// What the folder's own list and the folder say differently.
fn integrity(files: &Files) -> Result<Vec<Diagnostic>, Trouble> {
    let is = sums(files);
    if files.bytes(SUM).is_none() {
        let words = format!("{SUM} is missing; the tool refuses the folder");
        let found =
            Trouble::new("no-sum-file", words).help("take it from version control, or run `atlas migrate hash`");
        return Ok(if is.is_empty() { Vec::new() } else { found.0 });
    }
    let text = files.text(SUM)?;
    let said: BTreeMap<&str, (usize, &str)> = text
        .lines()
        .enumerate()
        .skip(1)
        .filter_map(|(n, line)| line.split_once("h1:").map(|(path, hash)| (path.trim(), (n + 1, hash))))
        .collect();
    let unlisted = |path: &str| {
        if path.ends_with(".down.sql") {
            let help = "name that tool with --format, and run `atlas migrate hash` afterwards";
            ("Atlas keeps this folder in the format of another tool", help)
        } else {
            let help = "run `atlas migrate hash`, after a look at the order of the files";
            ("it was added by hand, or on another branch", help)
        }
    };
    let mut found = differences(files, SUM, &is, &said, unlisted);
    let sum = total(said.iter().map(|(path, (_, hash))| (*path, *hash)));
    if found.is_empty() && text.lines().next().and_then(|line| line.strip_prefix("h1:")) != Some(sum.as_str()) {
        let words = format!("the first line of {SUM} does not fit the others; the tool refuses the folder");
        found.extend(Trouble::at(files, SUM, 1, "edited-sum-file", words).help("run `atlas migrate hash`").0);
    }
    Ok(found)
}

/// The comments at the head of a file that the tool reads marks in: those that an empty line follows.
fn comments(text: &str) -> Vec<&str> {
    let (mut found, mut rest) = (Vec::new(), text);
    while rest.starts_with('#') || rest.starts_with("--") {
        // A last line that does not end counts as a statement.
        let Some((line, below)) = rest.split_once('\n') else { break };
        found.push(line.trim());
        rest = below;
    }
    if rest.is_empty() || rest.trim_start_matches([' ', '\t']).starts_with('\n') { found } else { Vec::new() }
}

/// The marks of a name at the head of a file.
fn marks<'t>(text: &'t str, name: &str) -> Vec<&'t str> {
    comments(text).into_iter().filter_map(|line| mark(line, name).map(|m| m.1)).collect()
}

/// The line of a mark before the first statement that the tool passes over.
fn lost_mark(text: &str) -> Option<usize> {
    let seen = comments(text).len();
    let mut lines = text.lines().enumerate().skip(seen);
    let is_mark = |line: &str| {
        ["txmode", "checkpoint"].iter().any(|name| mark(line, name).is_some_and(|m| m.0.trim_end() == "--"))
    };
    lines
        .by_ref()
        .take_while(|(_, line)| line.trim().is_empty() || line.trim_start().starts_with("--"))
        .find(|(_, line)| is_mark(line))
        .map(|(n, _)| n + 1)
}

/// A migration as the tool takes its file.
fn migration(files: &Files, path: &str) -> Result<Migration, Trouble> {
    let text = files.text(path)?;
    let mut found = Vec::new();
    let mut say = |line: usize, code: &str, words: String, help: &str| {
        found.extend(Trouble::at(files, path, line, code, words).help(help).0);
    };
    if files.dialect() == Dialect::Postgres && text.starts_with('\u{feff}') {
        let words = format!("{path} begins with a byte order mark; it goes to the server, which refuses it");
        say(1, "byte-order-mark", words, "save it as UTF-8 without the mark, and run `atlas migrate hash`");
    }
    if is_unlisted(text.as_bytes()) {
        let words = format!("{path} is left out of {SUM}, and the tool runs no such file");
        say(1, "unlisted-migration", words, "take `atlas:sum ignore` away, and run `atlas migrate hash`");
    }
    for (mark, tool) in OTHERS {
        if let Some(n) = text.lines().position(|line| line.starts_with(mark)) {
            let words = format!("{path} is a migration of {tool}: Atlas would run both its sides");
            say(n + 1, "other-format", words, "name that tool with --format, and run `atlas migrate hash` afterwards");
        }
    }
    if let Some(n) = lost_mark(text) {
        let words = "the tool passes over this mark: it must stand in the comments at the head of the file, and an empty \
                     line that ends in a line feed alone must follow them";
        say(n, "lost-mark", words.to_owned(), "move it there, and run `atlas migrate hash`");
    }
    let transaction = match marks(text, "txmode").as_slice() {
        [] | ["file"] => true,
        ["none"] => false,
        several => {
            let words = format!("the tool knows no `atlas:txmode {}` for a file", several.join(" "));
            say(1, "bad-mark", words, "write `-- atlas:txmode none`, or nothing");
            true
        }
    };
    // Versions differ in how they take a backslash; the one that runs this folder takes it so that it can.
    let [first, second] = rules(files.dialect());
    let cuts = cut(text, first).or_else(|open| cut(text, second).map_err(|_| open));
    let cuts = cuts.unwrap_or_else(|Open { what, at }| {
        say(line_of(text, at), "bad-sql", format!("{what}, as the tool reads it"), "see the line");
        Vec::new()
    });
    if !found.is_empty() {
        return Err(Trouble(found));
    }
    let (version, name) = parts(path);
    let up = cuts.into_iter().map(|c| Message { sql: c.sql, file: path.to_owned(), line: line_of(text, c.start) });
    Ok(Migration {
        version: version.to_owned(),
        name: name.to_owned(),
        file: path.to_owned(),
        transaction,
        up: up.collect(),
        down: None,
        down_transaction: false,
    })
}

/// How the tool reads a file: each way that there is.
fn rules(dialect: Dialect) -> [Rules; 2] {
    match dialect {
        Dialect::Postgres => [true, false].map(|escapes| Rules { escapes, dollars: true }),
        Dialect::Sqlite => [Rules { escapes: false, dollars: false }; 2],
    }
}

/// A file that the tool cuts into just these statements.
fn script(dialect: Dialect, new: &New) -> Option<String> {
    // A word of the header must not be a mark.
    let head = head(new).replace("atlas:", "atlas :");
    let mode = match new.mode {
        Mode::Whole | Mode::Unchecked => "",
        Mode::Alone => "-- atlas:txmode none\n",
    };
    let up = match new.mode {
        Mode::Whole | Mode::Alone => new.up.clone(),
        Mode::Unchecked => checked(&new.up),
    };
    let is_so = |text: &str, rules: Rules| {
        cut(text, rules).is_ok_and(|cuts| {
            let found = cuts.iter().map(|c| c.sql.trim_end());
            found.eq(up.iter().map(|sql| sql.trim()))
        })
    };
    let joined: String = up.iter().map(|sql| terminated(sql.trim()) + "\n").collect();
    let marked: String = up.iter().map(|sql| format!("{}\n{DELIMITER}", sql.trim())).collect();
    // An empty line ends the marks, and keeps the first line from being one.
    [
        format!("{mode}{head}\n{joined}"),
        format!("-- atlas:delimiter {}\n{mode}{head}\n{marked}", DELIMITER.replace('\n', "\\n")),
    ]
    .into_iter()
    .find(|text| rules(dialect).into_iter().all(|rules| is_so(text, rules)))
}

impl Format for Atlas {
    fn name(&self) -> &'static str {
        "atlas"
    }

    fn title(&self) -> &'static str {
        "Atlas"
    }

    fn recognises(&self, files: &Files) -> bool {
        files.bytes(SUM).is_some()
    }

    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble> {
        let mut trouble = integrity(files)?;
        let mut found: Vec<Migration> = Vec::new();
        let mut versions: BTreeMap<&str, &str> = BTreeMap::new();
        let digits = |name: &str| name.ends_with(".sql") && name.starts_with(|c: char| c.is_ascii_digit());
        for path in files.iter().map(|(path, _)| path).filter(|p| p.rsplit_once('/').is_some_and(|p| digits(p.1))) {
            let words = format!("{path} is no migration: the tool does not look into folders");
            let help = "move it up, and run `atlas migrate hash`, or move it out of this folder";
            trouble.extend(Trouble::at(files, path, 1, "bad-name", words).help(help).0);
        }
        for path in scripts(files) {
            let version = parts(path).0;
            if let Some(before) = versions.insert(version, path) {
                let words =
                    format!("{path} and {before} have the same version {version}; the tool runs only one of them");
                let help = "give one of them a version of its own, and run `atlas migrate hash`";
                trouble.extend(Trouble::at(files, path, 1, "duplicate-version", words).help(help).0);
            }
            // A new database begins at the last checkpoint, which holds all that was before.
            if !marks(files.text(path).unwrap_or_default(), "checkpoint").is_empty() {
                found.clear();
            }
            match migration(files, path) {
                Ok(migration) => found.push(migration),
                Err(Trouble(more)) => trouble.extend(more),
            }
        }
        if trouble.is_empty() { Ok(found) } else { Err(Trouble(trouble)) }
    }

    fn write(&self, files: &Files, _: &[Migration], new: &[New], now: OffsetDateTime) -> Result<Vec<Written>, Trouble> {
        fit(files, new)?;
        let last = scripts(files).last();
        let versions = || scripts(files).map(|path| parts(path).0);
        // As the folder has it: times or numbers.
        let is_number = |version: &str| version.len() < 14 && version.bytes().all(|b| b.is_ascii_digit());
        let next = if last.is_some_and(|path| is_number(parts(path).0)) {
            next_number(versions(), new.len(), 1)
        } else {
            next_stamp(versions(), new.len(), now)
        };
        let mut written = Vec::new();
        for (new, version) in new.iter().zip(next) {
            let path = format!("{version}_{}.sql", new.slug);
            if let Some(last) = last.filter(|last| *last >= path.as_str() || parts(last).0 >= version.as_str()) {
                let words = format!("{path} would stand before {last}: the tool compares names letter by letter");
                return Err(Trouble::at(files, last, 1, "no-later-version", words)
                    .help("put zeros before the numbers of this folder, or begin a new one with times"));
            }
            let Some(text) = script(files.dialect(), new) else {
                let words = format!("Atlas would cut the statements of {} otherwise than the server", new.slug);
                return Err(Trouble::new("bad-sql", words).help(
                    "look for `\\'` in E'' strings, nested comments, backticks, quotes in brackets, and parentheses that do not pair",
                ));
            };
            written.push(Written { path, text });
        }
        if !written.is_empty() {
            written.push(Written { path: SUM.to_owned(), text: sum_file(&files.with(&written)) });
        }
        Ok(written)
    }

    fn advice(&self, _: Dialect, new: &[New]) -> Vec<String> {
        let mut advice = Vec::new();
        if new.iter().any(|n| n.mode == Mode::Alone) {
            advice.push(
                "do not run `atlas migrate apply` with `--tx-mode all`: it refuses files that say `atlas:txmode`"
                    .to_owned(),
            );
        }
        if new.iter().any(|n| n.mode == Mode::Unchecked) {
            advice.push(
                "do not run `atlas migrate apply` with `--tx-mode none`: the tool switches foreign keys off only for a \
                 transaction of its own"
                    .to_owned(),
            );
        }
        advice
    }

    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str] {
        match dialect {
            Dialect::Postgres => &["atlas_schema_revisions", "*.atlas_schema_revisions"],
            Dialect::Sqlite => &["atlas_schema_revisions"],
        }
    }

    fn stuck(&self, dialect: Dialect) -> Option<Stuck> {
        let (table, sql) = match dialect {
            Dialect::Postgres => (
                "atlas_schema_revisions.atlas_schema_revisions",
                "SELECT 'version ' || version || ' stopped at statement ' || applied + 1 || ' of ' || total FROM atlas_schema_revisions.atlas_schema_revisions WHERE coalesce(error, '') <> '' OR applied < total ORDER BY version",
            ),
            Dialect::Sqlite => (
                "atlas_schema_revisions",
                "SELECT 'version ' || version || ' stopped at statement ' || (applied + 1) || ' of ' || total FROM atlas_schema_revisions WHERE coalesce(error, '') <> '' OR applied < total ORDER BY version",
            ),
        };
        let mend = "`atlas migrate apply` goes on at the statement that failed; or `atlas migrate set VERSION`";
        Some(Stuck { table, sql, mend })
    }

    fn switches_keys_off(&self) -> bool {
        true
    }

    /// In the schema where the tool has its table by default; with a `search_path` in its URL it has it there.
    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble> {
        let sums: BTreeMap<&str, String> = sums(files).into_iter().collect();
        let dialect = files.dialect();
        let time = now.format(&Rfc3339).unwrap_or_default();
        let (make, table, time): (&[&str], _, _) = match dialect {
            Dialect::Postgres => (
                &[
                    "CREATE SCHEMA IF NOT EXISTS atlas_schema_revisions",
                    "CREATE TABLE IF NOT EXISTS atlas_schema_revisions.atlas_schema_revisions (version varchar NOT NULL, \
                     description varchar NOT NULL, type bigint NOT NULL DEFAULT 2, applied bigint NOT NULL DEFAULT 0, \
                     total bigint NOT NULL DEFAULT 0, executed_at timestamptz NOT NULL, execution_time bigint NOT NULL, \
                     error text NULL, error_stmt text NULL, hash varchar NOT NULL, partial_hashes jsonb NULL, \
                     operator_version varchar NOT NULL, PRIMARY KEY (version))",
                ],
                "atlas_schema_revisions.atlas_schema_revisions",
                "now()".to_owned(),
            ),
            Dialect::Sqlite => (
                &["CREATE TABLE IF NOT EXISTS `atlas_schema_revisions` (`version` text NOT NULL, \
                   `description` text NOT NULL, `type` integer NOT NULL DEFAULT (2), `applied` integer NOT NULL DEFAULT (0), \
                   `total` integer NOT NULL DEFAULT (0), `executed_at` datetime NOT NULL, `execution_time` integer NOT NULL, \
                   `error` text NULL, `error_stmt` text NULL, `hash` text NOT NULL, `partial_hashes` json NULL, \
                   `operator_version` text NOT NULL, PRIMARY KEY (`version`))"],
                "atlas_schema_revisions",
                format!("'{time}'"),
            ),
        };
        let mut sql = Vec::new();
        if !done.is_empty() {
            sql.extend(make.iter().map(|one| (*one).to_owned()));
        }
        for migration in done {
            let hash = sums.get(migration.file.as_str()).cloned().unwrap_or_default();
            // As `atlas migrate set` does: type 4 is one that was told, not run.
            sql.push(format!(
                "INSERT INTO {table} (version, description, type, executed_at, \
                 execution_time, hash, operator_version) VALUES ({}, {}, 4, {time}, 0, '{hash}', 'underpin') \
                 ON CONFLICT (version) DO NOTHING",
                dialect.literal(&migration.version),
                dialect.literal(&migration.name)
            ));
        }
        Ok(Baseline::by(sql))
    }
}

#[cfg(test)]
mod tests {
    use super::super::trial::{
        NOW, by, cannot, codes, detected, folder, plan_with_marks, shared, step, there_and_back,
    };
    use super::*;

    /// With the list that fits.
    fn summed(files: &[(&str, &str)]) -> Files {
        let files = folder(files);
        files.with(&[Written { path: SUM.to_owned(), text: sum_file(&files) }])
    }

    #[test]
    fn what_is_written_reads_back() {
        let files = there_and_back(&Atlas, &plan_with_marks());
        assert_eq!(detected(&files), Some("atlas"));
        let index = files.text("20261122103002_index.sql").unwrap();
        assert!(index.starts_with("-- atlas:txmode none\n-- index:"), "{index}");
        assert!(index.contains("\n\nCREATE INDEX CONCURRENTLY users_email_norm_idx ON"), "{index}");
        // A word of the header is no mark.
        assert!(Atlas.read(&files).unwrap()[0].transaction);
    }

    #[test]
    fn what_a_semicolon_cannot_part_gets_another_delimiter() {
        let new = step("x", false, &["SELECT 1 /* /* a; */ ; */ + 1"], by(true, &[]));
        let written = Atlas.write(&folder(&[]), &[], &[new], NOW).unwrap();
        assert!(written[0].text.starts_with("-- atlas:delimiter \\n-- end of statement\\n\n-- atlas:txmode none\n"));
        let found = Atlas.read(&folder(&[]).with(&written)).unwrap();
        assert!(!found[0].transaction);
        assert_eq!(found[0].up[0].sql, "SELECT 1 /* /* a; */ ; */ + 1");
        assert_eq!(found[0].up[0].line, 9);
        for sql in ["SELECT E'\\''", "SELECT 1 ` 2"] {
            let new = step("x", true, &[sql], cannot("no"));
            assert!(Atlas.write(&folder(&[]), &[], &[new], NOW).is_err(), "{sql}");
        }
        let new = step("x", true, &["SELECT E'it''s \\\\ so'", "SELECT 2 -- so"], by(true, &[]));
        let written = Atlas.write(&folder(&[]), &[], &[new], NOW).unwrap();
        assert!(!written[0].text.contains("delimiter"));
    }

    #[test]
    fn statements_begin_at_their_lines() {
        let files = summed(&[("1_a.sql", "-- what\n\nSELECT 1;\n\n-- two\nSELECT 2;\n")]);
        let found = Atlas.read(&files).unwrap();
        let lines: Vec<(usize, &str)> = found[0].up.iter().map(|m| (m.line, m.sql.as_str())).collect();
        assert_eq!(lines, [(3, "SELECT 1"), (6, "SELECT 2")]);
        assert_eq!((found[0].version.as_str(), found[0].name.as_str()), ("1", "a"));
    }

    #[test]
    fn a_new_database_begins_at_the_last_checkpoint() {
        let files = summed(&[
            ("1_a.sql", "SELECT 1;\n"),
            ("2_b.sql", "-- atlas:checkpoint\n\nSELECT 1;\n"),
            ("3_c.sql", "SELECT 3;\n"),
        ]);
        let versions: Vec<String> = Atlas.read(&files).unwrap().into_iter().map(|m| m.version).collect();
        assert_eq!(versions, ["2", "3"]);
    }

    #[test]
    fn what_the_list_says_otherwise_is_told() {
        let sum = |files: &[(&str, &str)]| Written { path: SUM.to_owned(), text: sum_file(&folder(files)) };
        let (a, b) = (("1_a.sql", "SELECT 1;\n"), ("2_b.sql", "SELECT 2;\n"));
        assert_eq!(codes(&Atlas, &folder(&[a])), ["no-sum-file"]);
        assert_eq!(codes(&Atlas, &folder(&[a, b]).with(&[sum(&[a])])), ["unknown-migration"]);
        assert_eq!(codes(&Atlas, &folder(&[b]).with(&[sum(&[a, b])])), ["missing-migration"]);
        assert_eq!(
            codes(&Atlas, &folder(&[("1_a.sql", "SELECT 9;\n"), b]).with(&[sum(&[a, b])])),
            ["edited-migration"]
        );
        let mut wrong = sum(&[a]);
        wrong.text.replace_range(3..8, "AAAAA");
        assert_eq!(codes(&Atlas, &folder(&[a]).with(&[wrong])), ["edited-sum-file"]);
        assert!(codes(&Atlas, &folder(&[("README.md", "")])).is_empty());
    }

    #[test]
    fn all_trouble_of_the_files_is_told() {
        let none = "-- atlas:txmode none\n";
        let index = "CREATE INDEX CONCURRENTLY i ON t (a);\n";
        let cases: [(&str, String, &str); 9] = [
            ("1_a.sql", format!("{none}{index}"), "lost-mark"),
            ("1_a.sql", format!("{none}\r\n{index}"), "lost-mark"),
            ("1_a.sql", format!("\n{none}\n{index}"), "lost-mark"),
            ("1_a.sql", "-- atlas:txmode all\n\nSELECT 1;\n".to_owned(), "bad-mark"),
            ("1_a.sql", "\u{feff}SELECT 1;".to_owned(), "byte-order-mark"),
            ("1_a.sql", "-- +goose Up\nSELECT 1;\n-- +goose Down\n".to_owned(), "other-format"),
            ("1_a.sql", "SELECT 'a;\n".to_owned(), "bad-sql"),
            ("sub/1_a.sql", "SELECT 1;".to_owned(), "bad-name"),
            ("1_a.sql", "-- atlas:sum ignore\nSELECT 1;".to_owned(), "unlisted-migration"),
        ];
        for (path, text, code) in cases {
            assert_eq!(codes(&Atlas, &summed(&[(path, &text)])), [code], "{text}");
        }
        let twice = summed(&[("1_a.sql", "SELECT 1;"), ("1_b.sql", "SELECT 1;")]);
        assert_eq!(codes(&Atlas, &twice), ["duplicate-version"]);
        let fine = format!("{none}-- what\n \n{index}");
        assert!(!Atlas.read(&summed(&[("1_a.sql", &fine)])).unwrap()[0].transaction);
    }

    #[test]
    fn new_files_stand_behind_all_that_are_there() {
        let new = step("x", true, &["SELECT 1"], by(true, &[]));
        let path = |there: &[(&str, &str)]| {
            Atlas.write(&folder(there), &[], std::slice::from_ref(&new), NOW).map(|w| w[0].path.clone())
        };
        assert_eq!(path(&[("008_a.sql", "")]).unwrap(), "009_x.sql");
        assert!(path(&[("9_a.sql", "")]).is_err());
        assert_eq!(path(&[("20270101000000_a.sql", "")]).unwrap(), "20270101000001_x.sql");
        assert!(path(&[("v1_a.sql", "")]).is_err());
    }

    #[test]
    fn the_list_of_a_folder_that_the_tool_ran_fits() {
        let Some(files) = shared("atlas/migrations") else { return };
        assert_eq!(sum_file(&files), files.text(SUM).unwrap());
        let found = Atlas.read(&files).unwrap();
        let counts: Vec<usize> = found.iter().map(|m| m.up.len()).collect();
        assert_eq!(counts, [2, 1, 1, 1, 1, 1, 2]);
        let sql = Atlas.baseline(&files, &found, NOW).unwrap().sql;
        assert!(sql[2].contains("'vjqxE3DaUuEcISRl4g4AaEnOV+U2s+PcJ3tBKxbKFtE='"), "{}", sql[2]);
    }
}
