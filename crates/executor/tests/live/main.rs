//! The executor on a real server.

mod journal;
mod locks;
mod runs;
mod stops;
mod support;
