//! Views, triggers, policies, sequences, types, and what takes no lock on a relation.

use super::LOCKING;
use crate::facts::Breaks::{NamesColumn, NamesRelation, WholeRow};
use crate::facts::Effect::{Build, Replace, Scan};
use crate::facts::When::*;
use crate::facts::Which::*;
use crate::facts::{Fact, Op, fact};
use underpin_model::LockMode::{
    AccessExclusive, AccessShare, Exclusive, RowExclusive, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive,
};

const POLICY: &str = "commands/policy.c";
const RULE: &str = "rewrite/rewriteDefine.c";
const SEQUENCE: &str = "manual, ALTER SEQUENCE, notes; commands/sequence.c";
const DOMAIN: &str = "commands/typecmds.c, validateDomainCheckConstraint";

pub(super) const ROWS: &[Fact] = &[
    fact(Op::CreateView, "commands/view.c").locks(&[(Table, AccessExclusive)]),
    fact(Op::CreateView, "manual, CREATE VIEW: new columns come at the end")
        .when(&[OtherColumns])
        .breaks(&[(Table, WholeRow)]),
    fact(Op::AlterView, LOCKING).locks(&[(Table, AccessExclusive)]),
    fact(Op::RefreshView, "manual, REFRESH MATERIALIZED VIEW")
        .locks(&[(Table, AccessExclusive), (Indexes, AccessExclusive)])
        .work(&[(Table, Replace), (Indexes, Build)]),
    fact(Op::RefreshView, "manual, REFRESH MATERIALIZED VIEW").when(&[WithData]).work(&[(Read, Scan)]),
    fact(Op::RefreshViewConcurrently, "manual, REFRESH MATERIALIZED VIEW")
        .locks(&[(Table, Exclusive)])
        .work(&[(Table, Scan), (Read, Scan)]),
    fact(Op::CreateTrigger, "manual, 13.3.1: SHARE ROW EXCLUSIVE")
        .locks(&[(Table, ShareRowExclusive), (Heirs, ShareRowExclusive)]),
    fact(Op::RenameTrigger, "commands/trigger.c, renametrig").locks(&[(Table, AccessExclusive)]),
    fact(Op::RenameTrigger, "commands/trigger.c, renametrig").locks(&[(Heirs, AccessExclusive)]).since(15),
    fact(Op::ChangePolicy, POLICY).locks(&[(Table, AccessExclusive)]),
    fact(Op::CreateRule, RULE).locks(&[(Table, AccessExclusive)]),
    fact(Op::ChangeStatistics, "manual, 13.3.1: SHARE UPDATE EXCLUSIVE").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::DropPart, "catalog/objectaddress.c, get_object_address").locks(&[(Table, AccessExclusive)]),
    fact(Op::DropPart, "commands/trigger.c, RemoveTriggerById").when(&[IsTrigger]).locks(&[(Heirs, AccessExclusive)]),
    fact(Op::DropStatistics, "commands/statscmds.c, RemoveStatisticsById").locks(&[(Reached, ShareUpdateExclusive)]),
    fact(Op::AlterSequence, SEQUENCE).locks(&[(Table, ShareRowExclusive)]),
    fact(Op::SequenceOwnedBy, SEQUENCE).locks(&[(Table, ShareRowExclusive)]),
    fact(Op::SequenceLogged, SEQUENCE).locks(&[(Table, AccessExclusive)]).since(15),
    fact(Op::AlterType, "commands/typecmds.c"),
    fact(Op::AlterAttribute, "manual, ALTER TYPE").locks(&[(Table, AccessExclusive)]),
    fact(Op::AlterAttribute, "manual, ALTER TYPE")
        .when(&[Cascades])
        .locks(&[(TypedTables, AccessExclusive)])
        .breaks(&[(TypedTables, WholeRow)]),
    fact(Op::AddDomainConstraint, DOMAIN).locks(&[(DomainTables, Share)]).work(&[(DomainTables, Scan)]),
    fact(Op::ValidateDomain, DOMAIN).locks(&[(DomainTables, Share)]).work(&[(DomainTables, Scan)]),
    fact(Op::AlterDomain, "commands/typecmds.c"),
    fact(Op::DropObject, "catalog/dependency.c").locks(&[(Reached, AccessExclusive)]).breaks(&[
        (Gone, NamesRelation),
        (Losing, WholeRow),
        (Losing, NamesColumn),
    ]),
    fact(Op::Comment, "commands/comment.c").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::Grant, "catalog/aclchk.c"),
    fact(Op::PublicationTables, "commands/publicationcmds.c")
        .locks(&[(Table, ShareUpdateExclusive), (Heirs, ShareUpdateExclusive)]),
    fact(Op::LockTable, "manual, LOCK").when(&[Says(AccessShare)]).locks(&[(Table, AccessShare), (Heirs, AccessShare)]),
    fact(Op::LockTable, "manual, LOCK").when(&[Says(RowShare)]).locks(&[(Table, RowShare), (Heirs, RowShare)]),
    fact(Op::LockTable, "manual, LOCK")
        .when(&[Says(RowExclusive)])
        .locks(&[(Table, RowExclusive), (Heirs, RowExclusive)]),
    fact(Op::LockTable, "manual, LOCK")
        .when(&[Says(ShareUpdateExclusive)])
        .locks(&[(Table, ShareUpdateExclusive), (Heirs, ShareUpdateExclusive)]),
    fact(Op::LockTable, "manual, LOCK").when(&[Says(Share)]).locks(&[(Table, Share), (Heirs, Share)]),
    fact(Op::LockTable, "manual, LOCK")
        .when(&[Says(ShareRowExclusive)])
        .locks(&[(Table, ShareRowExclusive), (Heirs, ShareRowExclusive)]),
    fact(Op::LockTable, "manual, LOCK").when(&[Says(Exclusive)]).locks(&[(Table, Exclusive), (Heirs, Exclusive)]),
    fact(Op::LockTable, "manual, LOCK")
        .when(&[Says(AccessExclusive)])
        .locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]),
    fact(Op::Data, "manual, 13.3.1: no lock stronger than ROW EXCLUSIVE"),
    fact(Op::NoRelation, LOCKING),
];
