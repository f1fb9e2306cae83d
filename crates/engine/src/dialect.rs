//! Which kind of database a command is about.

use crate::{EngineError, Settings, Source};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl Dialect {
    /// The name that `--dialect` takes, and that plans and snapshots say.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Sqlite => crate::sqlite::DIALECT,
        }
    }
}

impl Settings {
    /// The kind of database that the sides are of: as a database or a snapshot among them tells, else as it was said, else PostgreSQL.
    ///
    /// # Errors
    /// Where two of these say different things.
    pub(crate) fn of_dialect(&self) -> Result<Dialect, EngineError> {
        let sides = [Some(&self.db), self.schema.as_ref()].into_iter().flatten();
        let mut told = self.dialect.map(|d| (d, "--dialect".to_owned()));
        for side in sides {
            let Some(of) = dialect_of(side) else { continue };
            match &told {
                Some((other, who)) if *other != of => {
                    return Err(EngineError::Usage(format!(
                        "{who} says {} and {} is of {}; schemas of two kinds of database cannot be compared",
                        other.name(),
                        side.words(),
                        of.name()
                    )));
                }
                _ => told = Some((of, side.words())),
            }
        }
        Ok(told.map_or(Dialect::Postgres, |(dialect, _)| dialect))
    }
}

/// What a source says of itself.
fn dialect_of(source: &Source) -> Option<Dialect> {
    match source {
        Source::Database(_) => Some(Dialect::Postgres),
        Source::Sqlite(_) => Some(Dialect::Sqlite),
        // What cannot be read is told where it is read.
        Source::Snapshot(path) => {
            let text = std::fs::read_to_string(path).ok()?;
            let value: serde_json::Value = serde_json::from_str(&text).ok()?;
            let dialect = value.get("dialect")?.as_str()?;
            [Dialect::Postgres, Dialect::Sqlite].into_iter().find(|d| d.name() == dialect)
        }
        Source::Files(_) | Source::Migrations(_) | Source::Program(_) => None,
    }
}

impl From<Dialect> for underpin_migrations::Dialect {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self::Postgres,
            Dialect::Sqlite => Self::Sqlite,
        }
    }
}
