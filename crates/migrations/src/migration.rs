//! What a folder of migrations holds, what is to be added to it, and what every format answers.

use crate::Dialect;
use crate::files::{Files, Written};
use time::OffsetDateTime;
use underpin_model::{Diagnostic, Severity, Span};

/// What the tool sends to the server as one message: a whole file, a block of one, or a statement, as the tool cuts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The text, without the tool's own marks.
    pub sql: String,
    /// The file, by its path in the folder.
    pub file: String,
    /// The line of the file on which the text begins, from 1.
    pub line: usize,
}

/// A migration that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// What the tool tells it by: a number, a time, a name, a revision.
    pub version: String,
    /// Its name beside that; empty where it has none.
    pub name: String,
    /// The file that it is in, by its path in the folder.
    pub file: String,
    /// Whether the tool runs it in a transaction (in PostgreSQL a file that is one message of several statements is one too).
    pub transaction: bool,
    /// What it sends. Empty where the migration is a program, which only the tool itself can run.
    pub up: Vec<Message>,
    /// What takes it back; none where the tool or the file has no such side.
    pub down: Option<Vec<Message>>,
    /// Whether the tool runs that in a transaction.
    pub down_transaction: bool,
}

/// How the statements of one side of a migration are to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All of them in one transaction.
    Whole,
    /// One statement that must not be in a transaction.
    Alone,
    /// All of them in one transaction, before which foreign keys are switched off. Of SQLite alone, where dropping a table
    /// deletes its rows first while foreign keys are on, and with them the rows of other tables that refer to it; the switch
    /// does nothing inside of a transaction.
    Unchecked,
}

/// A migration to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct New {
    /// Its name: lower case letters of ASCII, digits and `_`, at most 60 of them (see [`crate::slug`]).
    pub slug: String,
    /// What stands at the head of its file as comments, a line each, without comment marks: what, locks, hazards, gate, undo.
    pub summary: Vec<String>,
    /// How it runs.
    pub mode: Mode,
    /// The statements, without semicolons at their ends, and without those that begin and end transactions or switch foreign
    /// keys: the format writes these as its tool needs them.
    pub up: Vec<String>,
    /// What takes it back.
    pub down: Down,
    /// A query without semicolon that gives true once it was done, for tools that cannot run it themselves; said for those
    /// of [`Mode::Alone`] only.
    pub done: Option<String>,
}

/// That the sides of new migrations can run as they say.
///
/// # Errors
/// When one that must be alone has several statements, or is to switch off foreign keys where that cannot be.
pub(crate) fn fit(files: &Files, new: &[New]) -> Result<(), Trouble> {
    let mut found = Vec::new();
    for new in new {
        let back = match &new.down {
            Down::By { mode, sql } if !sql.is_empty() => Some((*mode, sql.len())),
            Down::By { .. } | Down::Cannot(_) => None,
        };
        for (mode, count) in [Some((new.mode, new.up.len())), back].into_iter().flatten() {
            match mode {
                Mode::Alone if count != 1 => {
                    let words = format!("{} runs without a transaction and has {count} statements, not one", new.slug);
                    found.extend(Trouble::new("not-alone", words).0);
                }
                Mode::Unchecked if files.dialect() != Dialect::Sqlite => {
                    let words = format!(
                        "{} is to run with foreign keys switched off, which {} does not need",
                        new.slug,
                        files.dialect().title()
                    );
                    found.extend(Trouble::new("not-unchecked", words).0);
                }
                Mode::Whole | Mode::Alone | Mode::Unchecked => {}
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(Trouble(found)) }
}

/// What takes a migration back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Down {
    /// These statements, as those of the way up; none where nothing is to be taken back.
    By {
        /// How they run.
        mode: Mode,
        /// The statements.
        sql: Vec<String>,
    },
    /// It cannot be: why, in a sentence without a full stop (`data is gone: …`).
    Cannot(String),
}

impl Down {
    /// How it runs. What does nothing, or refuses, may be in a transaction.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match self {
            Self::By { mode, sql } if !sql.is_empty() => *mode,
            Self::By { .. } | Self::Cannot(_) => Mode::Whole,
        }
    }
}

/// How an existing database is told that it has a migration already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// Statements for the live database, without semicolons at their ends, in order, for one transaction. They make the
    /// tool's own table where it is missing, as the tool makes it.
    pub sql: Vec<String>,
    /// The command of the tool that tells it, where it keeps no table in the database itself.
    pub command: Option<&'static str>,
}

impl Baseline {
    /// One of statements alone.
    pub(crate) fn by(sql: Vec<String>) -> Self {
        Self { sql, command: None }
    }
}

/// A program that runs the migrations of a folder, for tools whose migrations are programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Program {
    /// The words of the command that runs all of them. The database is given to it in `DATABASE_URL` and `PG…` variables; a file of
    /// SQLite in `DATABASE_URL`, and its path alone in `DATABASE_FILE`.
    pub words: &'static [&'static str],
    /// What the team's own configuration must do for that, in a sentence.
    pub needs: &'static str,
}

/// How a database tells that a run of the tool did not end well, so that the tool runs nothing more until a person mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stuck {
    /// The tool's own table, as `to_regclass` takes it, in SQLite its name; where it is missing, nothing was run.
    pub table: &'static str,
    /// A query with one column of text and a row for each thing that stands in the way, in words.
    pub sql: &'static str,
    /// What mends it.
    pub mend: &'static str,
}

/// Why a folder cannot be read, or nothing can be written to it; every finding names its file.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|d| d.message.as_str()).collect::<Vec<_>>().join("\n"))]
pub struct Trouble(pub Vec<Diagnostic>);

impl Trouble {
    /// One error about a file of the folder, at a line from 1.
    #[must_use]
    pub fn at(files: &Files, file: &str, line: usize, code: &str, message: impl Into<String>) -> Self {
        let mut found = Diagnostic::new(Severity::Error, code, message);
        found.span = Some(Span { file: files.shown(file), line, column: 1, start: 0, end: 0 });
        Self(vec![found])
    }

    /// One error about the folder.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self(vec![Diagnostic::new(Severity::Error, code, message)])
    }

    /// The same with what to do next.
    #[must_use]
    pub fn help(mut self, help: &str) -> Self {
        for found in &mut self.0 {
            found.help = Some(help.to_owned());
        }
        self
    }
}

/// A tool's way of keeping migrations.
pub trait Format: Sync {
    /// The name that `--format` takes: lower case, with `-`.
    fn name(&self) -> &'static str;

    /// The tool's own name.
    fn title(&self) -> &'static str;

    /// Whether a folder is one of this tool's for certain, by what it holds. An empty one is nobody's. Formats are asked in
    /// the order of [`crate::FORMATS`]; several may say yes only where the folder is mixed.
    fn recognises(&self, files: &Files) -> bool;

    /// The migrations, in the order in which the tool runs them. All that is wrong with the folder is told, not only the
    /// first: duplicate versions, a broken chain, a checksum that does not fit, names that the tool passes over in silence.
    ///
    /// # Errors
    /// When the folder cannot be taken as the tool would take it.
    fn read(&self, files: &Files) -> Result<Vec<Migration>, Trouble>;

    /// The files that are new or change when `new` is added behind `there`, in order; a version each, greater than all that
    /// are there. `now` is the time for versions that are times. The header stands where the tool allows it.
    ///
    /// # Errors
    /// When the tool cannot have such a migration, or the folder lacks something that the team has to say.
    fn write(
        &self,
        files: &Files,
        there: &[Migration],
        new: &[New],
        now: OffsetDateTime,
    ) -> Result<Vec<Written>, Trouble>;

    /// What the team must know or set so that the tool runs `new` as planned, a sentence each.
    fn advice(&self, dialect: Dialect, new: &[New]) -> Vec<String> {
        let _ = (dialect, new);
        Vec::new()
    }

    /// Patterns, as `--exclude` takes them, of what the tool keeps in the database for itself, with all that belongs to it:
    /// `*.schema_migrations`, or a schema. SQLite has no schemas: `schema_migrations`.
    fn own_objects(&self, dialect: Dialect) -> &'static [&'static str];

    /// How a database tells that a run of the tool did not end well; none where the tool keeps no record of that.
    fn stuck(&self, dialect: Dialect) -> Option<Stuck> {
        let _ = dialect;
        None
    }

    /// Whether the tool itself has foreign keys of SQLite switched off while it runs a migration in a transaction.
    fn switches_keys_off(&self) -> bool {
        false
    }

    /// The format whose folders this one reads and writes too; its own name as a rule.
    fn kept_as(&self) -> &'static str {
        self.name()
    }

    /// How a database is told that it has `done` (the last of what `files` hold) already.
    ///
    /// # Errors
    /// When the tool cannot be told so.
    fn baseline(&self, files: &Files, done: &[Migration], now: OffsetDateTime) -> Result<Baseline, Trouble>;

    /// The program that runs migrations which are programs; none where all of them are SQL.
    fn program(&self, dialect: Dialect) -> Option<Program> {
        let _ = dialect;
        None
    }
}
