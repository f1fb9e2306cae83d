-- needs PostgreSQL 14
CREATE TABLE t (a int, b bigint, c int);
CREATE STATISTICS s (ndistinct, mcv) ON a, b, (c % 10) FROM t;
CREATE STATISTICS e ON (a % 4) FROM t;
CREATE STATISTICS stays ON (b % 7), (c + 1) FROM t;
