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
pub mod repack;
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
use underpin_model::Recipe;

pub use belonging::beside;
pub use enum_shrunk::{element, mapped};
pub use leftovers::left_by_reindex;
pub use quarantine::{holds_quarantined, keep_quarantined, quarantined_until};
pub use road::{ASIDE, Check, Fill, FillWork, Move, Road, Swap, Walk, Wishes, is_aside, road, walks};
pub use row_expr::RowExpr;
pub use shadow_copy::is_seal;
pub use waypoint::Waypoint;

/// Every recipe, by name.
pub const RECIPES: &[Recipe] = &[
    Recipe::new("contract-drops", include_str!("drops.rs")),
    Recipe::new("identity-from-serial", include_str!("serial_identity.rs")),
    Recipe::new("identity-by-sequence", include_str!("new_identity.rs")),
    Recipe::new("quarantine", include_str!("quarantine.rs")),
    Recipe::new("type-by-new-column", include_str!("new_column.rs")),
    Recipe::new("values-before-rules", include_str!("fill.rs")),
    Recipe::new(constraint_replaced::NAME, include_str!("constraint_replaced.rs")),
    Recipe::new(domain_check::NAME, include_str!("domain_check.rs")),
    Recipe::new(foreign_key_apart::NAME, include_str!("foreign_key_apart.rs")),
    Recipe::new(index_concurrently::NAME, include_str!("index_concurrently.rs")),
    Recipe::new(index_replaced::NAME, include_str!("index_replaced.rs")),
    Recipe::new(key_from_index::NAME, include_str!("key_from_index.rs")),
    Recipe::new(key_replaced::NAME, include_str!("key_replaced.rs")),
    Recipe::new(not_null::NAME, include_str!("not_null.rs")),
    Recipe::new(partition_attached::NAME, include_str!("partition_attached.rs")),
    Recipe::new(partition_detached::NAME, include_str!("partition_detached.rs")),
    Recipe::new(partitioned_foreign_key::NAME, include_str!("partitioned_foreign_key.rs")),
    Recipe::new(partitioned_key::NAME, include_str!("partitioned_key.rs")),
    Recipe::new(repack::NAME, include_str!("repack.rs")),
    Recipe::new(rename_view::NAME, include_str!("rename_view.rs")),
    Recipe::new(rows_moved::NAME, include_str!("rows_moved.rs")),
    Recipe::new(two_steps::NAME, include_str!("two_steps.rs")),
    Recipe::new(type_in_place::NAME, include_str!("type_in_place.rs")),
    Recipe::new(view_replaced::NAME, include_str!("view_replaced.rs")),
    Recipe::new(versioned_views::NAME, include_str!("versioned_views.rs")),
    Recipe::new("computed-column", include_str!("computed.rs")),
    Recipe::new(shadow_table::NAME, include_str!("shadow_table.rs")),
];

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
