//! The batch of a plan as a migration: what is to stand in a file, apart from the tool's own form.

use super::history::{Keys, Past, up};
use super::memory::Memory;
use crate::EngineError;
use crate::new_files::{lost, summary};
use crate::pending::as_read_of;
use std::collections::BTreeSet;
use underpin_migrations::{Dialect, Down, Mode, New};
use underpin_model::{Batch, Run, Stage};
use underpin_sql::sqlite::{ident, keyword, literal, toks, words};
use underpin_sqlite::objects::RuleKind;
use underpin_sqlite::{LiteCatalog, LiteObject};

/// A migration before its way back is known, with the data that is gone with it.
pub(crate) struct Draft {
    pub new: New,
    pub lost: Vec<String>,
}

/// The migration of a batch; `from` and `to` are the schemas before and after the plan, each with a database of it.
pub(crate) fn draft(
    stage: &Stage,
    batch: &Batch,
    slug: &str,
    sides: [(&LiteCatalog, &Memory); 2],
) -> Result<Draft, EngineError> {
    let mut sql = Vec::new();
    for step in &batch.steps {
        match step.run {
            Run::Assert => {
                let words = format!("a check does not hold: {}", step.changes.join("; "));
                sql.extend(step.sql.iter().flat_map(|query| check(query, &words)));
            }
            Run::External => {
                return Err(EngineError::Failure(format!(
                    "{} is done by another program, which no file of migrations can hold",
                    step.changes.join("; ")
                )));
            }
            Run::Sql | Run::Locked | Run::Build | Run::Backfill => sql.extend(step.sql.iter().cloned()),
        }
    }
    let dropped: BTreeSet<String> = sql.iter().filter_map(|one| dropped_table(one)).collect();
    let mode = match (batch.transaction, dropped.is_empty()) {
        (true, true) => Mode::Whole,
        (true, false) => Mode::Unchecked,
        (false, _) => Mode::Alone,
    };
    if mode == Mode::Unchecked {
        sql = guarded(sql, &sides.map(|side| counting(&dropped, side)));
    }
    Ok(Draft {
        new: New {
            slug: slug.to_owned(),
            summary: summary(stage, &batch.steps),
            mode,
            up: sql,
            down: Down::Cannot(String::new()),
            done: None,
        },
        lost: lost(&batch.steps),
    })
}

/// Runs migrations that were written by this program.
pub(crate) fn run(past: &Past<'_>, memory: &Memory, news: &[New]) -> Result<(), EngineError> {
    as_read_of(Dialect::Sqlite, news, &[])?.iter().try_for_each(|m| up(past.history, memory, m, Keys::On))
}

/// Runs one; with foreign keys switched off where it cannot be with them on.
pub(crate) fn tried(past: &Past<'_>, memory: &Memory, new: &mut New) -> Result<(), EngineError> {
    let Err(error) = run(past, memory, std::slice::from_ref(new)) else { return Ok(()) };
    if new.mode != Mode::Whole {
        return Err(error);
    }
    // Such as a new column that refers to something and has a default.
    new.mode = Mode::Unchecked;
    run(past, memory, std::slice::from_ref(new)).map_err(|_| error)
}

/// The table that a statement drops.
fn dropped_table(sql: &str) -> Option<String> {
    let list = toks(sql);
    let is = |n: usize, word: &str| keyword(list.get(n), sql) == word;
    if !is(0, "drop") || !is(1, "table") {
        return None;
    }
    let at = if is(2, "if") { 4 } else { 2 };
    list.get(at).and_then(|tok| tok.name(sql)).map(|name| name.to_ascii_lowercase())
}

/// The tables of a schema with foreign keys from or to one of these.
fn keys_about(tables: &BTreeSet<String>, catalog: &LiteCatalog) -> BTreeSet<String> {
    let names: BTreeSet<String> = tables.iter().filter_map(|t| words(&ident(t)).pop()).collect();
    let mut found = BTreeSet::new();
    for (id, object) in &catalog.objects {
        let LiteObject::Table(table) = object else { continue };
        let rules = table.columns.iter().flat_map(|c| &c.rules).chain(&table.rules);
        let keys: Vec<_> = rules.filter(|r| r.kind == RuleKind::ForeignKey).collect();
        let refers = |words: &[String]| {
            let at = words.iter().position(|w| w == "references");
            at.and_then(|at| words.get(at + 1)).is_some_and(|name| names.contains(name))
        };
        let is_anew = tables.contains(&id.part(0).to_ascii_lowercase());
        if !keys.is_empty() && (is_anew || keys.iter().any(|key| refers(&key.words))) {
            found.insert(id.part(0).to_owned());
        }
    }
    found
}

/// An expression that counts the rows about these tables that refer to nothing. None where a key fits nothing that it could refer to,
/// for such a one cannot be looked through.
fn counting(tables: &BTreeSet<String>, (catalog, memory): (&LiteCatalog, &Memory)) -> Option<String> {
    let count = |t: &String| format!("(SELECT count(*) FROM pragma_foreign_key_check({}))", literal(t));
    let counts: Vec<String> = keys_about(tables, catalog).iter().map(count).collect();
    let sum = if counts.is_empty() { "0".to_owned() } else { counts.join(" + ") };
    memory.connection.query_row(&format!("SELECT {sum}"), [], |_| Ok(())).ok().map(|()| sum)
}

/// The statements between a count of rows that refer to nothing and a check that there are no more of them.
fn guarded(sql: Vec<String>, [before, after]: &[Option<String>; 2]) -> Vec<String> {
    let (Some(before), Some(after)) = (before, after) else { return sql };
    if after == "0" {
        return sql;
    }
    let mut all = vec![format!("CREATE TEMP TABLE \"_underpin_before\" AS SELECT {before} AS \"dangling\"")];
    all.extend(sql);
    let query = format!("SELECT {after} <= \"dangling\" FROM \"_underpin_before\"");
    all.extend(check(&query, "rows would refer to nothing that referred to something before"));
    all.push("DROP TABLE temp.\"_underpin_before\"".to_owned());
    all
}

/// Statements that fail with these words unless a query gives true.
fn check(query: &str, words: &str) -> Vec<String> {
    let name = ident("_underpin_check");
    vec![
        format!("CREATE TEMP TABLE {name} (\"holds\" INTEGER CONSTRAINT {} CHECK (\"holds\"))", ident(words)),
        format!("INSERT INTO {name} {}", query.trim_end()),
        format!("DROP TABLE temp.{name}"),
    ]
}
