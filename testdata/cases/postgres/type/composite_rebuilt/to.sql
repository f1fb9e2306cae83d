CREATE TYPE point2 AS (z integer, x bigint, y integer);
CREATE TABLE t (id integer, p point2, CONSTRAINT right_side CHECK ((p).x > 0));
CREATE INDEX i ON t (((p).y));
