-- underpin: renamed-from u
CREATE TABLE t (a);
CREATE VIEW u AS SELECT 1 AS x;
