//! The desired SQL elaborated by the library, in memory.

use super::broken::{Broken, broken};
use super::expressions::Word;
use super::hint_target::{Target, target};
use super::memory::{Memory, may_come_later, offset, words};
use crate::EngineError;
use crate::files::{SqlFile, SqlFiles};
use std::collections::BTreeMap;
use std::ops::Range;
use underpin_model::{Diagnostic, Severity, Source as Origin, Span};
use underpin_sql::HintKind;
use underpin_sql::sqlite::{Piece, TokKind, keyword, split, toks};
use underpin_sqlite::{LiteCatalog, LiteId, LiteKind, LiteObject, Wishes};

/// A name that was said to have been another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Renamed {
    /// The table, under its new name.
    pub table: String,
    /// The column of it that is meant, under its new name.
    pub column: Option<String>,
    /// The old name.
    pub old: String,
    pub origin: Origin,
}

/// A query above a table that says where its rows come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowsHint {
    pub table: String,
    pub query: String,
    pub span: Span,
}

/// What the files say that a catalog does not hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// Where objects are made, by their names in lower case.
    pub origins: BTreeMap<String, Origin>,
    pub renames: Vec<Renamed>,
    pub rows: Vec<RowsHint>,
    pub wishes: Wishes,
    /// Where the values in the wishes are said, by table and column in lower case.
    pub expressions: BTreeMap<(String, String, Word), Span>,
}

/// A desired schema.
#[derive(Debug, Clone, Default)]
pub(crate) struct Desired {
    pub catalog: LiteCatalog,
    pub said: Said,
    pub diagnostics: Vec<Diagnostic>,
    /// What of it cannot be used.
    pub broken: Vec<Broken>,
}

/// What is done with a statement.
enum Use {
    Run,
    Pass,
    Leave(Severity, &'static str),
}

/// A statement with its file.
struct Placed<'f> {
    file: &'f SqlFile,
    piece: Piece,
    sql: String,
}

/// Runs the files in a new database in memory and reads it back.
pub(crate) fn elaborate(files: &SqlFiles) -> Result<Desired, EngineError> {
    let memory = Memory::new().map_err(|e| EngineError::Failure(words(&e)))?;
    let mut desired = Desired::default();
    let mut kept: Vec<Placed<'_>> = Vec::new();
    let mut left: BTreeMap<&'static str, (Severity, usize, Span)> = BTreeMap::new();
    for file in &files.files {
        let script = split(&file.text);
        for problem in script.problems {
            desired.diagnostics.push(
                Diagnostic::new(Severity::Warning, "hint-not-understood", problem.kind.to_string())
                    .at(Some(file.span(problem.span))),
            );
        }
        for piece in script.pieces {
            let sql = file.text[piece.span.clone()].to_owned();
            match what_for(&sql) {
                Use::Run => kept.push(Placed { file, piece, sql }),
                Use::Pass => {}
                Use::Leave(severity, why) => {
                    // A dump makes virtual tables by writing into the schema.
                    if let Some(sql) = dumped(&sql) {
                        kept.push(Placed { file, piece, sql });
                        continue;
                    }
                    let span = file.span(piece.span.clone());
                    left.entry(why).or_insert_with(|| (severity, 0, span)).1 += 1;
                }
            }
        }
    }
    for (why, (severity, count, span)) in left {
        let place = format!("first at {}:{}", span.file, span.line);
        let message = format!("{count} statement(s) were not run: {why} ({place})");
        desired.diagnostics.push(Diagnostic::new(severity, "left-out", message));
    }
    let rejected = run(&memory, &kept);
    if !rejected.is_empty() {
        desired.diagnostics.retain(|d| d.severity == Severity::Warning);
        desired.diagnostics.extend(rejections(&rejected, &kept));
        return Err(EngineError::Input(desired.diagnostics));
    }
    desired.catalog = memory.read().map_err(|e| EngineError::Failure(words(&e)))?;
    for placed in &kept {
        note(&mut desired, placed);
    }
    desired.diagnostics.extend(desired.catalog.diagnostics.iter().cloned());
    desired.broken = broken(&memory, &desired.catalog);
    for found in &desired.broken {
        let origin = desired.said.origins.get(&found.id.part(0).to_ascii_lowercase());
        let place = origin.map(|o| format!("{}:{}: ", o.file, o.line)).unwrap_or_default();
        desired.diagnostics.push(found.told(&place));
    }
    desired.diagnostics.extend(memory.lacking());
    Ok(desired)
}

/// Runs the statements; those that lack something are tried again after the rest. Gives those that are not taken.
fn run(memory: &Memory, kept: &[Placed<'_>]) -> Vec<(usize, rusqlite::Error)> {
    let mut open: Vec<usize> = (0..kept.len()).collect();
    loop {
        let (before, mut failed) = (open.len(), Vec::new());
        for n in open {
            if let Err(error) = memory.run(&kept[n].sql) {
                failed.push((n, error));
            }
        }
        let is_stuck = failed.len() == before || !failed.iter().any(|(_, e)| may_come_later(e));
        if failed.is_empty() || is_stuck {
            return failed;
        }
        open = failed.into_iter().map(|(n, _)| n).collect();
    }
}

/// What becomes of a statement, by its first words.
fn what_for(sql: &str) -> Use {
    let list: Vec<_> = toks(sql);
    let word = |n: usize| keyword(list.get(n), sql);
    match word(0).as_str() {
        "create" if matches!(word(1).as_str(), "temp" | "temporary") => {
            Use::Leave(Severity::Note, "what is temporary goes with its session, and is no part of a schema")
        }
        "create" | "alter" | "drop" => Use::Run,
        "begin" | "commit" | "end" | "rollback" | "savepoint" | "release" => Use::Pass,
        "insert" | "update" | "delete" | "replace" | "select" | "values" | "with" => {
            Use::Leave(Severity::Warning, "DML reads or changes rows, and a schema has none")
        }
        "pragma" => {
            Use::Leave(Severity::Note, "pragmas set something of a session or a file, which says nothing of a schema")
        }
        "attach" | "detach" => Use::Leave(Severity::Note, "other databases are not part of a schema"),
        "vacuum" | "analyze" | "reindex" | "explain" => {
            Use::Leave(Severity::Note, "they tend to a file, which says nothing of a schema")
        }
        // SQLite tells what is wrong with it.
        _ => Use::Run,
    }
}

/// The statement that a dump of the command-line program writes into `sqlite_schema` for a virtual table.
fn dumped(sql: &str) -> Option<String> {
    let list = toks(sql);
    let into = list.get(2).and_then(|t| t.name(sql))?;
    let is_schema = ["sqlite_schema", "sqlite_master"].iter().any(|name| into.eq_ignore_ascii_case(name));
    if !keyword(list.first(), sql).eq("insert") || !is_schema {
        return None;
    }
    let text = list.iter().rev().find(|t| t.kind == TokKind::Text).and_then(|t| t.name(sql))?;
    keyword(toks(&text).get(1), &text).eq("virtual").then_some(text)
}

/// The findings for statements that SQLite does not take, each with its place.
fn rejections(list: &[(usize, rusqlite::Error)], kept: &[Placed<'_>]) -> Vec<Diagnostic> {
    const SHOWN: usize = 8;
    let mut out = Vec::new();
    for (n, error) in list.iter().take(SHOWN) {
        let Placed { file, piece, sql } = &kept[*n];
        let start = piece.span.start;
        let span = match offset(error).filter(|at| *at < sql.len() && sql.is_char_boundary(*at)) {
            Some(at) => {
                let word: usize = sql[at..]
                    .char_indices()
                    .take_while(|(n, c)| *n == 0 || c.is_alphanumeric() || *c == '_' || *c == '.')
                    .map(|(_, c)| c.len_utf8())
                    .sum();
                file.span((start + at).min(piece.span.end)..(start + at + word).min(piece.span.end))
            }
            None => file.span(start..start + sql.lines().next().map_or(0, str::len).min(piece.span.len())),
        };
        let head: String = sql.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
        let text = words(error);
        let mut told =
            Diagnostic::new(Severity::Error, "rejected-sql", format!("SQLite does not take this statement: {text}"))
                .at(Some(span))
                .note(format!("in the statement that begins with `{head}`"));
        told.help = help(&text, sql).map(str::to_owned);
        out.push(told);
    }
    if list.len() > SHOWN {
        let message = format!("{} more statements are not taken", list.len() - SHOWN);
        out.push(Diagnostic::new(Severity::Error, "rejected-sql", message));
    }
    out
}

fn help(text: &str, sql: &str) -> Option<&'static str> {
    if sql.trim_start().starts_with('.') {
        return Some("lines that begin with a dot are for the sqlite3 program, not for SQLite; leave them out");
    }
    if text.starts_with("no such module") {
        return Some(
            "this program has the modules fts3, fts4, fts5, rtree and geopoly's kin only; keep such a table out of the schema files, and name it in --exclude",
        );
    }
    if text.starts_with("no such table") || text.starts_with("no such column") {
        return Some(
            "what it refers to is made nowhere in the desired SQL; add the file that makes it, or correct the name",
        );
    }
    if text.contains("already exists") {
        return Some("the desired SQL makes it twice; keep one of both");
    }
    if text.contains("syntax error") {
        return Some("correct the SQL where it is marked; it is read as SQLite's");
    }
    None
}

/// The name of what a statement makes; and whether it is a table.
fn made(sql: &str) -> Option<(String, bool)> {
    let list = toks(sql);
    let mut n = usize::from(keyword(list.first(), sql) == "create");
    if n == 0 {
        return None;
    }
    while matches!(keyword(list.get(n), sql).as_str(), "unique" | "virtual" | "temp" | "temporary") {
        n += 1;
    }
    let is_table = keyword(list.get(n), sql) == "table";
    n += 1;
    if keyword(list.get(n), sql) == "if" {
        n += 3;
    }
    if list.get(n + 1).is_some_and(|t| t.kind == TokKind::Dot) {
        n += 2;
    }
    list.get(n).and_then(|t| t.name(sql)).map(|name| (name, is_table))
}

/// Notes where a statement's object is made and what its hints say.
fn note(desired: &mut Desired, placed: &Placed<'_>) {
    let Placed { file, piece, sql } = placed;
    let Some((name, is_table)) = made(sql) else {
        if let Some((_, span)) = piece.hints.first() {
            desired.diagnostics.push(
                Diagnostic::new(Severity::Warning, "hint-not-understood", "the hint is about no table and no column")
                    .at(Some(file.span(span.clone())))
                    .help("write it on or above the CREATE TABLE, or on or above the column, that it is about"),
            );
        }
        return;
    };
    let origin = |line: usize| Origin { file: file.name.clone(), line };
    desired.said.origins.entry(name.to_ascii_lowercase()).or_insert_with(|| origin(piece.line));
    for (kind, span) in &piece.hints {
        let place = file.span(span.clone());
        let target = about(desired, placed, &name, span);
        desired.diagnostics.extend(follow(&mut desired.said, (&name, is_table), target, kind, place));
    }
}

/// What a hint is about.
fn about(desired: &Desired, placed: &Placed<'_>, name: &str, span: &Range<usize>) -> Target {
    let Placed { file, piece, sql: _ } = placed;
    let begin = piece.span.start;
    let (Some(start), Some(end)) = (span.start.checked_sub(begin), span.end.checked_sub(begin)) else {
        return Target::Statement;
    };
    let found = target(&file.text[piece.span.clone()], start, end);
    match (found, desired.catalog.objects.get(&LiteId::new(LiteKind::VirtualTable, [name]))) {
        // Its module knows which of its arguments are columns.
        (Target::Column(column), Some(LiteObject::VirtualTable(table))) => {
            let is_one = table.columns.iter().flatten().any(|c| c.eq_ignore_ascii_case(&column));
            if is_one { Target::Column(column) } else { Target::Part }
        }
        (found, _) => found,
    }
}

/// Whether a text begins as a query does.
fn is_query(text: &str) -> bool {
    keyword(toks(text).first(), text) == "select"
}

/// Keeps what a hint says, or tells why it says nothing.
fn follow(
    said: &mut Said,
    (name, is_table): (&str, bool),
    target: Target,
    kind: &HintKind,
    place: Span,
) -> Option<Diagnostic> {
    let wrong = |message: &str, help: &str, place: Span| {
        Some(Diagnostic::new(Severity::Warning, "hint-not-understood", message).at(Some(place)).help(help))
    };
    if target == Target::Nothing {
        return wrong(
            "the hint stands behind the last column, above nothing, and is not followed",
            "write it on the line of the column that it is about, or on the line above it",
            place,
        );
    }
    match (kind, target) {
        (HintKind::RenamedFrom(_), Target::Part) => wrong(
            "the hint is about a constraint or an option, and SQLite renames tables and columns only; it is not followed",
            "write it on the line of the column that it is about, or on the line above it; constraints hold nothing and need none",
            place,
        ),
        (HintKind::RenamedFrom(old), target) if is_table => {
            // Unquoted names come folded; SQLite does not mind.
            let old = old.last().cloned().unwrap_or_default();
            let column = if let Target::Column(column) = target { Some(column) } else { None };
            let origin = Origin { file: place.file.clone(), line: place.line };
            said.renames.push(Renamed { table: name.to_owned(), column, old, origin });
            None
        }
        (HintKind::RenamedFrom(_), _) => Some(
            Diagnostic::new(
                Severity::Note,
                "hint-not-needed",
                "SQLite renames tables and columns only; this is made again, and nothing is lost by that",
            )
            .at(Some(place)),
        ),
        (HintKind::Using(text), Target::Column(column)) => {
            let key = Wishes::key(name, &column);
            said.expressions.insert((key.0.clone(), key.1.clone(), Word::Using), place);
            said.wishes.usings.insert(key, text.clone());
            None
        }
        (HintKind::Backfill(text), Target::Column(column)) => {
            let key = Wishes::key(name, &column);
            said.expressions.insert((key.0.clone(), key.1.clone(), Word::Backfill), place);
            said.wishes.backfills.insert(key, text.clone());
            None
        }
        (HintKind::Backfill(text), Target::Statement) if is_table && is_query(text) => {
            said.rows.push(RowsHint { table: name.to_owned(), query: text.clone(), span: place });
            None
        }
        // Plans have one stage: nothing is written back to an old side.
        (HintKind::Down(_), Target::Column(_)) => None,
        (HintKind::Down(_), Target::Statement) if said.rows.last().is_some_and(|rows| rows.table == name) => None,
        (HintKind::Map(_) | HintKind::Using(_) | HintKind::Backfill(_) | HintKind::Down(_), _) => wrong(
            "the hint is about no column, and none that SQLite has",
            "write `using` and `backfill` on the line of a column, or on the line above it; a query that says where rows come from stands above CREATE TABLE",
            place,
        ),
    }
}
