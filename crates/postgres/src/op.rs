//! Operations that alter an object in place, typed; no text is made before they are rendered.

use underpin_model::Work;
use underpin_planner::Isolation;

/// One operation on one object. Those that a recipe may rewrite are named; the others carry their statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PgOp {
    /// `ALTER COLUMN … TYPE`: from the live column's type and collation to the desired one's.
    ColumnType,
    /// The same, because the type itself is made anew under the same name.
    ColumnRetype,
    /// `SET NOT NULL`.
    SetNotNull,
    /// `DROP NOT NULL`.
    DropNotNull,
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint,
    /// An index or a key of a partition becomes the part of its parent's, unless that is made anew and takes it itself.
    AttachPart,
    /// Another one of the same name takes the object's place while it still serves.
    Anew,
    /// Nothing to run: what happens to the parent happens to this object too.
    Implicit,
    /// Statements without a recipe.
    Statements {
        /// In order, without semicolons.
        sql: Vec<String>,
        /// What they mean for other objects and for the transaction.
        effect: Effect,
    },
}

/// What statements mean for other objects and for their transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing beyond themselves.
    Plain,
    /// Their effect can be used only after a commit (a new enum value).
    CommitBeforeUse,
    /// They cannot run in a transaction.
    OutsideTransaction,
    /// Every row of a table is read.
    Scan,
    /// Every row of the table is written anew.
    Rewrite,
    /// The shape of the object's row changes, so what reads whole rows of it has to be made again.
    RowShape,
    /// Nothing at all: whatever else comes and goes may do so before or after (a storage parameter).
    Apart,
    /// The table leaves a parent: before its columns and constraints, and the parent's, change.
    Disinherit,
    /// The table gets a parent: when its columns and constraints, and the parent's, are what they shall be.
    Inherit,
    /// Only foreign keys mind (`SET LOGGED`, `SET UNLOGGED`).
    Persistence,
}

impl PgOp {
    /// Statements with no effect beyond themselves.
    #[must_use]
    pub fn plain(sql: Vec<String>) -> Self {
        Self::Statements { sql, effect: Effect::Plain }
    }

    /// One statement which nothing else has to wait for.
    #[must_use]
    pub fn apart(sql: underpin_sql::Sql) -> Self {
        Self::Statements { sql: vec![sql.build()], effect: Effect::Apart }
    }

    /// One statement that writes every row of its table anew.
    #[must_use]
    pub fn rewrite(sql: underpin_sql::Sql) -> Self {
        Self::Statements { sql: vec![sql.build()], effect: Effect::Rewrite }
    }

    /// One statement with no effect beyond itself.
    #[must_use]
    pub fn one(sql: underpin_sql::Sql) -> Self {
        Self::plain(vec![sql.build()])
    }
}

impl Effect {
    /// The work that the statements make.
    #[must_use]
    pub fn work(self) -> Work {
        match self {
            Self::Plain
            | Self::CommitBeforeUse
            | Self::OutsideTransaction
            | Self::RowShape
            | Self::Apart
            | Self::Disinherit
            | Self::Inherit => Work::Instant,
            Self::Scan => Work::Scan,
            Self::Rewrite | Self::Persistence => Work::Rewrite,
        }
    }

    /// What may share a transaction with the statements.
    #[must_use]
    pub fn isolation(self) -> Isolation {
        match self {
            Self::Plain
            | Self::Scan
            | Self::Rewrite
            | Self::RowShape
            | Self::Apart
            | Self::Disinherit
            | Self::Inherit
            | Self::Persistence => Isolation::Shared,
            Self::CommitBeforeUse => Isolation::CommitBeforeUse,
            Self::OutsideTransaction => Isolation::Outside,
        }
    }
}
