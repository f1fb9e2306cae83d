//! The dialect of SQLite: what a database file holds, how two schemas differ, and the statements between them. It is handed a
//! connection and opens no file.

mod copied;
pub mod coverage;
mod dialect;
pub mod facts;
mod fulltext;
mod introspect;
mod library;
pub mod objects;
mod reading;
mod rebuild;

use underpin_model::Recipe;

/// Every recipe, by name.
pub const RECIPES: &[Recipe] = &[Recipe::new(rebuild::NAME, include_str!("rebuild.rs"))];

pub use dialect::{Op, Sqlite, Wishes};
pub use fulltext::{has_what_it_reads, read_anew};
pub use introspect::introspect;
pub use library::Library;
pub use objects::{Attribute, LiteCatalog, LiteId, LiteKind, LiteObject, fingerprint};
pub use reading::{ColumnText, TableText, read_table};
pub use rebuild::{Converted, Rebuild, changes_type, is_taken, new_name, or_abort, rebuild, rebuilt_table};
