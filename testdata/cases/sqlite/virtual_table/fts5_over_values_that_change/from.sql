CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b);
CREATE VIRTUAL TABLE f USING fts5(a, content = 't', content_rowid = 'id');
