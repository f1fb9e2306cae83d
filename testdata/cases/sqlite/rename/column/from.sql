CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  old TEXT -- underpin: renamed-from new
);
CREATE INDEX i ON t (old);
