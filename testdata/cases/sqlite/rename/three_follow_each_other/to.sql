-- made anew: nothing
CREATE TABLE t (
  b INTEGER, -- underpin: renamed-from a
  c TEXT, -- underpin: renamed-from b
  d REAL -- underpin: renamed-from c
);
-- holds: SELECT b = 1 AND c = 'x' AND d = 2.5 FROM t
