-- needs PostgreSQL 14
CREATE TABLE t (a int, b int, c int);
CREATE STATISTICS s (ndistinct) ON a, b FROM t;
CREATE STATISTICS e ON (a % 3) FROM t;
CREATE STATISTICS stays ON (b % 7), (c + 1) FROM t;
