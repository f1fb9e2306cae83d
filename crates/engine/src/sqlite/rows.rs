//! Queries above tables that say where their rows come from. A plan is one transaction, so that the rows are put into the table when it is made, before
//! what they come from goes: nobody writes meanwhile, and nothing has to be carried over or back.

use super::desired::RowsHint;
use super::memory::{Memory, words};
use super::renames::Rename;
use crate::EngineError;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use underpin_model::{Diagnostic, Run, Severity, Source as Origin, Step};
use underpin_sql::sqlite::{Tok, TokKind, ident, keyword, toks};
use underpin_sqlite::objects::{Generated, Table};
use underpin_sqlite::{LiteCatalog, LiteId, LiteKind, LiteObject, facts, has_what_it_reads, or_abort, read_anew};

/// How such a query looks like, for who wrote another.
const FORM: &str = "write a query of this form: `SELECT EXPR AS column, … FROM table WHERE CONDITION`, with one table, expressions \
                    over its row, and perhaps a WHERE";

/// What the name of a table begins with in which rows wait for the table that they go to.
const ASIDE: &str = "_underpin_rows_";

/// Rows that come into a table.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    target: LiteId,
    source: LiteId,
    /// The columns that get values, as they are written in a list.
    into: String,
    /// How many these are.
    width: usize,
    query: String,
    /// What stands before the name of the table: `OR ABORT `, or nothing.
    or: &'static str,
    is_new: bool,
    /// What else has to be done to the table before: its triggers run for the rows, and full-text tables over it are there.
    after: Vec<LiteId>,
    /// Statements by which those full-text tables read the rows.
    anew: Vec<String>,
    origin: Origin,
}

/// Reads the queries of the files against what is there: those that are to be followed, and what is told of others.
///
/// # Errors
/// Where one is not of that form, or does not fit its tables.
pub(crate) fn read(
    hints: &[RowsHint],
    (from, to): (&LiteCatalog, &LiteCatalog),
    pending: &[Rename],
) -> Result<(Vec<Rows>, Vec<Diagnostic>), EngineError> {
    let (mut list, mut told, mut wrong) = (Vec::new(), Vec::new(), Vec::new());
    for hint in hints {
        match one(hint, (from, to), pending)? {
            Found::Rows(rows) => list.push(*rows),
            Found::Spent(why) => told.push(
                Diagnostic::new(Severity::Note, "hint-is-spent", format!("no rows move to {}: {why}", hint.table))
                    .at(Some(hint.span.clone()))
                    .help("where the rows have moved, the hint can go"),
            ),
            Found::Wrong(why, help) => wrong.push(
                Diagnostic::new(
                    Severity::Error,
                    "bad-rows-query",
                    format!("the rows of {} cannot come from this query: {why}", hint.table),
                )
                .at(Some(hint.span.clone()))
                .help(help),
            ),
            Found::OutOfScope => {}
        }
    }
    if wrong.is_empty() { Ok((list, told)) } else { Err(EngineError::Input(wrong)) }
}

/// What a query comes to.
enum Found {
    Rows(Box<Rows>),
    Spent(String),
    Wrong(String, &'static str),
    OutOfScope,
}

fn find<'c>(catalog: &'c LiteCatalog, name: &str) -> Option<(&'c LiteId, &'c LiteObject)> {
    catalog.objects.iter().find(|(id, _)| id.kind.is_relation() && id.part(0).eq_ignore_ascii_case(name))
}

fn one(hint: &RowsHint, (from, to): (&LiteCatalog, &LiteCatalog), pending: &[Rename]) -> Result<Found, EngineError> {
    let wrong = |why: String| Ok(Found::Wrong(why, FORM));
    let (id, target) = match find(to, &hint.table) {
        Some((id, LiteObject::Table(table))) => (id, table),
        Some((id, _)) => return wrong(format!("{id} is no plain table")),
        None => return Ok(Found::OutOfScope),
    };
    let (name, query) = match source(&hint.query) {
        Ok(read) => read,
        Err(why) => return wrong(why.to_owned()),
    };
    let is_about = |id: &LiteId| [name.as_str(), &hint.table].iter().any(|n| id.part(0).eq_ignore_ascii_case(n));
    if let Some(rename) = pending.iter().find(|r| r.objects.iter().any(is_about)) {
        let why = format!("the same plan does this: {}; and rows move in a plan of their own", rename.words);
        return Ok(Found::Wrong(why, "rename first, and add the query after that"));
    }
    let (source, columns) = match find(from, &name) {
        Some((id, LiteObject::Table(table))) => (id, table),
        Some((id, _)) => return wrong(format!("it reads something that is no table: {id}")),
        None => return Ok(Found::Spent(format!("{name} is not in the database"))),
    };
    if source.part(0).eq_ignore_ascii_case(id.part(0)) {
        return wrong("a table's rows cannot come from itself".to_owned());
    }
    let there = find(from, &hint.table);
    let asked = match ask(from, &query)? {
        Ok(asked) => asked,
        Err(why) if there.is_some() && why.starts_with("no such column") => {
            return Ok(Found::Spent(format!("what it reads of {name} is gone")));
        }
        Err(why) => return wrong(why),
    };
    let stays = |column: &String| match to.objects.get(source) {
        // A name of the number of the row is a column of none.
        Some(LiteObject::Table(table)) => columns.column(column).is_none() || table.column(column).is_some(),
        _ => false,
    };
    if there.is_some() && to.objects.contains_key(source) && asked.reads.iter().all(stays) {
        return Ok(Found::Spent(format!("{} is there, and nothing of {name} goes", hint.table)));
    }
    if let Some(why) = misfit(target, &asked.names, there.is_some()) {
        return wrong(why);
    }
    let into: Vec<String> = asked.names.iter().map(|n| ident(n)).collect();
    Ok(Found::Rows(Box::new(Rows {
        target: id.clone(),
        source: source.clone(),
        width: into.len(),
        into: into.join(", "),
        query,
        or: or_abort(&target.sql),
        is_new: there.is_none(),
        after: hang_on(id, [from, to]),
        anew: if there.is_some() { read_by(id, to) } else { Vec::new() },
        origin: Origin { file: hint.span.file.clone(), line: hint.span.line },
    })))
}

/// The triggers on a table, and the full-text tables over it.
fn hang_on(table: &LiteId, sides: [&LiteCatalog; 2]) -> Vec<LiteId> {
    let is_it = |name: &str| name.eq_ignore_ascii_case(table.part(0));
    let all = sides.into_iter().flat_map(|catalog| &catalog.objects);
    let found = all.filter(|(_, object)| match object {
        LiteObject::Trigger(trigger) => is_it(&trigger.on),
        LiteObject::VirtualTable(over) => over.content().is_some_and(|name| is_it(&name)),
        LiteObject::Table(_) | LiteObject::Index(_) | LiteObject::View(_) => false,
    });
    found.map(|(id, _)| id.clone()).collect()
}

/// What has the full-text tables over a table read it.
fn read_by(table: &LiteId, to: &LiteCatalog) -> Vec<String> {
    let over = to.objects.iter().filter(|(_, object)| match object {
        LiteObject::VirtualTable(over) => {
            over.content().is_some_and(|name| name.eq_ignore_ascii_case(table.part(0))) && has_what_it_reads(over, to)
        }
        _ => false,
    });
    over.map(|(id, _)| read_anew(id.part(0))).collect()
}

/// Why the outputs of a query do not make rows of the table; none where they do.
fn misfit(target: &Table, names: &[String], is_there: bool) -> Option<String> {
    let is_given = |column: &str| names.iter().any(|n| n.eq_ignore_ascii_case(column));
    for (n, name) in names.iter().enumerate() {
        match target.column(name) {
            None => return Some(format!("its output {name} is no column of the table; name it with AS")),
            Some(column) if column.generated != Generated::No => return Some(format!("{name} is computed")),
            Some(_) if names[..n].iter().any(|other| other.eq_ignore_ascii_case(name)) => {
                return Some(format!("it gives {name} twice"));
            }
            Some(_) => {}
        }
    }
    let alias = target.rowid_alias().map(|c| c.name.as_str());
    let needs = |c: &&underpin_sqlite::objects::Column| {
        c.not_null && c.default.is_none() && c.generated == Generated::No && alias != Some(c.name.as_str())
    };
    if let Some(column) = target.columns.iter().filter(needs).find(|c| !is_given(&c.name)) {
        return Some(format!("{} is NOT NULL and gets no value", column.name));
    }
    // Rows that somebody has moved already would be there twice.
    let mut keys = target.columns.iter().filter(|c| c.key > 0).peekable();
    let has_key = keys.peek().is_some() && keys.all(|c| is_given(&c.name));
    (is_there && !has_key)
        .then(|| "the table is there already, and the query does not give it all of its primary key".to_owned())
}

/// What SQLite says of a query.
struct Asked {
    names: Vec<String>,
    /// The columns that it reads.
    reads: BTreeSet<String>,
}

/// Has SQLite prepare the query over the schema that is there, with what it has itself; else its words.
fn ask(from: &LiteCatalog, query: &str) -> Result<Result<Asked, String>, EngineError> {
    let failed = |e: rusqlite::Error| EngineError::Failure(words(&e));
    let mut memory = Memory::of(from).map_err(failed)?;
    memory.without_stand_ins().map_err(failed)?;
    let reads: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let seen = Arc::clone(&reads);
    memory
        .connection
        .authorizer(Some(move |context: AuthContext<'_>| {
            if let (AuthAction::Read { table_name: _, column_name }, Ok(mut seen)) = (context.action, seen.lock()) {
                seen.insert(column_name.to_owned());
            }
            Authorization::Allow
        }))
        .map_err(failed)?;
    let names = match memory.connection.prepare(query) {
        Ok(statement) => statement.column_names().map(str::to_owned).collect(),
        Err(error) => return Ok(Err(words(&error))),
    };
    let mut explain = memory.connection.prepare(&format!("EXPLAIN {query}")).map_err(failed)?;
    let steps = explain.query_map([], |row| row.get::<_, String>("opcode")).map_err(failed)?;
    let steps: Vec<String> = steps.collect::<rusqlite::Result<_>>().map_err(failed)?;
    // `count(*)` alone has a step of its own.
    if steps.iter().any(|op| op.starts_with("Agg") || op == "Count") {
        return Ok(Err("it makes something else than one row of each".to_owned()));
    }
    let reads = reads.lock().map(|seen| seen.clone()).unwrap_or_default();
    Ok(Ok(Asked { names, reads }))
}

/// The table that a query reads, and the query without what stands around it; else what is wrong with it.
fn source(text: &str) -> Result<(String, String), &'static str> {
    let all = toks(text);
    let last = all.iter().rposition(|t| t.kind != TokKind::Semicolon).map_or(0, |n| n + 1);
    let list = &all[..last];
    let word = |n: usize| keyword(list.get(n), text);
    if list.iter().any(|t| t.kind == TokKind::Semicolon) {
        return Err("it is more than one statement");
    }
    if list.iter().any(|t| t.kind == TokKind::Parameter) {
        return Err("nothing gives its parameter a value");
    }
    if list.iter().skip(1).any(|t| t.is(text, "SELECT") || t.is(text, "VALUES")) {
        return Err("it holds another query, and it may only say what each row becomes");
    }
    if matches!(word(1).as_str(), "distinct" | "all") {
        return Err("it makes rows one, and it may only say what each row becomes");
    }
    let Some(from) = outside(text, list, &["from"]) else { return Err("it names no table") };
    let mut next = from + 1;
    if list.get(next + 1).is_some_and(|t| t.kind == TokKind::Dot) {
        if word(next) != "main" {
            return Err("it reads another database");
        }
        next += 2;
    }
    let Some(name) = list.get(next).filter(|t| t.kind != TokKind::Text).and_then(|t| t.name(text)) else {
        return Err("it reads something that is no table");
    };
    next += 1;
    if word(next) == "as" {
        next += 2;
    } else if next < list.len() && word(next) != "where" && list[next].name(text).is_some() {
        next += 1;
    }
    if next < list.len() && word(next) != "where" {
        return Err("it does more than read one table and choose rows");
    }
    let more = ["group", "order", "having", "limit", "offset", "window", "union", "intersect", "except"];
    if outside(text, list.get(next..).unwrap_or_default(), &more).is_some() {
        return Err("it does more than choose rows");
    }
    let (Some(first), Some(end)) = (list.first(), list.last()) else { return Err("it is empty") };
    Ok((name, text[first.start..end.end].to_owned()))
}

/// The place of the first of these words outside parentheses. `IS DISTINCT FROM` is none.
fn outside(text: &str, list: &[Tok], wanted: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    for (n, tok) in list.iter().enumerate() {
        match tok.kind {
            TokKind::Open => depth += 1,
            TokKind::Close => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ => {
                let is_part = n > 0 && (list[n - 1].is(text, "DISTINCT") || list[n - 1].kind == TokKind::Dot);
                if !is_part && wanted.contains(&keyword(Some(tok), text).as_str()) {
                    return Some(n);
                }
            }
        }
    }
    None
}

/// Puts the rows into a plan's steps, with the objects of each: into a new table where it is made, into another one behind all that is done to it.
/// Where what they come from is touched before that, they are put aside first. `first` is where the renames have ended.
pub(crate) fn put(list: &[Rows], steps: &mut Vec<Step>, about: &mut Vec<Vec<LiteId>>, first: usize) {
    for (n, rows) in list.iter().enumerate() {
        let touches = |ids: &[LiteId], id: &LiteId| {
            ids.iter().any(|other| other.kind == LiteKind::Table && other.part(0).eq_ignore_ascii_case(id.part(0)))
        };
        let hangs = |ids: &[LiteId]| ids.iter().any(|id| rows.after.contains(id));
        let changed = about.iter().rposition(|ids| touches(ids, &rows.target) || hangs(ids));
        let at = if rows.is_new { about.iter().position(|ids| touches(ids, &rows.target)) } else { changed };
        let lost = about.iter().skip(first).position(|ids| touches(ids, &rows.source)).map(|p| p + first);
        let target = ident(rows.target.part(0));
        let insert = |query: &str| format!("INSERT {}INTO {target} ({}) {query}", rows.or, rows.into);
        let in_time = match (at, lost) {
            (_, None) => true,
            (Some(at), Some(lost)) => at < lost,
            (None, Some(_)) => true,
        };
        let mut sql = Vec::new();
        if in_time {
            sql.push(insert(&rows.query));
        } else {
            let aside = ident(&format!("{ASIDE}{n}"));
            // Without types, so that no value becomes another.
            let columns: Vec<String> = (1..=rows.width).map(|n| format!("v{n}")).collect();
            let columns = columns.join(", ");
            let mut step = step(
                rows,
                format!("put the rows of {} aside", rows.source),
                vec![
                    format!("CREATE TABLE {aside} ({columns})"),
                    format!("INSERT INTO {aside} ({columns}) {}", rows.query),
                ],
            );
            step.reason = Some("what they come from goes before the table is there that they go to".to_owned());
            steps.insert(first, step);
            about.insert(first, Vec::new());
            sql.push(insert(&format!("SELECT {columns} FROM {aside}")));
            sql.push(format!("DROP TABLE {aside}"));
        }
        sql.extend(rows.anew.iter().cloned());
        let words = format!("{} gets rows of {}", rows.target, rows.source);
        let at = at.map(|at| at + usize::from(!in_time));
        match at.filter(|_| rows.is_new).and_then(|at| steps.get_mut(at)) {
            // What is made behind the table in the same step reads its rows.
            Some(step) => {
                let made = 1.min(step.sql.len());
                step.sql.splice(made..made, sql);
                step.changes.push(words);
                step.work = facts::work(&step.sql);
            }
            None => {
                let at = at.map_or(first, |at| at + 1);
                steps.insert(at, step(rows, words, sql));
                about.insert(at, vec![rows.target.clone()]);
            }
        }
    }
    for (n, step) in steps.iter_mut().enumerate() {
        step.id = format!("s{:03}", n + 1);
    }
}

fn step(rows: &Rows, words: String, sql: Vec<String>) -> Step {
    let mut step = Step::new(String::new(), Run::Sql, sql);
    step.changes = vec![words];
    step.reason = Some("a hint says so".to_owned());
    step.source = Some(rows.origin.clone());
    step.work = facts::work(&step.sql);
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_reads_one_table() {
        let table = |text: &str| source(text).map(|(name, _)| name);
        for text in [
            "SELECT a FROM t",
            "select a, (b + 1) as c from main.\"t\" as x where x.a is distinct from 3;",
            "SELECT a FROM t x WHERE a IN (1, 2)",
            "SELECT trim(a) AS b FROM [t]",
        ] {
            assert_eq!(table(text).as_deref(), Ok("t"), "{text}");
        }
        for text in [
            "SELECT 1",
            "SELECT a FROM t, u",
            "SELECT a FROM t JOIN u",
            "SELECT a FROM t x JOIN u",
            "SELECT a FROM (SELECT 1)",
            "SELECT (SELECT 1) FROM t",
            "SELECT DISTINCT a FROM t",
            "SELECT a FROM t GROUP BY a",
            "SELECT a FROM t WHERE a ORDER BY a",
            "SELECT a FROM t UNION SELECT 1",
            "SELECT a FROM temp.t",
            "SELECT a FROM t; DROP TABLE t",
            "SELECT ?1 FROM t",
        ] {
            assert!(table(text).is_err(), "{text}");
        }
    }
}
