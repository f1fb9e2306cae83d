CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  a TEXT NOT NULL -- underpin: backfill 'n' || id
);
-- holds: SELECT group_concat(a) = 'y,n2' FROM t
