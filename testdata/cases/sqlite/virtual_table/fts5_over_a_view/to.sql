CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b);
CREATE VIEW v AS SELECT id, upper(a) || ' beta' AS a FROM t;
CREATE VIRTUAL TABLE f USING fts5(a, content='v', content_rowid='id');
-- holds: SELECT a = 'ALPHA beta' FROM f WHERE f MATCH 'beta'
