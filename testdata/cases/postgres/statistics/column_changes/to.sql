CREATE TABLE t (a bigint, c int);
CREATE STATISTICS kept ON a, c FROM t;
