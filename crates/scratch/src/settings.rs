//! The settings a private server is started with.

/// What every version from 12 on knows (<https://www.postgresql.org/docs/12/runtime-config.html>).
const SETTINGS: &[(&str, &str)] = &[
    // Nothing but the socket, and that for its owner only.
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("ssl", "off"),
    // The cluster need not outlive a crash of the machine.
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("wal_init_zero", "off"),
    ("wal_recycle", "off"),
    ("checkpoint_timeout", "1h"),
    ("max_wal_size", "1GB"),
    // Publications and logical slots are schema too.
    ("wal_level", "logical"),
    ("max_wal_senders", "4"),
    ("max_replication_slots", "4"),
    // Nothing runs that was not asked for: what is read must not change by itself.
    ("autovacuum", "off"),
    ("max_logical_replication_workers", "0"),
    ("max_parallel_workers_per_gather", "0"),
    ("max_parallel_maintenance_workers", "0"),
    ("max_worker_processes", "4"),
    ("jit", "off"),
    ("track_activities", "off"),
    ("track_counts", "off"),
    ("update_process_title", "off"),
    // Small, but with room for a big schema in one transaction: each table, index and sequence takes a lock.
    ("max_connections", "20"),
    ("shared_buffers", "64MB"),
    ("max_locks_per_transaction", "1024"),
    ("huge_pages", "off"),
    // In the data directory, where it is removed with it, and not in /dev/shm, which is small in containers.
    ("dynamic_shared_memory_type", "mmap"),
    // The log is for a failed start. Errors of statements reach the client; the log must not hold a statement's text,
    // which may be `CREATE ROLE … PASSWORD …`. In the server's log LOG ranks between ERROR and FATAL.
    ("log_destination", "stderr"),
    ("logging_collector", "off"),
    ("log_min_messages", "log"),
    ("log_min_error_statement", "panic"),
    ("log_statement", "none"),
    ("log_checkpoints", "off"),
    ("lc_messages", "C"),
    // The same on every machine.
    ("TimeZone", "UTC"),
    ("log_timezone", "UTC"),
];

/// All settings for a server of the given major version.
pub(crate) fn of_version(major: u32) -> impl Iterator<Item = (&'static str, &'static str)> {
    // Version 18 would start three worker processes for reading.
    let newer: &[_] = if major >= 18 { &[("io_method", "sync")] } else { &[] };
    SETTINGS.iter().chain(newer).copied()
}
