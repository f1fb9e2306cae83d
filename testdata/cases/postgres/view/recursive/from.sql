CREATE TABLE t (id int PRIMARY KEY, up int, name text);
CREATE VIEW keyed AS SELECT id, name, count(*) AS n FROM t GROUP BY id;
