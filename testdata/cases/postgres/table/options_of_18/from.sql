-- needs PostgreSQL 18
CREATE TABLE t (a int, b text) WITH (autovacuum_vacuum_max_threshold = 1000, vacuum_max_eager_freeze_failure_rate = 0.5);
CREATE INDEX i ON t (a) WITH (deduplicate_items = off);
