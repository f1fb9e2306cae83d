//! Renames tried on a copy of the schema: what stands in their way, and what they leave to do.

use super::memory::{Memory, words};
use super::renames::Rename;
use crate::EngineError;
use underpin_model::{Diagnostic, Kind, Severity};
use underpin_sql::sqlite::ident;
use underpin_sqlite::{LiteCatalog, LiteId, LiteKind};

/// Why renames cannot be done.
pub(crate) struct Stopped {
    /// The table of which a column could not be renamed, where it was that.
    pub of_columns: Option<String>,
    pub error: EngineError,
}

/// Does the renames on a copy of the schema. Gives what had to go before them, and the schema after them.
pub(crate) fn carry_out(
    from: &LiteCatalog,
    to: &LiteCatalog,
    pending: &[Rename],
) -> Result<(Vec<Rename>, LiteCatalog), Stopped> {
    let mut gone: Vec<Rename> = Vec::new();
    'again: loop {
        let memory = Memory::of(from).map_err(|e| failed(&e, "the schema as it is", None))?;
        for rename in gone.iter().chain(pending) {
            for sql in &rename.sql {
                let Err(error) = memory.run(sql) else { continue };
                let first = in_the_way(from, to, &words(&error));
                match first.filter(|id| gone.iter().all(|g| g.objects[0] != **id)) {
                    Some(id) => {
                        gone.push(dropped(id));
                        continue 'again;
                    }
                    None => return Err(failed(&error, sql, Some(rename))),
                }
            }
        }
        let read = memory.read();
        let base = read.map_err(|e| Stopped { of_columns: None, error: EngineError::Failure(words(&e)) })?;
        return Ok((gone, base));
    }
}

fn failed(error: &rusqlite::Error, sql: &str, rename: Option<&Rename>) -> Stopped {
    let table = rename.filter(|r| r.objects[0] == r.objects[1] && r.objects[0].kind == LiteKind::Table);
    let what = format!("a rename fails on a copy of the schema: {}", words(error));
    let told = Diagnostic::new(Severity::Error, "step-fails", what)
        .note(format!("the statement: {sql}"))
        .help("mend or drop what it names first; nothing was changed in the database");
    Stopped { of_columns: table.map(|r| r.objects[0].part(0).to_owned()), error: EngineError::Unproved(vec![told]) }
}

/// Whether the second renames leave less to do than the first ones; none where that is the same.
pub(crate) fn is_less((from, to): (&LiteCatalog, &LiteCatalog), first: &[Rename], second: &[Rename]) -> Option<bool> {
    // What cannot be done is not what was meant.
    let left = |renames: &[Rename]| {
        carry_out(from, to, renames).map_or(usize::MAX, |(_, base)| underpin_diff::diff(&base, to).len())
    };
    let (first, second) = (left(first), left(second));
    (first != second).then_some(second < first)
}

/// The view or trigger of which a rename says that it is broken, for ALTER TABLE looks through all of them (manual, "ALTER TABLE", 2); or
/// what has the new name and goes, or can be made again.
fn in_the_way<'c>(from: &'c LiteCatalog, to: &LiteCatalog, text: &str) -> Option<&'c LiteId> {
    let says = |id: &LiteId, kind: &str| {
        let rest = text.strip_prefix("error in ").and_then(|t| t.strip_prefix(kind)).and_then(|t| t.strip_prefix(' '));
        let rest = rest.and_then(|t| t.strip_prefix(id.part(0)));
        rest.is_some_and(|t| t.starts_with(": ") || t.starts_with(" after "))
    };
    let taken = text.strip_prefix("there is already another table or index with this name: ");
    let has_name = |id: &LiteId| taken.is_some_and(|name| name.eq_ignore_ascii_case(id.part(0)));
    from.objects.keys().find(|id| match id.kind {
        LiteKind::View => says(id, "view") || has_name(id),
        LiteKind::Trigger => says(id, "trigger"),
        LiteKind::Index => has_name(id),
        LiteKind::Table | LiteKind::VirtualTable => has_name(id) && !to.objects.contains_key(id),
    })
}

/// A step that takes away what is in the way; where it is wanted, it is made again like anything that is missing.
fn dropped(id: &LiteId) -> Rename {
    let holds = matches!(id.kind, LiteKind::Table | LiteKind::VirtualTable);
    let kind = if holds { "TABLE".to_owned() } else { id.kind.name().to_ascii_uppercase() };
    Rename {
        words: format!("drop {id}"),
        sql: vec![format!("DROP {kind} {}", ident(id.part(0)))],
        reason: match id.kind {
            LiteKind::Index | LiteKind::Table | LiteKind::VirtualTable => "it has the new name of a table",
            LiteKind::View | LiteKind::Trigger => {
                "ALTER TABLE renames nothing while there is a view or trigger that it cannot follow, or a view has the new name"
            }
        },
        origin: None,
        breaks: false,
        objects: [id.clone(), id.clone()],
        loses: holds.then(|| format!("all rows of {} are deleted", id.part(0))),
    }
}
