//! # A partitioned table's key is put together from those of its partitions
//!
//! `ADD PRIMARY KEY` and `ADD UNIQUE` on a partitioned table build the index of every partition under a lock on all of them.
//!
//! Steps:
//!
//! 1. Each partition gets the key by itself, from an index that was built beside the traffic (see `key-from-index`); partitions of partitions
//!    first.
//! 2. `ALTER TABLE ONLY … ADD CONSTRAINT …`, and `ALTER INDEX … ATTACH PARTITION` for each partition's index: ACCESS EXCLUSIVE on the
//!    partitioned table, whose partitions can still be used directly, and on their indexes; only the catalog changes.
//!
//! Where partitions are attached in the same plan, the second step is a plain `ADD CONSTRAINT`: the server finds their keys by itself.
//!
//! It does not apply to exclusion constraints, and to keys that are dropped and made again in the same plan.
//!
//! After a crash: keys that partitions have already stay, and are taken for the parts.
//!
//! Sources: manual, ALTER TABLE, ALTER INDEX; locks read off PostgreSQL 12 to 18.

use crate::objects::{Constraint, Context};
use crate::{PgId, PgKind, PgObject};
use underpin_planner::{Draft, Isolation};
use underpin_sql::Sql;

/// The recipe's name.
pub(crate) const NAME: &str = "key-of-partitioned";

/// The step for the key of a partitioned table in use, whose partitions have theirs already.
pub(crate) fn draft(whole: &Constraint, id: &PgId, cx: &Context<'_>) -> Draft {
    let parts =
        cx.to.objects.iter().filter(|(_, o)| matches!(o, PgObject::Constraint(c) if c.part_of.as_ref() == Some(id)));
    let parts: Vec<&PgId> = parts.map(|(part, _)| part).collect();
    let attached = |part: &PgId| {
        let tie = part.prefix(PgKind::Table, 2).attached(PgKind::Partition, &[]);
        cx.from.objects.contains_key(&tie) && !cx.is_made(&tie)
    };
    let only = parts.iter().all(|part| attached(part));
    let mut sql = vec![Constraint::alter_table(id, only).kw("ADD").then(whole.clause(id)).build()];
    if only {
        let whole = || Sql::new("ALTER INDEX").name(&[id.part(0), id.last()]).kw("ATTACH PARTITION");
        sql.extend(parts.iter().map(|part| whole().name(&[part.part(0), part.last()]).build()));
    }
    let mut draft = Draft::sql(sql);
    draft.isolation = Isolation::OwnTransaction;
    draft.recipe = Some(NAME.to_owned());
    draft
}
