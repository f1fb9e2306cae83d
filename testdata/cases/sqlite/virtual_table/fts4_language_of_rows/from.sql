CREATE VIRTUAL TABLE f USING fts4(a, b, languageid="lid");
