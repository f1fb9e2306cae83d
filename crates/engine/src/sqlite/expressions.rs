//! What hints say that rows get, tried before anything is planned: what SQLite does not take is told where it is written, and not as
//! the failure of a statement that nobody wrote.

use super::desired::Said;
use super::memory::{COLLATION, FUNCTION, Memory, offset, words};
use crate::EngineError;
use underpin_model::{Diagnostic, Severity};
use underpin_sql::sqlite::{TokKind, ident, toks};
use underpin_sqlite::objects::{Generated, Table};
use underpin_sqlite::{Library, LiteCatalog, LiteObject, Wishes, changes_type};

/// The word of a hint that says a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    Using,
    Backfill,
}

impl Word {
    fn text(self) -> &'static str {
        match self {
            Self::Using => "using",
            Self::Backfill => "backfill",
        }
    }

    fn of<'w>(self, wishes: &'w mut Wishes, key: &(String, String)) -> Option<&'w mut String> {
        match self {
            Self::Using => wishes.usings.get_mut(key),
            Self::Backfill => wishes.backfills.get_mut(key),
        }
    }
}

/// Names of one column: the one that is there when the expression is worked out, and the other that the hint on it says.
struct Also<'a> {
    there: &'a str,
    other: &'a str,
}

/// Tries the expressions that a plan from one schema to the other needs. Those that say a renamed column by the name that it does not have
/// at that time are put so that both names are understood.
///
/// # Errors
/// Where SQLite does not take one.
pub(crate) fn check(
    base: &LiteCatalog,
    to: &LiteCatalog,
    (said, wishes): (&Said, &mut Wishes),
) -> Result<(), EngineError> {
    let (mut memory, mut list) = (None, Vec::new());
    for (id, object) in &base.objects {
        let (LiteObject::Table(old), Some(LiteObject::Table(new))) = (object, to.objects.get(id)) else { continue };
        for (column, word) in needed(id.part(0), old, new, wishes) {
            let key = Wishes::key(id.part(0), &column);
            let also = also(said, id.part(0), old);
            let Some(text) = word.of(wishes, &key) else { continue };
            let memory = match &mut memory {
                Some(memory) => memory,
                empty => empty.insert(Memory::of(base).map_err(|e| EngineError::Failure(words(&e)))?),
            };
            match understood((memory, to), id.part(0), &also, text) {
                Ok(understood) => *text = understood,
                Err(wrong) => {
                    let message = format!(
                        "rows of {} cannot get this value in {column} (`{}`): {}",
                        id.part(0),
                        word.text(),
                        wrong.why
                    );
                    let place = said.expressions.get(&(key.0, key.1, word)).cloned();
                    let mut told = Diagnostic::new(Severity::Error, "bad-expression", message).at(place);
                    told.help = Some(wrong.help.unwrap_or_else(|| {
                        let names: Vec<&str> = old.columns.iter().map(|c| c.name.as_str()).collect();
                        format!(
                            "write one expression over a row of {}; its columns are {}",
                            id.part(0),
                            names.join(", ")
                        )
                    }));
                    list.push(told);
                }
            }
        }
    }
    if list.is_empty() { Ok(()) } else { Err(EngineError::Input(list)) }
}

/// The columns of a table whose hints the plan needs: spent ones may stay in the files, whatever they say.
fn needed(table: &str, old: &Table, new: &Table, wishes: &Wishes) -> Vec<(String, Word)> {
    let mut list = Vec::new();
    for column in new.columns.iter().filter(|c| c.generated == Generated::No) {
        let key = Wishes::key(table, &column.name);
        let (using, backfill) = (wishes.usings.contains_key(&key), wishes.backfills.contains_key(&key));
        let (uses, fills) = match wishes.origin(table, old, &column.name) {
            None => (using && !backfill, backfill),
            Some(origin) => (
                using && changes_type((origin, old.strict), (column, new.strict)),
                backfill && column.not_null && !origin.not_null,
            ),
        };
        list.extend(uses.then(|| (column.name.clone(), Word::Using)));
        list.extend(fills.then(|| (column.name.clone(), Word::Backfill)));
    }
    list
}

/// The columns of a table that hints give another name.
fn also<'a>(said: &'a Said, table: &str, old: &'a Table) -> Vec<Also<'a>> {
    let mut list = Vec::new();
    for hint in said.renames.iter().filter(|h| h.table.eq_ignore_ascii_case(table)) {
        let Some(column) = &hint.column else { continue };
        match (old.column(&hint.old), old.column(column)) {
            (None, Some(there)) => list.push(Also { there: &there.name, other: &hint.old }),
            (Some(there), None) => list.push(Also { there: &there.name, other: column }),
            _ => {}
        }
    }
    list
}

/// Why an expression is not taken.
struct Wrong {
    why: String,
    help: Option<String>,
}

impl Wrong {
    fn because(why: &str) -> Self {
        Self { why: why.to_owned(), help: None }
    }
}

/// The expression as it is understood in the place of a value for a row of the table.
fn understood(
    (memory, to): (&Memory, &LiteCatalog),
    table: &str,
    also: &[Also<'_>],
    text: &str,
) -> Result<String, Wrong> {
    is_one(text)?;
    let name = ident(table);
    match tried(memory, &name, text) {
        Ok(()) => known(memory, text).map(|()| text.to_owned()),
        Err(error) => {
            let names: Vec<String> = also.iter().map(|a| format!("{} AS {}", ident(a.there), ident(a.other))).collect();
            let names = names.join(", ");
            let is_of_names = words(&error).starts_with("no such column: ") && !also.is_empty();
            if is_of_names && tried(memory, &format!("(SELECT *, {names} FROM {name})"), text).is_ok() {
                known(memory, text)?;
                return Ok(format!("SELECT {text} FROM (SELECT {names})"));
            }
            // A table that the same plan makes may be read; the proof tells whether that is so in time.
            let made = words(&error).strip_prefix("no such table: ").map(str::to_owned);
            let is_made = |name: &String| to.objects.keys().any(|id| id.part(0).eq_ignore_ascii_case(name));
            if made.is_some_and(|name| is_made(&name)) { Ok(text.to_owned()) } else { Err(told(&error, text)) }
        }
    }
}

/// How the statement begins with which an expression is tried. No aggregate can stand in a condition, nor where a row gets a value.
fn before(relation: &str) -> String {
    format!("SELECT 1 FROM {relation} WHERE (")
}

/// Tries an expression with what SQLite itself has.
fn tried(memory: &Memory, relation: &str, text: &str) -> rusqlite::Result<()> {
    memory.try_without_stand_ins(&format!("{}{text}) IS NULL", before(relation)))
}

/// Whether the text can be but one expression, with nothing behind it.
fn is_one(text: &str) -> Result<(), Wrong> {
    let mut depth = 0_i32;
    for tok in toks(text) {
        depth += match tok.kind {
            TokKind::Open => 1,
            TokKind::Close => -1,
            TokKind::Semicolon => return Err(Wrong::because("it ends at a semicolon")),
            TokKind::Parameter => return Err(Wrong::because("nothing gives its parameter a value")),
            _ => 0,
        };
        if depth < 0 {
            return Err(Wrong::because("a parenthesis closes that was not opened"));
        }
    }
    if depth > 0 { Err(Wrong::because("a parenthesis is not closed")) } else { Ok(()) }
}

/// Whether all functions and collations of an expression that SQLite takes are its own: for those of the application that the schema uses there
/// may be stand-ins.
fn known(memory: &Memory, text: &str) -> Result<(), Wrong> {
    let list = toks(text);
    for pair in list.windows(2) {
        if pair[1].kind == TokKind::Open
            && let Some(name) = pair[0].name(text).filter(|name| memory.lacks(&format!("{FUNCTION}{name}")))
        {
            return Err(Wrong { why: format!("no such function: {name}"), help: Some(application("function")) });
        }
        if pair[0].is(text, "COLLATE")
            && let Some(name) = pair[1].name(text).filter(|name| memory.lacks(&format!("{COLLATION}{name}")))
        {
            let why = format!("no such collation sequence: {name}");
            return Err(Wrong { why, help: Some(application("collation")) });
        }
    }
    Ok(())
}

fn application(what: &str) -> String {
    format!(
        "correct the name: SQLite {} has no such {what}, and one that the application brings is not there when underpin runs the plan",
        Library::bundled()
    )
}

/// SQLite's words for who wrote the expression, and nothing around it.
fn told(error: &rusqlite::Error, text: &str) -> Wrong {
    let said = words(error);
    let help = if said.starts_with("no such function") {
        Some(application("function"))
    } else if said.starts_with("no such collation") {
        Some(application("collation"))
    } else {
        None
    };
    let is_at_end = said == "near \")\": syntax error"
        && offset(error).is_none_or(|at| error_start(error).is_some_and(|start| at >= start + text.trim_end().len()));
    let why = if is_at_end || said == "incomplete input" { "it is not complete".to_owned() } else { said };
    Wrong { why, help }
}

/// Where the expression begins in the statement that an error is about.
fn error_start(error: &rusqlite::Error) -> Option<usize> {
    match error {
        rusqlite::Error::SqlInputError { sql, .. } => sql.find("WHERE (").map(|at| at + "WHERE (".len()),
        _ => None,
    }
}
