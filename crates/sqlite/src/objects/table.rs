//! Tables with their columns and constraints.

use super::Attribute;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The columns in order.
    pub columns: Vec<Column>,
    /// The constraints that stand beside the columns.
    pub rules: Vec<Rule>,
    /// Whether columns take values of their type only.
    pub strict: bool,
    /// Whether rows are kept by the primary key.
    pub without_rowid: bool,
    /// Its statement, as the database keeps it.
    pub sql: String,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name, as it is written.
    pub name: String,
    /// Its declared type, as `table_xinfo` shows it.
    pub declared: String,
    /// Whether it takes no NULL, as `table_xinfo` shows it.
    pub not_null: bool,
    /// Its default, as `table_xinfo` shows it.
    pub default: Option<String>,
    /// Its place in the primary key from 1; 0 outside.
    pub key: u32,
    /// Whether it is computed.
    pub generated: Generated,
    /// Its constraints in the order in which they are written.
    pub rules: Vec<Rule>,
    /// As it is written, from its name to its last constraint.
    pub text: String,
}

/// Whether a column is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Generated {
    /// It is not.
    No,
    /// When it is read.
    Virtual,
    /// When its row is written.
    Stored,
}

/// A constraint, as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its kind.
    pub kind: RuleKind,
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its words, as they are compared.
    pub words: Vec<String>,
    /// As it is written.
    pub text: String,
}

/// Kinds of constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RuleKind {
    /// PRIMARY KEY.
    PrimaryKey,
    /// NOT NULL.
    NotNull,
    /// NULL, which says nothing.
    Null,
    /// UNIQUE.
    Unique,
    /// CHECK.
    Check,
    /// DEFAULT.
    Default,
    /// COLLATE.
    Collate,
    /// REFERENCES.
    ForeignKey,
    /// AS (…), computed.
    Generated,
    /// A whole statement that could not be taken apart.
    Unread,
}

/// A part of a column that can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The case of its name.
    Name,
    /// Its declared type.
    Type,
    /// Constraints of a kind.
    Rule(RuleKind),
    /// The order in which its constraints are written.
    Order,
    /// What the pragma shows of it, without a difference in what was read.
    Shown,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Name => "name",
            Self::Type => "type",
            Self::Rule(kind) => match kind {
                RuleKind::PrimaryKey => "key",
                RuleKind::NotNull | RuleKind::Null | RuleKind::Unique => "constraint",
                RuleKind::Check => "check",
                RuleKind::Default => "default",
                RuleKind::Collate => "collation",
                RuleKind::ForeignKey => "foreign key",
                RuleKind::Generated => "expression",
                RuleKind::Unread => "definition",
            },
            Self::Order => "definition",
            Self::Shown => "definition",
        })
    }
}

impl RuleKind {
    const ALL: [Self; 10] = [
        Self::PrimaryKey,
        Self::NotNull,
        Self::Null,
        Self::Unique,
        Self::Check,
        Self::Default,
        Self::Collate,
        Self::ForeignKey,
        Self::Generated,
        Self::Unread,
    ];
}

/// The affinity of a declared type (manual, "Datatypes In SQLite", 3.1): what becomes of a value when it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Affinity {
    /// Whole numbers where a text reads as one.
    Integer,
    /// Text.
    Text,
    /// As it is.
    Blob,
    /// Numbers with a point.
    Real,
    /// Numbers of either sort.
    Numeric,
}

impl Column {
    /// The affinity of its type, in a table that is STRICT or not: there `ANY` takes all values as they are (manual, "STRICT Tables", 2).
    #[must_use]
    pub fn affinity(&self, strict: bool) -> Affinity {
        let declared = self.declared.to_ascii_uppercase();
        let has = |word: &str| declared.contains(word);
        if strict && declared == "ANY" {
            Affinity::Blob
        } else if has("INT") {
            Affinity::Integer
        } else if has("CHAR") || has("CLOB") || has("TEXT") {
            Affinity::Text
        } else if has("BLOB") || declared.is_empty() {
            Affinity::Blob
        } else if has("REAL") || has("FLOA") || has("DOUB") {
            Affinity::Real
        } else {
            Affinity::Numeric
        }
    }

    /// Its constraints of a kind.
    pub fn rules_of(&self, kind: RuleKind) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |r| r.kind == kind)
    }

    fn compare(&self, to: &Self) -> Vec<Attribute> {
        // Whether it takes NULLs, its place in the key and what computes it follow from constraints, and are looked at where nothing
        // else tells; the text is what the rest was read from.
        let Self { name, declared, not_null, default, key, generated, rules, text } = self;
        let differs = |part, from: &str, to_text: &str| Attribute::Column {
            name: to.name.clone(),
            part,
            from: from.to_owned(),
            to: to_text.to_owned(),
        };
        let mut found = Vec::new();
        if *name != to.name {
            found.push(differs(Part::Name, name, &to.name));
        }
        if *declared != to.declared {
            let shown = |text: &str| if text.is_empty() { "(none)".to_owned() } else { text.to_owned() };
            found.push(differs(Part::Type, &shown(declared), &shown(&to.declared)));
        }
        for kind in RuleKind::ALL {
            let of = |column: &Self| {
                let rules = column.rules_of(kind).map(|r| (r.words.clone(), r.text.clone()));
                rules.unzip::<_, _, Vec<_>, Vec<_>>()
            };
            let ((old, old_text), (new, new_text)) = (of(self), of(to));
            let default_differs = kind == RuleKind::Default && *default != to.default;
            if old != new || default_differs {
                found.push(differs(Part::Rule(kind), &old_text.join(" "), &new_text.join(" ")));
            }
        }
        if !found.is_empty() {
            return found;
        }
        let order = |rules: &[Rule]| rules.iter().map(|r| r.kind).collect::<Vec<_>>();
        if order(rules) != order(&to.rules) {
            found.push(differs(Part::Order, text, &to.text));
        } else if (not_null, key, generated) != (&to.not_null, &to.key, &to.generated) && is_own(rules, &to.rules) {
            found.push(differs(Part::Shown, text, &to.text));
        }
        found
    }
}

/// Whether a column's own constraints tell all of it: a key of the table makes a column part of it from outside.
fn is_own(from: &[Rule], to: &[Rule]) -> bool {
    from.iter().chain(to).any(|r| r.kind == RuleKind::Unread)
}

impl Table {
    /// The column of that name, in any case.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name))
    }

    /// Whether new rows get numbers that were never given before.
    #[must_use]
    pub fn is_autoincrement(&self) -> bool {
        self.columns
            .iter()
            .any(|c| c.rules_of(RuleKind::PrimaryKey).any(|r| r.words.iter().any(|w| w == "autoincrement")))
    }

    /// The column that is another name for the number of the row (manual, "ROWIDs and the INTEGER PRIMARY KEY").
    #[must_use]
    pub fn rowid_alias(&self) -> Option<&Column> {
        if self.without_rowid {
            return None;
        }
        let mut keys = self.columns.iter().filter(|c| c.key > 0);
        let only = keys.next().filter(|_| keys.next().is_none())?;
        // `INTEGER PRIMARY KEY DESC` at the column is none, by an old mistake that is kept.
        let is_desc = only.rules_of(RuleKind::PrimaryKey).any(|r| r.words.iter().any(|w| w == "desc"));
        (only.declared.eq_ignore_ascii_case("integer") && !is_desc).then_some(only)
    }

    /// A name by which the number of the row can be said, where no column has it; none where there is none.
    #[must_use]
    pub fn rowid_name(&self) -> Option<&'static str> {
        if self.without_rowid {
            return None;
        }
        ["rowid", "_rowid_", "oid"].into_iter().find(|name| self.column(name).is_none())
    }

    pub(super) fn compare(&self, to: &Self) -> Vec<Attribute> {
        // The statement is what the rest was read from.
        let Self { columns, rules, strict, without_rowid, sql: _ } = self;
        let mut found = Vec::new();
        let new: BTreeMap<String, &Column> = to.columns.iter().map(|c| (c.name.to_ascii_lowercase(), c)).collect();
        let old: BTreeMap<String, &Column> = columns.iter().map(|c| (c.name.to_ascii_lowercase(), c)).collect();
        for (key, column) in &old {
            match new.get(key) {
                Some(other) => found.extend(column.compare(other)),
                None => found.push(Attribute::ColumnGoes { name: column.name.clone() }),
            }
        }
        for (key, column) in &new {
            if !old.contains_key(key) {
                found.push(Attribute::ColumnComes { name: column.name.clone(), text: column.text.clone() });
            }
        }
        let mut left: Vec<&Rule> = to.rules.iter().collect();
        for rule in rules {
            match left.iter().position(|r| r.words == rule.words) {
                Some(place) => _ = left.remove(place),
                None => found.push(Attribute::RuleGoes(rule.text.clone())),
            }
        }
        found.extend(left.into_iter().map(|r| Attribute::RuleComes(r.text.clone())));
        if *strict != to.strict {
            found.push(Attribute::Strict(to.strict));
        }
        if *without_rowid != to.without_rowid {
            found.push(Attribute::WithoutRowid(to.without_rowid));
        }
        found
    }
}
