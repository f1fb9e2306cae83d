-- needs PostgreSQL 13
CREATE TABLE t (c integer, new integer, b integer);
CREATE STATISTICS st ON b, c FROM t;
CREATE TABLE retyped (a bigint, b text);
CREATE STATISTICS kept ON a, b FROM retyped;
ALTER STATISTICS kept SET STATISTICS 7;
