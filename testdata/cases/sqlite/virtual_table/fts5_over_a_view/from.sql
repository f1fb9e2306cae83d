CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT);
CREATE VIEW v AS SELECT id, a FROM t;
CREATE VIRTUAL TABLE f USING fts5(a, content='v', content_rowid='id');
