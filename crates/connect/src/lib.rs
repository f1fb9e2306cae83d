//! Connecting to PostgreSQL the way people know it from `psql`, and opening SQLite files ([`SqliteFile`]).
//!
//! [`Target::parse`] takes what `psql` takes: a `postgresql://` URL, a keyword string (`host=… dbname=…`) or a bare
//! database name. What it does not say is completed from a connection service, the `PG*` environment variables, the
//! password file and the defaults, in libpq's order (PostgreSQL manual, "libpq - C Library": "Database Connection Control
//! Functions", "Environment Variables", "The Password File", "The Connection Service File", "SSL Support"; read for
//! versions 15 to 18). [`Target::connect`] then opens a session, over TLS as `sslmode` demands.
//!
//! Where this differs from libpq, it is on the careful side, and said at the item that differs. No password is ever part
//! of an error, of `Debug` output or of [`Target::redacted`].

mod classify;
mod connect;
mod environment;
mod error;
mod hosts;
mod keywords;
mod params;
mod passfile;
mod secret;
mod service;
mod settings;
mod sqlite;
mod target;
mod tls;
mod url;

#[cfg(test)]
mod tests;

pub use connect::OnNotice;
pub use environment::{Environment, ProcessEnvironment};
pub use error::ConnectError;
pub use hosts::Host;
pub use settings::{SessionKind, SslMode};
pub use sqlite::{Held, LockHolder, SqliteFile, SqliteFileError, lock_holders};
pub use target::Target;
