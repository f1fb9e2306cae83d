//! The executor on a real server.

#![allow(clippy::unwrap_used, reason = "a test may end at what it did not expect")]

mod builds;
mod fence;
mod fill;
mod gates;
mod journal;
mod ladder;
mod locks;
mod procedure;
mod runs;
mod standbys;
mod status;
mod stops;
mod support;
