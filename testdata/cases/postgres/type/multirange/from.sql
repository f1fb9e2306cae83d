-- needs PostgreSQL 14
CREATE TYPE r AS RANGE (SUBTYPE = float8, MULTIRANGE_TYPE_NAME = many_r);
CREATE TYPE s AS RANGE (SUBTYPE = int);
CREATE TABLE t (a many_r, b s_multirange);
