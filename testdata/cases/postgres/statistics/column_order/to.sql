CREATE TABLE t (c integer, new integer, b integer);
CREATE STATISTICS st ON b, c FROM t;
