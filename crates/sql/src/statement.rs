//! What the splitter finds: statements with what they are, make and name; what it left out; what it could not read.

use std::ops::Range;
use std::sync::Arc;

use crate::hints::Hint;

/// A text taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Split {
    /// The statements in the order of the text.
    pub statements: Vec<Statement>,
    /// What is no statement for the server and was left out.
    pub skipped: Vec<Skipped>,
    /// What the text got wrong in a way that must not pass in silence.
    pub problems: Vec<Problem>,
}

/// One statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its bytes in the text: from its first token to its last, without the `;`.
    pub span: Range<usize>,
    /// The line (from 1) of its first token.
    pub line: usize,
    /// What it is, by its first words.
    pub class: Class,
    /// What it makes.
    pub creates: Vec<Name>,
    /// What it adds to that other statements may need: the relation that gains a column, the key that foreign keys
    /// refer to. A statement elsewhere that names such an object comes after this one as well.
    pub extends: Vec<Name>,
    /// What it changes, so that it has to be there. Statements that make, change or drop the same object keep their
    /// order in the file.
    pub alters: Vec<Name>,
    /// What it drops, or takes a part of if it is there (`ALTER TABLE IF EXISTS … DROP …`): it needs nothing to be
    /// there.
    pub drops: Vec<Name>,
    /// What it names that may have to be there first, sorted. More than it needs rather than less.
    pub refers: Vec<Name>,
    /// What the string body of its function names; the server looks at it only with `check_function_bodies` on, so it
    /// counts less than `refers`. Empty where the file has turned that setting off before.
    pub body_refers: Vec<Name>,
    /// The search path that the file has set before; nothing where it has set none.
    pub search_path: Option<Arc<[String]>>,
    /// The role that the file has set before (`SET ROLE`, `SET SESSION AUTHORIZATION`), which owns what is made and whose
    /// default privileges are altered; nothing where it is the file's own.
    pub role: Option<Arc<str>>,
    /// The hints that belong to it or to a part of it.
    pub hints: Vec<Hint>,
    /// Of `CREATE TABLE`, `CREATE FOREIGN TABLE` and a composite type: the columns, each with its line (from 1).
    pub columns: Vec<(String, usize)>,
}

/// A name that a statement makes or mentions, lower case unless it was quoted, cut to 63 bytes as the server does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The schema, where one was written.
    pub schema: Option<String>,
    /// The name; for [`Space::Part`] the relation's and the part's, with a dot between.
    pub name: String,
    /// Among which names it stands.
    pub space: Space,
}

/// The sets in which a name occurs once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Schemas.
    Schema,
    /// Tables, views, indexes, sequences.
    Relation,
    /// Types, and each table's and view's row type.
    Type,
    /// Functions, procedures and aggregates, whatever their arguments.
    Routine,
    /// A trigger, policy, rule or constraint of a relation.
    Part,
    /// The keys of a relation that a foreign key may refer to, all as one, under the relation's name.
    Key,
    /// All else: extensions, collations, operators and their classes, languages, servers, publications, …
    Other,
}

/// What a statement is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// `CREATE` of an object in a database.
    Create(ObjectWord),
    /// `ALTER` of one.
    Alter(ObjectWord),
    /// `DROP` of one.
    Drop,
    /// `COMMENT ON`.
    Comment,
    /// `GRANT`, of privileges or of a role.
    Grant,
    /// `REVOKE`.
    Revoke,
    /// `ALTER DEFAULT PRIVILEGES`.
    AlterDefaultPrivileges,
    /// `SECURITY LABEL`.
    SecurityLabel,
    /// `SET` and `RESET` of a setting of the session.
    Set {
        /// The setting, lower case: `search_path`, `role`, `session authorization`, `time zone`, …
        name: String,
    },
    /// `SELECT set_config('search_path', …)`, as `pg_dump` writes it.
    SelectSetConfigSearchPath {
        /// The new path, as it stands in the string.
        value: String,
    },
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, `SAVEPOINT` and their like.
    Transaction,
    /// `DO`.
    Do,
    /// Reads, changes or maintains data: `INSERT`, `SELECT`, `COPY`, `VACUUM`, `REFRESH`, …
    Dml,
    /// `CREATE`, `ALTER` or `DROP` of a role.
    Role,
    /// The same of a database or tablespace, and `ALTER SYSTEM`.
    Database,
    /// `REASSIGN OWNED` and `DROP OWNED`.
    ReassignOwned,
    /// Begins with words that are not known here.
    Unknown,
}

/// The kinds of object that `CREATE` and `ALTER` know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the name of its SQL command")]
pub enum ObjectWord {
    Schema,
    Extension,
    Table,
    ForeignTable,
    View,
    MaterializedView,
    Index,
    Sequence,
    Type,
    Domain,
    Function,
    Procedure,
    Aggregate,
    Trigger,
    EventTrigger,
    Policy,
    Rule,
    Cast,
    Operator,
    OperatorClass,
    OperatorFamily,
    Collation,
    Conversion,
    TextSearch,
    Statistics,
    Publication,
    Subscription,
    Server,
    ForeignDataWrapper,
    UserMapping,
    Language,
    Transform,
    AccessMethod,
    Other,
}

impl ObjectWord {
    /// Where the names of this kind stand.
    #[must_use]
    pub fn space(self) -> Space {
        match self {
            Self::Schema => Space::Schema,
            Self::Table | Self::ForeignTable | Self::View | Self::MaterializedView | Self::Index | Self::Sequence => {
                Space::Relation
            }
            Self::Type | Self::Domain => Space::Type,
            Self::Function | Self::Procedure | Self::Aggregate => Space::Routine,
            Self::Trigger | Self::Policy | Self::Rule => Space::Part,
            _ => Space::Other,
        }
    }
}

/// A stretch of the text that is not for the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// What it is.
    pub what: SkippedKind,
    /// The line (from 1) where it begins.
    pub line: usize,
    /// All its bytes, with words that stand behind the `;` of a `COPY` and so are lost to its rows.
    pub span: Range<usize>,
    /// Its first line, up to 60 characters of it.
    pub text: String,
}

/// What was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkippedKind {
    /// A command of `psql` itself, which begins with a backslash.
    MetaCommand,
    /// The rows that follow `COPY … FROM stdin;`, with the `\.` that ends them.
    CopyData,
}

/// Something in the text that cannot be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong.
    pub kind: ProblemKind,
    /// The line (from 1) where it begins.
    pub line: usize,
    /// Its bytes.
    pub span: Range<usize>,
}

/// What can be wrong with a text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProblemKind {
    /// A comment is addressed to `underpin` but says nothing it knows.
    #[error(
        "the hint `{0}` is not understood, so it would have no effect; known are renamed-from, using, down, backfill \
         and map"
    )]
    UnknownHint(String),
    /// A hint is understood, but what it says after its first word is not.
    #[error("the hint `{text}` is not understood, so it would have no effect; it is written `{form}`")]
    MalformedHint {
        /// The hint as written.
        text: String,
        /// How such a hint is written.
        form: &'static str,
    },
    /// A hint stands where there is nothing for it to be about.
    #[error(
        "the hint `{0}` stands on or above nothing that it could be about; put it on the line of its column, \
         constraint, value or statement, or on the line above"
    )]
    HintWithoutTarget(String),
    /// A quote or a comment does not end before the text does.
    #[error("what begins here with `{0}` is not closed before the end of the text, so all that follows is part of it")]
    Unclosed(String),
    /// The rows of a `COPY` do not end before the text does.
    #[error("the rows of this COPY are not ended by a line `\\.`, so all that follows counts as rows")]
    UnclosedCopy,
}
