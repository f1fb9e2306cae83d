-- made anew: nothing
CREATE TABLE t (
  b INTEGER, -- underpin: renamed-from a
  a TEXT -- underpin: renamed-from b
);
-- holds: SELECT b = 1 AND a = 'x' FROM t
