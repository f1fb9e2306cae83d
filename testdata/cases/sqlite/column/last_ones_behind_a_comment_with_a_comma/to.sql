CREATE TABLE t (id INTEGER PRIMARY KEY);
CREATE TABLE two (id INTEGER PRIMARY KEY, a TEXT);
CREATE TABLE fine (id INTEGER PRIMARY KEY, a TEXT);
-- made anew: t, two
-- holds: SELECT (SELECT count(*) FROM t) = 2 AND (SELECT a FROM two) = 'x' AND (SELECT a FROM fine) = 'p'
