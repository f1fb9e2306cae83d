//! Databases in memory on which schemas are tried. What the SQL of a stranger could reach from there is shut off.

use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::Null;
use rusqlite::{Connection, Error, ErrorCode, Result};
use std::cell::RefCell;
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, Severity};
use underpin_sqlite::{LiteCatalog, LiteId, LiteKind, LiteObject, introspect};

/// A database in memory.
pub(crate) struct Memory {
    pub connection: Connection,
    /// Functions and collations that the application brings and this program lacks: stand-ins are in their place.
    lacks: RefCell<BTreeSet<String>>,
}

/// How many stand-ins one statement may need.
const STAND_INS: usize = 64;

impl Memory {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        connection.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = OFF;")?;
        connection.authorizer(Some(|context: AuthContext<'_>| match context.action {
            // These open and write files.
            AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
            _ => Authorization::Allow,
        }))?;
        Ok(Self { connection, lacks: RefCell::default() })
    }

    /// One with that schema and no rows.
    pub fn of(catalog: &LiteCatalog) -> Result<Self> {
        match Self::quickly(catalog) {
            Ok(memory) => Ok(memory),
            // One by one, SQLite tells which it does not take.
            Err(_) => {
                let memory = Self::new()?;
                for sql in script(catalog) {
                    memory.run(&sql)?;
                }
                Ok(memory)
            }
        }
    }

    /// The same, with views and triggers written into the schema at once: SQLite looks through all of it for every statement that
    /// makes something, so that a large schema takes a time that grows with its square.
    fn quickly(catalog: &LiteCatalog) -> Result<Self> {
        let memory = Self::new()?;
        memory.connection.execute_batch("BEGIN")?;
        for (_, object) in ordered(catalog).into_iter().filter(|(id, _)| !is_text(id.kind)) {
            memory.run(object.sql())?;
        }
        memory.connection.execute_batch("PRAGMA writable_schema = ON")?;
        {
            let mut insert = memory.connection.prepare(
                "INSERT INTO sqlite_schema (type, name, tbl_name, rootpage, sql) VALUES (?1, ?2, ?3, 0, ?4)",
            )?;
            for (id, object) in ordered(catalog).into_iter().filter(|(id, _)| is_text(id.kind)) {
                let (kind, on) = match object {
                    LiteObject::Trigger(trigger) => ("trigger", trigger.on.as_str()),
                    _ => ("view", id.part(0)),
                };
                insert.execute([kind, id.part(0), on, object.sql()])?;
            }
        }
        memory.connection.execute_batch("PRAGMA writable_schema = RESET; COMMIT")?;
        // What cannot be read is told when it is first looked at.
        memory.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        Ok(memory)
    }

    /// Runs statements. A function or a collation that only the application has gets a stand-in.
    pub fn run(&self, sql: &str) -> Result<()> {
        for _ in 0..STAND_INS {
            match self.connection.execute_batch(sql) {
                Err(error) => {
                    if !self.stand_in(&error)? {
                        return Err(error);
                    }
                }
                Ok(()) => return Ok(()),
            }
        }
        self.connection.execute_batch(sql)
    }

    /// Tries whether a statement can be run; it is not.
    pub fn try_to_prepare(&self, sql: &str) -> Result<()> {
        for _ in 0..STAND_INS {
            match self.connection.prepare(sql) {
                Err(error) => {
                    if !self.stand_in(&error)? {
                        return Err(error);
                    }
                }
                Ok(_) => return Ok(()),
            }
        }
        self.connection.prepare(sql).map(|_| ())
    }

    /// Registers what the error says is missing, where it says so.
    fn stand_in(&self, error: &Error) -> Result<bool> {
        let text = words(error);
        if let Some(name) = text.strip_prefix("no such collation sequence: ") {
            self.connection.create_collation(name, |a: &str, b: &str| a.cmp(b))?;
            return Ok(self.lacks.borrow_mut().insert(format!("the collation {name}")));
        }
        let missing = text.strip_prefix("no such function: ").or_else(|| text.strip_prefix("unknown function: "));
        if let Some(name) = missing.map(|n| n.trim_end_matches("()")) {
            let flags =
                FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
            self.connection.create_scalar_function(name, -1, flags, |_| Ok(Null))?;
            return Ok(self.lacks.borrow_mut().insert(format!("the function {name}")));
        }
        Ok(false)
    }

    /// Its schema.
    pub fn read(&self) -> Result<LiteCatalog> {
        introspect(&self.connection)
    }

    /// What had a stand-in.
    pub fn lacking(&self) -> Option<Diagnostic> {
        let lacks = self.lacks.borrow();
        let list: Vec<&str> = lacks.iter().map(String::as_str).collect();
        (!list.is_empty()).then(|| {
            Diagnostic::new(
                Severity::Note,
                "application-only",
                format!("the schema uses what only the application brings: {}", list.join(", ")),
            )
            .note("a stand-in was used while planning; a step that needs the real one stops on the database, and changes nothing")
        })
    }
}

/// What SQLite says, without what the driver adds.
pub(crate) fn words(error: &Error) -> String {
    match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    }
}

/// Where in the SQL the error stands, in bytes, where SQLite tells.
pub(crate) fn offset(error: &Error) -> Option<usize> {
    match error {
        Error::SqlInputError { offset, .. } => usize::try_from(*offset).ok(),
        _ => None,
    }
}

/// Whether the error is about what another statement could bring.
pub(crate) fn may_come_later(error: &Error) -> bool {
    let code = error.sqlite_error_code();
    let text = words(error);
    matches!(code, Some(ErrorCode::Unknown) | None)
        && (text.contains("no such table")
            || text.contains("no such column")
            || text.contains("no such view")
            || text.contains("no such index")
            || text.contains("no such trigger"))
}

/// Whether objects of the kind are nothing but their statement.
fn is_text(kind: LiteKind) -> bool {
    match kind {
        LiteKind::View | LiteKind::Trigger => true,
        LiteKind::Table | LiteKind::VirtualTable | LiteKind::Index => false,
    }
}

/// The statements that make a schema, in an order that works.
pub(crate) fn script(catalog: &LiteCatalog) -> Vec<String> {
    ordered(catalog).into_iter().map(|(_, object)| object.sql().to_owned()).collect()
}

/// The objects in an order in which they can be made: what is a table first, and triggers last.
fn ordered(catalog: &LiteCatalog) -> Vec<(&LiteId, &LiteObject)> {
    let mut list: Vec<(&LiteId, &LiteObject)> = catalog.objects.iter().collect();
    list.sort_by_key(|(id, _)| {
        let rank = match id.kind {
            LiteKind::Table => 0,
            LiteKind::VirtualTable => 1,
            LiteKind::Index => 2,
            LiteKind::View => 3,
            LiteKind::Trigger => 4,
        };
        (rank, catalog.place(id), (*id).clone())
    });
    list
}
