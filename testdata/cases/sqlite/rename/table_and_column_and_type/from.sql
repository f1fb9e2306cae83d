-- underpin: renamed-from u
CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  old TEXT -- underpin: renamed-from new
);
