//! # Indexes are built and dropped beside the traffic
//!
//! `CREATE INDEX` takes a SHARE lock: every write waits until the index is built. `CREATE INDEX CONCURRENTLY` takes SHARE UPDATE
//! EXCLUSIVE, which stops no statement of an application, and waits for the transactions that were there before it.
