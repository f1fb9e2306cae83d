-- made anew: nothing
-- underpin: renamed-from t
CREATE TABLE u (a INTEGER);
-- underpin: renamed-from u
CREATE TABLE t (b TEXT);
