CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a TEXT);
-- holds: SELECT group_concat(id) = '4,8' FROM t
