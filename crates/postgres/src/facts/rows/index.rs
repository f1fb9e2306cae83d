//! Indexes.

use super::LOCKING;
use crate::facts::Effect::Build;
use crate::facts::When::*;
use crate::facts::Which::*;
use crate::facts::{Fact, Op, fact};
use underpin_model::LockMode::{AccessExclusive, Share, ShareUpdateExclusive};

pub(super) const ROWS: &[Fact] = &[
    fact(Op::CreateIndex, "manual, CREATE INDEX")
        .locks(&[(Table, Share), (Heirs, Share), (GivenIndexes, Share)])
        .work(&[(WithoutIndex, Build)]),
    fact(Op::CreateIndexConcurrently, "manual, CREATE INDEX, Building Indexes Concurrently")
        .locks(&[(Table, ShareUpdateExclusive)])
        .work(&[(Leaves, Build)]),
    fact(Op::DropIndex, "manual, DROP INDEX").locks(&[(Reached, AccessExclusive)]),
    fact(Op::DropIndexConcurrently, "manual, DROP INDEX; 26.4.2: its replay ends queries on a standby")
        .locks(&[(IndexTable, ShareUpdateExclusive), (Table, ShareUpdateExclusive)])
        .conflicts(),
    fact(Op::RenameIndex, "manual, ALTER INDEX").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::SetIndexParameters, "access/common/reloptions.c").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::SetIndexParameters, "access/common/reloptions.c")
        .when(&[StrictParameter])
        .locks(&[(Table, AccessExclusive)]),
    fact(Op::Reindex, "manual, REINDEX, notes")
        .when(&[IsIndex])
        .locks(&[(IndexTable, Share), (Table, AccessExclusive)])
        .work(&[(Table, Build)]),
    fact(Op::Reindex, "manual, REINDEX, notes")
        .when(&[IsNoIndex])
        .locks(&[(Table, Share), (Indexes, AccessExclusive)])
        .work(&[(Indexes, Build)]),
    fact(Op::ReindexConcurrently, LOCKING)
        .when(&[IsIndex])
        .locks(&[(IndexTable, ShareUpdateExclusive), (Table, ShareUpdateExclusive)])
        .work(&[(Table, Build)])
        .conflicts(),
    fact(Op::ReindexConcurrently, LOCKING)
        .when(&[IsNoIndex])
        .locks(&[(Table, ShareUpdateExclusive), (Indexes, ShareUpdateExclusive)])
        .work(&[(Indexes, Build)])
        .conflicts(),
];
