CREATE TABLE t (a, b, c);
CREATE VIEW v AS SELECT * FROM t;
-- made anew: nothing
