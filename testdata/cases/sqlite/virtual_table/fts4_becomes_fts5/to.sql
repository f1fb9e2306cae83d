CREATE VIRTUAL TABLE f USING fts5(title, body, tokenize='porter');
CREATE VIRTUAL TABLE g USING fts4(words);
-- holds: SELECT (SELECT count(*) FROM f) = 0 OR (SELECT rowid FROM f WHERE f MATCH 'raining') = 7
