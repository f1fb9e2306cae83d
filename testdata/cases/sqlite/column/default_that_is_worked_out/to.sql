CREATE TABLE t (id INTEGER PRIMARY KEY, a DEFAULT CURRENT_TIMESTAMP, b DEFAULT (random()), c TEXT DEFAULT (lower('A')));
-- holds: SELECT count(a) = 2 AND count(DISTINCT b) = 2 AND min(c) = 'a' FROM t
