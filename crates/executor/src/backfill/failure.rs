//! Why a walk ended before its end.

use crate::Left;
use crate::secrets;
use postgres::Error;
use std::fmt;
use std::time::Duration;

/// Why a walk ended before its end.
pub(crate) enum Stop {
    /// The server refused a statement, or the connection is gone.
    Server { statement: String, error: Error },
    /// A row was locked by others for all of the time that a batch is tried.
    Locks { attempts: u32, waited: Duration },
    /// After the walk there are rows that are not right.
    Wrong { rows: Vec<String>, named: String },
    /// What follows the server's changes stayed too far behind.
    Behind { what: String, waited: Duration },
    /// A person asked to stop.
    Cancelled,
    /// Another run has taken over.
    Replaced,
    /// The session that keeps a second run out is gone.
    GuardLost(Error),
}

impl Stop {
    pub(crate) fn server(statement: &str) -> impl FnOnce(Error) -> Self {
        let statement = secrets::hide(statement);
        move |error| Self::Server { statement, error }
    }
}

/// Rows that are not right after all of them were walked.
#[derive(Debug)]
pub struct Unfilled {
    /// The step.
    pub step: String,
    /// The table, qualified and quoted.
    pub table: String,
    /// What names a row: the columns of its key, or `ctid`.
    pub named: String,
    /// Some of the rows.
    pub rows: Vec<String>,
    /// What holds for them and should hold for none.
    pub wrong: String,
    /// What the run leaves.
    pub left: Left,
}

impl fmt::Display for Unfilled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { step, table, named, rows, wrong, left } = self;
        write!(f, "step {step} went over every row of {table}, and yet there are rows that are not right")?;
        write!(f, "\n  for them holds: {}", secrets::head(&secrets::hide(wrong), 300))?;
        write!(f, "\n  some of them, by {named}: {}", rows.join("; "))?;
        write!(
            f,
            "\nWhat follows rests on these values, so the plan was stopped. Something writes the table past the plan's \
             triggers (session_replication_role, a disabled trigger), or a trigger of the table changes what the step \
             writes. Put that right and run again. {left}"
        )
    }
}
