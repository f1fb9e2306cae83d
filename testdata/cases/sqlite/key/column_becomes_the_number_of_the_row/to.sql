CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT);
-- holds: SELECT count(*) = 3 AND max(a = 'y' AND rowid = 1) FROM t
