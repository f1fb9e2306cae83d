-- needs PostgreSQL 14
CREATE TYPE r AS RANGE (SUBTYPE = float8, MULTIRANGE_TYPE_NAME = more_r);
CREATE TYPE s AS RANGE (SUBTYPE = int);
CREATE TABLE t (a more_r, b s_multirange);
