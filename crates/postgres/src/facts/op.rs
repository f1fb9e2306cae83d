//! The operations that facts are about.

macro_rules! ops {
    ($($variant:ident = $words:literal,)*) => {
        /// One thing that a statement does, by the words that say it. A statement may do many.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Op {
            $(#[doc = concat!("`", $words, "`.")] $variant,)*
        }

        impl Op {
            /// Every operation, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// How SQL says it.
            #[must_use]
            pub fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

ops! {
    AddColumn = "ADD COLUMN",
    DropColumn = "DROP COLUMN",
    RenameColumn = "RENAME COLUMN",
    SetType = "ALTER COLUMN TYPE",
    SetDefault = "ALTER COLUMN SET/DROP DEFAULT",
    SetNotNull = "ALTER COLUMN SET NOT NULL",
    DropNotNull = "ALTER COLUMN DROP NOT NULL",
    AddIdentity = "ALTER COLUMN ADD GENERATED AS IDENTITY",
    SetIdentity = "ALTER COLUMN SET GENERATED, RESTART",
    DropIdentity = "ALTER COLUMN DROP IDENTITY",
    SetExpression = "ALTER COLUMN SET EXPRESSION",
    DropExpression = "ALTER COLUMN DROP EXPRESSION",
    SetStatistics = "ALTER COLUMN SET STATISTICS",
    SetColumnOptions = "ALTER COLUMN SET/RESET (options)",
    SetStorage = "ALTER COLUMN SET STORAGE",
    SetCompression = "ALTER COLUMN SET COMPRESSION",
    AddCheck = "ADD CHECK",
    AddNotNull = "ADD NOT NULL constraint",
    AddForeignKey = "ADD FOREIGN KEY",
    AddUnique = "ADD UNIQUE",
    AddPrimaryKey = "ADD PRIMARY KEY",
    AddExclude = "ADD EXCLUDE",
    AddUsingIndex = "ADD UNIQUE/PRIMARY KEY USING INDEX",
    ValidateConstraint = "VALIDATE CONSTRAINT",
    AlterConstraint = "ALTER CONSTRAINT",
    DropConstraint = "DROP CONSTRAINT",
    RenameConstraint = "RENAME CONSTRAINT",
    RenameTable = "RENAME TO (table, view, sequence)",
    SetSchema = "SET SCHEMA",
    SetOwner = "OWNER TO",
    SetParameters = "SET/RESET (parameters)",
    ReplicaIdentity = "REPLICA IDENTITY",
    RowSecurity = "ENABLE/DISABLE/FORCE ROW LEVEL SECURITY",
    SetTrigger = "ENABLE/DISABLE TRIGGER",
    SetRule = "ENABLE/DISABLE RULE",
    ClusterOn = "CLUSTER ON, SET WITHOUT CLUSTER",
    SetLogged = "SET LOGGED/UNLOGGED",
    SetTablespace = "SET TABLESPACE",
    SetAccessMethod = "SET ACCESS METHOD",
    ForeignOptions = "ALTER FOREIGN TABLE OPTIONS",
    Inherit = "INHERIT",
    NoInherit = "NO INHERIT",
    OfType = "OF, NOT OF",
    AttachPartition = "ATTACH PARTITION",
    DetachPartition = "DETACH PARTITION",
    DetachConcurrently = "DETACH PARTITION CONCURRENTLY/FINALIZE",
    CreateTable = "CREATE TABLE",
    CreateFilled = "CREATE TABLE AS, CREATE MATERIALIZED VIEW",
    CreatePartition = "CREATE TABLE PARTITION OF",
    DropRelation = "DROP TABLE/VIEW/MATERIALIZED VIEW/SEQUENCE",
    CreateIndex = "CREATE INDEX",
    CreateIndexConcurrently = "CREATE INDEX CONCURRENTLY",
    DropIndex = "DROP INDEX",
    DropIndexConcurrently = "DROP INDEX CONCURRENTLY",
    RenameIndex = "ALTER INDEX RENAME",
    SetIndexParameters = "ALTER INDEX SET/RESET (parameters), SET STATISTICS",
    AttachIndex = "ALTER INDEX ATTACH PARTITION",
    Reindex = "REINDEX",
    ReindexConcurrently = "REINDEX CONCURRENTLY",
    CreateView = "CREATE VIEW",
    AlterView = "ALTER VIEW",
    RefreshView = "REFRESH MATERIALIZED VIEW",
    RefreshViewConcurrently = "REFRESH MATERIALIZED VIEW CONCURRENTLY",
    CreateTrigger = "CREATE TRIGGER",
    RenameTrigger = "ALTER TRIGGER RENAME",
    ChangePolicy = "CREATE/ALTER POLICY",
    CreateRule = "CREATE RULE",
    ChangeStatistics = "CREATE STATISTICS",
    DropPart = "DROP TRIGGER/POLICY/RULE",
    DropStatistics = "DROP STATISTICS",
    AlterSequence = "ALTER SEQUENCE",
    SequenceOwnedBy = "ALTER SEQUENCE OWNED BY",
    SequenceLogged = "ALTER SEQUENCE SET LOGGED/UNLOGGED",
    AlterType = "ALTER TYPE",
    AlterAttribute = "ALTER TYPE ADD/DROP/ALTER ATTRIBUTE",
    AddDomainConstraint = "ALTER DOMAIN ADD CONSTRAINT, SET NOT NULL",
    ValidateDomain = "ALTER DOMAIN VALIDATE CONSTRAINT",
    AlterDomain = "ALTER DOMAIN (all else)",
    DropObject = "DROP of anything else",
    Comment = "COMMENT, SECURITY LABEL",
    Grant = "GRANT, REVOKE",
    PublicationTables = "CREATE/ALTER PUBLICATION with tables",
    Cluster = "CLUSTER, VACUUM FULL",
    Analyze = "ANALYZE, VACUUM",
    Truncate = "TRUNCATE",
    LockTable = "LOCK TABLE",
    Data = "SELECT, INSERT, UPDATE, DELETE",
    NoRelation = "no relation (functions, schemas, roles, extensions, …)",
}
