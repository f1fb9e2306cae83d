//! Constraints.

use super::{ALTER_TABLE, TABLECMDS};
use crate::facts::Effect::{Build, Scan};
use crate::facts::When::*;
use crate::facts::Which::*;
use crate::facts::{Fact, Op, fact};
use underpin_model::LockMode::{AccessExclusive, RowShare, Share, ShareRowExclusive, ShareUpdateExclusive};

pub(super) const ROWS: &[Fact] = &[
    fact(Op::AddCheck, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]),
    fact(Op::AddCheck, "manual, ALTER TABLE, notes").when(&[CheckedAtOnce]).work(&[(Leaves, Scan)]),
    fact(Op::AddNotNull, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, AccessExclusive)]).since(18),
    fact(Op::AddNotNull, "manual, ALTER TABLE, notes").when(&[CheckedAtOnce]).work(&[(WithNulls, Scan)]).since(18),
    fact(Op::AddForeignKey, "manual, ALTER TABLE, ADD table_constraint").locks(&[
        (Table, ShareRowExclusive),
        (Heirs, ShareRowExclusive),
        (Referenced, ShareRowExclusive),
    ]),
    fact(Op::AddForeignKey, "manual, ALTER TABLE, notes")
        .when(&[CheckedAtOnce, HasValues])
        .work(&[(ReferencingToCheck, Scan), (ReferencedToCheck, Scan)]),
    fact(Op::AddForeignKey, "commands/tablecmds.c, tryAttachPartitionForeignKey")
        .locks(&[(ReferencedTaken, AccessExclusive)]),
    fact(Op::AddUnique, ALTER_TABLE).locks(&[(Table, AccessExclusive)]).work(&[(WithoutIndex, Build)]),
    fact(Op::AddUnique, "commands/indexcmds.c, DefineIndex").locks(&[(Heirs, Share)]).until(17),
    fact(Op::AddUnique, TABLECMDS).locks(&[(Heirs, AccessExclusive)]).since(18),
    fact(Op::AddPrimaryKey, ALTER_TABLE).locks(&[(Table, AccessExclusive)]).work(&[(WithoutIndex, Build)]),
    fact(Op::AddPrimaryKey, "commands/indexcmds.c, DefineIndex").locks(&[(Heirs, Share)]).until(17),
    fact(Op::AddPrimaryKey, TABLECMDS).locks(&[(Heirs, AccessExclusive)]).since(18),
    fact(Op::AddPrimaryKey, "commands/tablecmds.c: NOT NULL of the columns goes to all partitions")
        .when(&[WithNullable])
        .locks(&[(Heirs, AccessExclusive)]),
    fact(Op::AddPrimaryKey, "commands/indexcmds.c, DefineIndex").locks(&[(GivenIndexes, Share)]),
    fact(Op::AddUnique, "commands/indexcmds.c, DefineIndex").locks(&[(GivenIndexes, Share)]),
    fact(Op::AddExclude, ALTER_TABLE).locks(&[(Table, AccessExclusive), (Heirs, Share)]).work(&[(Leaves, Build)]),
    fact(Op::AddUsingIndex, "manual, ALTER TABLE, ADD table_constraint_using_index").locks(&[(Table, AccessExclusive)]),
    fact(Op::AddUsingIndex, "manual, ALTER TABLE, ADD table_constraint_using_index: the index is renamed")
        .when(&[OtherName])
        .locks(&[(NamedIndex, ShareUpdateExclusive)]),
    fact(Op::AddUsingIndex, "manual, ALTER TABLE, ADD table_constraint_using_index")
        .when(&[IsPrimaryKey])
        .work(&[(WithNulls, Scan)]),
    fact(Op::ValidateConstraint, "manual, ALTER TABLE, VALIDATE CONSTRAINT").locks(&[(Table, ShareUpdateExclusive)]),
    fact(Op::ValidateConstraint, "manual, ALTER TABLE, VALIDATE CONSTRAINT")
        .when(&[IsCheck, Unvalidated])
        .locks(&[(Heirs, ShareUpdateExclusive)])
        .work(&[(NotYetValid, Scan)]),
    fact(Op::ValidateConstraint, "manual, ALTER TABLE, VALIDATE CONSTRAINT")
        .when(&[IsForeignKey, Unvalidated])
        .locks(&[(OtherSide, RowShare)])
        .work(&[(Leaves, Scan), (OtherSide, Scan)]),
    fact(Op::ValidateConstraint, "release notes 18: NOT VALID foreign keys of partitioned tables")
        .when(&[IsForeignKey, Unvalidated])
        .locks(&[(Heirs, ShareUpdateExclusive)])
        .since(18),
    fact(Op::AlterConstraint, ALTER_TABLE).locks(&[(Table, AccessExclusive)]),
    fact(Op::AlterConstraint, "commands/tablecmds.c, ATExecAlterConstrEnforceability")
        .when(&[BecomesEnforced])
        .locks(&[(OtherSide, ShareRowExclusive)])
        .work(&[(Leaves, Scan), (OtherSide, Scan)])
        .since(18),
    fact(Op::AlterConstraint, "commands/tablecmds.c, ATExecAlterConstrEnforceability")
        .when(&[BecomesNotEnforced])
        .locks(&[(OtherSide, AccessExclusive)])
        .since(18),
    fact(Op::DropConstraint, "manual, ALTER TABLE; catalog/dependency.c").locks(&[
        (Table, AccessExclusive),
        (Heirs, AccessExclusive),
        (Reached, AccessExclusive),
    ]),
    fact(Op::RenameConstraint, ALTER_TABLE).locks(&[
        (Table, AccessExclusive),
        (Heirs, AccessExclusive),
        (ConstraintIndex, ShareUpdateExclusive),
    ]),
];
