-- needs PostgreSQL 13
CREATE TABLE t (old integer, b integer, c integer);
CREATE STATISTICS st ON b, c FROM t;
CREATE TABLE retyped (a integer, b integer);
CREATE STATISTICS kept ON a, b FROM retyped;
ALTER STATISTICS kept SET STATISTICS 7;
