-- underpin: renamed-from t
CREATE TABLE u (a);
CREATE VIEW t AS SELECT 1 AS x;
