-- made anew: nothing
CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
