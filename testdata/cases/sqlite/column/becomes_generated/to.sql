CREATE TABLE t (a INTEGER, b INTEGER AS (a + 1));
-- holds: SELECT b = 6 FROM t
