CREATE TABLE t (a int, b text) WITH (fillfactor = 80, toast.autovacuum_enabled = off, vacuum_truncate = false);
CREATE TABLE u (a int) WITH (parallel_workers = 3);
CREATE INDEX i ON t (a);
