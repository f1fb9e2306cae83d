CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a INTEGER);
-- holds: SELECT seq = 9 FROM sqlite_sequence WHERE name = 't'
