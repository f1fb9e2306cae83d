-- underpin: renamed-from f
CREATE TABLE t (a);
CREATE VIRTUAL TABLE f USING fts5(x);
