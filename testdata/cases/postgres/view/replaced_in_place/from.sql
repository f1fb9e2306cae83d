CREATE TABLE t (a int PRIMARY KEY, b text, gone int);
CREATE VIEW v AS SELECT a, gone IS NULL AS g FROM t;
CREATE VIEW on_v AS SELECT a FROM v;
CREATE VIEW options WITH (security_barrier) AS SELECT a FROM t;
