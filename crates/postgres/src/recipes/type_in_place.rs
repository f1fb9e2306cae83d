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
//! Between a time stamp without and one with a time zone only the catalog changes where the server knows the session's
//! zone to be UTC (`UTC`, `Etc/UTC`, `GMT` and the like; not zones that only happen to be the same) and the new type
//! cuts no digits (`timestamptz` or `timestamptz(6)`, from whatever precision). The step says `SET LOCAL timezone`
//! first, so that it does not hang on the session that runs it. `-- underpin: using c AT TIME ZONE 'UTC'` means the
//! same there and is not written into the statement, for with it the server writes every row anew. It applies to
//! columns without indexes, constraints, generated columns and materialized views over them; elsewhere a new column
//! takes the old one's place (type-by-new-column). That the times in the column are meant as UTC no server can tell.
//!
//! It does not apply where values change or are written anew, and where the index that would be built anew is unique, a key's, an exclusion
//! constraint's or a partitioned table's: the plan then says what is blocked and for how long.
//!
//! After a crash: what is missing is made by the next plan, and a check that is NOT VALID is validated. What is not known again of the column
//! after a crash between the first and the second step, autovacuum finds out in its time.
//!
//! Sources: manual, ALTER TABLE, notes; `ATExecAlterColumnType` and `TryReuseIndex` in commands/tablecmds.c, `CheckIndexCompatible` in
//! commands/indexcmds.c; work and locks read off PostgreSQL 12 to 18.

use crate::facts::{Standing, swaps_time_zone, work_of_type_change};
use crate::objects::{Column, ConstraintKind};
use crate::render::written_anew;
use crate::{PgId, PgKind, PgObject, PgOp, Postgres};
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

impl Postgres<'_> {
    /// Whether a column becomes one with, or without, a time zone and only the catalog changes: in UTC both are the
    /// same.
    pub(crate) fn swaps_zone_in_place(&self, id: &PgId) -> bool {
        let (Some(PgObject::Column(a)), Some(PgObject::Column(b))) =
            (self.from.objects.get(id), self.to.objects.get(id))
        else {
            return false;
        };
        self.utc
            && self.strategy == Strategy::Online
            && a.generated.is_none()
            && swaps_time_zone(&a.type_name, &b.type_name)
            && self.usings.get(id).is_none_or(|said| is_in_utc(said, id.last()))
            && self.with_heirs(id).iter().all(|column| self.is_bare(column))
    }

    /// Whether nothing stands on a column that would be built, read or computed anew with it.
    fn is_bare(&self, column: &PgId) -> bool {
        let heavy = |id: &PgId, side: &crate::PgCatalog| match side.objects.get(id) {
            Some(PgObject::Column(c)) => c.generated.is_some(),
            _ => matches!(id.kind, PgKind::Index | PgKind::Constraint | PgKind::MaterializedView),
        };
        let stand =
            |side: &crate::PgCatalog| side.rests_on.iter().any(|(id, on)| on.contains(column) && heavy(id, side));
        !stand(self.from) && !stand(self.to)
    }
}

/// Whether an expression says of a column what goes without saying in UTC: `c AT TIME ZONE 'UTC'`.
fn is_in_utc(said: &str, column: &str) -> bool {
    let plain: String = said.chars().filter(|c| !c.is_whitespace() && !matches!(c, '(' | ')')).collect();
    let names = [column.to_owned(), underpin_sql::quote::ident(column)];
    let rest = names.iter().find_map(|name| {
        let start = plain.get(..name.len())?;
        start.eq_ignore_ascii_case(name).then(|| &plain[name.len()..])
    });
    let zone = rest.and_then(|rest| {
        let (words, zone) = rest.split_once('\'')?;
        words.eq_ignore_ascii_case("ATTIMEZONE").then_some(zone.strip_suffix('\'')?)
    });
    zone.is_some_and(crate::facts::is_utc)
}

/// What makes the change one of the catalog only, before the statement.
pub(crate) fn in_utc(draft: &mut Draft) {
    draft.sql.insert(0, "SET LOCAL timezone = 'UTC'".to_owned());
    draft.work = Work::Instant;
    draft.recipe = Some(NAME.to_owned());
    draft.reason = Some(
        "in UTC, the time zone of this database's sessions, the values with and without it are the same".to_owned(),
    );
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
