//! Every system catalog of every supported version, and what becomes of it: its rows are objects, or parts of objects, or no
//! part of a schema. And of each catalog that is read every column that is not, with the reason.
//!
//! `tests/inventory.rs` asks a real server for all its catalogs and columns and holds them to this list, so that a new major
//! version, or a column that nobody read, cannot pass in silence.

/// What the rows of a system catalog are to a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// Objects, of which the completeness query lists every row.
    Objects,
    /// Objects of which a kind reads every row by itself.
    AllRead,
    /// Parts of the objects that are named.
    PartsOf(&'static str),
    /// Nothing of a schema, for the reason that is given.
    Outside(&'static str),
}

/// Why a column is not among what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// The server prints it as part of what this function gives.
    PrintedBy(&'static str),
    /// It follows from what is read.
    Follows(&'static str),
    /// It says how or where things are kept, or what was counted, and comes out as it comes.
    Physical(&'static str),
    /// It changes with the work of the database, like rows do.
    State(&'static str),
    /// It is a property that cannot be declared, or that plans leave alone, as `docs/limits.md` says.
    LeftAlone(&'static str),
}

/// One system catalog.
#[derive(Debug)]
pub struct SystemCatalog {
    /// Its name.
    pub name: &'static str,
    /// What its rows are.
    pub holds: Holds,
    /// Its columns that are not read, each with the reason. All others are.
    pub unread: &'static [(&'static str, Unread)],
}

const fn of(name: &'static str, holds: Holds, unread: &'static [(&'static str, Unread)]) -> SystemCatalog {
    SystemCatalog { name, holds, unread }
}

use Holds::{AllRead, Objects, Outside, PartsOf};
use Unread::{Follows, LeftAlone, Physical, PrintedBy, State};

const OF_THE_SERVER: Holds = Outside("it belongs to the whole server, not to a database (manual, 52: shared catalogs)");
const CONSTRAINT_OPERATORS: Unread = Follows("the types of the columns and the key that is referred to");

/// The system catalogs of 12 to 18, by name (manual, 52).
pub const CATALOGS: &[SystemCatalog] = &[
    of("pg_aggregate", PartsOf("aggregates"), &[]),
    of("pg_am", Objects, &[]),
    of(
        "pg_amop",
        PartsOf("operator families and classes"),
        &[
            ("amoppurpose", Follows("amopsortfamily: an operator that orders has one")),
            ("amopmethod", Follows("the access method of the family")),
        ],
    ),
    of("pg_amproc", PartsOf("operator families and classes"), &[]),
    of("pg_attrdef", AllRead, &[]),
    of(
        "pg_attribute",
        PartsOf("relations and composite types"),
        &[
            ("attlen", Follows("the type")),
            ("attndims", LeftAlone("the server does not hold a column to it, and prints none (manual, 8.15.1)")),
            ("attcacheoff", Physical("a place in a row")),
            ("attbyval", Follows("the type")),
            ("attalign", Follows("the type")),
            ("atthasdef", Follows("the rows of pg_attrdef")),
            ("atthasmissing", Physical("how rows are kept that are older than the column")),
            ("attmissingval", Physical("how rows are kept that are older than the column")),
        ],
    ),
    of("pg_auth_members", OF_THE_SERVER, &[]),
    of("pg_authid", OF_THE_SERVER, &[]),
    of("pg_cast", Objects, &[]),
    of(
        "pg_class",
        Objects,
        &[
            ("relfilenode", Physical("the name of a file")),
            ("relpages", Physical("counted by VACUUM and ANALYZE")),
            ("reltuples", Physical("counted by VACUUM and ANALYZE")),
            ("relallvisible", Physical("counted by VACUUM and ANALYZE")),
            ("relallfrozen", Physical("counted by VACUUM and ANALYZE")),
            ("relhasindex", Follows("the rows of pg_index")),
            ("relisshared", Follows("the relations of users are not")),
            ("relnatts", Follows("the rows of pg_attribute")),
            ("relchecks", Follows("the rows of pg_constraint")),
            ("relhasrules", Follows("the rows of pg_rewrite")),
            ("relhastriggers", Follows("the rows of pg_trigger")),
            ("relhassubclass", Follows("the rows of pg_inherits")),
            ("relrewrite", Physical("of a table that is being rewritten")),
            ("relfrozenxid", Physical("the age of rows")),
            ("relminmxid", Physical("the age of rows")),
        ],
    ),
    of(
        "pg_collation",
        Objects,
        &[
            ("collencoding", Follows("the encoding of the database, in which alone a collation can be used")),
            ("collversion", State("the version of the library that indexes were built with")),
        ],
    ),
    of(
        "pg_constraint",
        Objects,
        &[
            ("conpfeqop", CONSTRAINT_OPERATORS),
            ("conppeqop", CONSTRAINT_OPERATORS),
            ("conffeqop", CONSTRAINT_OPERATORS),
            ("conexclop", PrintedBy("pg_get_constraintdef")),
        ],
    ),
    of("pg_conversion", Objects, &[]),
    of("pg_database", OF_THE_SERVER, &[]),
    of("pg_db_role_setting", Outside("settings of databases and roles belong to the server (docs/limits.md)"), &[]),
    of("pg_default_acl", Objects, &[]),
    of("pg_depend", PartsOf("all objects: what rests on what, and what goes with an extension"), &[]),
    of("pg_description", AllRead, &[]),
    of("pg_enum", PartsOf("enums"), &[]),
    of("pg_event_trigger", Objects, &[]),
    of(
        "pg_extension",
        Objects,
        &[
            ("extowner", LeftAlone("no statement changes it but REASSIGN OWNED; pg_dump does not keep it")),
            ("extconfig", Follows("the extension's own script")),
            ("extcondition", Follows("the extension's own script")),
        ],
    ),
    of("pg_foreign_data_wrapper", Objects, &[]),
    of("pg_foreign_server", Objects, &[]),
    of("pg_foreign_table", PartsOf("foreign tables"), &[]),
    of(
        "pg_index",
        PartsOf("indexes and keys"),
        &[
            ("indnatts", Follows("indkey")),
            ("indisprimary", Follows("the row of pg_constraint")),
            ("indisexclusion", Follows("the row of pg_constraint")),
            ("indimmediate", Follows("condeferrable of the row of pg_constraint")),
            ("indcheckxmin", State("of a build that is not long ago")),
            ("indisready", State("of a concurrent build or drop, which indisvalid tells")),
            ("indislive", State("of a concurrent drop, which indisvalid tells")),
        ],
    ),
    of("pg_inherits", AllRead, &[]),
    of(
        "pg_init_privs",
        PartsOf("extensions"),
        &[("privtype", Follows("whose object it is: initdb's or an extension's"))],
    ),
    of("pg_language", Objects, &[("lanispl", Follows("the languages of users are procedural"))]),
    of("pg_largeobject", Outside("large objects are data"), &[]),
    of("pg_largeobject_metadata", Outside("large objects are data"), &[]),
    of("pg_namespace", AllRead, &[]),
    of("pg_opclass", Objects, &[]),
    of(
        "pg_operator",
        Objects,
        &[("oprkind", Follows("which operands it has")), ("oprresult", Follows("the function"))],
    ),
    of("pg_opfamily", Objects, &[]),
    of("pg_parameter_acl", OF_THE_SERVER, &[]),
    of(
        "pg_partitioned_table",
        PartsOf("partitioned tables"),
        &[
            ("partrelid", PrintedBy("pg_get_partkeydef")),
            ("partstrat", PrintedBy("pg_get_partkeydef")),
            ("partnatts", PrintedBy("pg_get_partkeydef")),
            ("partdefid", Follows("the bound of the partition that is the default")),
            ("partattrs", PrintedBy("pg_get_partkeydef")),
            ("partclass", PrintedBy("pg_get_partkeydef")),
            ("partcollation", PrintedBy("pg_get_partkeydef")),
            ("partexprs", PrintedBy("pg_get_partkeydef")),
        ],
    ),
    of("pg_pltemplate", OF_THE_SERVER, &[]),
    of("pg_policy", Objects, &[]),
    of(
        "pg_proc",
        Objects,
        &[
            ("provariadic", PrintedBy("pg_get_function_arguments")),
            ("pronargs", PrintedBy("pg_get_function_arguments")),
            ("proargdefaults", PrintedBy("pg_get_function_arguments")),
            ("prorettype", PrintedBy("pg_get_function_result")),
            ("prosqlbody", PrintedBy("pg_get_function_sqlbody")),
        ],
    ),
    of("pg_publication", Objects, &[]),
    of("pg_publication_namespace", AllRead, &[]),
    of("pg_publication_rel", AllRead, &[]),
    of("pg_range", PartsOf("range types"), &[]),
    of("pg_replication_origin", OF_THE_SERVER, &[]),
    of(
        "pg_rewrite",
        Objects,
        &[
            ("ev_type", PrintedBy("pg_get_ruledef")),
            ("is_instead", PrintedBy("pg_get_ruledef")),
            ("ev_qual", PrintedBy("pg_get_ruledef")),
            ("ev_action", PrintedBy("pg_get_ruledef")),
        ],
    ),
    of("pg_seclabel", AllRead, &[]),
    of("pg_sequence", PartsOf("sequences and identity columns"), &[]),
    of("pg_shdepend", OF_THE_SERVER, &[]),
    of("pg_shdescription", OF_THE_SERVER, &[]),
    of("pg_shseclabel", OF_THE_SERVER, &[]),
    of("pg_statistic", Outside("what ANALYZE counted is data"), &[]),
    of(
        "pg_statistic_ext",
        Objects,
        &[
            ("stxkeys", PrintedBy("pg_get_statisticsobjdef")),
            ("stxkind", PrintedBy("pg_get_statisticsobjdef")),
            ("stxexprs", PrintedBy("pg_get_statisticsobjdef")),
        ],
    ),
    of("pg_statistic_ext_data", Outside("what ANALYZE counted is data"), &[]),
    of(
        "pg_subscription",
        AllRead,
        &[
            ("subenabled", State("whether it runs is the operator's")),
            ("subskiplsn", State("a transaction that is skipped once")),
        ],
    ),
    of("pg_subscription_rel", Outside("how far each table is copied is the work of the server"), &[]),
    of("pg_tablespace", Outside("tablespaces belong to the server; which one a relation is in is the relation's"), &[]),
    of("pg_transform", Objects, &[]),
    of(
        "pg_trigger",
        Objects,
        &[
            ("tgfoid", PrintedBy("pg_get_triggerdef")),
            ("tgtype", PrintedBy("pg_get_triggerdef")),
            ("tgconstrrelid", PrintedBy("pg_get_triggerdef")),
            ("tgconstrindid", Follows("the key that a foreign key refers to")),
            ("tgdeferrable", PrintedBy("pg_get_triggerdef")),
            ("tginitdeferred", PrintedBy("pg_get_triggerdef")),
            ("tgnargs", PrintedBy("pg_get_triggerdef")),
            ("tgattr", PrintedBy("pg_get_triggerdef")),
            ("tgargs", PrintedBy("pg_get_triggerdef")),
            ("tgqual", PrintedBy("pg_get_triggerdef")),
            ("tgoldtable", PrintedBy("pg_get_triggerdef")),
            ("tgnewtable", PrintedBy("pg_get_triggerdef")),
        ],
    ),
    of("pg_ts_config", Objects, &[]),
    of("pg_ts_config_map", PartsOf("text search configurations"), &[]),
    of("pg_ts_dict", Objects, &[]),
    of("pg_ts_parser", Objects, &[]),
    of("pg_ts_template", Objects, &[]),
    of(
        "pg_type",
        Objects,
        &[("typndims", LeftAlone("the server does not hold a domain to it, and prints none (manual, 8.15.1)"))],
    ),
    of(
        "pg_user_mapping",
        Objects,
        &[
            // The others are read from pg_user_mappings, which everyone may read.
            ("umserver", Follows("srvid of pg_user_mappings")),
        ],
    ),
];
