CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  a TEXT NOT NULL, -- underpin: backfill 'gamma'
  b TEXT
);
CREATE VIRTUAL TABLE f USING fts5(a, content = 't', content_rowid = 'id');
-- holds: SELECT rowid = 5 FROM f WHERE f MATCH 'gamma'
