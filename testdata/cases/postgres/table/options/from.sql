CREATE TABLE t (a int, b text) WITH (fillfactor = 70, autovacuum_enabled = off);
CREATE TABLE u (a int);
CREATE INDEX i ON t (a) WITH (fillfactor = 80);
