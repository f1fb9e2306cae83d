-- made anew: nothing
CREATE TABLE t (
  new TEXT -- underpin: renamed-from old
);
CREATE VIEW v AS SELECT x FROM nowhere;
CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO nowhere VALUES (1); END;
