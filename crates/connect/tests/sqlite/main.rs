//! Opening SQLite files: real files, and other programs that really use them.

#![allow(clippy::unwrap_used, reason = "a test may end at what it did not expect")]

mod bad;
mod locks;
mod reading;
mod rights;
mod support;
mod writing;
