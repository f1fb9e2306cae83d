CREATE TYPE point2 AS (x integer, y integer);
CREATE TABLE t (id integer, p point2 DEFAULT '(1,2)', CONSTRAINT right_side CHECK ((p).x > 0));
CREATE INDEX i ON t (((p).y));
INSERT INTO t VALUES (1, '(1,2)'), (2, NULL);
