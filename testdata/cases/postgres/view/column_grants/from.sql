CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT a, b FROM t;
GRANT SELECT, UPDATE ON t, v TO pg_monitor;
GRANT SELECT (a), INSERT (b) ON t TO pg_monitor;
CREATE TABLE u (a int);
GRANT SELECT, INSERT ON u TO pg_monitor;
GRANT SELECT (a) ON u TO pg_monitor;
