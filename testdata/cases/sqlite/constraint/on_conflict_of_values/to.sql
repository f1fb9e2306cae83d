-- refused: constraint failed
CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  a TEXT UNIQUE ON CONFLICT REPLACE NOT NULL -- underpin: backfill 'x'
);
