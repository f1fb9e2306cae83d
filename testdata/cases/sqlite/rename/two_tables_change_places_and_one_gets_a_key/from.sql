-- underpin: renamed-from u
CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER);
-- underpin: renamed-from t
CREATE TABLE u (b TEXT, c TEXT, d TEXT);
