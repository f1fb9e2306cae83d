//! Private PostgreSQL servers for the moment: found among the binaries of the machine, started with nothing to set up,
//! and gone without a trace.
//!
//! [`ScratchServer::start`] finds the binaries ([`binaries`]), makes a fresh cluster in a temporary folder (a copy of an
//! `initdb` result kept in the user's cache folder) and starts a server that listens on nothing but a socket in a folder
//! closed to others. Dropping the value stops the server and removes the folder. What a killed process leaves is removed
//! at the next start ([`remove_leftovers`]); a signal handler calls [`stop_all`].
//!
//! The server's files lie in the folder for temporary files (`TMPDIR`). Making some thousand tables takes two to four
//! times as long on a disk as in memory, for each is several files; `TMPDIR=/dev/shm` helps where there is memory to spare.
//!
//! When the process is root, which PostgreSQL refuses to run as, the server runs as the user `postgres` or `nobody`.

mod account;
pub mod binaries;
mod cluster;
mod error;
mod folder;
mod leftovers;
mod pack;
mod run;
mod server;
mod settings;
mod version;

pub use error::ScratchError;
pub use leftovers::remove_leftovers;
pub use run::stop_all;
pub use server::{Options, SUPERUSER, ScratchServer};
pub use version::ServerVersion;
