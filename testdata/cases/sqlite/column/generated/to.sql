CREATE TABLE t (a INTEGER, b INTEGER AS (a + 2), c INTEGER GENERATED ALWAYS AS (a * 3) STORED, d AS (a || 'x'));
CREATE INDEX i ON t (b);
-- holds: SELECT b = 7 AND c = 15 AND d = '5x' FROM t
