-- underpin: renamed-from t
CREATE TABLE u (id INTEGER PRIMARY KEY, a INTEGER);
-- underpin: renamed-from u
CREATE TABLE t (
  k TEXT PRIMARY KEY NOT NULL,
  b TEXT,
  "c 2" TEXT, -- underpin: renamed-from c
  d TEXT
);
