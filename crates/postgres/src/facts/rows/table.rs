//! Whole tables, and relations at large.

use super::{ALTER_TABLE, TABLECMDS};
use crate::facts::Breaks::NamesRelation;
use crate::facts::Effect::{Build, Replace, Rewrite};
use crate::facts::When::*;
use crate::facts::Which::*;
use crate::facts::{Fact, Op, fact};
use underpin_model::LockMode::{AccessExclusive, Share, ShareRowExclusive, ShareUpdateExclusive};

pub(super) const ROWS: &[Fact] = &[
    fact(Op::RenameTable, ALTER_TABLE).locks(&[(Table, AccessExclusive)]).breaks(&[(Table, NamesRelation)]),
    fact(Op::SetSchema, ALTER_TABLE)
        .locks(&[(Table, AccessExclusive), (Sequences, AccessExclusive)])
        .breaks(&[(Table, NamesRelation)]),
    fact(Op::SetOwner, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::SetOwner, "commands/tablecmds.c, ATExecChangeOwner")
        .when(&[OtherOwner])
        .locks(&[(TopIndexes, AccessExclusive), (Sequences, AccessExclusive)]),
    fact(Op::SetParameters, "manual, ALTER TABLE, SET (storage_parameter)").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::SetParameters, "access/common/reloptions.c").when(&[StrictParameter]).locks(&[(Table, AccessExclusive)]),
    fact(Op::ReplicaIdentity, ALTER_TABLE).locks(&[(Table, AccessExclusive), (NamedIndex, Share)]),
    fact(Op::RowSecurity, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::SetTrigger, "manual, ALTER TABLE, DISABLE/ENABLE TRIGGER").locks(&[(Table, ShareRowExclusive)]),
    fact(Op::SetRule, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::ClusterOn, "manual, ALTER TABLE, CLUSTER ON")
        .locks(&[(Table, ShareUpdateExclusive), (NamedIndex, ShareUpdateExclusive)]),
    fact(Op::SetLogged, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::SetLogged, "manual, ALTER TABLE, SET LOGGED")
        .when(&[OtherPersistence])
        .locks(&[(TopIndexes, AccessExclusive)])
        .work(&[(Table, Rewrite)]),
    fact(Op::SetLogged, "release notes 15: unlogged sequences")
        .when(&[OtherPersistence])
        .locks(&[(Sequences, AccessExclusive)])
        .since(15),
    fact(Op::SetTablespace, "manual, ALTER TABLE, SET TABLESPACE").locks(&[(Table, AccessExclusive)]),
    fact(Op::SetTablespace, "manual, ALTER TABLE, SET TABLESPACE").when(&[OtherTablespace]).work(&[(Table, Replace)]),
    fact(Op::SetAccessMethod, ALTER_TABLE).locks(&[(Table, AccessExclusive)]).since(15),
    fact(Op::SetAccessMethod, "manual, ALTER TABLE, SET ACCESS METHOD")
        .when(&[OtherMethod])
        .locks(&[(TopIndexes, AccessExclusive)])
        .work(&[(Table, Rewrite)])
        .since(15),
    fact(Op::ForeignOptions, "manual, ALTER FOREIGN TABLE").locks(&[(Table, AccessExclusive)]),
    fact(Op::Inherit, TABLECMDS).locks(&[(Table, AccessExclusive), (Named, ShareUpdateExclusive)]),
    fact(Op::NoInherit, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::OfType, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::CreateTable, "manual, CREATE TABLE, INHERITS").locks(&[(Named, ShareUpdateExclusive)]),
    fact(Op::CreateFilled, "manual, CREATE TABLE AS: reads as the query's plan says"),
    fact(Op::DropRelation, "manual, DROP TABLE; catalog/dependency.c")
        .locks(&[
            (Table, AccessExclusive),
            (Reached, AccessExclusive),
            (Parents, AccessExclusive),
            (Siblings, AccessExclusive),
        ])
        .breaks(&[(Gone, NamesRelation)]),
    fact(Op::Cluster, "manual, CLUSTER, VACUUM")
        .locks(&[(Table, AccessExclusive), (TopIndexes, AccessExclusive)])
        .work(&[(Table, Rewrite)]),
    fact(Op::Analyze, "manual, ANALYZE, VACUUM").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::Analyze, "manual, ANALYZE: partitions are looked at too")
        .when(&[IsPartitioned])
        .locks(&[(Heirs, ShareUpdateExclusive)]),
    fact(Op::Analyze, "release notes 18: ANALYZE goes to heirs").locks(&[(Heirs, ShareUpdateExclusive)]).since(18),
    fact(Op::Truncate, "manual, TRUNCATE")
        .locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive), (Indexes, AccessExclusive)])
        .work(&[(Leaves, Replace), (Indexes, Build)]),
    fact(Op::Truncate, "manual, TRUNCATE")
        .when(&[Cascades])
        .locks(&[(Holders, AccessExclusive), (HolderIndexes, AccessExclusive)])
        .work(&[(Holders, Replace), (HolderIndexes, Build)]),
];
