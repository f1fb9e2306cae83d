//! Recipes: how a change that would stop an application becomes steps that it survives. One file each, whose doc block
//! is its page under `docs/recipes/` and what `underpin explain` prints.

mod belonging;
mod both_ways;
mod bounds;
mod carried;
mod carry;
mod column_family;
mod column_trigger;
mod computed;
pub(crate) mod constraint_replaced;
pub(crate) mod domain_check;
mod drops;
mod enum_shrunk;
mod fill;
pub(crate) mod foreign_key_apart;
pub(crate) mod index_concurrently;
pub(crate) mod index_replaced;
mod kept_keys;
pub(crate) mod key_from_index;
pub(crate) mod key_replaced;
pub(crate) mod leftovers;
mod looked_up_again;
mod new_column;
mod new_identity;
pub(crate) mod not_null;
pub(crate) mod partition_attached;
pub(crate) mod partition_detached;
mod partition_gives_way;
pub(crate) mod partitioned_foreign_key;
pub(crate) mod partitioned_key;
mod quarantine;
pub(crate) mod referring;
pub mod rename_view;
mod respell;
mod road;
mod row_expr;
pub mod rows_moved;
pub(crate) mod serial_identity;
pub(crate) mod shadow_copy;
mod shadow_family;
mod shadow_found;
pub mod shadow_table;
pub(crate) mod ties;
pub(crate) mod two_steps;
pub(crate) mod type_in_place;
mod type_remade;
mod unfit;
pub mod versioned_views;
pub(crate) mod view_replaced;
mod waypoint;

use crate::objects::{Context, Item};
use crate::{PgId, PgKind, PgObject};

pub use belonging::beside;
pub use enum_shrunk::{element, mapped};
pub use leftovers::left_by_reindex;
pub use quarantine::{holds_quarantined, keep_quarantined, quarantined_until};
pub use road::{ASIDE, Check, Fill, FillWork, Move, Road, Swap, Walk, Wishes, is_aside, road, walks};
pub use row_expr::RowExpr;
pub use shadow_copy::is_seal;
pub use waypoint::Waypoint;

/// A recipe as it is listed and explained.
#[derive(Debug, Clone, Copy)]
pub struct Recipe {
    /// The name that steps carry.
    pub name: &'static str,
    /// The text of its file, whose doc block explains it.
    source: &'static str,
}

/// Every recipe, by name.
pub const RECIPES: &[Recipe] = &[
    Recipe { name: "contract-drops", source: include_str!("drops.rs") },
    Recipe { name: "identity-from-serial", source: include_str!("serial_identity.rs") },
    Recipe { name: "identity-by-sequence", source: include_str!("new_identity.rs") },
    Recipe { name: "quarantine", source: include_str!("quarantine.rs") },
    Recipe { name: "type-by-new-column", source: include_str!("new_column.rs") },
    Recipe { name: "values-before-rules", source: include_str!("fill.rs") },
    Recipe { name: constraint_replaced::NAME, source: include_str!("constraint_replaced.rs") },
    Recipe { name: domain_check::NAME, source: include_str!("domain_check.rs") },
    Recipe { name: foreign_key_apart::NAME, source: include_str!("foreign_key_apart.rs") },
    Recipe { name: index_concurrently::NAME, source: include_str!("index_concurrently.rs") },
    Recipe { name: index_replaced::NAME, source: include_str!("index_replaced.rs") },
    Recipe { name: key_from_index::NAME, source: include_str!("key_from_index.rs") },
    Recipe { name: key_replaced::NAME, source: include_str!("key_replaced.rs") },
    Recipe { name: not_null::NAME, source: include_str!("not_null.rs") },
    Recipe { name: partition_attached::NAME, source: include_str!("partition_attached.rs") },
    Recipe { name: partition_detached::NAME, source: include_str!("partition_detached.rs") },
    Recipe { name: partitioned_foreign_key::NAME, source: include_str!("partitioned_foreign_key.rs") },
    Recipe { name: partitioned_key::NAME, source: include_str!("partitioned_key.rs") },
    Recipe { name: rename_view::NAME, source: include_str!("rename_view.rs") },
    Recipe { name: rows_moved::NAME, source: include_str!("rows_moved.rs") },
    Recipe { name: two_steps::NAME, source: include_str!("two_steps.rs") },
    Recipe { name: type_in_place::NAME, source: include_str!("type_in_place.rs") },
    Recipe { name: view_replaced::NAME, source: include_str!("view_replaced.rs") },
    Recipe { name: versioned_views::NAME, source: include_str!("versioned_views.rs") },
    Recipe { name: "computed-column", source: include_str!("computed.rs") },
    Recipe { name: shadow_table::NAME, source: include_str!("shadow_table.rs") },
];

impl Recipe {
    /// Its page, in Markdown: the doc block of its file.
    #[must_use]
    pub fn page(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
    }
}

/// Whether a column that the object is about gets another type or collation in the plan.
fn retypes(id: &PgId, cx: &Context<'_>) -> bool {
    let columns = cx.from.needs(id).chain(cx.to.needs(id)).filter(|n| n.kind == PgKind::Column);
    columns.into_iter().any(|column| match (cx.from.objects.get(column), cx.to.objects.get(column)) {
        (Some(PgObject::Column(a)), Some(PgObject::Column(b))) => {
            a.type_name != b.type_name || a.collation != b.collation
        }
        _ => false,
    })
}

/// The statement that gives a new object the comment that the old one had, where the plan does not change it.
fn comment_again(id: &PgId, cx: &Context<'_>) -> Vec<String> {
    let comment = id.attached(PgKind::Comment, &[]);
    match (cx.from.objects.get(&comment), cx.to.objects.get(&comment)) {
        (Some(_), Some(PgObject::Comment(text))) => text.make(&comment, cx).into_iter().flat_map(|d| d.sql).collect(),
        _ => Vec::new(),
    }
}
