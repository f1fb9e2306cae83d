CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT DEFAULT 'x' NOT NULL);
-- made anew: nothing
-- holds: SELECT group_concat(a) = 'y,x' FROM t
