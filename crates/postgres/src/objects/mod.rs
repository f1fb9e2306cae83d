//! One file an object kind: its struct, its catalog query and assembly, its comparison, its SQL. This file is the list;
//! a new kind is one new file and one line here.

mod access_method;
pub mod acl;
mod aggregate;
mod base_type;
mod cast;
mod collation;
mod column;
mod comment;
mod composite;
mod constraint;
mod conversion;
mod default;
mod default_privileges;
mod domain;
mod domain_constraint;
mod enum_type;
mod event_trigger;
mod extension;
mod foreign_data_wrapper;
mod foreign_options;
mod foreign_server;
mod grant;
mod index;
mod language;
mod matview;
mod not_null;
mod operator;
mod operator_class;
mod operator_family;
mod owner;
mod owner_grants;
mod partition;
mod policy;
mod publication;
mod publication_member;
mod range;
mod routine;
mod rule;
mod schema;
mod security_label;
mod sequence;
mod sequence_owner;
mod statistics;
mod subscription;
mod table;
mod transform;
mod trigger;
mod ts_configuration;
mod ts_dictionary;
mod ts_parser;
mod ts_template;
mod typed_table;
mod user_mapping;
mod view;

pub use access_method::AccessMethod;
pub use aggregate::{Aggregate, Machine};
pub use base_type::{BaseType, ShellType};
pub(crate) use base_type::{ends_with, tie as tie_base_types};
pub(crate) use cast::tie as tie_casts;
pub use cast::{Cast, CastContext, CastMethod};
pub use collation::Collation;
pub use column::{Column, Generated, Identity};
pub(crate) use column::{ValuesGo, base_type, identity_clause};
pub use comment::Comment;
pub use composite::{Composite, Field};
pub use constraint::{Constraint, ConstraintKind};
pub use conversion::Conversion;
pub use default::Default;
pub use default_privileges::DefaultPrivileges;
pub(crate) use default_privileges::{first as default_privileges_first, taken_back};
pub use domain::Domain;
pub(crate) use domain::move_needs_to_defaults;
pub use domain_constraint::DomainConstraint;
pub use enum_type::Enum;
pub use event_trigger::EventTrigger;
pub(crate) use event_trigger::around as event_triggers_around;
pub use extension::Extension;
pub use foreign_data_wrapper::ForeignDataWrapper;
pub use foreign_options::ForeignOptions;
pub use foreign_server::ForeignServer;
pub use grant::Grant;
pub use index::Index;
pub use language::Language;
pub use matview::{Keeping, MaterializedView};
pub(crate) use matview::{keepers, tie_keepers};
pub use not_null::NotNull;
pub(crate) use not_null::given_back;
pub(crate) use operator::linked as linked_operators;
pub use operator::{Operator, OperatorName};
pub use operator_class::{Member, OperatorClass};
pub use operator_family::{MemberKind, OperatorFamily, OperatorMember};
pub use owner::Owner;
pub use partition::Partition;
pub(crate) use partition::stays as partition_stays;
pub use policy::Policy;
pub use publication::Publication;
pub use publication_member::{PublicationSchema, PublicationTable};
pub use range::Range;
pub use routine::{Argument, Body, Function, Procedure, Routine};
pub use rule::Rule;
pub(crate) use schema::PUBLIC_COMMENT;
pub use schema::Schema;
pub use security_label::SecurityLabel;
pub(crate) use sequence::sequence_options;
pub use sequence::{Sequence, SequenceOptions};
pub use sequence_owner::SequenceOwner;
pub use statistics::Statistics;
pub use subscription::Subscription;
pub use table::{Foreign, Table, parts_of};
pub use transform::Transform;
pub use trigger::{Firing, Trigger};
pub use ts_configuration::TsConfiguration;
pub use ts_dictionary::TsDictionary;
pub use ts_parser::TsParser;
pub use ts_template::TsTemplate;
pub use typed_table::TypedTable;
pub(crate) use typed_table::tie_typed_tables;
pub use user_mapping::UserMapping;
pub use view::{View, ViewColumn};

use crate::coverage::Coverage;
use crate::reader::Reader;
use crate::results::Rows;
use crate::{Attribute, PgCatalog, PgId, PgOp, Server};
use serde::{Deserialize, Serialize};
use underpin_model::Strategy;
use underpin_planner::{Alteration, Draft};
use underpin_sql::Sql;

/// What an object kind has to tell about itself. `id` is the object's own address throughout.
pub trait Item: Clone + PartialEq {
    /// What is covered of the kind, for `docs/coverage.md`.
    const COVERAGE: Coverage;

    /// What differs from `self` (what is there) to `to` (what is wanted). Takes both apart with full patterns, so that a
    /// field that nobody compares does not compile.
    fn compare(&self, to: &Self) -> Vec<Attribute>;

    /// The object that this one is a part of.
    fn parent(&self, _id: &PgId) -> Option<PgId> {
        None
    }

    /// The names that it takes, each in its space (see [`slot`]).
    fn slots(&self, _id: &PgId) -> Vec<String> {
        Vec::new()
    }

    /// The object as `COMMENT ON`, `ALTER` and `DROP` name it: `TABLE s.t`, `FUNCTION s.f(integer)`, `TRIGGER g ON s.t`.
    fn address(&self, id: &PgId) -> Sql;

    /// How the differences are made good.
    fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp>;

    /// The steps that make it. `cx.folded` tells what else the step makes.
    fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft>;

    /// The steps that end it. Never with CASCADE.
    fn end(&self, id: &PgId, _cx: &Context<'_>) -> Vec<Draft> {
        vec![Draft::sql(vec![Sql::new("DROP").then(self.address(id)).build()])]
    }
}

/// How one kind is read: its queries, and what becomes of their rows.
pub struct Query {
    /// The queries; each runs with an empty `search_path`, so that the server qualifies every name that it prints.
    pub sql: fn(&Server) -> Vec<String>,
    /// Takes the rows of each query, in the same order.
    pub read: fn(&mut Reader<'_>, &[Rows]),
}

/// What is at hand when SQL is written.
pub struct Context<'a> {
    /// The live side.
    pub from: &'a PgCatalog,
    /// The desired side.
    pub to: &'a PgCatalog,
    /// The live server.
    pub server: &'a Server,
    /// How risky changes are made.
    pub strategy: Strategy,
    /// Objects that the same step makes (when making) or ends (when ending).
    pub folded: Vec<&'a PgId>,
    /// Whether the new object takes the place of one that was ended in the same plan.
    pub again: bool,
    /// What the plan makes, new or again.
    pub made: Option<&'a std::collections::HashSet<PgId>>,
    /// The columns of the live side that are inherited from a column.
    pub heirs: &'a std::collections::HashMap<PgId, Vec<PgId>>,
    /// The default partitions of the live side, by what they are partitions of.
    pub with_default: &'a std::collections::HashMap<PgId, PgId>,
    /// What rests on an index, a constraint or a materialized view of the live side, apart from its own parts.
    pub(crate) leaned_on: &'a std::collections::HashMap<PgId, Vec<PgId>>,
    /// What stopped runs left on the live side.
    pub(crate) left: &'a crate::recipes::leftovers::Leftovers,
    /// The role that runs the plan: what it makes is its own.
    pub user: &'a str,
    /// Whether that role is named too where it could go without saying.
    pub names_user: bool,
    /// Whether rows get their values in a stage of its own.
    pub staged: bool,
}

impl Context<'_> {
    /// Whether the plan makes that object, new or again.
    #[must_use]
    pub fn is_made(&self, id: &PgId) -> bool {
        self.made.is_some_and(|made| made.contains(id))
    }

    /// Whether the same step makes or ends that object.
    #[must_use]
    pub fn is_folded(&self, id: &PgId) -> bool {
        self.folded.contains(&id)
    }
}

/// A name in a space where no two objects can have the same.
#[must_use]
pub fn slot(space: &'static str, parts: &[&str]) -> String {
    format!("{space}:{}", underpin_sql::quote::qualified(parts))
}

/// The condition that the row of `catalog` whose OID is `oid` belongs to no extension. Where a server's function that costs
/// something is called for each row, the members are left out before rather than after.
fn not_of_an_extension(catalog: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{catalog}'::regclass AND e.objid = {oid} AND e.deptype = 'e')"
    )
}

/// A list whose order means nothing, in one order.
pub(crate) fn sorted(list: &[String]) -> Vec<String> {
    let mut list = list.to_vec();
    list.sort();
    list
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $name:literal $query:expr;)*) => {
        /// The kinds of objects, in the order in which a reader expects them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum PgKind { $($(#[$doc])* $kind,)* }

        impl PgKind {
            /// Every kind, in order.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// What is covered of the kind.
            #[must_use]
            pub fn coverage(self) -> Coverage {
                match self { $(Self::$kind => <$kind as Item>::COVERAGE),* }
            }
        }

        impl underpin_model::Kind for PgKind {
            fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }

        /// Any object.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[allow(clippy::large_enum_variant)]
        pub enum PgObject { $($(#[$doc])* $kind($kind),)* }

        /// How each kind is read, in the order of the list.
        pub(crate) static QUERIES: &[(&str, Option<Query>)] = &[$(($name, $query)),*];

        impl PgObject {
            /// The kind of the object.
            #[must_use]
            pub fn kind(&self) -> PgKind {
                match self { $(Self::$kind(_) => PgKind::$kind),* }
            }

            /// As [`Item::address`].
            #[must_use]
            pub fn address(&self, id: &PgId) -> Sql {
                match self { $(Self::$kind(o) => o.address(id)),* }
            }

            /// As [`Item::slots`].
            #[must_use]
            pub fn slots(&self, id: &PgId) -> Vec<String> {
                match self { $(Self::$kind(o) => o.slots(id)),* }
            }

            /// As [`Item::alter`]. Objects of two kinds never share an address.
            #[must_use]
            pub fn alter(&self, id: &PgId, to: &Self, cx: &Context<'_>) -> Alteration<PgOp> {
                match (self, to) {
                    $((Self::$kind(a), Self::$kind(b)) => {
                        let answer = a.alter(id, b, cx);
                        if cfg!(debug_assertions) && let Some(breach) = <$kind as Item>::COVERAGE.breach(&a.compare(b), &answer) {
                            // Not for users: the list beside the kind has to be corrected.
                            debug_assert!(false, "the coverage of the kind `{}`: {breach} ({id})", $name);
                        }
                        answer
                    })*
                    _ => Alteration::Replace("it becomes another kind of object".to_owned()),
                }
            }

            /// As [`Item::make`].
            #[must_use]
            pub fn make(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
                match self { $(Self::$kind(o) => o.make(id, cx)),* }
            }

            /// As [`Item::end`].
            #[must_use]
            pub fn end(&self, id: &PgId, cx: &Context<'_>) -> Vec<Draft> {
                match self { $(Self::$kind(o) => o.end(id, cx)),* }
            }
        }

        impl underpin_model::Object for PgObject {
            type Kind = PgKind;
            type Attribute = Attribute;

            fn compare(&self, to: &Self) -> Vec<Attribute> {
                match (self, to) {
                    $((Self::$kind(a), Self::$kind(b)) => a.compare(b),)*
                    _ => vec![Attribute {
                        name: "kind",
                        from: underpin_model::Kind::name(self.kind()).to_owned(),
                        to: underpin_model::Kind::name(to.kind()).to_owned(),
                    }],
                }
            }

            fn parent(&self, id: &PgId) -> Option<PgId> {
                match self { $(Self::$kind(o) => o.parent(id)),* }
            }
        }
    };
}

kinds! {
    /// A schema (manual, CREATE SCHEMA).
    Schema "schema" Some(schema::QUERY);
    /// What new objects grant by default.
    DefaultPrivileges "default privileges" Some(default_privileges::QUERY);
    /// An extension; its members are not objects of ours.
    Extension "extension" Some(extension::QUERY);
    /// A procedural language.
    Language "language" Some(language::QUERY);
    /// An access method.
    AccessMethod "access method" Some(access_method::QUERY);
    /// The name of a base type, or of a type that has no definition.
    ShellType "shell type" Some(base_type::SHELL_QUERY);
    /// A base type's definition.
    BaseType "base type" Some(base_type::QUERY);
    /// An enumerated type.
    Enum "enum" Some(enum_type::QUERY);
    /// A domain.
    Domain "domain" Some(domain::QUERY);
    /// A check of a domain.
    DomainConstraint "domain constraint" Some(domain_constraint::QUERY);
    /// A composite type that stands alone.
    Composite "composite type" Some(composite::QUERY);
    /// A range type with its multirange type.
    Range "range type" Some(range::QUERY);
    /// A transform between a type and a language.
    Transform "transform" Some(transform::QUERY);
    /// A cast.
    Cast "cast" Some(cast::QUERY);
    /// An operator.
    Operator "operator" Some(operator::QUERY);
    /// An operator family.
    OperatorFamily "operator family" Some(operator_family::QUERY);
    /// An operator or support function that is in a family and in no class.
    OperatorMember "operator family member" Some(operator_family::MEMBER_QUERY);
    /// An operator class.
    OperatorClass "operator class" Some(operator_class::QUERY);
    /// A conversion between encodings.
    Conversion "conversion" Some(conversion::QUERY);
    /// A text search parser.
    TsParser "text search parser" Some(ts_parser::QUERY);
    /// A text search template.
    TsTemplate "text search template" Some(ts_template::QUERY);
    /// A text search dictionary.
    TsDictionary "text search dictionary" Some(ts_dictionary::QUERY);
    /// A text search configuration.
    TsConfiguration "text search configuration" Some(ts_configuration::QUERY);
    /// A collation.
    Collation "collation" Some(collation::QUERY);
    /// A foreign-data wrapper.
    ForeignDataWrapper "foreign-data wrapper" Some(foreign_data_wrapper::QUERY);
    /// A foreign server.
    ForeignServer "foreign server" Some(foreign_server::QUERY);
    /// A user mapping of a foreign server.
    UserMapping "user mapping" Some(user_mapping::QUERY);
    /// A function or a window function.
    Function "function" Some(routine::QUERY);
    /// A procedure; functions and procedures are read together.
    Procedure "procedure" None;
    /// An aggregate.
    Aggregate "aggregate" Some(aggregate::QUERY);
    /// A sequence that is no identity column's.
    Sequence "sequence" Some(sequence::QUERY);
    /// A table: ordinary, partitioned, partition.
    Table "table" Some(table::QUERY);
    /// The tie of a partition to its parent.
    Partition "partition" Some(partition::QUERY);
    /// A column of a table.
    Column "column" Some(column::QUERY);
    /// A view.
    View "view" Some(view::QUERY);
    /// A materialized view.
    MaterializedView "materialized view" Some(matview::QUERY);
    /// The default of a column.
    Default "default" Some(default::QUERY);
    /// A table constraint.
    Constraint "constraint" Some(constraint::QUERY);
    /// An index that no constraint owns.
    Index "index" Some(index::QUERY);
    /// A rewrite rule.
    Rule "rule" Some(rule::QUERY);
    /// A trigger.
    Trigger "trigger" Some(trigger::QUERY);
    /// A row security policy.
    Policy "policy" Some(policy::QUERY);
    /// Extended statistics.
    Statistics "statistics" Some(statistics::QUERY);
    /// An event trigger.
    EventTrigger "event trigger" Some(event_trigger::QUERY);
    /// A publication.
    Publication "publication" Some(publication::QUERY);
    /// A table in a publication.
    PublicationTable "publication table" Some(publication_member::TABLE_QUERY);
    /// A schema in a publication.
    PublicationSchema "publication schema" Some(publication_member::SCHEMA_QUERY);
    /// A subscription.
    Subscription "subscription" Some(subscription::QUERY);
    /// The tie of a sequence to the column that owns it.
    SequenceOwner "sequence ownership" None;
    /// The tie of a typed table to its type.
    TypedTable "table type" None;
    /// The owner of an object.
    Owner "owner" None;
    /// What one role may do with an object, where that is not the default.
    Grant "grant" None;
    /// A comment on an object.
    Comment "comment" Some(comment::QUERY);
    /// A security label on an object.
    SecurityLabel "security label" Some(security_label::QUERY);
}
