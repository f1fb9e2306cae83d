CREATE TABLE t (
  a INTEGER, -- underpin: renamed-from b
  b INTEGER, -- underpin: renamed-from a
  c TEXT
);
-- holds: SELECT a = 1 AND b = 2 FROM t
