-- underpin: renamed-from t
CREATE TABLE u (
  id INTEGER PRIMARY KEY,
  new BLOB NOT NULL DEFAULT 'z' -- underpin: renamed-from old
);
-- holds: SELECT group_concat(new) = 'x,z' FROM u
