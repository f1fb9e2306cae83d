//! Everything that can go wrong before a session exists.
//!
//! Each message has three parts: what happened, why, and (after `hint:`) what to do next. None contains a password.

use std::path::PathBuf;

/// Why a target could not be understood or reached.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The URL or keyword string cannot be read.
    #[error("the connection string cannot be read: {reason}\nhint: {hint}")]
    BadUrl {
        /// What is wrong with it; quotes no part of it that could belong to a password.
        reason: String,
        /// What to write instead.
        hint: String,
    },
    /// A parameter that libpq does not know either.
    #[error("unknown connection parameter `{name}` in {place}\nhint: {hint}")]
    UnknownParameter {
        /// The parameter as written.
        name: String,
        /// Where it was written.
        place: String,
        /// What to write instead.
        hint: String,
    },
    /// A parameter has a value that it cannot have.
    #[error("the connection parameter `{name}` (from {place}) is not valid: {reason}\nhint: {hint}")]
    BadValue {
        /// The parameter.
        name: String,
        /// Where its value came from.
        place: String,
        /// What is wrong with the value.
        reason: String,
        /// What to write instead.
        hint: String,
    },
    /// A parameter that libpq knows, asking for something that this tool cannot do. Ignoring it could connect less
    /// safely than was asked for.
    #[error("the connection parameter `{name}` (from {place}) is not supported: {reason}\nhint: {hint}")]
    Unsupported {
        /// The parameter.
        name: String,
        /// Where its value came from.
        place: String,
        /// What cannot be done.
        reason: String,
        /// What to do instead.
        hint: String,
    },
    /// The connection service that was named cannot be read.
    #[error("the connection service `{service}` cannot be used: {reason}\nhint: {hint}")]
    Service {
        /// The service's name.
        service: String,
        /// What is wrong.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// A certificate, key or revocation list cannot be used.
    #[error("the {what} `{}` cannot be used: {reason}\nhint: {hint}", path.display())]
    File {
        /// What the file is, such as "client key".
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// What to do next.
        hint: String,
    },
    /// No server answered.
    #[error("cannot reach {target}: {reason}\nhint: {hint}")]
    Unreachable {
        /// The target without its password.
        target: String,
        /// What happened at each address that was tried.
        reason: String,
        /// What to check.
        hint: String,
    },
    /// The server answered that it does not take sessions now (SQLSTATE 57P03): it starts, stops or recovers.
    #[error("{target} is not ready for connections: {reason}\nhint: wait until the server has started, and try again")]
    NotReady {
        /// The target without its password.
        target: String,
        /// The server's message.
        reason: String,
    },
    /// The server refused the user (SQLSTATE 28P01 or 28000), or asked for a password when there was none.
    #[error("{target} refused user `{user}`: {reason} ({looked})\nhint: {hint}")]
    AuthFailed {
        /// The target without its password.
        target: String,
        /// The user.
        user: String,
        /// The server's message.
        reason: String,
        /// Where a password was looked for and found; never the password.
        looked: String,
        /// What to check.
        hint: String,
    },
    /// The database does not exist (SQLSTATE 3D000).
    #[error("{target} has no database `{dbname}`: {reason}\nhint: check the name, or make it with `createdb {dbname}`")]
    NoSuchDatabase {
        /// The target without its password.
        target: String,
        /// The database's name.
        dbname: String,
        /// The server's message.
        reason: String,
    },
    /// The server has no connection left for this user (SQLSTATE 53300).
    #[error(
        "{target} takes no more connections: {reason}\nhint: end idle sessions (see `pg_stat_activity`), or raise `max_connections` or the connection limit of the role or database"
    )]
    TooManyConnections {
        /// The target without its password.
        target: String,
        /// The server's message.
        reason: String,
    },
    /// The TLS that `sslmode` asks for could not be had.
    #[error("no TLS connection to {target} as asked for: {reason}\nhint: {hint}")]
    Tls {
        /// The target without its password.
        target: String,
        /// What went wrong.
        reason: String,
        /// What to check.
        hint: String,
    },
    /// Servers answered, but none was of the kind that `target_session_attrs` asks for.
    #[error(
        "no server of {target} is fit for target_session_attrs={wanted}: {reason}\nhint: name the server that is, or change `target_session_attrs`"
    )]
    NoSuitableServer {
        /// The target without its password.
        target: String,
        /// The value of `target_session_attrs`.
        wanted: &'static str,
        /// What each server was.
        reason: String,
    },
    /// Any other refusal by the server.
    #[error("{target} refused the connection: {reason} (SQLSTATE {code})\nhint: {hint}")]
    Refused {
        /// The target without its password.
        target: String,
        /// The five-character SQLSTATE.
        code: String,
        /// The server's message.
        reason: String,
        /// What to check.
        hint: String,
    },
    /// The talk with the server broke off in a way that no other variant names.
    #[error("the connection to {target} could not be set up: {reason}\nhint: {hint}")]
    Protocol {
        /// The target without its password.
        target: String,
        /// What happened.
        reason: String,
        /// What to check.
        hint: String,
    },
}

impl ConnectError {
    /// Whether trying the same again later may succeed: the server could not be reached, is starting, or is full.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NotReady { .. } | Self::TooManyConnections { .. })
    }
}
