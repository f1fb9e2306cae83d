//! What the tests against a real server share.
#![allow(clippy::unwrap_used)]

pub mod certs;
pub mod proxy;
pub mod server;
