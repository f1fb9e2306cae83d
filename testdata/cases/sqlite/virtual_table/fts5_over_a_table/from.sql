CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT);
CREATE VIRTUAL TABLE f USING fts5(a, content = 't', content_rowid = 'id');
CREATE TRIGGER t_in AFTER INSERT ON t BEGIN INSERT INTO f (rowid, a) VALUES (new.id, new.a); END;
