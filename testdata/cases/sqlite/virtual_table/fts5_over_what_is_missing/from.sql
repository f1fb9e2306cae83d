CREATE VIRTUAL TABLE f USING fts5(a, content = 'nowhere');
