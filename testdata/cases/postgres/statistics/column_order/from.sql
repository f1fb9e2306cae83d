CREATE TABLE t (old integer, b integer, c integer);
CREATE STATISTICS st ON b, c FROM t;
