//! The server: its version, and each quirk of a version as a named predicate with its source.

use std::collections::HashMap;
use std::sync::Arc;

/// A PostgreSQL server's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`: 150018 is 15.18.
    pub number: u32,
    /// `server_version` as the server prints it.
    pub text: String,
    /// Which types the server casts to which, by name, and when (`pg_cast.castcontext`: `e` explicitly only, `a` in
    /// assignments too, `i` everywhere), beside the conversions through text that it has for every string type.
    pub casts: Arc<HashMap<(String, String), char>>,
}

/// The oldest major version that is supported.
pub const OLDEST: u32 = 12;
/// The newest major version that is known.
pub const NEWEST: u32 = 18;

/// Types of the string category of the server's own, from and to which every type can be cast (manual, CREATE CAST).
const STRINGS: &[&str] = &["text", "character varying", "character", "name", "\"char\""];

impl Server {
    /// Whether an explicit cast from one type to another is there, by the names of the types without modifiers.
    #[must_use]
    pub fn can_cast(&self, from: &str, to: &str) -> bool {
        let element = |name: &str| name.strip_suffix("[]").unwrap_or(name).to_owned();
        let (a, b) = (element(from), element(to));
        from.ends_with("[]") == to.ends_with("[]")
            && (a == b
                || STRINGS.contains(&a.as_str())
                || STRINGS.contains(&b.as_str())
                || self.casts.contains_key(&(a, b)))
    }

    /// Whether a value of one type may be assigned to a column of another, by the names of the types without modifiers
    /// (manual, CREATE CAST; 10.4). An assignment refuses what does not fit; an explicit cast to `character varying(n)`
    /// silently cuts it.
    #[must_use]
    pub fn can_assign(&self, from: &str, to: &str) -> bool {
        let element = |name: &str| name.strip_suffix("[]").unwrap_or(name).to_owned();
        let pair = (element(from), element(to));
        from.ends_with("[]") == to.ends_with("[]")
            && match self.casts.get(&pair) {
                _ if pair.0 == pair.1 => true,
                Some(context) => matches!(context, 'a' | 'i'),
                None => ["text", "character varying", "character", "name"].contains(&pair.1.as_str()),
            }
    }

    /// The major version: 15 for 15.18.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.number / 10_000
    }

    /// Columns have a compression method (`pg_attribute.attcompression`; release notes 14).
    #[must_use]
    pub fn has_column_compression(&self) -> bool {
        self.major() >= 14
    }

    /// `UNIQUE NULLS NOT DISTINCT` exists (`pg_index.indnullsnotdistinct`; release notes 15).
    #[must_use]
    pub fn has_nulls_not_distinct(&self) -> bool {
        self.major() >= 15
    }

    /// `ON DELETE SET NULL` and `SET DEFAULT` take columns (`pg_constraint.confdelsetcols`; release notes 15).
    #[must_use]
    pub fn has_set_columns(&self) -> bool {
        self.major() >= 15
    }

    /// Keys can be over periods: `WITHOUT OVERLAPS` and `PERIOD` (`pg_constraint.conperiod`; release notes 18).
    #[must_use]
    pub fn has_periods(&self) -> bool {
        self.major() >= 18
    }

    /// Whether a partitioned table's foreign key takes NOT VALID (18).
    #[must_use]
    pub fn has_unproved_of_partitioned(&self) -> bool {
        self.major() >= 18
    }

    /// Whether triggers of a partitioned table may fire before each row of its partitions (13).
    #[must_use]
    pub fn has_row_triggers_of_partitioned(&self) -> bool {
        self.major() >= 13
    }

    /// Triggers on partitions name the parent's trigger (`pg_trigger.tgparentid`; release notes 13).
    #[must_use]
    pub fn has_trigger_parent(&self) -> bool {
        self.major() >= 13
    }

    /// Range types have a multirange type (`pg_range.rngmultitypid`; release notes 14).
    #[must_use]
    pub fn has_multiranges(&self) -> bool {
        self.major() >= 14
    }

    /// Partitions can be detached concurrently, and a detachment that stopped midway shows (`pg_inherits.inhdetachpending`;
    /// release notes 14).
    #[must_use]
    pub fn has_detach_concurrently(&self) -> bool {
        self.major() >= 14
    }

    /// `CREATE OR REPLACE TRIGGER` exists (release notes 14).
    #[must_use]
    pub fn can_replace_triggers(&self) -> bool {
        self.major() >= 14
    }

    /// Sequences can be unlogged, and those of an unlogged table are (release notes 15).
    #[must_use]
    pub fn has_unlogged_sequences(&self) -> bool {
        self.major() >= 15
    }

    /// SQL's own spellings of calls are kept, and `EXTRACT` is a function of its own (release notes 14).
    #[must_use]
    pub fn keeps_spelled_calls(&self) -> bool {
        self.major() >= 14
    }

    /// SQL-bodied functions exist (`pg_proc.prosqlbody`; release notes 14).
    #[must_use]
    pub fn has_sql_bodies(&self) -> bool {
        self.major() >= 14
    }

    /// A stored generated column's expression can be changed in place (`SET EXPRESSION`; release notes 17).
    #[must_use]
    pub fn can_set_expression(&self) -> bool {
        self.major() >= 17
    }

    /// A generated column can become a plain one (`DROP EXPRESSION`; release notes 13).
    #[must_use]
    pub fn can_drop_expression(&self) -> bool {
        self.major() >= 13
    }

    /// NOT NULL constraints have rows and names of their own (`pg_constraint.contype = 'n'`; release notes 18).
    #[must_use]
    pub fn has_not_null_constraints(&self) -> bool {
        self.major() >= 18
    }

    /// NOT NULL of a domain has a row and a name of its own (`pg_constraint.contype = 'n'`; release notes 17).
    #[must_use]
    pub fn has_domain_not_null_constraints(&self) -> bool {
        self.major() >= 17
    }

    /// Constraints can be NOT ENFORCED (`pg_constraint.conenforced`; release notes 18).
    #[must_use]
    pub fn has_not_enforced(&self) -> bool {
        self.major() >= 18
    }

    /// The access method of a table or materialized view can be changed (`SET ACCESS METHOD`; release notes 15).
    #[must_use]
    pub fn can_set_access_method(&self) -> bool {
        self.major() >= 15
    }

    /// A column's storage mode can be set back to its type's (`SET STORAGE DEFAULT`; release notes 16).
    #[must_use]
    pub fn can_set_storage_default(&self) -> bool {
        self.major() >= 16
    }

    /// Tables have a privilege MAINTAIN (release notes 17).
    #[must_use]
    pub fn has_maintain(&self) -> bool {
        self.major() >= 17
    }

    /// `ALTER OPERATOR … SET` knows `COMMUTATOR`, `NEGATOR`, `HASHES` and `MERGES` (release notes 17).
    #[must_use]
    pub fn can_set_operator_links(&self) -> bool {
        self.major() >= 17
    }

    /// Properties of base types can be changed in place (`ALTER TYPE … SET`; release notes 13).
    #[must_use]
    pub fn can_alter_base_types(&self) -> bool {
        self.major() >= 13
    }

    /// What goes with an extension can be freed of it (`NO DEPENDS ON EXTENSION`; release notes 13).
    #[must_use]
    pub fn can_free_from_extensions(&self) -> bool {
        self.major() >= 13
    }

    /// Partitioned tables have an access method, for their partitions to come, and `SET ACCESS METHOD DEFAULT` exists (release
    /// notes 17).
    #[must_use]
    pub fn has_access_method_of_partitioned(&self) -> bool {
        self.major() >= 17
    }

    /// Types have a subscripting function (`pg_type.typsubscript`; release notes 14).
    #[must_use]
    pub fn has_type_subscript(&self) -> bool {
        self.major() >= 14
    }

    /// The column of `pg_collation` with the locale of an ICU or built-in collation: `colliculocale` from 15 on, `colllocale`
    /// from 17 on (release notes).
    #[must_use]
    pub fn collation_locale_column(&self) -> &'static str {
        match self.major() {
            17.. => "colllocale",
            15 | 16 => "colliculocale",
            _ => "collcollate",
        }
    }

    /// ICU collations can have rules of their own (`pg_collation.collicurules`; release notes 16).
    #[must_use]
    pub fn has_collation_rules(&self) -> bool {
        self.major() >= 16
    }

    /// Extended statistics have a target (`pg_statistic_ext.stxstattarget`; release notes 13).
    #[must_use]
    pub fn has_statistics_target(&self) -> bool {
        self.major() >= 13
    }

    /// Publications can publish by the partition root (`pg_publication.pubviaroot`; release notes 13).
    #[must_use]
    pub fn has_publish_via_root(&self) -> bool {
        self.major() >= 13
    }

    /// Publications can have schemas as members (`pg_publication_namespace`; release notes 15).
    #[must_use]
    pub fn has_publication_schemas(&self) -> bool {
        self.major() >= 15
    }

    /// Tables in publications can have column lists and row filters (`pg_publication_rel`; release notes 15).
    #[must_use]
    pub fn has_publication_filters(&self) -> bool {
        self.major() >= 15
    }

    /// Publications can publish generated columns (`pg_publication.pubgencols`; release notes 18).
    #[must_use]
    pub fn has_publish_generated(&self) -> bool {
        self.major() >= 18
    }

    /// Every role may read all columns of `pg_subscription` but the connection string (`src/backend/catalog/system_views.sql`
    /// of 14); before, only some, and not the OID.
    #[must_use]
    pub fn opens_subscriptions(&self) -> bool {
        self.major() >= 14
    }

    /// A subscription's `two_phase` can be altered (release notes 18).
    #[must_use]
    pub fn can_alter_two_phase(&self) -> bool {
        self.major() >= 18
    }

    /// `streaming` is `parallel` where a subscription does not say (release notes 18).
    #[must_use]
    pub fn streams_in_parallel(&self) -> bool {
        self.major() >= 18
    }

    /// Whether this version is one that underpin knows.
    #[must_use]
    pub fn is_supported(&self) -> bool {
        (OLDEST..=NEWEST).contains(&self.major())
    }
}
