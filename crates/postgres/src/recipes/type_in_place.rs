//! # A type changes in place where its values stay what they are
//!
//! `ALTER COLUMN … TYPE` takes ACCESS EXCLUSIVE. Between some types no value changes (`varchar(20)` to `varchar(40)` or `text`, `numeric(8,2)` to
//! `numeric(10,2)`, `cidr` to `inet`, a time stamp to one with a time zone where the session's zone is UTC), and only the catalog
//! does. Even then the server does more under its lock: it builds indexes with an expression or a condition anew, reads the table for
//! every proved check on the column, and throws away what it knows of the column's values.
//!
//! Steps:
//!
//! 1. In one transaction: `DROP INDEX` of such an index, `DROP CONSTRAINT` of such a check, `ALTER COLUMN … TYPE`, and
//!    `ADD CONSTRAINT … NOT VALID`: ACCESS EXCLUSIVE, only the catalog changes. New rows are checked all the time.
//! 2. `ANALYZE` of the column: SHARE UPDATE EXCLUSIVE. Until then queries on it may be planned badly.
//! 3. `VALIDATE CONSTRAINT`: SHARE UPDATE EXCLUSIVE.
//! 4. `CREATE INDEX CONCURRENTLY`: queries go without the index from the first step until here. There is no way to have the new one before: it
//!    is about the column with its new type.
//!
//! It does not apply where values change or are written anew, and where the index that would be built anew is unique, a key's, an exclusion
//! constraint's or a partitioned table's: the plan then says what is blocked and for how long.
//!
//! After a crash: what is missing is made by the next plan, and a check that is NOT VALID is validated. What is not known again of the column
//! after a crash between the first and the second step, autovacuum finds out in its time.
//!
//! Sources: manual, ALTER TABLE, notes; `ATExecAlterColumnType` and `TryReuseIndex` in commands/tablecmds.c, `CheckIndexCompatible` in
//! commands/indexcmds.c; work and locks read off PostgreSQL 12 to 18.

use crate::facts::{Standing, work_of_type_change};
use crate::objects::{Column, ConstraintKind};
use crate::render::written_anew;
use crate::{PgId, PgObject, PgOp, Postgres};
use underpin_model::{Hazard, HazardKind, Run, Strategy, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "type-in-place";

impl Postgres<'_> {
    /// Whether `object`, which is about a column whose type changes without a change to any value, would make the server work under its
    /// lock, and can be spared by ending it before and making it again after.
    pub(crate) fn is_spared_by_rebuild(&self, column: &PgId, op: &PgOp, object: &PgObject) -> bool {
        let (Some(PgObject::Column(a)), Some(PgObject::Column(b))) =
            (self.from.objects.get(column), self.to.objects.get(column))
        else {
            return false;
        };
        let said = self.usings.contains_key(column) || self.goes_through_text(column) || *op == PgOp::ColumnRetype;
        if self.strategy != Strategy::Online || said || Column::is_foreign(column, self.from) {
            return false;
        }
        let work = |on| work_of_type_change(&a.type_name, &b.type_name, a.collation == b.collation, on);
        if work(Standing::default()) != Work::Instant {
            return false;
        }
        match object {
            PgObject::Index(index) => {
                // Without a unique one, what it forbids could come in.
                let alone = index.part_of.is_none() && !index.partitioned && !index.unique;
                alone && work(Standing::of(object)) != Work::Instant
            }
            PgObject::Constraint(c) => c.kind == ConstraintKind::Check && work(Standing::of(object)) != Work::Instant,
            _ => false,
        }
    }
}

/// The harm of the change where it does work under its lock; `anew` says that every row is written.
pub(crate) fn hazard(table: &PgId, work: Work, anew: bool) -> Option<Hazard> {
    let name = Sql::empty().name(&table.parts()).build();
    let what = match work {
        Work::Instant => return None,
        Work::Scan => format!("{name} is read"),
        Work::Rewrite if anew => return Some(written_anew(table)),
        Work::Rewrite => format!("indexes of {name} are built anew"),
    };
    let message = format!("{what} under a lock that blocks reads and writes, for as long as that takes");
    Some(Hazard { kind: HazardKind::BlocksReads, message })
}

/// The step that finds out again what the server forgot of a column and of those that inherit it.
pub(crate) fn analyzed(column: &PgId, dialect: &Postgres<'_>) -> Draft {
    let table = |column: &PgId| match dialect.to.objects.get(&Column::table(column)) {
        Some(PgObject::Table(table)) => Some(table.clone()),
        _ => None,
    };
    let mut columns = vec![column.clone()];
    // The server goes to all partitions by itself, and to no heirs.
    if table(column).is_some_and(|t| t.partition_by.is_none()) {
        let heirs = dialect.with_heirs(column).into_iter().skip(1);
        columns.extend(
            heirs.filter(|c| dialect.to.objects.contains_key(c) && table(c).is_some_and(|t| t.foreign.is_none())),
        );
    }
    let of = |sql: Sql, column: &PgId| sql.name(&column.parts()[..2]).paren(|w| w.ident(column.last()));
    let mut draft = Draft::sql(vec![Sql::new("ANALYZE").list(&columns, of).build()]);
    draft.run = Run::Build;
    draft.isolation = Isolation::Afterwards;
    draft.work = Work::Scan;
    draft.recipe = Some(NAME.to_owned());
    draft.reason = Some("a change of type throws away what is known of a column's values".to_owned());
    draft
}
