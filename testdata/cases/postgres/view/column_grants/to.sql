CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT a, b FROM t;
GRANT SELECT (a), UPDATE (a, b) ON t TO pg_monitor;
GRANT SELECT (a), UPDATE (b) ON v TO pg_monitor;
CREATE TABLE u (a int);
GRANT INSERT ON u TO pg_monitor;
GRANT SELECT (a) ON u TO pg_monitor;
