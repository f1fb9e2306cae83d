//! Versions of the library, and what each can.

use std::fmt;

/// A version of SQLite, as `sqlite3_libversion_number` gives it: 3.54.1 is 3054001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Library(pub i32);

impl Library {
    /// The version that is bundled.
    #[must_use]
    pub fn bundled() -> Self {
        Self(rusqlite::version_number())
    }

    /// The oldest that migration files are written for: other programs run them, with a library of their own.
    pub const OLDEST: Self = Self(3_035_000);

    /// ALTER TABLE … ALTER COLUMN … SET NOT NULL and DROP NOT NULL, ADD and DROP CONSTRAINT (release notes of 3.53.0).
    #[must_use]
    pub fn alters_constraints(self) -> bool {
        self.0 >= 3_053_000
    }
}

impl fmt::Display for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0 / 1_000_000, self.0 / 1000 % 1000, self.0 % 1000)
    }
}
