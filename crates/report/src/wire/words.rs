//! The words of the formats: enumerations that mirror the model's, so that renaming one there changes no file.

use crate::drift;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use underpin_model as model;

/// An enumeration with the same values as one of the model. A value that is on one side only does not compile.
macro_rules! mirror {
    ($(#[$doc:meta])* $name:ident of $model:path, $case:literal { $($(#[$value_doc:meta])* $value:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = $case)]
        pub enum $name { $($(#[$value_doc])* $value,)+ }

        impl From<$model> for $name {
            fn from(value: $model) -> Self {
                use $model as From;
                match value { $(From::$value => Self::$value,)+ }
            }
        }

        impl From<$name> for $model {
            fn from(value: $name) -> Self {
                match value { $($name::$value => Self::$value,)+ }
            }
        }
    };
}

mirror! {
    /// How risky changes are made.
    StrategyV1 of model::Strategy, "lowercase" {
        /// Rewritten into steps that a running application survives.
        Online,
        /// Plain DDL.
        Direct,
    }
}

mirror! {
    /// What the deployer waits between.
    PhaseV1 of model::Phase, "lowercase" {
        /// Adds; the old application keeps running.
        Expand,
        /// Fills what was added.
        Backfill,
        /// Takes away what no application uses any more.
        Contract,
    }
}

mirror! {
    /// How a step is run.
    RunV1 of model::Run, "lowercase" {
        /// Plain statements.
        Sql,
        /// A short strong lock, taken with a timeout and tried again.
        Locked,
        /// A long build that takes no strong lock and must not be cut short.
        Build,
        /// Rows changed in batches.
        Backfill,
        /// A check that must hold before the plan goes on.
        Assert,
        /// Something that another program does.
        External,
    }
}

mirror! {
    /// The work that a step makes the server do while it holds its locks.
    WorkV1 of model::Work, "lowercase" {
        /// Only the catalog changes.
        Instant,
        /// Every row is read.
        Scan,
        /// Every row is written anew, or an index is built.
        Rewrite,
    }
}

mirror! {
    /// A table-level lock mode, from the weakest to the strongest.
    LockModeV1 of model::LockMode, "kebab-case" {
        /// `ACCESS SHARE`.
        AccessShare,
        /// `ROW SHARE`.
        RowShare,
        /// `ROW EXCLUSIVE`.
        RowExclusive,
        /// `SHARE UPDATE EXCLUSIVE`: stops other schema changes and vacuum.
        ShareUpdateExclusive,
        /// `SHARE`: stops writes.
        Share,
        /// `SHARE ROW EXCLUSIVE`: stops writes.
        ShareRowExclusive,
        /// `EXCLUSIVE`: stops writes and `SELECT … FOR UPDATE`.
        Exclusive,
        /// `ACCESS EXCLUSIVE`: stops reads and writes.
        AccessExclusive,
    }
}

mirror! {
    /// The kinds of harm that policy judges by name; `--allow` takes these words.
    HazardKindV1 of model::HazardKind, "kebab-case" {
        /// Rows or values are gone afterwards.
        DataLoss,
        /// Reads wait for longer than a change of the catalog takes.
        BlocksReads,
        /// Writes wait for longer than a change of the catalog takes.
        BlocksWrites,
        /// Something that applications rely on changes its name or goes.
        BreaksApplication,
    }
}

mirror! {
    /// How grave a finding is.
    SeverityV1 of model::Severity, "lowercase" {
        /// Worth knowing.
        Note,
        /// Something was left out or may surprise.
        Warning,
        /// The input cannot be used.
        Error,
    }
}

mirror! {
    /// In which way a database differs from its schema.
    DriftChangeV1 of drift::DriftChange, "lowercase" {
        /// The schema has it, the database does not.
        Missing,
        /// The database has it, the schema does not.
        Unexpected,
        /// Both have it, and it differs.
        Changed,
    }
}
