//! Columns.

use super::{ALTER_TABLE, TABLECMDS};
use crate::facts::Breaks::{NamesColumn, NamesRelation, ReturnsColumn, WholeRow};
use crate::facts::Effect::{Build, Rewrite, Scan};
use crate::facts::When::*;
use crate::facts::Which::*;
use crate::facts::{Fact, Op, fact};
use underpin_model::LockMode::{AccessExclusive, ShareRowExclusive, ShareUpdateExclusive};

pub(super) const ROWS: &[Fact] = &[
    fact(Op::AddColumn, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]),
    fact(Op::AddColumn, "manual, PREPARE: the result type must stay")
        .when(&[NewColumn])
        .breaks(&[(Table, WholeRow), (Heirs, WholeRow)]),
    fact(Op::AddColumn, "manual, ALTER TABLE, notes")
        .when(&[NewColumn, VolatileDefault])
        .locks(&[(Indexes, AccessExclusive)])
        .work(&[(Leaves, Rewrite)]),
    fact(Op::AddColumn, "manual, ALTER TABLE, notes")
        .when(&[NewColumn, StoredColumn])
        .locks(&[(Indexes, AccessExclusive)])
        .work(&[(Leaves, Rewrite)]),
    fact(Op::AddColumn, "manual, ALTER TABLE, notes")
        .when(&[NewColumn, NewIdentity])
        .locks(&[(Indexes, AccessExclusive)])
        .work(&[(Leaves, Rewrite)]),
    fact(Op::AddColumn, "commands/tablecmds.c, ATExecAddColumn")
        .when(&[NewColumn, ConstrainedDomain])
        .locks(&[(Indexes, AccessExclusive)])
        .work(&[(Leaves, Rewrite)]),
    fact(Op::DropColumn, ALTER_TABLE)
        .locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive), (Reached, AccessExclusive)])
        .breaks(&[(Losing, WholeRow), (Losing, ReturnsColumn), (Gone, NamesRelation)]),
    fact(Op::DropColumn, ALTER_TABLE).when(&[NotAddedAgain]).breaks(&[(Losing, NamesColumn)]),
    fact(Op::RenameColumn, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]).breaks(&[
        (Table, WholeRow),
        (Heirs, WholeRow),
        (Table, NamesColumn),
        (Heirs, NamesColumn),
    ]),
    fact(Op::SetType, ALTER_TABLE).locks(&[
        (Table, AccessExclusive),
        (Heirs, AccessExclusive),
        (IndexesOver, AccessExclusive),
        (OtherSides, AccessExclusive),
        (IdentitySequence, ShareRowExclusive),
    ]),
    fact(Op::SetType, "manual, PREPARE: the result type must stay").when(&[OtherType]).breaks(&[
        (Table, WholeRow),
        (Heirs, WholeRow),
        (Table, ReturnsColumn),
        (Heirs, ReturnsColumn),
    ]),
    fact(Op::SetType, "manual, ALTER TABLE, notes; commands/indexcmds.c, CheckIndexCompatible")
        .work(&[(IndexesRebuilt, Build)]),
    fact(Op::SetType, "commands/tablecmds.c, ATPostAlterTypeCleanup").work(&[(Checked, Scan)]),
    fact(Op::SetType, "manual, ALTER TABLE, notes")
        .when(&[OtherValues])
        .locks(&[(Indexes, AccessExclusive)])
        .work(&[(Leaves, Rewrite), (OtherSides, Scan)]),
    fact(Op::SetDefault, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]),
    fact(Op::SetNotNull, "manual, ALTER TABLE, SET/DROP NOT NULL")
        .locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)])
        .work(&[(WithNulls, Scan)]),
    fact(Op::DropNotNull, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]),
    fact(Op::AddIdentity, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::AddIdentity, "release notes 17: identity columns of partitioned tables")
        .locks(&[(Heirs, AccessExclusive)])
        .since(17),
    fact(Op::SetIdentity, ALTER_TABLE).locks(&[(Table, AccessExclusive), (IdentitySequence, ShareRowExclusive)]),
    fact(Op::SetIdentity, "release notes 17: identity columns of partitioned tables")
        .locks(&[(Heirs, AccessExclusive)])
        .since(17),
    fact(Op::DropIdentity, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Reached, AccessExclusive)]),
    fact(Op::DropIdentity, "release notes 17: identity columns of partitioned tables")
        .locks(&[(Heirs, AccessExclusive)])
        .since(17),
    fact(Op::SetExpression, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]).since(17),
    fact(Op::SetExpression, "manual, ALTER TABLE, SET EXPRESSION AS")
        .when(&[StoredExpression])
        .locks(&[(Indexes, AccessExclusive)])
        .work(&[(Leaves, Rewrite)])
        .since(17),
    fact(Op::DropExpression, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]).since(13),
    fact(Op::SetStatistics, "manual, ALTER TABLE, SET STATISTICS")
        .locks(&[(Table, ShareUpdateExclusive), (Heirs, ShareUpdateExclusive)]),
    fact(Op::SetColumnOptions, "manual, ALTER TABLE, SET (attribute_option)").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::SetStorage, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]),
    fact(Op::SetCompression, TABLECMDS).locks(&[(Table, AccessExclusive)]).since(14),
];
