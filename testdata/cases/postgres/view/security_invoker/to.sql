-- needs PostgreSQL 15
CREATE TABLE t (a int);
CREATE VIEW v WITH (security_invoker) AS SELECT a FROM t;
CREATE VIEW w WITH (security_invoker = false) AS SELECT a FROM t;
CREATE VIEW x WITH (security_invoker) AS SELECT a FROM w;
