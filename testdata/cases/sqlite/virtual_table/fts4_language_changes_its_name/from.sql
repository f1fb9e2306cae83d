CREATE VIRTUAL TABLE f USING fts4(a, languageid="Lid");
