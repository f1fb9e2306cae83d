//! A folder of migrations replayed on the development server: in the tool's order, with its transactions, and by the tool itself
//! where its migrations are programs.

use crate::dev::DevDatabase;
use crate::files::FileTexts;
use crate::loader::{Piece, ROLES_MADE, Rejected, run};
use crate::messages::{self, Piecemeal, Sent};
use crate::scope::Patterns;
use crate::side::Workshop;
use crate::source::{MigrationsDir, Source};
use crate::{EngineError, Settings, program};
use time::OffsetDateTime;
use underpin_migrations::{
    Dialect, FORMATS, Files, Format, Message, Migration, New, Stuck, Trouble, Written, detect, named,
};
use underpin_model::{Diagnostic, Severity, Span};
use underpin_postgres::PgCatalog;
use underpin_sql::{Class, LineIndex, SkippedKind, byte_of_position, split};

/// What a folder of migrations holds.
pub(crate) struct History {
    pub files: Files,
    pub format: &'static dyn Format,
    pub migrations: Vec<Migration>,
}

impl From<Trouble> for EngineError {
    fn from(trouble: Trouble) -> Self {
        Self::Input(trouble.0)
    }
}

/// The format of that name.
pub(crate) fn format(name: &str) -> Result<&'static dyn Format, EngineError> {
    named(name).ok_or_else(|| {
        let known: Vec<&str> = FORMATS.iter().map(|f| f.name()).collect();
        EngineError::Usage(format!("there is no format `{name}` of migrations; there are: {}", known.join(", ")))
    })
}

impl Settings {
    /// The same settings where each folder of migrations has its format, and what its tool keeps for itself in a database is
    /// out of scope.
    ///
    /// # Errors
    /// When a folder cannot be read or its format cannot be told.
    pub fn knowing_migrations(mut self) -> Result<Self, EngineError> {
        let mut own = Vec::new();
        let dialect = self.of_dialect()?.into();
        for source in [Some(&mut self.db), self.schema.as_mut()].into_iter().flatten() {
            if let Source::Migrations(folder) = source {
                let format = History::read(folder, dialect)?.format;
                folder.format = Some(format.name().to_owned());
                // Databases that run them have rows.
                self.assume_rows = true;
                own.extend(format.own_objects(dialect).iter().map(|p| (*p).to_owned()));
            }
        }
        self.patterns = self.patterns.without(&own)?;
        Ok(self)
    }
}

impl History {
    /// Reads a folder; one that is empty or missing has no migrations, and needs a format that was named.
    pub fn read(folder: &MigrationsDir, dialect: Dialect) -> Result<Self, EngineError> {
        let files = Files::read(&folder.path, dialect)?;
        let format = match &folder.format {
            Some(name) => {
                let named = format(name)?;
                // Another tool's files would be taken for nothing, and this one's put among them.
                if let Some(other) = detect(&files)?.filter(|other| other.kept_as() != named.kept_as()) {
                    return Err(EngineError::Usage(format!(
                        "{} is a folder of {}, and not of {}\nnext: name the folder of {}, or leave --format out",
                        folder.path.display(),
                        other.title(),
                        named.title(),
                        named.title()
                    )));
                }
                named
            }
            None => detect(&files)?.ok_or_else(|| {
                EngineError::Usage(format!(
                    "which tool runs the migrations in {} cannot be told from what it holds\nnext: name it with --format, or as \
                     migrations://{}?format=TOOL",
                    folder.path.display(),
                    folder.path.display()
                ))
            })?,
        };
        Self::of(files, format)
    }

    /// What files hold that a tool runs.
    pub fn of(files: Files, format: &'static dyn Format) -> Result<Self, EngineError> {
        let migrations = format.read(&files)?;
        Ok(Self { files, format, migrations })
    }

    /// The tool's files for new migrations, and the folder with them.
    pub fn with(&self, news: &[New], now: OffsetDateTime) -> Result<(Vec<Written>, Self), EngineError> {
        let written = self.format.write(&self.files, &self.migrations, news, now)?;
        let whole = Self::of(self.files.with(&written), self.format)?;
        if whole.migrations.len() != self.migrations.len() + news.len() {
            return Err(EngineError::Failure(format!(
                "the files do not read back as they were written for {}; none were kept\nnext: please report this",
                self.format.title()
            )));
        }
        Ok((written, whole))
    }

    /// What is said of files that do something else than was planned.
    pub fn otherwise(&self, what: &str) -> EngineError {
        EngineError::Failure(format!(
            "the files of {} do not do what was planned: {what} differs; none were kept\nnext: please report this",
            self.format.title()
        ))
    }

    /// That there are none yet.
    pub fn refuse_begun(&self) -> Result<(), EngineError> {
        let Some(first) = self.migrations.first() else { return Ok(()) };
        Err(EngineError::Usage(format!(
            "{} has migrations already ({}), so that the first one cannot be written",
            self.files.root().display(),
            first.file
        )))
    }

    /// The texts of its files.
    pub fn texts(&self) -> FileTexts {
        let text = |path: &str| self.files.text(path).ok().map(|text| (self.files.shown(path), text.to_owned()));
        FileTexts::of(self.migrations.iter().flat_map(|m| &m.up).filter_map(|m| text(&m.file)))
    }

    /// A schema without what the tool keeps for itself.
    pub fn without_own_objects(&self, catalog: PgCatalog) -> Result<PgCatalog, EngineError> {
        let patterns: Vec<String> =
            self.format.own_objects(self.files.dialect()).iter().map(|p| (*p).to_owned()).collect();
        Ok(Patterns::new(&[], &patterns)?.only(catalog))
    }

    /// Looks whether a run of the tool on a database has left it so that the tool runs nothing more.
    pub fn refuse_stuck(&self, client: &mut postgres::Client) -> Result<(), EngineError> {
        let Some(stuck) = self.format.stuck(self.files.dialect()) else { return Ok(()) };
        let there = client.query_one("SELECT pg_catalog.to_regclass($1) IS NOT NULL", &[&stuck.table])?;
        if !there.get::<_, bool>(0) {
            return Ok(());
        }
        let rows: Vec<String> = client.query(stuck.sql, &[])?.iter().map(|row| row.get(0)).collect();
        self.told_stuck(stuck, rows)
    }

    /// What is said of a run that did not end well, from the rows of [`Stuck::sql`].
    pub fn told_stuck(&self, stuck: Stuck, rows: Vec<String>) -> Result<(), EngineError> {
        let told: Vec<Diagnostic> = rows
            .into_iter()
            .map(|words| {
                let message = format!("the table of {} in the database says: {words}", self.format.title());
                Diagnostic::new(Severity::Error, "failed-history", message)
                    .note("until that is mended, the tool runs no migration, and what the database has is not what the files say")
                    .help(stuck.mend)
            })
            .collect();
        if told.is_empty() { Ok(()) } else { Err(EngineError::Input(told)) }
    }

    /// A new database after all migrations.
    pub fn replayed<'a>(&self, workshop: &'a Workshop<'_>) -> Result<DevDatabase<'a>, EngineError> {
        let mut database = workshop.dev()?.database()?;
        if self.is_of_programs() {
            self.run_program(&mut database, workshop)?;
            return Ok(database);
        }
        let trust = workshop.settings().trust_sql;
        for migration in &self.migrations {
            self.up(&mut database, migration, trust)?;
        }
        Ok(database)
    }

    /// Runs one migration.
    pub fn up(&self, database: &mut DevDatabase<'_>, migration: &Migration, trust: bool) -> Result<(), EngineError> {
        self.side(database, &migration.up, migration.transaction, trust)
    }

    /// Takes one back. False where it has no such side.
    pub fn down(
        &self,
        database: &mut DevDatabase<'_>,
        migration: &Migration,
        trust: bool,
    ) -> Result<bool, EngineError> {
        let Some(down) = &migration.down else { return Ok(false) };
        self.side(database, down, migration.down_transaction, trust)?;
        Ok(true)
    }

    fn side(
        &self,
        database: &mut DevDatabase<'_>,
        messages: &[Message],
        transaction: bool,
        trust: bool,
    ) -> Result<(), EngineError> {
        let pieces = self.pieces(messages, transaction)?;
        // As the tool sends it, but for what only a superuser may do or what needs a role that is not there: that is run statement
        // by statement, each by whoever may.
        let next = match messages::send(database, &pieces, transaction)? {
            Sent::Done => return Ok(()),
            Sent::Failed(n, rejected) => {
                return Err(self.rejected(pieces[n].message, pieces[n].bytes.clone(), &rejected));
            }
            Sent::NeedsMore(next) => next,
        };
        for sent in &pieces[next..] {
            for statement in &sent.statements {
                if matches!(statement.class, Class::Transaction | Class::SelectSetConfigSearchPath { .. })
                    || matches!(&statement.class, Class::Set { name } if name == "search_path")
                {
                    continue;
                }
                let piece = Piece {
                    sql: &sent.message.sql[statement.span.clone()],
                    class: statement.class.clone(),
                    search_path: statement.search_path.as_ref(),
                    role: statement.role.as_ref(),
                };
                let rejected = run(database, &[piece], trust)?;
                if let Some(rejected) = rejected.first().filter(|r| r.words != ROLES_MADE) {
                    return Err(self.rejected(sent.message, statement.span.clone(), rejected));
                }
            }
        }
        Ok(())
    }

    /// What is sent: statements by themselves where a transaction holds them together, and else whole messages.
    fn pieces<'m>(&self, messages: &'m [Message], transaction: bool) -> Result<Vec<Piecemeal<'m>>, EngineError> {
        let mut pieces = Vec::new();
        for message in messages {
            let cut = split(&message.sql);
            if let Some(skipped) = cut.skipped.first() {
                let (what, help) = match skipped.what {
                    SkippedKind::CopyData => ("rows behind a COPY", "write them as INSERT"),
                    SkippedKind::MetaCommand => ("a command of psql", "leave it out"),
                };
                let told = Diagnostic::new(
                    Severity::Error,
                    "only-for-psql",
                    format!(
                        "{} holds {what}, which only psql knows, so that it cannot be replayed",
                        self.files.shown(&message.file)
                    ),
                );
                let place = self.place(message, skipped.span.clone());
                return Err(EngineError::Input(vec![told.at(Some(place)).help(help)]));
            }
            if transaction || cut.statements.len() < 2 {
                let one =
                    |s: underpin_sql::Statement| Piecemeal { message, bytes: s.span.clone(), statements: vec![s] };
                pieces.extend(cut.statements.into_iter().map(one));
            } else {
                let bytes = 0..message.sql.len();
                pieces.push(Piecemeal { message, bytes, statements: cut.statements });
            }
        }
        Ok(pieces)
    }

    /// Where bytes of a message stand in its file.
    pub fn place(&self, message: &Message, bytes: std::ops::Range<usize>) -> Span {
        let (line, column) = LineIndex::new(&message.sql).line_column(bytes.start);
        // Of the file, where the message is found there as it is.
        let start = self.files.text(&message.file).ok().and_then(|text| {
            let from = text.split_inclusive('\n').take(message.line - 1).map(str::len).sum();
            text.get(from..)?.find(&message.sql).map(|at| from + at)
        });
        let (start, end) = start.map_or((0, 0), |at| (at + bytes.start, at + bytes.end));
        Span { file: self.files.shown(&message.file), line: message.line + line - 1, column, start, end }
    }

    fn rejected(&self, message: &Message, bytes: std::ops::Range<usize>, rejected: &Rejected) -> EngineError {
        let sql = &message.sql[bytes.clone()];
        let at = rejected.position.and_then(|p| byte_of_position(sql, p));
        let first = sql.lines().next().map_or(0, str::len);
        let marked = at.map_or(bytes.start..bytes.start + first, |at| bytes.start + at..bytes.start + at + 1);
        let head: String = sql.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
        let told = Diagnostic::new(
            Severity::Error,
            "migration-fails",
            format!("{} does not replay: {}", self.files.shown(&message.file), rejected.words),
        );
        let help = match rejected.code.as_str() {
            // active_sql_transaction, invalid_transaction_termination.
            "25001" | "2D000" => {
                "the tool runs this file in a transaction: put the statement into a migration of its own, with the tool's mark for \
                 one without"
            }
            _ => {
                "migrations must build the schema from an empty database; mend the file, or name a server that has what it needs \
                 with --dev-db"
            }
        };
        let place = self.place(message, marked);
        EngineError::Input(vec![
            told.at(Some(place)).note(format!("in the statement that begins with `{head}`")).help(help),
        ])
    }

    /// Has the tool run its migrations.
    fn run_program(&self, database: &mut DevDatabase<'_>, workshop: &Workshop<'_>) -> Result<(), EngineError> {
        program::run(self.program(workshop.settings())?, database.environment(), "runs the migrations")?;
        database.hand_over()
    }

    /// Whether only the tool can run them.
    pub fn is_of_programs(&self) -> bool {
        self.migrations.iter().any(|m| m.up.is_empty()) && self.format.program(self.files.dialect()).is_some()
    }

    /// The words of the command that runs them.
    pub fn program<'s>(&self, settings: &'s Settings) -> Result<&'s [String], EngineError> {
        let words = &settings.migrations_program;
        if words.is_empty() {
            let program = self.format.program(self.files.dialect());
            let (words, needs) = program.map_or((String::new(), ""), |p| (p.words.join(" "), p.needs));
            return Err(EngineError::Usage(format!(
                "migrations of {} are programs, which only the tool itself can run, and underpin runs nothing that it was not told \
                 to\nnext: name the command with --migrations-program, a word each: {words}\n{needs}",
                self.format.title()
            )));
        }
        Ok(words)
    }
}
