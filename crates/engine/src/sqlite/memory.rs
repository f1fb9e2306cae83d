//! Databases in memory on which schemas are tried. What the SQL of a stranger could reach from there is shut off.

use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::types::Null;
use rusqlite::{Connection, Error, ErrorCode, Result};
use std::cell::RefCell;
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, Severity};
use underpin_sqlite::objects::option;
use underpin_sqlite::{LiteCatalog, LiteId, LiteKind, LiteObject, introspect};

/// A database in memory.
pub(crate) struct Memory {
    pub connection: Connection,
    /// Functions and collations that the application brings and this program lacks: stand-ins are in their place.
    lacks: RefCell<BTreeSet<String>>,
}

/// What SQLite says where a module has failed and said nothing.
pub(crate) const NO_WORDS: &str = "SQL logic error";
/// How a function is called in what is lacking.
pub(crate) const FUNCTION: &str = "the function ";
/// How a collation is.
pub(crate) const COLLATION: &str = "the collation ";

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
                    if !self.stand_in(&error)? && !self.stand_in_for_packing(&error)? {
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

    /// The same with what SQLite itself has; stand-ins that are there already are used, though.
    pub fn try_without_stand_ins(&self, sql: &str) -> Result<()> {
        self.connection.prepare(sql).map(|_| ())
    }

    /// Whether a stand-in is in the place of that, in any case: `the function slug`.
    pub fn lacks(&self, what: &str) -> bool {
        self.lacks.borrow().iter().any(|lacking| lacking.eq_ignore_ascii_case(what))
    }

    /// Registers what the error says is missing, where it says so.
    fn stand_in(&self, error: &Error) -> Result<bool> {
        let text = words(error);
        if let Some(name) = text.strip_prefix("no such collation sequence: ") {
            self.connection.create_collation(name, |a: &str, b: &str| a.cmp(b))?;
            return Ok(self.lacks.borrow_mut().insert(format!("{COLLATION}{name}")));
        }
        let missing = text.strip_prefix("no such function: ").or_else(|| text.strip_prefix("unknown function: "));
        match missing.map(|n| n.trim_end_matches("()")) {
            Some(name) => self.stand_in_for_function(name),
            None => Ok(false),
        }
    }

    fn stand_in_for_function(&self, name: &str) -> Result<bool> {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
        self.connection.create_scalar_function(name, -1, flags, |_| Ok(Null))?;
        Ok(self.lacks.borrow_mut().insert(format!("{FUNCTION}{name}")))
    }

    /// The functions that pack and unpack the text of full-text tables (manual, "SQLite FTS3 and FTS4 Extensions", 6.1): that they are
    /// missing SQLite does not say, and not before rows are written or read.
    fn stand_in_for_packing(&self, error: &Error) -> Result<bool> {
        if words(error) != NO_WORDS {
            return Ok(false);
        }
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND rootpage = 0";
        let mut query = self.connection.prepare(sql)?;
        let tables: Vec<String> = query.query_map([], |row| row.get(0))?.collect::<Result<_>>()?;
        let mut is_new = false;
        for name in tables.iter().flat_map(|sql| ["compress", "uncompress"].map(|name| option(sql, name))).flatten() {
            let sql = "SELECT count(*) FROM pragma_function_list WHERE name = ?1 COLLATE nocase";
            let count: i64 = self.connection.query_row(sql, [&name], |row| row.get(0))?;
            is_new |= !name.is_empty() && count == 0 && self.stand_in_for_function(&name)?;
        }
        Ok(is_new)
    }

    /// Takes the stand-ins away: what was made with them stays. Gives whether there were any.
    pub fn without_stand_ins(&self) -> Result<bool> {
        let lacks = self.lacks.borrow();
        for name in lacks.iter() {
            if let Some(name) = name.strip_prefix(FUNCTION) {
                self.connection.remove_function(name, -1)?;
            } else if let Some(name) = name.strip_prefix(COLLATION) {
                self.connection.remove_collation(name)?;
            }
        }
        Ok(!lacks.is_empty())
    }

    /// Its schema.
    pub fn read(&self) -> Result<LiteCatalog> {
        introspect(&self.connection)
    }

    /// What had a stand-in, in words; an empty text where nothing had.
    pub fn lack(&self) -> String {
        self.lacks.borrow().iter().map(String::as_str).collect::<Vec<_>>().join(", ")
    }

    /// The same as a finding.
    pub fn lacking(&self) -> Option<Diagnostic> {
        let list = self.lack();
        (!list.is_empty()).then(|| {
            Diagnostic::new(
                Severity::Note,
                "application-only",
                format!("the schema uses what only the application brings: {list}"),
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
