-- needs PostgreSQL 18
CREATE TABLE t (a int);
