CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize = 'porter');
-- holds: SELECT count(*) = 1 FROM f WHERE f MATCH 'running' AND rowid = 7
