//! The kinds of objects that a database file holds, one file a kind.
//!
//! Columns and constraints are parts of their table here, and no objects of their own: SQLite keeps a table as one statement, and
//! changes most of it only by making the table anew.

mod index;
mod table;
mod trigger;
mod view;
mod virtual_table;

pub use index::Index;
pub use table::{Affinity, Column, Generated, Part, Rule, RuleKind, Table};
pub use trigger::Trigger;
pub use view::View;
pub use virtual_table::VirtualTable;
pub use virtual_table::option;

use serde::{Deserialize, Serialize};
use std::fmt;
use underpin_model::{Catalog, Fingerprint, Kind, Object, ObjectId};

/// The kinds of objects, in the order in which they are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LiteKind {
    /// A table.
    Table,
    /// A virtual table with its shadow tables.
    VirtualTable,
    /// An index.
    Index,
    /// A view.
    View,
    /// A trigger.
    Trigger,
}

impl LiteKind {
    /// Every kind, in order.
    pub const ALL: [Self; 5] = [Self::Table, Self::VirtualTable, Self::Index, Self::View, Self::Trigger];

    /// Whether rows can be read from it.
    #[must_use]
    pub fn is_relation(self) -> bool {
        match self {
            Self::Table | Self::VirtualTable | Self::View => true,
            Self::Index | Self::Trigger => false,
        }
    }
}

impl Kind for LiteKind {
    fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::VirtualTable => "virtual table",
            Self::Index => "index",
            Self::View => "view",
            Self::Trigger => "trigger",
        }
    }
}

/// The address of an object: its kind and its name, as it is written.
pub type LiteId = ObjectId<LiteKind>;
/// A schema of SQLite.
pub type LiteCatalog = Catalog<LiteObject>;

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LiteObject {
    /// A table.
    Table(Table),
    /// A virtual table.
    VirtualTable(VirtualTable),
    /// An index.
    Index(Index),
    /// A view.
    View(View),
    /// A trigger.
    Trigger(Trigger),
}

/// A difference in one attribute of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// A column is to come: its text.
    ColumnComes {
        /// Its name.
        name: String,
        /// As it is written.
        text: String,
    },
    /// A column is to go.
    ColumnGoes {
        /// Its name.
        name: String,
    },
    /// A part of a column differs.
    Column {
        /// Its name, as it is to be.
        name: String,
        /// Which part.
        part: Part,
        /// What it is.
        from: String,
        /// What it shall be.
        to: String,
    },
    /// A constraint of the table is to come.
    RuleComes(String),
    /// A constraint of the table is to go.
    RuleGoes(String),
    /// Whether the table is STRICT.
    Strict(bool),
    /// Whether the table is WITHOUT ROWID.
    WithoutRowid(bool),
    /// The statement that makes it is another.
    Definition {
        /// What it is.
        from: String,
        /// What it shall be.
        to: String,
    },
}

/// A hash over a whole schema, whatever words it is written in.
#[must_use]
pub fn fingerprint(catalog: &LiteCatalog) -> Fingerprint {
    let bare: Vec<(String, LiteObject)> = catalog.objects.iter().map(|(id, o)| (id.to_string(), o.bare())).collect();
    Fingerprint::over(bare.iter().map(|(name, o)| (name.clone(), o)))
}

/// A text on one line, cut where it is long.
fn short(text: &str) -> String {
    const LONGEST: usize = 80;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let head: String = line.chars().take(LONGEST).collect();
    format!("{head}…")
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ColumnComes { text, name: _ } => write!(f, "column {} comes", short(text)),
            Self::ColumnGoes { name } => write!(f, "column {name} goes"),
            Self::Column { name, part, from, to } => match (from.is_empty(), to.is_empty()) {
                (true, _) => write!(f, "column {name}: {part} {} comes", short(to)),
                (_, true) => write!(f, "column {name}: {part} {} goes", short(from)),
                _ => write!(f, "column {name}: {part} {} becomes {}", short(from), short(to)),
            },
            Self::RuleComes(text) => write!(f, "{} comes", short(text)),
            Self::RuleGoes(text) => write!(f, "{} goes", short(text)),
            Self::Strict(is) => f.write_str(if *is { "becomes STRICT" } else { "is no longer STRICT" }),
            Self::WithoutRowid(is) => {
                f.write_str(if *is { "becomes WITHOUT ROWID" } else { "is no longer WITHOUT ROWID" })
            }
            Self::Definition { from, to } => write!(f, "{} becomes {}", short(from), short(to)),
        }
    }
}

impl LiteObject {
    /// The statement that makes it, as the database keeps it.
    #[must_use]
    pub fn sql(&self) -> &str {
        match self {
            Self::Table(t) => &t.sql,
            Self::VirtualTable(t) => &t.sql,
            Self::Index(i) => &i.sql,
            Self::View(v) => &v.sql,
            Self::Trigger(t) => &t.sql,
        }
    }

    /// The object without its texts: what is left is what is compared, whatever words it was written in.
    #[must_use]
    pub fn bare(&self) -> Self {
        let mut bare = self.clone();
        match &mut bare {
            Self::Table(t) => {
                t.sql.clear();
                t.columns.sort_by(|a, b| a.name.cmp(&b.name));
                t.rules.sort_by(|a, b| a.words.cmp(&b.words));
                let rules = t.columns.iter_mut().flat_map(|c| &mut c.rules).chain(&mut t.rules);
                rules.for_each(|r| r.text.clear());
                t.columns.iter_mut().for_each(|c| c.text.clear());
            }
            Self::VirtualTable(t) => t.sql.clear(),
            Self::Index(i) => i.sql.clear(),
            Self::View(v) => {
                v.sql.clear();
                // They follow from what it reads.
                v.columns = None;
            }
            Self::Trigger(t) => t.sql.clear(),
        }
        bare
    }

    /// Its words, as they are compared; those of a table are all of it.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        underpin_sql::sqlite::words(self.sql())
    }
}

impl Object for LiteObject {
    type Kind = LiteKind;
    type Attribute = Attribute;

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        match (self, to) {
            (Self::Table(a), Self::Table(b)) => a.compare(b),
            (Self::VirtualTable(a), Self::VirtualTable(b)) => a.compare(b),
            (Self::Index(a), Self::Index(b)) => a.compare(b),
            (Self::View(a), Self::View(b)) => a.compare(b),
            (Self::Trigger(a), Self::Trigger(b)) => a.compare(b),
            // Addresses hold the kind, so that two of one address are of one kind.
            (a, b) => vec![Attribute::Definition { from: a.sql().to_owned(), to: b.sql().to_owned() }],
        }
    }

    fn parent(&self, _id: &LiteId) -> Option<LiteId> {
        match self {
            Self::Table(_) | Self::VirtualTable(_) | Self::View(_) => None,
            Self::Index(index) => Some(LiteId::new(LiteKind::Table, [&index.table])),
            Self::Trigger(trigger) => Some(LiteId::new(trigger.on_kind, [&trigger.on])),
        }
    }
}

/// What differs between two statements whose words are compared.
fn definition(from: (&str, &[String]), to: (&str, &[String])) -> Vec<Attribute> {
    if from.1 == to.1 {
        return Vec::new();
    }
    vec![Attribute::Definition { from: from.0.to_owned(), to: to.0.to_owned() }]
}
