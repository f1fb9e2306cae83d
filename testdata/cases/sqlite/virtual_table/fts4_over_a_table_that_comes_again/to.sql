CREATE VIRTUAL TABLE f USING fts4(a, content="t");
