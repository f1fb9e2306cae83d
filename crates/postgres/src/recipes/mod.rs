//! Recipes: how a change that would stop an application becomes steps that it survives. One file each, whose doc block is its
//! page under `docs/recipes/` and what `underpin explain` prints.

mod computed;
mod drops;
mod fill;
mod index_concurrently;
mod new_column;
mod not_null;
pub mod rename_view;
mod respell;
mod road;
mod two_steps;

pub use road::{ASIDE, Fill, Move, Road, Wishes, backfills, is_aside, road};

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
    Recipe { name: "computed-column", source: include_str!("computed.rs") },
    Recipe { name: "contract-drops", source: include_str!("drops.rs") },
    Recipe { name: "constraint-in-two-steps", source: include_str!("two_steps.rs") },
    Recipe { name: "index-concurrently", source: include_str!("index_concurrently.rs") },
    Recipe { name: "not-null-by-check", source: include_str!("not_null.rs") },
    Recipe { name: rename_view::NAME, source: include_str!("rename_view.rs") },
    Recipe { name: "type-by-new-column", source: include_str!("new_column.rs") },
    Recipe { name: "values-before-rules", source: include_str!("fill.rs") },
];

impl Recipe {
    /// Its page, in Markdown: the doc block of its file.
    #[must_use]
    pub fn page(&self) -> String {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect()
    }
}
