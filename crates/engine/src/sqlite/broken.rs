//! What of a schema cannot be used as it is: SQLite takes views and triggers that name what is not there, and foreign keys to what is no
//! key, and fails when they are used.

use super::memory::{Memory, words};
use rusqlite::Result;
use underpin_model::{Diagnostic, Severity};
use underpin_sql::sqlite::{ident, literal};
use underpin_sqlite::objects::{RuleKind, Trigger};
use underpin_sqlite::{LiteCatalog, LiteId, LiteObject};

/// An object that cannot be used, and SQLite's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Broken {
    pub id: LiteId,
    pub why: String,
}

impl Broken {
    /// It in words.
    pub fn message(&self) -> String {
        match self.id.kind {
            underpin_sqlite::LiteKind::Table => {
                format!("a foreign key of {} refers to what is no key: {}", self.id, self.why)
            }
            _ => format!("{} cannot be used as the schema is: {}", self.id, self.why),
        }
    }

    /// It as a finding; `place` is where the files make it.
    pub fn told(&self, place: &str) -> Diagnostic {
        Diagnostic::new(Severity::Warning, "broken", format!("{place}{}", self.message()))
            .note("SQLite takes such a statement and fails when it is used: a trigger makes every write fail that it is for, and so does the key while foreign keys are on")
            .help("correct it, or take it away")
            .about(vec![self.id.part(0).to_owned()])
    }
}

/// What of a schema, which the memory has, cannot be used.
pub(crate) fn broken(memory: &Memory, catalog: &LiteCatalog) -> Vec<Broken> {
    let mut found = Vec::new();
    for (id, object) in &catalog.objects {
        let tried = match object {
            LiteObject::View(_) => memory.try_to_prepare(&format!("EXPLAIN SELECT * FROM {}", ident(id.part(0)))),
            LiteObject::Trigger(trigger) => {
                uses(memory, trigger).and_then(|sql| alone(memory, catalog, (id, trigger), &sql))
            }
            LiteObject::Table(table) => {
                let mut rules = table.columns.iter().flat_map(|c| &c.rules).chain(&table.rules);
                if rules.any(|r| r.kind == RuleKind::ForeignKey) { keys(memory, id.part(0)) } else { Ok(()) }
            }
            LiteObject::VirtualTable(_) | LiteObject::Index(_) => Ok(()),
        };
        if let Err(error) = tried
            && names_what_is_missing(&words(&error))
        {
            found.push(Broken { id: id.clone(), why: words(&error) });
        }
    }
    found
}

/// Errors that tell of something that is not there; others, as of a view that takes no rows, are the try's own.
fn names_what_is_missing(text: &str) -> bool {
    ["no such table", "no such column", "no such view", "foreign key mismatch"].iter().any(|head| text.contains(head))
}

/// Whether the keys of a table refer to keys.
fn keys(memory: &Memory, table: &str) -> Result<()> {
    let sql = format!("SELECT count(*) FROM pragma_foreign_key_check({})", literal(table));
    memory.connection.query_row(&sql, [], |_| Ok(()))
}

/// A statement that runs a trigger; an empty one where nothing does.
fn uses(memory: &Memory, trigger: &Trigger) -> Result<String> {
    let on = ident(&trigger.on);
    let event = trigger.words.iter().find(|w| matches!(w.as_str(), "insert" | "delete" | "update"));
    Ok(match event.map(String::as_str) {
        Some("insert") => format!("EXPLAIN INSERT INTO {on} DEFAULT VALUES"),
        Some("delete") => format!("EXPLAIN DELETE FROM {on}"),
        Some(_) => {
            let sql = format!("SELECT name FROM pragma_table_xinfo({}) WHERE hidden = 0", literal(&trigger.on));
            let mut query = memory.connection.prepare(&sql)?;
            let names: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
            let set: Vec<String> = names.iter().map(|n| ident(n)).map(|n| format!("{n} = {n}")).collect();
            if set.is_empty() { String::new() } else { format!("EXPLAIN UPDATE {on} SET {}", set.join(", ")) }
        }
        None => String::new(),
    })
}

/// Tries a statement with no other trigger on what it is for: a failure could be another one's.
fn alone(memory: &Memory, catalog: &LiteCatalog, (id, trigger): (&LiteId, &Trigger), sql: &str) -> Result<()> {
    if sql.is_empty() {
        return Ok(());
    }
    let Err(error) = memory.try_to_prepare(sql) else { return Ok(()) };
    let others = catalog.objects.iter().filter_map(|(other, object)| match object {
        LiteObject::Trigger(t) if other != id && t.on == trigger.on => Some(other),
        _ => None,
    });
    let drops: Vec<String> = others.map(|other| format!("DROP TRIGGER {}", ident(other.part(0)))).collect();
    if drops.is_empty() {
        return Err(error);
    }
    memory.run("SAVEPOINT _underpin_alone")?;
    let tried = drops.iter().try_for_each(|drop| memory.run(drop)).and_then(|()| memory.try_to_prepare(sql));
    memory.run("ROLLBACK TO _underpin_alone; RELEASE _underpin_alone")?;
    tried
}
