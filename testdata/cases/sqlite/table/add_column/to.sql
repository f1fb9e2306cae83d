-- made anew: nothing
CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b INTEGER DEFAULT 7);
-- holds: SELECT min(b) = 7 FROM t
