CREATE TABLE t (a int, b int, c int);
CREATE STATISTICS s (ndistinct, mcv) ON a, b, c FROM t;
CREATE STATISTICS u ON a, c FROM t;
COMMENT ON STATISTICS s IS 'stays';
