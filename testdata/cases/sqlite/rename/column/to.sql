-- made anew: nothing
CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  new TEXT -- underpin: renamed-from old
);
CREATE INDEX i ON t (new);
