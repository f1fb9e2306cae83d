-- underpin: renamed-from u
CREATE TABLE t (a INTEGER);
-- underpin: renamed-from t
CREATE TABLE u (b TEXT);
