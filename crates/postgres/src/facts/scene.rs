//! The relations and conditions that rows speak of, by name, and how they are found around a statement.

use super::around::{Around, Column, Constraint, Index, Relation, Type, type_parts};
use super::bounds::{proves_not_null, proves_outside, proves_within};
use super::statement::{Action, Say, calls};
use super::type_change::{TypeChange, type_change};
use super::{Op, type_change as types};
use std::collections::BTreeSet;
use underpin_model::LockMode;

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $words:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $(#[doc = concat!($words, ".")] $variant,)*
        }

        impl $name {
            /// In words.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

named! {
    /// Relations that a row speaks of. Where there are none such, the row adds nothing.
    Which {
        Table = "the relation",
        Heirs = "its partitions and heirs",
        Leaves = "the relation, its partitions and heirs",
        WithNulls = "what of the relation, its partitions and heirs no valid check proves to be without NULL",
        NotYetValid = "what of the relation, its partitions and heirs has the constraint not valid yet",
        Checked = "what of the relation, its partitions and heirs has a valid check on the column",
        Parents = "what it is a part of",
        Default = "the default partition",
        DefaultUnproved = "the default partition, unless a valid check proves it empty of the new range",
        Siblings = "the default partition beside it",
        Named = "the other relation",
        NamedFamily = "the other relation, its partitions and heirs",
        NamedWithTriggers = "the partition, where it has triggers of the parent's or of foreign keys",
        NamedUnproved = "the new partition, unless a valid check proves its bound",
        NamedWithoutIndex = "the new partition, for each index of the parent that it lacks",
        NamedWithoutKey = "the new partition, where it lacks a foreign key of the parent",
        ReferringTables = "tables whose foreign keys refer to the partitioned table or one above it",
        WithoutIndex = "the relation, and what of its partitions lacks such an index so far",
        GivenIndexes = "indexes of partitions that become parts of the new one",
        PartIndexes = "the partition's indexes that are parts of the parent's",
        KeyTargets = "tables that the parent's foreign keys refer to",
        KeyTargetsToCheck = "tables that the parent's foreign keys refer to and the new partition's own do not",
        KeyTargetsTaken = "tables that a foreign key of the new partition refers to, which is taken over",
        Referenced = "the referenced table and its partitions",
        ReferencedToCheck = "the referenced table and its partitions, where rows refer to them",
        ReferencingToCheck = "the relation and its partitions, where they have no such key yet",
        ReferencedTaken = "the referenced table, where a partition has such a key that is taken over",
        OtherSide = "the other table of the foreign key, and its partitions",
        OtherSides = "the other tables of foreign keys on the column, and their partitions",
        Indexes = "its indexes",
        IndexesOver = "the indexes on the column",
        IndexesRebuilt = "the indexes on the column that have an expression, a condition, or another order",
        TopIndexes = "the relation's own indexes",
        NamedIndex = "the index",
        IndexTable = "the index's table",
        ConstraintIndex = "the index behind the constraint",
        Sequences = "its columns' sequences",
        IdentitySequence = "the sequence behind the column's identity",
        DomainTables = "tables with a column of the domain",
        TypedTables = "tables of the type",
        Holders = "tables whose foreign keys refer to it, and so on",
        HolderIndexes = "the indexes of these tables",
        Reached = "all that the drop takes along, and the tables that it is a part of",
        Gone = "the tables and views that go with it",
        Losing = "tables and views that lose a column with it",
        Read = "relations that its query reads",
    }
}

/// Conditions of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum When {
    /// The column is not there yet.
    NewColumn,
    /// The default may differ from row to row: it calls a volatile function.
    VolatileDefault,
    /// The new column is `GENERATED … STORED`.
    StoredColumn,
    /// The new column is an identity or serial.
    NewIdentity,
    /// The type is a domain with a constraint.
    ConstrainedDomain,
    /// The column is stored, not virtual.
    StoredExpression,
    /// The new type's values are stored otherwise, or are computed.
    OtherValues,
    /// The type is another, even if only by its modifier.
    OtherType,
    /// The constraint is checked at once: neither `NOT VALID` nor `NOT ENFORCED`.
    CheckedAtOnce,
    /// Rows can have a value: the column is not one that the statement adds empty.
    HasValues,
    /// The constraint is a foreign key.
    IsForeignKey,
    /// The constraint is a check or a NOT NULL.
    IsCheck,
    /// The constraint is not valid yet.
    Unvalidated,
    /// It is `PRIMARY KEY`.
    IsPrimaryKey,
    /// It becomes `ENFORCED`.
    BecomesEnforced,
    /// It becomes `NOT ENFORCED`.
    BecomesNotEnforced,
    /// The owner is another.
    OtherOwner,
    /// It is not logged, or logged, so far.
    OtherPersistence,
    /// The tablespace is another.
    OtherTablespace,
    /// The access method is another.
    OtherMethod,
    /// The parameter is one that plans or decoding rest on.
    StrictParameter,
    /// `CASCADE`.
    Cascades,
    /// Without `WITH NO DATA`.
    WithData,
    /// The part is a trigger.
    IsTrigger,
    /// It is a view, a sequence or an index.
    IsIndex,
    /// It is not an index.
    IsNoIndex,
    /// The view gets another number of columns, or it is not plain how many.
    OtherColumns,
    /// The statement does not add a column of the same name.
    NotAddedAgain,
    /// A column of the key may be NULL so far.
    WithNullable,
    /// The index has another name than the constraint.
    OtherName,
    /// The table is partitioned.
    IsPartitioned,
    /// It says this mode.
    Says(LockMode),
}

impl When {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::NewColumn => "the column is not there yet",
            Self::VolatileDefault => "the default calls a volatile function",
            Self::StoredColumn => "`GENERATED … STORED`",
            Self::NewIdentity => "identity or serial",
            Self::ConstrainedDomain => "the type is a domain with a constraint",
            Self::StoredExpression => "the column is stored",
            Self::OtherValues => "the values are stored otherwise in the new type, or computed",
            Self::OtherType => "the type or its modifier is another",
            Self::CheckedAtOnce => "neither `NOT VALID` nor `NOT ENFORCED`",
            Self::HasValues => "the column is not one that the statement adds empty",
            Self::IsForeignKey => "a foreign key",
            Self::IsCheck => "a check or NOT NULL",
            Self::Unvalidated => "not valid yet",
            Self::IsPrimaryKey => "`PRIMARY KEY`",
            Self::BecomesEnforced => "`ENFORCED`",
            Self::BecomesNotEnforced => "`NOT ENFORCED`",
            Self::OtherOwner => "the owner is another",
            Self::OtherPersistence => "it was the other so far",
            Self::OtherTablespace => "the tablespace is another",
            Self::OtherMethod => "the access method is another",
            Self::StrictParameter => "a parameter that plans or decoding rest on",
            Self::Cascades => "`CASCADE`",
            Self::WithData => "without `WITH NO DATA`",
            Self::IsTrigger => "a trigger",
            Self::IsIndex => "an index",
            Self::IsNoIndex => "a table",
            Self::OtherColumns => "there are more columns than before",
            Self::NotAddedAgain => "unless a column of that name is added by the same statement",
            Self::WithNullable => "a column of the key may be NULL so far",
            Self::OtherName => "the index has another name than the constraint",
            Self::IsPartitioned => "a partitioned table",
            Self::Says(mode) => mode.words(),
        }
    }
}

/// One action among the others of its statement, and what stands around it.
pub(super) struct Scene<'a> {
    pub action: &'a Action,
    pub all: &'a [Action],
    pub around: &'a Around,
}

impl<'a> Scene<'a> {
    fn oid(&self) -> Option<u32> {
        self.action.relation.as_ref().and_then(|name| self.around.find(name))
    }

    fn get(&self, oid: u32) -> Option<&'a Relation> {
        self.around.relations.get(&oid)
    }

    fn subject(&self) -> Option<&'a Relation> {
        self.oid().and_then(|oid| self.get(oid))
    }

    fn named(&self) -> Vec<u32> {
        self.action.others.iter().filter_map(|name| self.around.find(name)).collect()
    }

    /// All below a relation, without itself.
    fn below(&self, oid: u32) -> Vec<u32> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
        let mut next = Some(oid);
        let mut at = 0;
        while let Some(oid) = next {
            let heirs = self.get(oid).map(|r| r.heirs.as_slice()).unwrap_or_default();
            found.extend(heirs.iter().copied().filter(|heir| seen.insert(*heir)));
            next = found.get(at).copied();
            at += 1;
        }
        found
    }

    fn with_below(&self, oids: Vec<u32>) -> Vec<u32> {
        let mut all = oids.clone();
        all.extend(oids.iter().flat_map(|oid| self.below(*oid)));
        all
    }

    /// The relation and what it recurses to, less what holds no rows itself.
    fn family(&self) -> Vec<u32> {
        let Some(oid) = self.oid() else { return Vec::new() };
        if self.action.only { vec![oid] } else { self.with_below(vec![oid]) }
    }

    fn holding(&self, oids: Vec<u32>) -> Vec<u32> {
        oids.into_iter().filter(|oid| self.get(*oid).is_some_and(|r| matches!(r.kind, 'r' | 'm'))).collect()
    }

    fn column(&self, relation: &'a Relation) -> Option<&'a Column> {
        relation.columns.iter().find(|c| c.name == self.action.name)
    }

    /// Constraints that the statement drops by name.
    fn dropped(&self) -> Vec<String> {
        let drops = self.all.iter().filter(|a| a.op == Some(Op::DropConstraint));
        drops.map(|a| a.name.clone()).collect()
    }

    /// The columns that must be without NULL afterwards.
    fn needed_columns(&self) -> Vec<String> {
        match self.action.op {
            Some(Op::SetNotNull) => vec![self.action.name.clone()],
            Some(Op::AddUsingIndex) => {
                let index = self.named().first().copied();
                let table = self.subject();
                let over = table.and_then(|t| t.indexes.iter().find(|i| Some(i.oid) == index)).map(|i| &i.over);
                let names = table.into_iter().flat_map(|t| &t.columns);
                names.filter(|c| over.is_some_and(|o| o.contains(&c.number))).map(|c| c.name.clone()).collect()
            }
            _ => self.action.columns.clone(),
        }
    }

    fn without_proof(&self, oid: u32) -> bool {
        let dropped = self.dropped();
        self.get(oid).is_some_and(|table| {
            self.needed_columns().iter().any(|name| {
                let known = table.columns.iter().any(|c| c.name == *name && c.not_null);
                !known && !proves_not_null(table, name, &dropped)
            })
        })
    }

    /// The default partition of a relation.
    fn default_of(&self, oid: u32) -> Vec<u32> {
        let heirs = self.get(oid).map(|r| r.heirs.as_slice()).unwrap_or_default();
        heirs.iter().copied().filter(|h| self.get(*h).is_some_and(|r| r.bound == "DEFAULT")).collect()
    }

    /// The foreign key of that name on the relation.
    fn key(&self) -> Option<&'a Constraint> {
        let oid = self.oid()?;
        self.around.keys.iter().find(|k| k.table == oid && k.name == self.action.name)
    }

    /// The foreign keys over the column, from and to any of the family.
    fn keys_over(&self) -> Vec<&'a Constraint> {
        let family = self.family();
        let numbered = |oid: u32, numbers: &[i64]| {
            self.get(oid).and_then(|r| self.column(r)).is_some_and(|c| numbers.contains(&c.number))
        };
        let over = |k: &&Constraint| {
            (family.contains(&k.table) && numbered(k.table, &k.columns))
                || (family.contains(&k.referenced) && numbered(k.referenced, &k.referenced_columns))
        };
        self.around.keys.iter().filter(over).collect()
    }

    /// What the type change does on one of the family.
    fn type_change(&self, table: &Relation) -> TypeChange {
        let Some(column) = table.columns.iter().find(|c| c.name == self.action.name) else {
            return TypeChange::UNKNOWN;
        };
        let Some(to) = self.around.types.get(&self.action.type_name) else { return TypeChange::UNKNOWN };
        if to.name.is_empty() || to.constrained || !self.is_plain_conversion() {
            return TypeChange::UNKNOWN;
        }
        let wanted = if self.action.collation.is_empty() { &to.collation } else { &self.action.collation };
        let binary = to.binary_from.contains(&type_parts(&column.type_name).0);
        type_change(&column.type_name, &to.name, column.collation == *wanted, types::is_utc(&self.around.zone), binary)
    }

    /// Whether the conversion is the one that goes without saying: none, the column, or a cast of it to the type.
    fn is_plain_conversion(&self) -> bool {
        let plain = |text: &str| -> String {
            text.chars()
                .filter(|c| !c.is_whitespace() && *c != '(' && *c != ')')
                .collect::<String>()
                .to_ascii_lowercase()
        };
        let (said, column, to) =
            (plain(&self.action.expression), plain(&self.action.name), plain(&self.action.type_name));
        said.is_empty() || said == column || said == format!("{column}::{to}") || said == format!("cast{column}as{to}")
    }

    /// The foreign key that a partition would get from its parent's, where it has its like already.
    fn has_like(&self, part: u32, key: &Constraint) -> bool {
        let names = |table: u32, numbers: &[i64]| -> Vec<String> {
            let columns = self.get(table).map(|r| r.columns.as_slice()).unwrap_or_default();
            numbers.iter().filter_map(|n| columns.iter().find(|c| c.number == *n)).map(|c| c.name.clone()).collect()
        };
        self.around.keys.iter().any(|k| {
            k.table == part
                && k.referenced == key.referenced
                && k.valid
                && names(part, &k.columns) == names(key.table, &key.columns)
        })
    }

    /// Whether a table has a valid key like the one that the action adds.
    fn has_added_key(&self, table: u32) -> bool {
        let referenced = self.named();
        self.around.keys.iter().any(|k| {
            let columns = self.get(table).map(|r| r.columns.as_slice()).unwrap_or_default();
            let names: Vec<&str> = k
                .columns
                .iter()
                .filter_map(|n| columns.iter().find(|c| c.number == *n))
                .map(|c| c.name.as_str())
                .collect();
            k.table == table && referenced.contains(&k.referenced) && k.valid && names == self.action.columns
        })
    }

    /// The parent's foreign keys, for a partition that comes.
    fn parent_keys(&self) -> Vec<&'a Constraint> {
        let oid = self.oid();
        self.around.keys.iter().filter(|k| Some(k.table) == oid).collect()
    }

    fn indexes_of(&self, tables: &[u32]) -> Vec<u32> {
        tables.iter().filter_map(|t| self.get(*t)).flat_map(|r| &r.indexes).map(|i| i.oid).collect()
    }

    /// The indexes named by the action with their parts.
    fn named_index(&self) -> Vec<u32> {
        let by_part = |name: &str| {
            let table = self.subject();
            let indexes = table.map(|t| t.indexes.as_slice()).unwrap_or_default();
            let found = indexes.iter().map(|i| i.oid);
            found.filter(|oid| self.get(*oid).is_some_and(|r| last_part(&r.name) == name)).collect::<Vec<_>>()
        };
        match self.subject() {
            Some(subject) if matches!(subject.kind, 'i' | 'I') => self.oid().into_iter().collect(),
            _ if self.action.op == Some(Op::AddUsingIndex) => self.named(),
            _ => by_part(&self.action.name),
        }
    }

    /// The relations meant.
    pub fn which(&self, which: Which) -> Vec<u32> {
        let own: Vec<u32> = self.oid().into_iter().collect();
        match which {
            Which::Table => own,
            Which::Heirs => self.family().into_iter().filter(|oid| !own.contains(oid)).collect(),
            Which::Leaves => self.holding(self.family()),
            Which::WithNulls => self.holding(self.family()).into_iter().filter(|o| self.without_proof(*o)).collect(),
            Which::NotYetValid => {
                let open = |oid: &u32| {
                    let checks = self.get(*oid).map(|r| r.checks.as_slice()).unwrap_or_default();
                    !checks.iter().any(|c| c.name == self.action.name && c.valid)
                };
                self.holding(self.family()).into_iter().filter(open).collect()
            }
            Which::Checked => {
                let checked = |oid: &u32| {
                    self.get(*oid).is_some_and(|r| {
                        let number = self.column(r).map(|c| c.number);
                        let on = |c: &Constraint| {
                            c.kind == 'c' && c.valid && c.enforced && number.is_some_and(|n| c.columns.contains(&n))
                        };
                        r.checks.iter().any(on)
                    })
                };
                self.holding(self.family()).into_iter().filter(checked).collect()
            }
            Which::Parents => self.subject().map(|r| r.parents.clone()).unwrap_or_default(),
            Which::Default => own.iter().flat_map(|oid| self.with_below(self.default_of(*oid))).collect(),
            Which::DefaultUnproved => {
                let (key, bound) = (self.subject().map(|r| r.key.as_str()).unwrap_or_default(), &self.action.bound);
                let all = own.iter().flat_map(|oid| self.with_below(self.default_of(*oid))).collect();
                let open = |oid: &u32| self.get(*oid).is_some_and(|r| !proves_outside(r, key, bound));
                self.holding(all).into_iter().filter(open).collect()
            }
            Which::Siblings => {
                let parents = self.subject().filter(|r| !r.bound.is_empty()).map(|r| r.parents.as_slice());
                parents.unwrap_or_default().iter().flat_map(|p| self.default_of(*p)).collect()
            }
            Which::Named => self.named(),
            Which::NamedFamily => self.with_below(self.named()),
            Which::NamedWithTriggers => {
                self.named().into_iter().filter(|oid| self.get(*oid).is_some_and(|r| r.triggers)).collect()
            }
            Which::NamedUnproved => {
                let key = self.subject().map(|r| r.key.as_str()).unwrap_or_default();
                let open = |oid: &u32| self.get(*oid).is_some_and(|r| !proves_within(r, key, &self.action.bound));
                self.holding(self.with_below(self.named())).into_iter().filter(open).collect()
            }
            Which::NamedWithoutIndex => {
                let wanted = self.subject().map(|r| r.indexes.as_slice()).unwrap_or_default();
                let lacks = |oid: &u32| {
                    self.get(*oid).is_some_and(|r| wanted.iter().any(|w| !r.indexes.iter().any(|i| i.shape == w.shape)))
                };
                self.holding(self.with_below(self.named())).into_iter().filter(lacks).collect()
            }
            Which::NamedWithoutKey => {
                let lacks = |oid: &u32| self.parent_keys().iter().any(|key| !self.has_like(*oid, key));
                self.holding(self.with_below(self.named())).into_iter().filter(lacks).collect()
            }
            Which::ReferringTables => {
                let mut tree = own;
                let mut at = 0;
                while let Some(next) = tree.get(at).copied() {
                    tree.extend(self.get(next).map(|r| r.parents.as_slice()).unwrap_or_default());
                    at += 1;
                }
                self.around.keys.iter().filter(|k| tree.contains(&k.referenced)).map(|k| k.table).collect()
            }
            Which::PartIndexes => {
                let tables = self.with_below(self.named());
                let all = tables.iter().filter_map(|t| self.get(*t)).flat_map(|r| &r.indexes);
                all.filter(|i| i.part).map(|i| i.oid).collect()
            }
            Which::WithoutIndex | Which::GivenIndexes => {
                let unique = self.action.op != Some(Op::CreateIndex) || self.action.says(Say::Other);
                let method = if self.action.word.is_empty() { "btree" } else { self.action.word.as_str() };
                let shape = format!("{method}|{}|{}|", if unique { "t" } else { "f" }, self.action.columns.join(","));
                // Only a partition gives its index to its parent's.
                let given = |oid: &u32| {
                    let indexes = self.get(*oid).map(|r| r.indexes.as_slice()).unwrap_or_default();
                    let fits = |i: &&Index| {
                        !own.contains(oid) && !self.action.columns.is_empty() && !i.part && i.shape.starts_with(&shape)
                    };
                    indexes.iter().find(fits).map(|i| i.oid)
                };
                let tables = self.holding(self.family());
                if which == Which::GivenIndexes {
                    tables.iter().filter_map(given).collect()
                } else {
                    tables.into_iter().filter(|oid| given(oid).is_none()).collect()
                }
            }
            Which::KeyTargets => self.with_below(self.parent_keys().iter().map(|k| k.referenced).collect()),
            Which::KeyTargetsToCheck | Which::KeyTargetsTaken => {
                let taken = which == Which::KeyTargetsTaken;
                let parts = self.named();
                let fits = |k: &&Constraint| parts.iter().any(|p| self.has_like(*p, k) == taken);
                let keys = self.parent_keys();
                let found: Vec<u32> = keys.iter().filter(|k| fits(k)).map(|k| k.referenced).collect();
                if taken { found } else { self.with_below(found) }
            }
            Which::Referenced => self.with_below(self.named()),
            Which::ReferencingToCheck => {
                self.holding(self.family()).into_iter().filter(|oid| !self.has_added_key(*oid)).collect()
            }
            Which::ReferencedToCheck => {
                if self.which(Which::ReferencingToCheck).is_empty() {
                    return Vec::new();
                }
                self.holding(self.with_below(self.named()))
            }
            Which::ReferencedTaken => {
                let heirs = self.which(Which::Heirs);
                let taken = heirs.iter().any(|oid| self.has_added_key(*oid));
                if taken { self.with_below(self.named()) } else { Vec::new() }
            }
            Which::OtherSide => self.key().map_or_else(Vec::new, |k| self.with_below(vec![k.referenced])),
            Which::OtherSides => {
                let keys = self.keys_over();
                self.with_below(keys.iter().flat_map(|k| [k.table, k.referenced]).collect())
            }
            Which::Indexes => self.indexes_of(&self.family()),
            Which::TopIndexes => self.indexes_of(&own),
            Which::IndexesOver | Which::IndexesRebuilt => {
                let all = which == Which::IndexesOver;
                let mut found = Vec::new();
                for table in self.family().iter().filter_map(|t| self.get(*t)) {
                    let number = table.columns.iter().find(|c| c.name == self.action.name).map(|c| c.number);
                    let keeps = self.type_change(table).keeps_indexes;
                    let over = table.indexes.iter().filter(|i| number.is_some_and(|n| i.over.contains(&n)));
                    found.extend(over.filter(|i| all || i.computed || !keeps).map(|i| i.oid));
                }
                found
            }
            Which::NamedIndex => self.named_index(),
            Which::IndexTable => {
                let indexes = self.named_index();
                let of = |r: &Relation| r.indexes.iter().any(|i| indexes.contains(&i.oid));
                self.around.relations.iter().filter(|(_, r)| of(r)).map(|(oid, _)| *oid).collect()
            }
            Which::ConstraintIndex => {
                let checks = self.subject().map(|r| r.checks.as_slice()).unwrap_or_default();
                let named = checks.iter().filter(|c| c.name == self.action.name && matches!(c.kind, 'p' | 'u' | 'x'));
                named.map(|c| c.index).filter(|oid| *oid != 0).collect()
            }
            Which::Sequences => self.subject().map(|r| r.sequences.iter().map(|s| s.oid).collect()).unwrap_or_default(),
            Which::IdentitySequence => {
                let mut found = Vec::new();
                for table in self.family().iter().filter_map(|t| self.get(*t)) {
                    let number = self.column(table).map(|c| c.number);
                    let of = table.sequences.iter().filter(|s| Some(s.column) == number && s.identity);
                    found.extend(of.map(|s| s.oid));
                }
                found
            }
            Which::DomainTables => self.around.users.clone(),
            Which::TypedTables => {
                let found = self.around.relations.iter().filter(|(_, r)| r.of_type != 0 && r.kind != 'c');
                found.map(|(oid, _)| *oid).collect()
            }
            Which::Holders | Which::HolderIndexes => {
                let mut found: Vec<u32> = self.family();
                let mut at = 0;
                while let Some(next) = found.get(at).copied() {
                    for key in self.around.keys.iter().filter(|k| k.referenced == next) {
                        if !found.contains(&key.table) {
                            found.push(key.table);
                        }
                    }
                    at += 1;
                }
                if which == Which::Holders { found } else { self.indexes_of(&found) }
            }
            Which::Reached => self.around.reached.clone(),
            Which::Gone => self.around.gone.clone(),
            Which::Losing => self.around.lost.iter().map(|(oid, _)| *oid).collect(),
            Which::Read => self.holding(self.around.read.iter().copied().filter(|o| !own.contains(o)).collect()),
        }
    }

    /// Whether the condition holds.
    pub fn holds(&self, when: When) -> bool {
        let action = self.action;
        let says = |say| action.says(say);
        let subject = self.subject();
        match when {
            When::NewColumn => subject.is_none_or(|r| self.column(r).is_none()),
            When::VolatileDefault => {
                says(Say::Default) && calls(&action.expression).iter().any(|c| self.around.volatile.contains(c))
            }
            When::StoredColumn => says(Say::Stored),
            When::NewIdentity => says(Say::Identity),
            When::ConstrainedDomain => self.around.types.get(&action.type_name).is_some_and(|t| t.constrained),
            When::StoredExpression => subject.and_then(|r| self.column(r)).is_none_or(|c| c.generated),
            When::OtherValues => {
                let family: Vec<&Relation> = self.family().iter().filter_map(|t| self.get(*t)).collect();
                family.is_empty() || family.iter().any(|t| self.type_change(t).rewrites)
            }
            When::OtherType => {
                let to = self.around.types.get(&action.type_name);
                let same = |c: &Column, to: &Type| {
                    let collation = if action.collation.is_empty() { &to.collation } else { &action.collation };
                    c.declared == to.declared && c.collation == *collation
                };
                subject.and_then(|r| self.column(r)).zip(to).is_none_or(|(c, to)| !same(c, to))
            }
            When::CheckedAtOnce => !says(Say::NotValid) && !says(Say::NotEnforced),
            When::HasValues => !says(Say::OfNewColumn) || says(Say::Default),
            When::IsForeignKey => self.key().is_some() || self.adds(&[Op::AddForeignKey]),
            When::IsCheck => {
                let checks = subject.map(|r| r.checks.as_slice()).unwrap_or_default();
                checks.iter().any(|c| c.name == action.name && matches!(c.kind, 'c' | 'n'))
                    || self.adds(&[Op::AddCheck, Op::AddNotNull])
            }
            When::Unvalidated => {
                let checks = subject.map(|r| r.checks.as_slice()).unwrap_or_default();
                !checks.iter().any(|c| c.name == action.name && c.valid) && self.key().is_none_or(|k| !k.valid)
            }
            When::IsPrimaryKey => says(Say::PrimaryKey),
            When::BecomesEnforced => says(Say::Enforced) && self.key().is_none_or(|k| !k.enforced),
            When::BecomesNotEnforced => says(Say::NotEnforced),
            When::OtherOwner => subject.is_none_or(|r| r.owner != action.name),
            When::OtherPersistence => subject.is_none_or(|r| r.persistence.to_string() != action.name),
            When::OtherTablespace => {
                subject.is_none_or(|r| r.space != action.name && !(r.space.is_empty() && action.name == "pg_default"))
            }
            When::OtherMethod => subject.is_none_or(|r| r.method != action.name),
            When::StrictParameter => says(Say::StrictParameter),
            When::Cascades => says(Say::Cascade),
            When::WithData => !says(Say::Other),
            When::IsTrigger => action.word == "TRIGGER",
            When::IsIndex => subject.is_some_and(|r| matches!(r.kind, 'i' | 'I')),
            When::IsNoIndex => subject.is_none_or(|r| !matches!(r.kind, 'i' | 'I')),
            When::OtherColumns => {
                let all = action.columns.iter().any(|c| c.ends_with('*'));
                subject.is_some_and(|r| all || r.columns.len() != action.columns.len())
            }
            When::NotAddedAgain => !self.adds(&[Op::AddColumn]),
            When::WithNullable => {
                let needed = self.needed_columns();
                subject.is_none_or(|r| r.columns.iter().any(|c| needed.contains(&c.name) && !c.not_null))
            }
            When::OtherName => action.others.first().is_none_or(|index| index.name != action.name),
            When::IsPartitioned => subject.is_some_and(|r| r.kind == 'p'),
            When::Says(mode) => {
                let said = action.word.trim();
                if said.is_empty() { mode == LockMode::AccessExclusive } else { said == mode.words() }
            }
        }
    }

    /// Whether the same statement adds a constraint of that name.
    fn adds(&self, ops: &[Op]) -> bool {
        self.all.iter().any(|a| a.name == self.action.name && a.op.is_some_and(|op| ops.contains(&op)))
    }

    /// All relations that the statement names, for one that is not known.
    pub fn mentioned(&self) -> BTreeSet<u32> {
        let mut found: Vec<u32> = self.oid().into_iter().collect();
        found.extend(self.named());
        self.with_below(found).into_iter().collect()
    }
}

/// The last part of a qualified, quoted name, without its quotes.
fn last_part(name: &str) -> String {
    let tokens: Vec<underpin_sql::Token> = underpin_sql::Lexer::new(name).collect();
    underpin_sql::Cursor::new(name, &tokens).chain().map(|c| c.last()).unwrap_or_default()
}
