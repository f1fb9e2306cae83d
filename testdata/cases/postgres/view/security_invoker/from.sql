-- needs PostgreSQL 15
CREATE TABLE t (a int);
CREATE VIEW v AS SELECT a FROM t;
CREATE VIEW w WITH (security_invoker = true, security_barrier) AS SELECT a FROM t;
