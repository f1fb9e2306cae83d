CREATE TABLE t (a TEXT NOT NULL DEFAULT "x", b TEXT NOT NULL DEFAULT [b r], c TEXT NOT NULL DEFAULT word);
-- holds: SELECT a || b || c = 'xb rword' FROM t
