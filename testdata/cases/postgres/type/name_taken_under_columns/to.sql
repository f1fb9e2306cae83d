CREATE DOMAIN y AS integer;
CREATE TABLE t (a y, stays text);
CREATE VIEW v AS SELECT a FROM t;
