//! The PostgreSQL dialect, versions 12 to 18: its objects, how they are read from a catalog, how they differ, and the SQL
//! that makes, alters and ends them. It talks to a server only through a connection that is handed in.

mod attribute;
mod bound;
mod called_by_name;
mod columns;
mod completeness;
mod constants;
mod conversion;
pub mod coverage;
mod dialect;
pub mod facts;
mod family;
mod fold;
mod foreign_key_order;
mod introspect;
pub mod inventory;
mod known;
pub mod objects;
mod op;
mod plain_calls;
mod reader;
pub mod recipes;
mod render;
mod restate;
mod results;
mod roles;
mod row_aliases;
mod rows;
mod server;

pub use attribute::Attribute;
pub use dialect::Postgres;
pub use introspect::{IntrospectError, catalog_query, introspect, server_of};
pub use known::{beyond, keep_what_is_known};
pub use objects::{PgKind, PgObject, parts_of};
pub use op::{Effect, PgOp};
pub use plain_calls::plain_calls;
pub use render::{create_script, rebuild_script, sql_of};
pub use roles::RUNNER;
pub use server::{NEWEST, OLDEST, Server};

/// The address of a PostgreSQL object.
pub type PgId = underpin_model::ObjectId<PgKind>;
/// A PostgreSQL schema as it was read back.
pub type PgCatalog = underpin_model::Catalog<PgObject>;
