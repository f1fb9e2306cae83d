CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT);
-- holds: SELECT seq = 9 FROM sqlite_sequence WHERE name = 't'
