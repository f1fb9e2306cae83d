CREATE VIRTUAL TABLE f USING fts4(a, b, languageid="lid", tokenize=porter);
-- holds: SELECT count(*) = 0 OR sum(lid) = 3 FROM f
-- holds: SELECT count(*) = (SELECT count(*) FROM f WHERE lid = 3) FROM f WHERE f MATCH 'run' AND lid = 3
