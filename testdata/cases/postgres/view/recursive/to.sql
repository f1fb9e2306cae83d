CREATE TABLE t (id int, up int, name text, CONSTRAINT key PRIMARY KEY (id));
CREATE VIEW keyed AS SELECT id, name, count(*) AS n FROM t GROUP BY id;
CREATE RECURSIVE VIEW r (id, depth) AS SELECT id, 1 FROM t WHERE up IS NULL UNION ALL SELECT t.id, depth + 1 FROM t JOIN r ON t.up = r.id;
CREATE VIEW "Odd ""name""" AS SELECT 1 AS "A b", 'x;''y' AS "?column?";
