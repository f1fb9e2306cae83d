CREATE VIRTUAL TABLE f USING fts4(a, languageid="speech");
-- holds: SELECT count(*) = 0 OR sum(speech) = 3 FROM f
