-- needs PostgreSQL 17
CREATE TABLE t (a int);
CREATE TABLE u (a int);
GRANT MAINTAIN ON u TO pg_monitor;
