CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  a TEXT NOT NULL, -- underpin: backfill 'none'
  b INTEGER -- underpin: backfill id * 2
);
CREATE TABLE log (x);
CREATE TRIGGER r AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (old.id); END;
-- holds: SELECT count(*) = 0 FROM log
-- holds: SELECT group_concat(b) = '2,4' FROM t
