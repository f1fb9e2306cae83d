CREATE TABLE t (
  old TEXT -- underpin: renamed-from new
);
CREATE VIEW v AS SELECT x FROM nowhere;
CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO nowhere VALUES (1); END;
