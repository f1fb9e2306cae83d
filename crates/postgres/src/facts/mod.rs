//! What a statement makes a server do, as rows of facts: the locks on each relation, what is written anew, read and built, what
//! stops on a standby, and which prepared statements fail afterwards. A row is an operation and a condition; all rows of an
//! operation whose condition holds count together, so that each says only what it adds.
//!
//! Rows are the single place of this knowledge. [`predict`](crate::facts::predict) reads a statement by its tokens, asks the
//! server's catalog for what stands around the relations that it names, and adds up the rows. What no row knows counts as the
//! worst. `tests/lock_matrix.rs` asks real servers of all versions, `docs/facts.md` is written from the rows.

mod around;
mod bounds;
mod op;
mod predict;
mod reach;
mod rows;
mod scene;
mod statement;
mod type_change;

pub use around::FactsError;
pub use op::Op;
pub use predict::{Prediction, Predictor, Question, Touched, predict};
pub use rows::rows;
pub use scene::{When, Which};
pub use type_change::is_utc;
pub(crate) use type_change::{
    Standing, bits_added, is_fixed_bits, loss_of_type_change, may_be_volatile, swaps_time_zone, work_of_type_change,
};

use crate::server::{NEWEST, OLDEST};
use underpin_model::LockMode;

/// Work that is done on relations while the locks are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Every row is read.
    Scan,
    /// An index is built over every row.
    Build,
    /// The file is replaced by another without reading it, and its indexes with it.
    Replace,
    /// Every row is written anew, and every index built anew.
    Rewrite,
}

impl Effect {
    /// In words, with what it is done to before it.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Scan => "read",
            Self::Build => "index built",
            Self::Replace => "file replaced",
            Self::Rewrite => "rewritten",
        }
    }
}

/// Prepared statements of other sessions that fail when they are next run: once per session, with `cached plan must not change
/// result type` (0A000) or with a name that is not there (42703, 42P01); or that go on failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Breaks {
    /// Those that return the whole row: `SELECT *`, `RETURNING *`.
    WholeRow,
    /// Those that return the column.
    ReturnsColumn,
    /// Those that name the column.
    NamesColumn,
    /// Those that name the relation.
    NamesRelation,
}

impl Breaks {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::WholeRow => "`SELECT *`",
            Self::ReturnsColumn => "returning the column",
            Self::NamesColumn => "naming the column",
            Self::NamesRelation => "naming the relation",
        }
    }
}

/// A row: what an operation does under a condition.
#[derive(Debug, Clone, Copy)]
pub struct Fact {
    /// The operation.
    pub op: Op,
    /// What has to hold, all of it.
    pub when: &'static [When],
    /// The locks that it takes at least.
    pub locks: &'static [(Which, LockMode)],
    /// The work done under them.
    pub work: &'static [(Which, Effect)],
    /// The prepared statements that fail afterwards, on which relations.
    pub breaks: &'static [(Which, Breaks)],
    /// Whether its replay makes queries on a standby wait or end although it takes no `ACCESS EXCLUSIVE`, which always does
    /// (manual, 26.4.2 of version 18, "Handling Query Conflicts").
    pub standby: bool,
    /// The first major version for which the row holds.
    pub since: u32,
    /// The last.
    pub until: u32,
    /// Where the knowledge is from: the manual's page, or the server's source.
    pub source: &'static str,
}

/// A row that holds for all versions and says nothing yet.
pub(crate) const fn fact(op: Op, source: &'static str) -> Fact {
    Fact { op, when: &[], locks: &[], work: &[], breaks: &[], standby: false, since: OLDEST, until: NEWEST, source }
}

impl Fact {
    /// Under a condition.
    const fn when(mut self, when: &'static [When]) -> Self {
        self.when = when;
        self
    }

    const fn locks(mut self, locks: &'static [(Which, LockMode)]) -> Self {
        self.locks = locks;
        self
    }

    const fn work(mut self, work: &'static [(Which, Effect)]) -> Self {
        self.work = work;
        self
    }

    const fn breaks(mut self, breaks: &'static [(Which, Breaks)]) -> Self {
        self.breaks = breaks;
        self
    }

    const fn conflicts(mut self) -> Self {
        self.standby = true;
        self
    }

    const fn since(mut self, major: u32) -> Self {
        self.since = major;
        self
    }

    const fn until(mut self, major: u32) -> Self {
        self.until = major;
        self
    }

    /// Whether queries on a standby may wait for it or be ended by it.
    #[must_use]
    pub fn conflicts_on_standby(&self) -> bool {
        self.standby || self.locks.iter().any(|(_, mode)| *mode == LockMode::AccessExclusive)
    }
}
