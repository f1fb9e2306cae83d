//! Partitions.

use super::ALTER_TABLE;
use crate::facts::Effect::{Build, Scan};
use crate::facts::Which::*;
use crate::facts::{Fact, Op, fact};
use underpin_model::LockMode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};

pub(super) const ROWS: &[Fact] = &[
    fact(Op::AttachPartition, "manual, ALTER TABLE, ATTACH PARTITION").locks(&[
        (Table, ShareUpdateExclusive),
        (TopIndexes, ShareUpdateExclusive),
        (NamedFamily, AccessExclusive),
        (Default, AccessExclusive),
    ]),
    fact(Op::AttachPartition, "manual, ALTER TABLE, ATTACH PARTITION").work(&[
        (NamedUnproved, Scan),
        (DefaultUnproved, Scan),
        (NamedWithoutIndex, Build),
    ]),
    fact(Op::AttachPartition, "commands/tablecmds.c, CloneFkReferencing")
        .locks(&[(KeyTargetsToCheck, ShareRowExclusive), (KeyTargetsTaken, AccessExclusive)])
        .work(&[(NamedWithoutKey, Scan), (KeyTargetsToCheck, Scan)]),
    fact(Op::AttachPartition, "commands/tablecmds.c, CloneFkReferenced")
        .locks(&[(ReferringTables, ShareRowExclusive)])
        .since(15),
    fact(Op::DetachPartition, "manual, ALTER TABLE, DETACH PARTITION")
        .locks(&[(Table, AccessExclusive), (Default, AccessExclusive)]),
    fact(Op::DetachPartition, "commands/tablecmds.c, ATExecDetachPartition")
        .locks(&[(Named, ShareUpdateExclusive), (NamedWithTriggers, AccessExclusive)])
        .until(13),
    fact(Op::DetachPartition, "commands/tablecmds.c, ATExecDetachPartition")
        .locks(&[(Named, AccessExclusive)])
        .since(14),
    fact(Op::DetachPartition, "commands/tablecmds.c, DetachPartitionFinalize: rows must not be referred to")
        .locks(&[(ReferringTables, AccessExclusive), (PartIndexes, AccessExclusive)])
        .work(&[(ReferringTables, Scan)]),
    fact(Op::DetachPartition, "commands/tablecmds.c, DetachPartitionFinalize: its foreign keys become its own")
        .locks(&[(KeyTargets, ShareRowExclusive)]),
    fact(Op::DetachConcurrently, "manual, ALTER TABLE, DETACH PARTITION")
        .locks(&[(Table, ShareUpdateExclusive), (Named, AccessExclusive)])
        .since(14),
    fact(Op::CreatePartition, "manual, CREATE TABLE, PARTITION OF")
        .locks(&[(Table, AccessExclusive), (Default, AccessExclusive)])
        .work(&[(DefaultUnproved, Scan)]),
    fact(Op::CreatePartition, "commands/tablecmds.c, CloneFkReferencing")
        .locks(&[(KeyTargets, ShareRowExclusive), (TopIndexes, ShareUpdateExclusive)]),
    fact(Op::CreatePartition, "commands/tablecmds.c, CloneFkReferenced")
        .locks(&[(ReferringTables, ShareRowExclusive)])
        .since(15),
    fact(Op::AttachIndex, ALTER_TABLE).locks(&[(Table, ShareUpdateExclusive), (Named, AccessExclusive)]),
];
