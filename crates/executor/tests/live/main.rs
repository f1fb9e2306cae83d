//! The executor on a real server.

#![allow(clippy::unwrap_used, reason = "a test may end at what it did not expect")]

mod journal;
mod locks;
mod runs;
mod stops;
mod support;
