//! Plans on real SQLite files, beside other programs that really use them.

#![allow(clippy::unwrap_used, reason = "a test may end at what it did not expect")]

mod copies;
mod locks;
mod references;
mod room;
mod runs;
mod stops;
mod support;
