-- needs PostgreSQL 14
CREATE TABLE t (a text, b text, c text);
CREATE STATISTICS st ON (b IS NULL), (a IS NULL), c, lower(a) FROM t;
