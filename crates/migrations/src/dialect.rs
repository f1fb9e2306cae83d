//! The databases that migrations are written for, as far as files differ with them.

use std::ops::Range;
use underpin_sql::{ProblemKind, quote, split, sqlite};

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite, with its derivatives that keep to its SQL (libSQL).
    Sqlite,
}

/// A text cut into statements.
pub(crate) struct Cut {
    /// The bytes of each statement, without its semicolon, and the line, from 1, on which it begins.
    pub statements: Vec<(Range<usize>, usize)>,
    /// What the text ends in the middle of, in words, each with its line from 1.
    pub open: Vec<(String, usize)>,
}

impl Dialect {
    /// Its name as a person writes it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }

    /// The statements of a text, as the database itself would part them.
    pub(crate) fn cut(self, text: &str) -> Cut {
        match self {
            Self::Postgres => {
                let cut = split(text);
                let is_open = |p: &ProblemKind| matches!(p, ProblemKind::Unclosed(_) | ProblemKind::UnclosedCopy);
                let open = cut.problems.into_iter().filter(|p| is_open(&p.kind)).map(|p| (p.kind.to_string(), p.line));
                Cut { open: open.collect(), statements: cut.statements.into_iter().map(|s| (s.span, s.line)).collect() }
            }
            Self::Sqlite => {
                let pieces = sqlite::split(text).pieces;
                Cut {
                    statements: pieces.into_iter().map(|p| (p.span, p.line)).collect(),
                    open: sqlite::open(text).into_iter().collect(),
                }
            }
        }
    }

    /// Whether a text holds no statement.
    pub(crate) fn is_blank(self, text: &str) -> bool {
        self.cut(text).statements.is_empty()
    }

    /// A text as a string constant.
    pub(crate) fn literal(self, text: &str) -> String {
        match self {
            Self::Postgres => quote::literal(text),
            Self::Sqlite => sqlite::literal(text),
        }
    }
}
