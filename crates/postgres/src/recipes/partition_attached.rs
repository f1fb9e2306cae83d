//! # A partition is attached without reading rows under the lock
//!
//! `ATTACH PARTITION` takes SHARE UPDATE EXCLUSIVE on the partitioned table, and ACCESS EXCLUSIVE on the new partition
//! and on the default partition. Under these it reads both, to know that rows fit the bound and that the default
//! partition has none of them. `CREATE TABLE … PARTITION OF` takes ACCESS EXCLUSIVE on the partitioned table as well,
//! so a new partition is made as a table of its own and attached.
//!
//! Steps:
//!
//! 1. For a table that is there: what foreign keys it has to bring along (see `foreign-key-of-partitioned`), its
//!    indexes (see `index-concurrently`), and `ADD CONSTRAINT _underpin_bound_NAME CHECK (…) NOT VALID` with what the
//!    bound says, `IS NOT NULL` and all.
//! 2. `ADD CONSTRAINT _underpin_bound_NAME CHECK (…) NOT VALID` with the opposite on the default partition: from here
//!    on rows that belong to the new partition are refused until it is attached, where they would go to the default
//!    partition.
//! 3. `VALIDATE CONSTRAINT` of both, each in a transaction of its own: SHARE UPDATE EXCLUSIVE.
//! 4. `ATTACH PARTITION`, and `DROP CONSTRAINT` of both, in one transaction: only the catalog changes.
//!
//! It does not apply where the partition key is an expression, has several columns or an operator class or collation of
//! its own, is by hash, and where a partition gets another bound: that one is detached and attached in one transaction.
//! The plan then says what is read.
//!
//! After a crash: the next plan drops the checks and goes the road again.
//!
//! Sources: manual, ALTER TABLE, ATTACH PARTITION; `PartConstraintImpliedByRelConstraint` in commands/tablecmds.c; "is
//! implied by existing constraints" read off PostgreSQL 12 to 18.

use super::partitioned_foreign_key::{parent_of, prepared_for, stays_in_place};
use super::two_steps::validate;
use crate::bound::Bound;
use crate::objects::{Constraint, Context, Partition};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject};
use underpin_model::{Hazard, HazardKind, Strategy, Work};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "partition-attached";

/// The check that stands in for the bound of a partition on the way, on a table.
pub(crate) fn check_id(table: &PgId, partition: &PgId) -> PgId {
    let name = name_aside("_underpin_bound_", partition.last());
    PgId::new(PgKind::Constraint, [table.part(0), table.part(1), &name])
}

/// What a bound says of a row, and the opposite.
#[derive(Debug, PartialEq, Eq)]
struct Rule {
    holds: String,
    excludes: String,
}

/// What the bound of a partition says under a partition key, both as the server prints them; none where it takes more
/// than one column.
fn rule(bound: &str, key: &str) -> Option<Rule> {
    let (method, column) = key.strip_suffix(')')?.split_once(" (")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let quoted = column.strip_prefix('"').and_then(|c| c.strip_suffix('"')).is_some_and(|c| !c.contains('"'));
    if !quoted && !column.chars().all(plain) {
        return None;
    }
    match (method, Bound::read(bound)?) {
        ("RANGE", Bound::Range { from, to }) => {
            let ([low], [high]) = (&from[..], &to[..]) else { return None };
            let (mut holds, mut excludes) = (format!("{column} IS NOT NULL"), format!("{column} IS NULL"));
            if *low != "MINVALUE" {
                holds.push_str(&format!(" AND {column} >= {low}"));
                excludes.push_str(&format!(" OR {column} < {low}"));
            }
            if *high != "MAXVALUE" {
                holds.push_str(&format!(" AND {column} < {high}"));
                excludes.push_str(&format!(" OR {column} >= {high}"));
            }
            Some(Rule { holds, excludes })
        }
        ("LIST", Bound::List(values)) => {
            let given: Vec<&str> = values.iter().filter(|v| **v != "NULL").copied().collect();
            let list = given.join(", ");
            let (holds, excludes) = match (given.len() < values.len(), given.is_empty()) {
                (true, true) => (format!("{column} IS NULL"), format!("{column} IS NOT NULL")),
                (true, false) => (
                    format!("{column} IS NULL OR {column} IN ({list})"),
                    format!("{column} IS NOT NULL AND {column} NOT IN ({list})"),
                ),
                (false, _) => (
                    format!("{column} IS NOT NULL AND {column} IN ({list})"),
                    format!("{column} IS NULL OR {column} NOT IN ({list})"),
                ),
            };
            Some(Rule { holds, excludes })
        }
        _ => None,
    }
}

fn rule_of(tie: &Partition, catalog: &PgCatalog) -> Option<Rule> {
    match catalog.objects.get(&tie.parent) {
        Some(PgObject::Table(parent)) => rule(&tie.bound, parent.partition_by.as_deref()?),
        _ => None,
    }
}

/// What has to hold for the rows of a partition: its own bound, and those of what it is in; none where one of them
/// cannot be said.
fn all_rules(tie: &Partition, catalog: &PgCatalog) -> Option<String> {
    let mut holds = format!("({})", rule_of(tie, catalog)?.holds);
    let mut table = &tie.parent;
    while let Some(PgObject::Partition(above)) = catalog.objects.get(&table.attached(PgKind::Partition, &[])) {
        holds.push_str(&format!(" AND ({})", rule_of(above, catalog)?.holds));
        table = parent_of(catalog, table)?;
    }
    Some(holds)
}

fn is_stored(table: &PgId, catalog: &PgCatalog) -> bool {
    matches!(catalog.objects.get(table), Some(PgObject::Table(t)) if t.foreign.is_none())
}

/// The steps that attach a partition by the statement `attach`.
pub(crate) fn drafts(tie: &Partition, id: &PgId, attach: Sql, cx: &Context<'_>) -> Vec<Draft> {
    let mut last = Draft::sql(vec![attach.build()]);
    let Some(table) = id.target(0) else { return vec![last] };
    let has_rows = cx.from.objects.contains_key(&table) && !cx.is_made(&table) && is_stored(&table, cx.to);
    let default = cx.with_default.get(&tie.parent).filter(|default| {
        let tie = default.attached(PgKind::Partition, &[]);
        **default != table && is_stored(default, cx.to) && cx.to.objects.contains_key(&tie) && !cx.is_made(&tie)
    });
    let road = cx.strategy == Strategy::Online && !cx.again && stays_in_place(&tie.parent, cx);
    let (mut drafts, mut harmed) = (Vec::new(), Vec::new());
    let mut prove = |on: &PgId, holds: Option<String>| {
        let Some(holds) = holds.filter(|_| road) else {
            harmed.push(Sql::empty().name(&on.parts()).build());
            return;
        };
        let check = check_id(on, &table);
        let add = Constraint::alter_table(&check, false).kw("ADD CONSTRAINT").ident(check.last()).kw("CHECK");
        let mut first = Draft::sql(vec![add.paren(|w| w.server_text(&holds)).kw("NOT VALID").build()]);
        first.reason = Some(
            "a check that holds for every row proves the bound, so that no scan runs under the strong lock".to_owned(),
        );
        last.sql.push(Constraint::alter_table(&check, false).kw("DROP CONSTRAINT").ident(check.last()).build());
        drafts.extend([first, validate(&check)]);
    };
    if has_rows {
        prove(&table, all_rules(tie, cx.to));
    }
    if let Some(default) = default {
        prove(default, rule_of(tie, cx.to).map(|r| r.excludes));
    }
    if has_rows && road {
        drafts.extend(prepared_for(&table, cx));
    }
    if !drafts.is_empty() {
        last.isolation = Isolation::OwnTransaction;
    }
    if !harmed.is_empty() {
        last.work = Work::Scan;
    }
    if !harmed.is_empty() && cx.strategy == Strategy::Online {
        let message = format!("{} is read under a lock that blocks reads and writes", harmed.join(", and "));
        last.hazards.push(Hazard { kind: HazardKind::BlocksReads, message });
        // Nothing else shall be locked for as long as that takes.
        if road {
            last.isolation = Isolation::OwnTransaction;
        }
    }
    drafts.push(last);
    if drafts.len() > 1 {
        for draft in &mut drafts {
            draft.recipe = Some(NAME.to_owned());
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_become_conditions() {
        let said = |bound: &str, key: &str| rule(bound, key).map(|r| (r.holds, r.excludes));
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        assert_eq!(
            said("FOR VALUES FROM ('2024-01-01') TO (MAXVALUE)", "RANGE (day)"),
            pair("day IS NOT NULL AND day >= '2024-01-01'", "day IS NULL OR day < '2024-01-01'")
        );
        assert_eq!(
            said("FOR VALUES IN ('a, b', NULL, 'it''s')", "LIST (\"K\")"),
            pair("\"K\" IS NULL OR \"K\" IN ('a, b', 'it''s')", "\"K\" IS NOT NULL AND \"K\" NOT IN ('a, b', 'it''s')")
        );
        assert_eq!(
            said("FOR VALUES FROM (') TO (') TO ('z')", "RANGE (k)"),
            pair("k IS NOT NULL AND k >= ') TO (' AND k < 'z'", "k IS NULL OR k < ') TO (' OR k >= 'z'")
        );
        assert_eq!(said("FOR VALUES IN (NULL)", "LIST (k)"), pair("k IS NULL", "k IS NOT NULL"));
        for (bound, key) in [
            ("FOR VALUES FROM (1, 2) TO (3, 4)", "RANGE (a, b)"),
            ("FOR VALUES IN ('a')", "LIST (lower(k))"),
            ("FOR VALUES IN ('a')", "LIST (k COLLATE \"C\")"),
            ("FOR VALUES WITH (modulus 2, remainder 0)", "HASH (k)"),
            ("DEFAULT", "LIST (k)"),
        ] {
            assert_eq!(said(bound, key), None, "{bound} {key}");
        }
    }
}
