CREATE TABLE t (
  a TEXT, -- underpin: renamed-from oid
  b INTEGER
);
-- holds: SELECT a = 'x' AND rowid = 4 FROM t
