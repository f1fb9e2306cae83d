-- needs PostgreSQL 18
CREATE TABLE t (a int, b text) WITH (autovacuum_vacuum_max_threshold = 2000, toast.autovacuum_vacuum_max_threshold = -1);
CREATE INDEX i ON t (a);
